// "Stop after record N, for every N": Bascule is killed at each moment its journal can be found in,
// started again, and must come to the same end.
#pragma once

#include <string>

#include "script.h"

namespace bascule::scenario {

// Empty when every stop was survived; else what was not, one line each.
std::string stop_after_every_record(const Script& script);

// The journal read back from its bytes gives the same state. Empty, or the difference.
std::string replay_differs(const Script& script);

}  // namespace bascule::scenario
