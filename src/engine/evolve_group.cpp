#include "engine/evolve_group.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "engine/deliberation.h"
#include "engine/front_door.h"
#include "engine/lookups.h"
#include "engine/preflight.h"

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

void GroupEvolution::operator()(const PreflightChanged& body) {
  auto& unready = group_of(body.group).unready;
  const std::pair item{body.site, body.item};
  unready.erase(item);
  if (!body.ready) unready.emplace(item, UnreadyItem{record_.at, body.because});
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

void GroupEvolution::operator()(const WouldHaveFailedOver& body) {
  GroupStatus& group = group_of(body.group);
  group.has_shadowed = true;
  group.shadowed.push_back(
      ShadowEpisode{record_.at, std::nullopt, body.source, body.target, body.because});
  if (group.shadowed.size() > kShadowEpisodesKept) group.shadowed.erase(group.shadowed.begin());
}

void GroupEvolution::operator()(const JournalImported& body) {
  state_.imported[body.journal] = body.head_seq;
  for (const ImportedGroup& imported : body.groups) {
    GroupStatus& group = group_of(imported.group);
    group.generation = std::max(group.generation, imported.generation);
    if (group.generation == imported.generation) group.claimed_by = imported.claimed_by;
    if (is_taken(group)) group.drift.reset();  // the next reading says whether it still is
    group.attested.clear();
    for (const SiteName& site : imported.attested) group.attested[site] = record_.at;
    // Every run of it has ended.
    for (const ImportedRun& run : imported.runs) {
      std::erase_if(group.displaced,
                    [&](const auto& entry) { return entry.second.run == run.run; });
    }
  }
}

void GroupEvolution::note_displaced(const RunId& id, const Json& prior) {
  const Work work = *find_work(state_, id);
  const std::optional<DoorLine> line = line_in(prior);
  GroupStatus& group = group_of(work.group);
  if (!line || wrote_line(state_, work.group, *line) || line->target == group.active) return;
  group.displaced[line->target] =
      ForeignLine{line->generation, line->cluster, line->run, line->target, record_.at};
}

GroupStatus& GroupEvolution::group_of(const GroupName& name) {
  const auto found = state_.groups.find(name);
  BASCULE_ASSERT(found != state_.groups.end(), "a record names a configured group");
  return found->second;
}

void GroupEvolution::forget_what_is_not_configured() {
  const Configuration& configuration = state_.configuration;
  std::erase_if(state_.groups, [&](const auto& entry) {
    return configuration.find_group(entry.first) == nullptr;
  });
  for (auto& [name, status] : state_.groups) {
    const GroupSpec* group = configuration.find_group(name);
    if (status.active && group->find_site(*status.active) == nullptr) status.active.reset();
    std::erase_if(status.unready, [&](const auto& entry) {
      return !asks_preflight(*group, entry.first.first, entry.first.second);
    });
  }
  std::erase_if(state_.verdicts, [&](const auto& entry) {
    return find_check(configuration, entry.first) == nullptr;
  });
  std::erase_if(state_.obligations, [&](const auto& entry) {
    const GroupSpec* group = configuration.find_group(entry.second.group);
    return group == nullptr || group->find_site(entry.second.site) == nullptr;
  });
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
