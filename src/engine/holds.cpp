#include "engine/holds.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "engine/lookups.h"

namespace bascule::engine {
namespace {

// A hold that may end or alarm; an empty group is everything.
struct HoldOf {
  GroupName group;
  Hold hold;
  Duration alarm;
};

std::vector<HoldOf> holds_of(const State& state) {
  std::vector<HoldOf> holds;
  for (const auto& [name, status] : state.groups) {
    const GroupSpec* group = status.hold ? state.configuration.find_group(name) : nullptr;
    if (group != nullptr) holds.push_back({name, *status.hold, group->policy.hold_alarm});
  }
  if (!state.hold) return holds;
  std::optional<Duration> shortest;
  for (const GroupSpec& group : state.configuration.groups) {
    const Duration alarm = group.policy.hold_alarm;
    shortest = std::min(shortest.value_or(alarm), alarm);
  }
  const Duration alarm = shortest.value_or(Policy().hold_alarm);
  holds.insert(holds.begin(), {GroupName(), *state.hold, alarm});
  return holds;
}

Instant alarm_at(const HoldOf& one) {
  return one.hold.alarmed_at.value_or(one.hold.since) + one.alarm;
}

}  // namespace

void end_holds(Deliberation& deliberation) {
  for (const HoldOf& one : holds_of(deliberation.state())) {
    if (is_in_force(one.hold, deliberation.now())) continue;
    deliberation.propose(AutomationReleased{one.group}, kAutomation, "the hold has ended");
  }
}

void raise_hold_alarms(Deliberation& deliberation) {
  for (const HoldOf& one : holds_of(deliberation.state())) {
    if (deliberation.now() < alarm_at(one)) continue;
    deliberation.propose(HoldAlarmRaised{one.group, one.hold.since});
  }
}

std::optional<Instant> next_hold_alarm(const State& state) {
  std::optional<Instant> next;
  for (const HoldOf& one : holds_of(state)) {
    next = std::min(next.value_or(alarm_at(one)), alarm_at(one));
  }
  return next;
}

}  // namespace bascule::engine
