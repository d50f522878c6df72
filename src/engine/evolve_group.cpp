#include "engine/evolve_group.h"

#include "base/assert.h"
#include "engine/deliberation.h"

namespace bascule::engine {

void GroupEvolution::operator()(const TwoWritersSeen& body) {
  group_of(body.group).two_writers = true;
}
void GroupEvolution::operator()(const TwoWritersEnded& body) {
  group_of(body.group).two_writers = false;
}

void GroupEvolution::operator()(const RoleChangeSeen& body) {
  group_of(body.group).role_change = body.site;
}
void GroupEvolution::operator()(const RoleChangeEnded& body) {
  group_of(body.group).role_change.reset();
}

void GroupEvolution::operator()(const FrontDoorDrifted& body) {
  GroupStatus& group = group_of(body.group);
  const auto& before = group.drift;
  const bool goes_on = before && before->kind == body.kind && before->found == body.found;
  const Instant since = goes_on ? before->since : record_.at;
  group.drift = FrontDoorDrift{body.kind, since, body.expected, body.found, body.because};
  group.front_door_silence.reset();
}
void GroupEvolution::operator()(const FrontDoorSilent& body) {
  group_of(body.group).front_door_silence = FrontDoorSilence{body.since, body.because};
}
void GroupEvolution::operator()(const FrontDoorRestored& body) {
  GroupStatus& group = group_of(body.group);
  group.drift.reset();
  group.front_door_silence.reset();
}

void GroupEvolution::operator()(const HoldAlarmRaised& body) {
  auto& hold = body.group.empty() ? state_.hold : group_of(body.group).hold;
  if (hold) hold->alarmed_at = record_.at;
}

void GroupEvolution::operator()(const HomeReadinessChanged& body) {
  group_of(body.group).home_readiness = HomeReadiness{body.ready, record_.at, body.because};
}

void GroupEvolution::operator()(const DrillBegun& body) {
  group_of(body.group).drill = OpenDrill{body.run,     body.site,     body.home, record_.at,
                                         body.back_at, body.deadline, false,     false};
}
void GroupEvolution::operator()(const DrillOverdue& body) {
  auto& drill = group_of(body.group).drill;
  if (drill) drill->overdue = true;
}
void GroupEvolution::operator()(const DrillEnded& body) {
  GroupStatus& group = group_of(body.group);
  group.drill.reset();
  group.last_drill = EndedDrill{body.run, record_.at, body.succeeded, body.because};
  if (body.succeeded) group.last_good_drill_at = record_.at;
}

GroupStatus& GroupEvolution::group_of(const GroupName& name) {
  const auto found = state_.groups.find(name);
  BASCULE_ASSERT(found != state_.groups.end(), "a record names a configured group");
  return found->second;
}

bool GroupEvolution::undoes_drift(const ObligationOpened& opened) const {
  return opened.kind == ObligationKind::front_door && opened.run.empty() && !opened.takes_over &&
         record_.actor == kAutomation;
}

void GroupEvolution::note_stopped_way_back(const Run& run) {
  auto& drill = group_of(run.plan.group).drill;
  if (!drill || drill->run != run.way_back_of || record_.actor == kAutomation) return;
  drill->left_open = true;
}

void GroupEvolution::count_reassertion(GroupStatus& group) {
  group.reassertions.push_back(record_.at);
  if (group.reassertions.size() > kReassertions)
    group.reassertions.erase(group.reassertions.begin());
}

}  // namespace bascule::engine
