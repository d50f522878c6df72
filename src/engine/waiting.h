// Runs that were opened and have not begun: what mode approve proposes to a person, and moves that
// a person has set for a later time. A waiting run is not open: it keeps nothing else from
// beginning, and ends when something else of its group does.
#pragma once

#include "engine/deliberation.h"

namespace bascule::engine {

// Begins it, or ends it with the reason, as soon as there is one. False: it goes on waiting.
bool advance_waiting(Deliberation& deliberation, const RunId& id);

// Before a configuration takes effect that does not know their sites any more.
void abort_waiting_without(Deliberation& deliberation, const Configuration& configuration);

// A move of a person that is set for a time. REQUIRES: command.body is a StartMove with `at`.
Answer set_for_later(Deliberation& deliberation, const Command& command, const Proposal& proposal,
                     Plan plan);

Answer approve_run(Deliberation& deliberation, const Command& command, const ApproveRun& approval);

}  // namespace bascule::engine
