// What the line at a front door means for this journal (section 7 of the architecture): whether
// this journal wrote it, whose claim may be displaced, and what happens when somebody else has
// taken the front door.
#pragma once

#include <optional>
#include <string>

#include "engine/deliberation.h"
#include "engine/execution.h"

namespace bascule::engine {

struct DoorLine {
  Generation generation = 0;
  std::string cluster;
  std::string run;  // as it stands there: "r-0002@1f0c77a2"
  SiteName target;
};

// The line in the facts of an inspection of a front door; nothing where there is none.
std::optional<DoorLine> line_in(const Json& facts);
// "generation 7 of www.shop.test was taken by r-0002@1f0c77a2 of another journal, for berlin"
std::string line_text(const State& state, const GroupName& group, const DoorLine& line);

// How a run or an obligation is named in a line: its number, which every journal has, and the mark
// of the term that opened it, which no other has.
std::string claimant_of(const RunId& id, const std::string& mark);
std::string claimant_of(const Work& work);

// Whether this journal wrote the line: it holds the generation that it knows, or is of work that
// is open.
bool wrote_line(const State& state, const GroupName& group, const DoorLine& line);

// Why this work may not displace the claim of somebody else; nothing where it may. A run never
// does: only an adoption, by itself where that run's target is the site that everything points to,
// else by a person.
std::optional<std::string> why_not_displace(const State& state, const Work& work,
                                            const DoorLine& line);

// A run of another journal that may still be making a site active that this move would not fence.
const ForeignLine* unfenced_claim(const GroupStatus& status, const SiteName& target);

// Whole commands.
std::string what_helps_when_taken(const GroupName& group);
std::string what_helps_when_displaced(const GroupName& group, const ForeignLine& line);

// An obligation changes nothing and a run that was interrupted does not go on before the front door
// was read: meanwhile somebody else may have moved the group. True from the state alone; the call
// that reads it is wanted while it holds.
bool must_read_front_door(const State& state, const Work& work);
enum class FrontDoorSight : std::uint8_t { seen, not_yet, unreadable };
FrontDoorSight sight_of_front_door(const Deliberation& deliberation, const Work& work);
// A run that cannot read it by then is parked.
Instant front_door_deadline(const State& state, const Work& work);
std::string why_unreadable(const Deliberation& deliberation, const GroupName& group);

// The front door was read: a run that was interrupted parks where somebody else has claimed since.
void notice_overtaken(Deliberation& deliberation, const GroupName& group);

}  // namespace bascule::engine
