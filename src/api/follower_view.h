// What follows a group around beside its runs, as the API shows it: the drift of its front door,
// roles that somebody else changed, its way home, its drills, preflight items that fail. A part of
// the view of a group.
#pragma once

#include "base/time.h"
#include "engine/readings.h"
#include "engine/state.h"
#include "model/json.h"

namespace bascule::api {

// Adds `drift`, `front_door_silent`, `role_change`, `way_home`, `drill`, `last_drill` and
// `unready`.
// REQUIRES: the group is configured and has a status.
void add_followers(Json& group_view, const engine::State& state, const engine::Readings& readings,
                   const GroupName& group, Instant now);

}  // namespace bascule::api
