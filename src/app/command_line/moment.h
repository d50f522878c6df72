// A moment as a person writes it on the command line: "2026-11-25T14:00:00Z", "14:00" (UTC, today
// or, when that has passed, tomorrow), "+30m" (from now).
#pragma once

#include <string_view>

#include "base/result.h"
#include "base/time.h"

namespace bascule::app {

// Refuses (invalid) what is none of the three, and what has passed.
Result<Instant> parse_moment(std::string_view text, Instant now);

}  // namespace bascule::app
