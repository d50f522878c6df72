// From a group that has failed to a run that nobody had to start: every gate holds, and the
// candidate has not been tried in this failure. Mode approve proposes the run to a person, mode
// shadow only journals what would have been done.
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

RunBegun begin_of_run(const Deliberation& deliberation, const Run& run,
                      const std::vector<GateAnswer>& gates, std::string because);

// The run that waits for an approval.
const Run* proposed_run(const State& state, const GroupName& group);

}  // namespace bascule::engine
