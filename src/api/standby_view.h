// How well the group is sheltered at this moment: the standby that could take over, and what it has
// not got yet. Volatile, unlike `protection`, which is a record. Pure.
#pragma once

#include "engine/readings.h"
#include "engine/state.h"
#include "model/json.h"

namespace bascule::api {

// {site, behind_bytes, lag_ms, seen_at}; null while the group is exposed or watches no database.
// `behind_bytes` is what would be lost if the active site died now: log that the standby has not
// received; null while the end of the active site's log is not known.
Json standby_view(const engine::Readings& readings, const GroupSpec& group,
                  const engine::GroupStatus& status);

}  // namespace bascule::api
