#include "engine/automation.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "engine/execution.h"
#include "engine/lookups.h"
#include "engine/phrases.h"
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

// What a run, or mode shadow, remembers of how it came to be.
template <typename Body>
void add_evidence(const Deliberation& deliberation, const Proposal& proposal,
                  const std::vector<GateAnswer>& gates, Body& body) {
  const State& state = deliberation.state();
  const GroupSpec& group = *state.configuration.find_group(proposal.group);
  for (const GateAnswer& gate : gates) body.gates.push_back(to_json(gate));
  const Failure failure = failure_of(state, group, proposal.source);
  if (failure.holds) {
    body.first_failed_at = failure.first_failed_at;
    if constexpr (requires { body.first_sign_at; }) {
      body.first_sign_at = first_sign(deliberation.readings(), failure, group.policy.detect);
      body.verdict_at = failure.verdict_at;
    }
  }
  if (!watches_database(group)) return;
  if (is_planned(proposal.move)) {  // the target is proved to have everything before it is promoted
    body.loss_bound = Duration(0);
    body.loss_bound_bytes = 0;
    return;
  }
  const LossBound bound = loss_bound(state, deliberation.readings(), proposal, deliberation.now());
  body.loss_bound = bound.time;
  body.loss_bound_bytes = bound.bytes;
}

// A run that was taken back has itself kept its source from serving for a while: what was seen of
// it until then is no failure.
bool is_seen_since_rollback(const Deliberation& deliberation, const GroupStatus& status,
                            const Failure& failure) {
  const State& state = deliberation.state();
  const auto last = state.runs.find(status.last_run);
  const bool taken_back = last != state.runs.end() && last->second.ended_at &&
                          last->second.state == RunState::rolled_back;
  if (!taken_back || !failure.check) return true;
  const auto opinions = deliberation.readings().opinions.find(*failure.check);
  if (opinions == deliberation.readings().opinions.end()) return false;
  return std::ranges::any_of(opinions->second, [&](const auto& entry) {
    return entry.second.newest_at > *last->second.ended_at;
  });
}

// Once in a failure: what mode shadow would do, and what mode approve proposes.
bool is_said_already(const State& state, const GroupSpec& group, const GroupStatus& status) {
  if (group.policy.mode == Mode::shadow) return status.has_shadowed;
  return group.policy.mode == Mode::approve && proposed_run(state, group.name) != nullptr;
}

}  // namespace

RunOpened run_of_plan(const Deliberation& deliberation, Plan plan, const Proposal& proposal,
                      const std::vector<GateAnswer>& gates) {
  RunOpened opened;
  opened.run = RunId(fmt::format("r-{:04}", deliberation.state().runs_opened + 1));
  opened.plan = std::move(plan);
  opened.trigger = proposal.trigger;
  opened.supersedes = proposal.supersedes;
  add_evidence(deliberation, proposal, gates, opened);
  return opened;
}

RunBegun begin_of_run(const Deliberation& deliberation, const Run& run,
                      const std::vector<GateAnswer>& gates, std::string because) {
  RunBegun begun;
  begun.run = run.id;
  begun.because = std::move(because);
  const Plan& plan = run.plan;
  const Proposal proposal{plan.group, plan.move, plan.source, plan.target, run.trigger, RunId()};
  add_evidence(deliberation, proposal, gates, begun);
  return begun;
}

bool start_by_itself(Deliberation& deliberation, const GroupName& name) {
  const State& state = deliberation.state();
  const GroupSpec& group = *state.configuration.find_group(name);
  const GroupStatus& status = state.groups.at(name);
  if (group.policy.mode == Mode::manual || !status.active) return false;
  if (state.open_run(name) != nullptr || !failure_of(state, group, *status.active).holds) {
    return false;
  }
  if (is_said_already(state, group, status)) return false;
  if (!is_seen_since_rollback(deliberation, status, failure_of(state, group, *status.active))) {
    return false;
  }
  const auto proposal = propose_failover(deliberation, name);
  if (!proposal) return false;
  const bool tried = std::ranges::find(status.tried, proposal->target) != status.tried.end();
  if (tried || automation_is_held(state, name, deliberation.now())) return false;
  const std::vector<GateAnswer> gates =
      ask_gates(state, deliberation.readings(), *proposal, deliberation.now());
  if (refusal_beyond_mode(gates) != nullptr) return false;
  Result<Plan> plan = plan_move(state, name, Move::failover, proposal->source, proposal->target);
  if (!plan) return false;
  const Failure failure = failure_of(state, group, proposal->source);
  if (group.policy.mode == Mode::shadow) {
    WouldHaveFailedOver would;
    would.group = name;
    would.source = proposal->source;
    would.target = proposal->target;
    would.because = failure.because;
    add_evidence(deliberation, *proposal, gates, would);
    deliberation.propose(std::move(would));
    return true;
  }
  RunOpened opened = run_of_plan(deliberation, *std::move(plan), *proposal, gates);
  if (group.policy.mode == Mode::approve) {
    opened.wait = RunWait{WaitFor::approval, deliberation.now() + group.policy.approve_timeout,
                          group.policy.approve_proceeds_on_timeout};
  }
  deliberation.propose(std::move(opened), kAutomation, failure.because);
  return true;
}

std::string why_not_automatic(const Deliberation& deliberation, const GroupName& group) {
  const State& state = deliberation.state();
  if (const Run* run = proposed_run(state, group)) {
    return fmt::format("{} (failover to {}) waits for an approval until {}", run->id,
                       run->plan.target,
                       clock_time(approval_deadline(state, *run), deliberation.now()));
  }
  const auto proposal = propose_failover(deliberation, group);
  if (!proposal) return "no other site may take over";
  const std::vector<GateAnswer> gates =
      ask_gates(state, deliberation.readings(), *proposal, deliberation.now());
  const Mode mode = policy_of(state, group).mode;
  const bool only_tells = mode == Mode::shadow || mode == Mode::approve;
  const GateAnswer* refusal = only_tells ? refusal_beyond_mode(gates) : first_refusal(gates);
  if (refusal == nullptr) refusal = first_refusal(gates);
  if (refusal != nullptr) {
    return fmt::format("{} forbids to act: {}", to_string(refusal->name), refusal->because);
  }
  const Result<Plan> plan =
      plan_move(state, group, Move::failover, proposal->source, proposal->target);
  if (!plan) return plan.error().message;
  const GroupStatus& status = state.groups.at(group);
  const GroupSpec& spec = *state.configuration.find_group(group);
  if (!is_seen_since_rollback(deliberation, status, failure_of(state, spec, proposal->source))) {
    return fmt::format("{} has not been looked at since {} was taken back", proposal->source,
                       status.last_run);
  }
  return fmt::format("{} was tried already in this failure", proposal->target);
}

const Run* proposed_run(const State& state, const GroupName& group) {
  for (const Run* run : state.waiting_runs(group)) {
    if (run->wait->what == WaitFor::approval) return run;
  }
  return nullptr;
}

}  // namespace bascule::engine
