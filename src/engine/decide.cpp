// The dispatch: what each input begins, and then everything that follows from it, until nothing
// does. The order of a pass matters only for the reader of the journal: causes before effects, the
// state of a group last, so that a failure that is acted upon at once never shows as CRITICAL.
#include <algorithm>
#include <iterator>
#include <set>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/assert.h"
#include "engine/adoption.h"
#include "engine/automation.h"
#include "engine/commands.h"
#include "engine/deliberation.h"
#include "engine/drift.h"
#include "engine/drills.h"
#include "engine/failback.h"
#include "engine/front_door.h"
#include "engine/holds.h"
#include "engine/obligations.h"
#include "engine/preflight.h"
#include "engine/runs.h"
#include "engine/steps.h"
#include "engine/waiting.h"
#include "engine/watch.h"

namespace bascule::engine {
namespace {

template <typename Map>
auto keys_of(const Map& map) {
  std::vector<typename Map::key_type> keys;
  keys.reserve(map.size());
  for (const auto& [key, value] : map) keys.push_back(key);
  return keys;
}

// A reload must not take the ground from under an open run.
std::optional<Answer> refuse_orphans(const State& state, const Configuration& configuration) {
  for (const auto& [id, run] : state.runs) {
    if (run.ended_at || run.state == RunState::waiting) continue;
    const GroupSpec* group = configuration.find_group(run.plan.group);
    std::string missing;
    if (group == nullptr) {
      missing = fmt::format("group {}", run.plan.group);
    } else if (group->find_site(run.plan.source) == nullptr) {
      missing = fmt::format("site {} of {}", run.plan.source, run.plan.group);
    } else if (group->find_site(run.plan.target) == nullptr) {
      missing = fmt::format("site {} of {}", run.plan.target, run.plan.group);
    }
    if (missing.empty()) continue;
    return refuse(
        ErrorCode::conflict,
        fmt::format("run {} is open, and the configuration does not name {} any more", id, missing),
        fmt::format("keep it until the run has ended: `bascule show {}`", id));
  }
  return std::nullopt;
}

Answer load_configuration(Deliberation& deliberation, const Configuration& configuration) {
  const State& state = deliberation.state();
  const Json json = to_json(configuration);
  const std::string mark = fingerprint(json);
  if (mark == state.configuration_fingerprint) return accept(RunId(), "nothing has changed in it");
  if (!state.cluster.empty() && state.cluster != configuration.cluster) {
    return refuse(ErrorCode::invalid,
                  fmt::format("the journal belongs to cluster {}, the configuration says {}",
                              state.cluster, configuration.cluster),
                  "name another `store`, or correct `cluster`");
  }
  if (auto refusal = refuse_orphans(state, configuration)) return *std::move(refusal);
  abort_waiting_without(deliberation, configuration);
  for (const RunId& id : keys_of(deliberation.state().obligations)) {
    const Obligation& owed = deliberation.state().obligations.at(id);
    const GroupSpec* group = configuration.find_group(owed.group);
    if (group != nullptr && group->find_site(owed.site) != nullptr) continue;
    end_obligation(deliberation, id,
                   fmt::format("{}/{} is not configured any more", owed.group, owed.site));
  }
  deliberation.propose(ConfigurationLoaded{mark, json});
  return accept(RunId(), "it is in force");
}

// What an input begins by itself; what follows from it comes afterwards.
struct Beginning {
  Deliberation& deliberation;
  std::optional<Answer>& answer;

  void operator()(const TimePassed& /*input*/) const { update_verdicts(deliberation); }
  void operator()(const TermBegan& input) const {
    BASCULE_ASSERT(input.term > deliberation.state().term, "a term only grows");
    deliberation.propose_in_term(
        input.term, TermOpened{input.observer, input.version, input.cluster, input.mark});
    update_verdicts(deliberation);
  }
  void operator()(const ConfigurationRead& input) const {
    answer = load_configuration(deliberation, input.configuration);
    update_verdicts(deliberation);
  }
  void operator()(const OpinionFormed& input) const { update_verdict(deliberation, input.opinion); }
  void operator()(const OpinionsFormed& input) const {
    for (const Opinion& opinion : input.opinions) update_verdict(deliberation, opinion);
  }
  void operator()(const PositionsRead& /*input*/) const {}
  void operator()(const SignSeen& /*input*/) const {}
  void operator()(const ControllerChecked& /*input*/) const {}
  void operator()(const FrontDoorRead& input) const {
    notice_drift(deliberation, input.group);
    notice_overtaken(deliberation, input.group);
  }
  void operator()(const PreflightRead& input) const { notice_preflight(deliberation, input); }
  void operator()(const GroupLookedAt& /*input*/) const {}
  void operator()(const StepInspected& /*input*/) const {}
  void operator()(const StepFinished& input) const { take_result(deliberation, input); }
  void operator()(const Command& input) const { answer = obey(deliberation, input); }
};

void advance_work(Deliberation& deliberation) {
  for (const RunId& id : keys_of(deliberation.state().runs)) {
    while (deliberation.state().runs.contains(id) && advance_run(deliberation, id)) continue;
  }
  for (const RunId& id : keys_of(deliberation.state().obligations)) {
    while (deliberation.state().obligations.contains(id) && advance_obligation(deliberation, id)) {
      continue;
    }
  }
}

// The groups that alone an input can have changed something for; nothing: all of them.
std::optional<std::set<GroupName>> groups_of(const Input& input) {
  return std::visit(
      [](const auto& seen) -> std::optional<std::set<GroupName>> {
        using Seen = std::decay_t<decltype(seen)>;
        if constexpr (std::is_same_v<Seen, OpinionFormed>) {
          return {{seen.opinion.check.group}};
        } else if constexpr (std::is_same_v<Seen, OpinionsFormed>) {
          std::set<GroupName> groups;
          for (const Opinion& opinion : seen.opinions) groups.insert(opinion.check.group);
          return groups;
        } else if constexpr (std::is_same_v<Seen, PositionsRead> ||
                             std::is_same_v<Seen, SignSeen>) {
          return {{seen.check.group}};
        } else if constexpr (std::is_same_v<Seen, FrontDoorRead> ||
                             std::is_same_v<Seen, PreflightRead>) {
          return {{seen.group}};
        } else {
          return std::nullopt;
        }
      },
      input);
}

// What is seen of one group concerns no other: with thousands of checks, asking all groups about
// each look would be most of the work. What is seen, once recorded, does not either; everything
// else may (a run that ends makes room for another group's).
std::vector<GroupName> groups_to_follow(const Deliberation& deliberation) {
  const State& state = deliberation.state();
  const auto only = groups_of(deliberation.input());
  const bool is_enough = only && std::ranges::all_of(deliberation.records(), [](const auto& made) {
                           return std::holds_alternative<VerdictChanged>(made.body) ||
                                  std::holds_alternative<GroupStateChanged>(made.body) ||
                                  std::holds_alternative<ProtectionChanged>(made.body);
                         });
  if (!is_enough) return keys_of(state.groups);
  std::vector<GroupName> groups;
  std::ranges::copy_if(*only, std::back_inserter(groups),
                       [&](const GroupName& group) { return state.groups.contains(group); });
  return groups;
}

void follow(Deliberation& deliberation) {
  std::size_t before = 0;
  do {
    before = deliberation.proposed();
    end_holds(deliberation);
    raise_hold_alarms(deliberation);
    for (const GroupName& group : groups_to_follow(deliberation)) {
      adopt_by_itself(deliberation, group);
    }
    advance_work(deliberation);
    for (const GroupName& group : groups_to_follow(deliberation)) {
      if (advance_drill(deliberation, group)) continue;
      if (start_by_itself(deliberation, group)) continue;
      update_home_readiness(deliberation, group);
      if (go_home_by_itself(deliberation, group)) continue;
      reassert_front_door(deliberation, group);
      notice_two_writers(deliberation, group);
      notice_role_change(deliberation, group);
      update_group_state(deliberation, group);
      update_protection(deliberation, group);
    }
  } while (deliberation.proposed() != before);
}

}  // namespace

Decision decide(const State& state, const Readings& readings, const Input& input, Instant now) {
  Deliberation deliberation(state, readings, input, now);
  std::optional<Answer> answer;
  std::visit(Beginning{deliberation, answer}, input);
  follow(deliberation);
  return Decision{deliberation.take_records(), std::move(answer)};
}

}  // namespace bascule::engine
