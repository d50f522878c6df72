// The parts of a status, as `status` and `watch` put them together.
#pragma once

#include <cstddef>
#include <vector>

#include "app/terminal/page.h"
#include "base/time.h"
#include "model/json.h"

namespace bascule::app {

// The installation in a line.
void add_status_head(Page& page, const Json& status);
// Each group in a row; `left_out` are counted below it.
void add_groups(Page& page, const std::vector<const Json*>& groups, std::size_t left_out,
                Instant now);
// Why Bascule can do nothing now, and a hold on everything.
void add_trouble(Page& page, const Json& status, Instant now);
// What needs a person, or soon may.
void add_notices(Page& page, const Json& group, Instant now);
void add_checks(Page& page, const Json& group, Instant now);

}  // namespace bascule::app
