// What is owed outside of runs: a fence that could not be done, a standby to rebuild, the claim of
// an adoption. Tried until it holds, with waits that grow to a minute, and at once when a check of
// its site changes.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/deliberation.h"
#include "engine/execution.h"

namespace bascule::engine {

bool advance_obligation(Deliberation& deliberation, const RunId& id);

void open_obligation(Deliberation& deliberation, ObligationKind kind, const GroupName& group,
                     const SiteName& site, const RunId& run, const std::string& because,
                     std::vector<Step> steps);
// Everything but its id is filled in.
void open_obligation(Deliberation& deliberation, ObligationOpened opened,
                     std::string actor = kAutomation, std::string reason = "");
void end_obligation(Deliberation& deliberation, const RunId& id, const std::string& because);
// The present try has failed; every step starts again after a wait.
void retry_obligation(Deliberation& deliberation, const RunId& id, const std::string& because);
// A fence step of an obligation whose failure leaves the other ways to fence.
bool may_fail_alone(const Obligation& obligation, const Step& step);

// What is waiting for its next try at this site is tried now.
void bring_forward(Deliberation& deliberation, const GroupName& group, const SiteName& site,
                   const std::string& because);

// What a run that is done leaves behind: standbys for the sites that are not active, the front door
// when it was changed back already.
void owe_after_run(Deliberation& deliberation, const Run& ended,
                   const std::optional<Step>& lost_switch);

void end_fence_obligations_of_run(Deliberation& deliberation, const RunId& run,
                                  const std::string& because);
// Of the group, save those that the run `except` itself has left.
void end_front_door_obligations(Deliberation& deliberation, const GroupName& group,
                                const std::string& because, const RunId& except = RunId());

}  // namespace bascule::engine
