// A parked run is ended by name when another takes its place. Allowed only where that cannot make
// two sites active: what the parked run may have made active is the new run's target too, or a
// person vouches that it is stopped.
#pragma once

#include <optional>
#include <string>

#include "engine/deliberation.h"

namespace bascule::engine {

// Why a move to `target` must not take the parked run's place, and the whole command that helps.
struct Obstacle {
  std::string because;
  std::string what_helps;
};
std::optional<Obstacle> why_not_superseded(const State& state, const Run& parked,
                                           const Plan& instead);

// Nothing when `supersedes` names a parked run of the group that may be superseded, or a run that
// has ended and needs it no more.
std::optional<Answer> refuse_to_supersede(const State& state, const RunId& supersedes,
                                          const Plan& instead);

// A run that ends without its target being the active site, although it may have been made so: a
// target that comes back is sealed before it is a standby again.
void owe_standby_of_target(Deliberation& deliberation, const Run& ended);

// Ends a parked run whose place another has taken; what it still owes is owed from now on.
bool end_superseded(Deliberation& deliberation, const RunId& id);

}  // namespace bascule::engine
