// What is seen becomes what is known: verdicts, two writers at once, the state of a group and its
// protection. Records are proposed only where something changes.
#pragma once

#include <optional>
#include <string>

#include "engine/deliberation.h"

namespace bascule::engine {

// The verdict of the check that an opinion is about.
void update_verdict(Deliberation& deliberation, const Opinion& formed);
// Those of all checks.
void update_verdicts(Deliberation& deliberation);

bool notice_two_writers(Deliberation& deliberation, const GroupName& group);
// A promotion that no run has done, while the active site does not write: a provider's own
// failover, or a person.
bool notice_role_change(Deliberation& deliberation, const GroupName& group);
bool update_group_state(Deliberation& deliberation, const GroupName& group);
bool update_protection(Deliberation& deliberation, const GroupName& group);

// `failover_when` of the policy, judged by the verdicts of a site's checks.
struct Failure {
  bool holds = false;
  bool unknown = false;  // a verdict that it names is missing, and without it it does not hold
  std::string because;   // "database is down: 3 of 3 looks failed"
  std::optional<CheckReference> check;     // the first of those that brought it about
  std::optional<Instant> first_failed_at;  // the earliest of them
  std::optional<Instant> verdict_at;       // the latest of them: since then it holds
};
Failure failure_of(const State& state, const GroupSpec& group, const SiteName& site);
// Stricter than not having failed: in each list of `failover_when` some check of the site is seen
// to be well. After a start nothing is.
bool has_recovered(const State& state, const GroupSpec& group, const SiteName& site);

}  // namespace bascule::engine
