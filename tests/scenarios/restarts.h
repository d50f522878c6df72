// A scenario once more for each moment its journal can be found in: Bascule is killed there, or a
// site changes by itself.
#pragma once

#include <string>

#include "script.h"

namespace bascule::scenario {

// Killed after record N, for every N, and started again, it must come to the same end. Empty when
// every stop was survived; else what was not, one line each.
std::string stop_after_every_record(const Script& script);

// After record N, for every N, each site in turn dies, is promoted, is demoted or turns read-only
// by itself. Whatever state that meets: no promise is broken, no run stands still, and two writers
// that can be seen are told. Empty, or what was not so, one line each.
std::string disturb_after_every_record(const Script& script);

// The journal read back from its bytes gives the same state, and each of its decisions, asked again
// by its own evidence, is decided the same. Empty, or the difference.
std::string replay_differs(const Script& script);

}  // namespace bascule::scenario
