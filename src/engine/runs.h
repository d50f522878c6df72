// A run from its opening to its end: phases, gate 9, the change of the active site, parking, taking
// back, and the last look before it ends.
#pragma once

#include <optional>
#include <string>

#include "engine/deliberation.h"
#include "engine/execution.h"

namespace bascule::engine {

// When the clients' outage began and ended, as far as this run can know by now.
struct Outage {
  std::optional<Instant> began_at, ended_at;
};
Outage outage_of(const Run& run);

// Proposes what follows next for an open run. False: nothing does.
bool advance_run(Deliberation& deliberation, const RunId& id);

void park_run(Deliberation& deliberation, const RunId& id, const std::string& because);
// What the run has done is taken back; a fence that is owed for it is not wanted any more.
void begin_rollback(Deliberation& deliberation, const RunId& id, const std::string& because,
                    const std::string& actor = kAutomation, const std::string& reason = "");
bool advance_rollback(Deliberation& deliberation, const RunId& id);
void take_revert_result(Deliberation& deliberation, const StepFinished& finished);
// A parked run goes on; the obligation that tried its fence meanwhile ends.
void resume_run(Deliberation& deliberation, const RunResumed& resumed, const std::string& actor,
                const std::string& reason);

}  // namespace bascule::engine
