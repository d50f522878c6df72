// The front door as it is watched while nothing of this Bascule writes it: what it shows is
// compared with what was left there. Drift is announced, and undone where the policy says so, by
// the same obligation that a run leaves when its switch did not hold. What another Bascule holds is
// never written: automation is held, and a person decides.
#pragma once

#include <string>

#include "engine/deliberation.h"
#include "engine/front_door.h"

namespace bascule::engine {

// Judges the reading that the input brought. REQUIRES: the input is a FrontDoorRead.
void notice_drift(Deliberation& deliberation, const GroupName& group);

// Somebody else holds the front door: recorded, and automation is held. The line where it is known.
void note_superseded(Deliberation& deliberation, const GroupName& group,
                     const std::optional<DoorLine>& line, const std::string& because);

// Undoes a drift that stands, where the policy, the holds and the count of the last hour allow it.
bool reassert_front_door(Deliberation& deliberation, const GroupName& group);

// A person takes the front door back, whoever wrote it last. False: there is nothing to take back.
bool take_front_door_back(Deliberation& deliberation, const GroupName& group,
                          const std::string& actor, const std::string& reason);

// Why a drift that stands is not undone by itself; empty: it is, or there is none.
std::string why_not_reasserted(const State& state, const GroupName& group, Instant now);

}  // namespace bascule::engine
