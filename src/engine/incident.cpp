#include "engine/incident.h"

#include <algorithm>

#include "engine/deliberation.h"
#include "engine/lookups.h"

namespace bascule::engine {
namespace {

// A person's own move calls nobody; a run that needs a person does, whoever started it.
bool calls_people(const State& state, const GroupName& name, const GroupStatus& group) {
  if (group.two_writers || group.state == GroupState::critical) return true;
  // Held by itself: somebody else wrote the front door.
  if (group.hold && group.hold->actor == kAutomation) return true;
  return std::ranges::any_of(state.runs, [&](const auto& entry) {
    const Run& run = entry.second;
    const bool acts_by_itself = run.trigger == Trigger::automatic && run.state == RunState::running;
    return run.plan.group == name && (run.state == RunState::parked || acts_by_itself);
  });
}

}  // namespace

void follow_incident(State& state, const Record& record) {
  const GroupName concerned = group_of(record.body, state);
  for (auto& [name, group] : state.groups) {
    if (!concerned.empty() && concerned != name) continue;
    const bool is_open = group.incident && !group.incident->resolved_by;
    const bool should_be = calls_people(state, name, group);
    if (!is_open && should_be) {
      group.incident = Incident{record.seq, record.at, std::nullopt, std::nullopt};
    } else if (is_open && !should_be && group.state != GroupState::unknown) {
      group.incident->resolved_by = record.seq;
    } else if (is_open && !group.incident->acknowledged_by && record.actor != kAutomation &&
               concerned == name) {
      group.incident->acknowledged_by = record.seq;
    }
  }
}

}  // namespace bascule::engine
