// `failback: {automatic: {after: …}}`: the way home that nobody has to start. The home site has to
// have been a confirmed standby for that long without interruption, and whatever keeps automation
// from acting keeps it from this, too. After the third flap it is a person's again: a site that
// fails so often is not a home.
#pragma once

#include <optional>
#include <string>

#include "engine/deliberation.h"

namespace bascule::engine {

// What becomes of the way home, for decide, next_wake and explain alike.
struct Homecoming {
  bool applies = false;          // the policy says automatic, and the group is not at home
  bool due = false;              // nothing is in its way any more
  std::string because;           // one sentence
  std::optional<Instant> until;  // when time alone may change it
};
Homecoming homecoming_of(const State& state, const Readings& readings, const GroupName& group,
                         Instant now);

bool update_home_readiness(Deliberation& deliberation, const GroupName& group);
bool go_home_by_itself(Deliberation& deliberation, const GroupName& group);

}  // namespace bascule::engine
