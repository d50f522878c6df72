#include "engine/automation.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "engine/execution.h"
#include "engine/lookups.h"
#include "engine/plan/planner.h"

namespace bascule::engine {
namespace {

const GateAnswer* first_refusal(const std::vector<GateAnswer>& gates) {
  const auto found = std::ranges::find(gates, false, &GateAnswer::holds);
  return found == gates.end() ? nullptr : &*found;
}

// The candidate, or for the sake of the sentence the one that would be if it passed.
std::optional<Proposal> propose_failover(const Deliberation& deliberation, const GroupName& group) {
  const State& state = deliberation.state();
  const auto& active = state.groups.at(group).active;
  if (!active) return std::nullopt;
  Proposal proposal{group, Move::failover, *active, SiteName(), Trigger::automatic};
  if (const auto target = choose_target(state, deliberation.readings(), group, Move::failover,
                                        Trigger::automatic, deliberation.now())) {
    proposal.target = *target;
    return proposal;
  }
  for (const SiteSpec& site : state.configuration.find_group(group)->sites) {
    if (site.name == *active || !site.can_be_target) continue;
    proposal.target = site.name;
    return proposal;
  }
  return std::nullopt;
}

// The held connection may break a little before the first look fails: that was the first sign.
std::optional<Instant> first_sign(const Readings& readings, const Failure& failure,
                                  const DetectPolicy& detect) {
  if (!failure.check || !failure.first_failed_at) return std::nullopt;
  const auto sign = readings.signs.find(*failure.check);
  if (sign == readings.signs.end()) return failure.first_failed_at;
  const Instant earliest = *failure.first_failed_at - detect.interval - detect.timeout;
  if (sign->second.at < earliest) return failure.first_failed_at;
  return std::min(sign->second.at, *failure.first_failed_at);
}

}  // namespace

RunOpened run_of_plan(const Deliberation& deliberation, Plan plan, const Proposal& proposal,
                      const std::vector<GateAnswer>& gates) {
  const State& state = deliberation.state();
  const GroupSpec& group = *state.configuration.find_group(proposal.group);
  RunOpened opened;
  opened.run = RunId(fmt::format("r-{:04}", state.runs_opened + 1));
  opened.plan = std::move(plan);
  opened.trigger = proposal.trigger;
  for (const GateAnswer& gate : gates) opened.gates.push_back(to_json(gate));
  const Failure failure = failure_of(state, group, proposal.source);
  if (failure.holds) {
    opened.first_sign_at = first_sign(deliberation.readings(), failure, group.policy.detect);
    opened.first_failed_at = failure.first_failed_at;
    opened.verdict_at = failure.verdict_at;
  }
  if (!watches_database(group)) return opened;
  if (is_planned(proposal.move)) {  // the target is proved to have everything before it is promoted
    opened.loss_bound = Duration(0);
    opened.loss_bound_bytes = 0;
    return opened;
  }
  const LossBound bound = loss_bound(state, deliberation.readings(), proposal, deliberation.now());
  opened.loss_bound = bound.time;
  opened.loss_bound_bytes = bound.bytes;
  return opened;
}

bool start_by_itself(Deliberation& deliberation, const GroupName& name) {
  const State& state = deliberation.state();
  const GroupSpec& group = *state.configuration.find_group(name);
  const GroupStatus& status = state.groups.at(name);
  if (group.policy.mode != Mode::automatic || !status.active) return false;
  if (state.open_run(name) != nullptr || !failure_of(state, group, *status.active).holds) {
    return false;
  }
  const auto proposal = propose_failover(deliberation, name);
  if (!proposal) return false;
  const bool tried = std::ranges::find(status.tried, proposal->target) != status.tried.end();
  if (tried) return false;
  const std::vector<GateAnswer> gates =
      ask_gates(state, deliberation.readings(), *proposal, deliberation.now());
  if (first_refusal(gates) != nullptr) return false;
  Result<Plan> plan = plan_move(state, name, Move::failover, proposal->source, proposal->target);
  if (!plan) return false;
  const Failure failure = failure_of(state, group, proposal->source);
  deliberation.propose(run_of_plan(deliberation, *std::move(plan), *proposal, gates), kAutomation,
                       failure.because);
  return true;
}

std::string why_not_automatic(const Deliberation& deliberation, const GroupName& group) {
  const auto proposal = propose_failover(deliberation, group);
  if (!proposal) return "no other site may take over";
  const std::vector<GateAnswer> gates =
      ask_gates(deliberation.state(), deliberation.readings(), *proposal, deliberation.now());
  if (const GateAnswer* refusal = first_refusal(gates)) {
    return fmt::format("{} forbids to act: {}", to_string(refusal->name), refusal->because);
  }
  const Result<Plan> plan =
      plan_move(deliberation.state(), group, Move::failover, proposal->source, proposal->target);
  if (!plan) return plan.error().message;
  return fmt::format("{} was tried already in this failure", proposal->target);
}

}  // namespace bascule::engine
