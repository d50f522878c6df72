// From a group that has failed to a run that nobody had to start: the mode is automatic, every gate
// holds, and the candidate has not been tried in this failure.
#pragma once

#include <string>
#include <vector>

#include "engine/deliberation.h"
#include "engine/gates/gate.h"
#include "engine/watch.h"

namespace bascule::engine {

bool start_by_itself(Deliberation& deliberation, const GroupName& group);

// The first thing that forbids an automatic move of a group that has failed.
std::string why_not_automatic(const Deliberation& deliberation, const GroupName& group);

// What a run remembers of how it came to be, whoever started it.
RunOpened run_of_plan(const Deliberation& deliberation, Plan plan, const Proposal& proposal,
                      const std::vector<GateAnswer>& gates);

}  // namespace bascule::engine
