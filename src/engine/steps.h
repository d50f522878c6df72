// The step machine of runs and obligations (section 4 of the architecture, "Step phases"): what an
// inspection, a result or a deadline makes of one step. What a failed step means for its run or
// obligation is decided here too, because it is the same moment.
#pragma once

#include <string>

#include "base/error.h"
#include "engine/deliberation.h"
#include "engine/execution.h"

namespace bascule::engine {

// Proposes what follows for this step from readings and time. False: nothing does.
bool advance_step(Deliberation& deliberation, const RunId& id, const StepId& step);

// Apply or revert came back. What is not expected any more (a late reply) is ignored.
void take_result(Deliberation& deliberation, const StepFinished& finished);

// Parks a run and holds automation: somebody else has moved the front door.
void park_superseded(Deliberation& deliberation, const RunId& run, const std::string& because);
void hold_group(Deliberation& deliberation, const GroupName& group, const std::string& because);

// The newest inspection of the step when it says something about it as it stands.
const InspectionReading* fresh_inspection(const Deliberation& deliberation, const RunId& id,
                                          const StepId& step, Instant since);

}  // namespace bascule::engine
