// Why a run was made, what was seen when it was decided, how it ended and what it cost, in
// sentences: what `explain` says of the last move. From the state alone, so that it says the same
// after a restart.
#pragma once

#include <string>
#include <vector>

#include "base/time.h"
#include "engine/state.h"

namespace bascule::engine {

std::vector<std::string> story_of(const State& state, const Run& run, Instant now);

}  // namespace bascule::engine
