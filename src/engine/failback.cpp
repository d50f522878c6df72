#include "engine/failback.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "engine/automation.h"
#include "engine/execution.h"
#include "engine/gates/gate.h"
#include "engine/lookups.h"
#include "engine/phrases.h"
#include "engine/plan/planner.h"
#include "engine/watch.h"

namespace bascule::engine {
namespace {

constexpr std::int64_t kMostFlaps = 3;

// What says whether home is a standby to which a switchover would work. A failure of the active
// site (gates 3 and 4) is not asked for: nothing has failed.
constexpr std::array kGatesOfReadiness{GateName::target, GateName::data_loss, GateName::fence};
constexpr std::array kGatesOfStart{GateName::mode,   GateName::controller, GateName::cooldown,
                                   GateName::target, GateName::data_loss,  GateName::one_at_a_time,
                                   GateName::fence};

// The group wants to go home by itself: the policy says so, and it is somewhere else.
bool applies(const GroupSpec& group, const GroupStatus& status) {
  return group.policy.automatic_failback_after && status.active &&
         *status.active != group.home().name && !status.drill;
}

Proposal way_home(const GroupSpec& group, const GroupStatus& status) {
  return {group.name, Move::failback, *status.active, group.home().name, Trigger::automatic};
}

template <std::size_t N>
std::optional<GateAnswer> first_refusal(const std::array<GateName, N>& names, const State& state,
                                        const Readings& readings, const Proposal& proposal,
                                        Instant now) {
  for (const GateName name : names) {
    GateAnswer answer = ask_gate(name, state, readings, proposal, now);
    if (!answer.holds) return answer;
  }
  return std::nullopt;
}

// Why home is no confirmed standby; nothing: it is one.
std::optional<std::string> why_not_ready(const State& state, const Readings& readings,
                                         const GroupSpec& group, const GroupStatus& status,
                                         Instant now) {
  const Failure failure = failure_of(state, group, *status.active);
  if (failure.holds || failure.unknown) return failure.because;
  if (status.two_writers) return "two sites accept writes at once";
  if (status.role_change)
    return fmt::format("{} was promoted by somebody else", *status.role_change);
  if (status.drift) return status.drift->because;
  const SiteName& home = group.home().name;
  for (const CheckSpec& check : group.home().checks) {
    const CheckReference reference{group.name, home, check.name};
    const auto verdict = state.verdicts.find(reference);
    const Health health =
        verdict == state.verdicts.end() ? Health::unknown : verdict->second.health;
    if (health != Health::healthy) {
      return fmt::format("{} is {}", to_string(reference), to_string(health));
    }
  }
  if (status.protection != Protection::protected_) return status.protection_because;
  const auto refusal =
      first_refusal(kGatesOfReadiness, state, readings, way_home(group, status), now);
  if (refusal) return refusal->because;
  return std::nullopt;
}

bool flaps_too_often(const GroupSpec& group, const GroupStatus& status, Instant now) {
  return status.flaps >= kMostFlaps && status.last_automatic_at &&
         now - *status.last_automatic_at <= group.policy.flap_within;
}

}  // namespace

Homecoming homecoming_of(const State& state, const Readings& readings, const GroupName& name,
                         Instant now) {
  const GroupSpec* group = state.configuration.find_group(name);
  const auto found = state.groups.find(name);
  Homecoming coming;
  if (group == nullptr || found == state.groups.end() || !applies(*group, found->second)) {
    return coming;
  }
  const GroupStatus& status = found->second;
  if (state.open_run(name) != nullptr) return coming;
  coming.applies = true;
  const SiteName& home = group->home().name;
  const Duration after = *group->policy.automatic_failback_after;
  if (flaps_too_often(*group, status, now)) {
    coming.until = *status.last_automatic_at + group->policy.flap_within + Duration(1);
    coming.because = fmt::format(
        "the way home is manual again: {} automatic moves, each within {} of the one before "
        "(`bascule failback {} --reason TEXT`)",
        status.flaps, span_text(group->policy.flap_within), name);
    return coming;
  }
  if (!status.home_readiness.ready) {
    const std::string& because = status.home_readiness.because;
    coming.because = fmt::format("{} is no confirmed standby yet{}{}", home,
                                 because.empty() ? "" : ": ", because);
    return coming;
  }
  const Instant due_at = status.home_readiness.since + after;
  if (now < due_at) {
    coming.until = due_at;
    coming.because = fmt::format("goes home to {} in {}, if it stays a confirmed standby", home,
                                 span_text(due_at - now));
    return coming;
  }
  const auto refusal = first_refusal(kGatesOfStart, state, readings, way_home(*group, status), now);
  if (refusal) {
    coming.until = refusal->until;
    coming.because = fmt::format("would go home to {}, but {} forbids it: {}", home,
                                 to_string(refusal->name), refusal->because);
    return coming;
  }
  coming.due = true;
  coming.because = fmt::format("{} has been a confirmed standby for {}", home,
                               span_text(now - status.home_readiness.since));
  return coming;
}

bool update_home_readiness(Deliberation& deliberation, const GroupName& name) {
  const State& state = deliberation.state();
  const GroupSpec& group = *state.configuration.find_group(name);
  const GroupStatus& status = state.groups.at(name);
  const bool was_ready = status.home_readiness.ready;
  if (!applies(group, status)) {
    if (!was_ready) return false;
    deliberation.propose(HomeReadinessChanged{name, false, "the way home is not waited for"});
    return true;
  }
  std::optional<std::string> because = "a run is open";
  if (state.open_run(name) == nullptr) {
    because = why_not_ready(state, deliberation.readings(), group, status, deliberation.now());
  }
  const bool is_ready = !because.has_value();
  if (is_ready == was_ready) return false;
  deliberation.propose(HomeReadinessChanged{
      name, is_ready,
      is_ready ? fmt::format("{} is a confirmed standby", group.home().name) : *because});
  return true;
}

bool go_home_by_itself(Deliberation& deliberation, const GroupName& name) {
  const State& state = deliberation.state();
  const Homecoming coming = homecoming_of(state, deliberation.readings(), name, deliberation.now());
  if (!coming.due) return false;
  const GroupSpec& group = *state.configuration.find_group(name);
  const Proposal proposal = way_home(group, state.groups.at(name));
  Result<Plan> plan = plan_move(state, name, proposal.move, proposal.source, proposal.target);
  if (!plan) return false;
  const std::vector<GateAnswer> gates =
      ask_gates(state, deliberation.readings(), proposal, deliberation.now());
  deliberation.propose(run_of_plan(deliberation, *std::move(plan), proposal, gates), kAutomation,
                       coming.because);
  return true;
}

}  // namespace bascule::engine
