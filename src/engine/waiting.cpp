#include "engine/waiting.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "engine/automation.h"
#include "engine/commands.h"
#include "engine/drills.h"
#include "engine/execution.h"
#include "engine/lookups.h"
#include "engine/phrases.h"
#include "engine/plan/planner.h"
#include "engine/watch.h"

namespace bascule::engine {
namespace {

// So long after its time a run still begins, when no Bascule was there to begin it.
constexpr Duration kLateAtMost{900'000};
constexpr Duration kFurthestAhead{366LL * 86'400'000};
constexpr std::size_t kSetForLaterAtMost = 10;  // in one group

const Run& run_of(const Deliberation& deliberation, const RunId& id) {
  return deliberation.state().runs.at(id);
}

std::string route(const Plan& plan) {
  return fmt::format("{} {} → {}", to_string(plan.move), plan.source, plan.target);
}

Proposal proposal_of(const Run& run) {
  return Proposal{run.plan.group, run.plan.move, run.plan.source, run.plan.target, run.trigger, {}};
}

std::vector<GateAnswer> ask_now(const Deliberation& deliberation, const Run& run) {
  return ask_gates(deliberation.state(), deliberation.readings(), proposal_of(run),
                   deliberation.now());
}

void abort_waiting(Deliberation& deliberation, const RunId& id, const std::string& because,
                   bool declined = false) {
  deliberation.propose(
      RunEnded{id, RunState::aborted, because, std::nullopt, std::nullopt, declined});
}

// What has happened meanwhile leaves nothing to wait for.
std::optional<std::string> why_pointless(const State& state, const Run& run) {
  const GroupStatus& group = state.groups.at(run.plan.group);
  const auto last = state.runs.find(group.last_run);
  if (last != state.runs.end() && last->second.began_seq > run.opened_seq) {
    return fmt::format("{} has begun meanwhile", last->first);
  }
  if (group.active != run.plan.source) {
    return fmt::format("{} is not the active site any more: {} is", run.plan.source,
                       group.active ? group.active->text() : std::string("nobody"));
  }
  if (run.wait->what != WaitFor::approval) return std::nullopt;
  const GroupSpec& spec = *state.configuration.find_group(run.plan.group);
  if (!has_recovered(state, spec, run.plan.source)) return std::nullopt;
  return fmt::format("{} is well again, before anybody approved it", run.plan.source);
}

// A run executes the plan of its opening; what would be planned otherwise by now is not begun.
std::optional<std::string> why_planned_otherwise(const State& state, const Run& run) {
  Result<Plan> now =
      plan_move(state, run.plan.group, run.plan.move, run.plan.source, run.plan.target);
  if (!now) return now.error().message;
  now->fingerprint = run.plan.fingerprint;
  if (to_json(*now) == to_json(run.plan)) return std::nullopt;
  return fmt::format("the configuration of {} has changed since it was planned", run.plan.group);
}

void begin(Deliberation& deliberation, const RunId& id, const std::vector<GateAnswer>& gates,
           const std::string& because, const std::string& actor, const std::string& reason) {
  deliberation.propose(begin_of_run(deliberation, run_of(deliberation, id), gates, because), actor,
                       reason);
}

// The way back of a drill is never given up: what refuses it only delays it.
bool begin_way_back(Deliberation& deliberation, const RunId& id) {
  const Run& run = run_of(deliberation, id);
  const State& state = deliberation.state();
  const bool looked = deliberation.readings().looks.contains(id);
  if (!looked && deliberation.now() < look_deadline(state, run)) return false;
  if (const auto otherwise = why_planned_otherwise(state, run)) {
    abort_waiting(deliberation, id, *otherwise);
    return true;
  }
  if (why_way_back_waits(state, deliberation.readings(), run, deliberation.now())) return false;
  begin(deliberation, id, ask_now(deliberation, run), "its time has come", run.actor, run.reason);
  return true;
}

// A person has set its time: asked now is what a person would be asked.
bool begin_in_time(Deliberation& deliberation, const RunId& id) {
  const Run& run = run_of(deliberation, id);
  const Instant now = deliberation.now();
  const Instant time = run.wait->until;
  if (now < time) return false;
  if (!run.way_back_of.empty()) return begin_way_back(deliberation, id);
  if (now > time + kLateAtMost) {
    abort_waiting(deliberation, id,
                  fmt::format("its time, {}, passed {} while no Bascule ran", clock_time(time, now),
                              ago(time, now)));
    return true;
  }
  const bool looked = deliberation.readings().looks.contains(id);
  if (!looked && now < look_deadline(deliberation.state(), run)) return false;
  if (const auto otherwise = why_planned_otherwise(deliberation.state(), run)) {
    abort_waiting(deliberation, id, *otherwise);
    return true;
  }
  const std::vector<GateAnswer> gates = ask_now(deliberation, run);
  if (const GateAnswer* refusal = refusal_to_person(gates, run.overrides)) {
    abort_waiting(deliberation, id,
                  fmt::format("{} forbids it: {}", to_string(refusal->name), refusal->because));
    return true;
  }
  begin(deliberation, id, gates, "its time has come", run.actor, run.reason);
  return true;
}

// Why automation may not go on without an approval.
std::optional<std::string> why_not_without_approval(const Deliberation& deliberation,
                                                    const Run& run,
                                                    const std::vector<GateAnswer>& gates) {
  if (!run.wait->proceeds) return "";
  const State& state = deliberation.state();
  const Mode mode = policy_of(state, run.plan.group).mode;
  const bool may = mode == Mode::approve || mode == Mode::automatic;
  if (!may || automation_is_held(state, run.plan.group, deliberation.now())) {
    return gates.front().because;
  }
  if (const GateAnswer* refusal = refusal_beyond_mode(gates)) {
    return fmt::format("{} forbids it: {}", to_string(refusal->name), refusal->because);
  }
  return why_planned_otherwise(state, run);
}

bool meet_end_of_approval(Deliberation& deliberation, const RunId& id) {
  const Run& run = run_of(deliberation, id);
  if (deliberation.now() < approval_deadline(deliberation.state(), run)) return false;
  const std::string nobody =
      fmt::format("nobody approved it in {}", span_text(run.wait->until - run.opened_at));
  const std::vector<GateAnswer> gates = ask_now(deliberation, run);
  if (const auto why_not = why_not_without_approval(deliberation, run, gates)) {
    abort_waiting(deliberation, id, nobody + (why_not->empty() ? "" : "; " + *why_not), true);
    return true;
  }
  begin(deliberation, id, gates, nobody + ": the policy says proceed", kAutomation, "");
  return true;
}

}  // namespace

bool advance_waiting(Deliberation& deliberation, const RunId& id) {
  const Run& run = run_of(deliberation, id);
  if (const auto pointless = why_pointless(deliberation.state(), run)) {
    abort_waiting(deliberation, id, *pointless);
    return true;
  }
  return run.wait->what == WaitFor::moment ? begin_in_time(deliberation, id)
                                           : meet_end_of_approval(deliberation, id);
}

void abort_waiting_without(Deliberation& deliberation, const Configuration& configuration) {
  std::vector<RunId> gone;
  for (const auto& [id, run] : deliberation.state().runs) {
    if (run.state != RunState::waiting) continue;
    const GroupSpec* group = configuration.find_group(run.plan.group);
    const bool known = group != nullptr && group->find_site(run.plan.source) != nullptr &&
                       group->find_site(run.plan.target) != nullptr;
    if (!known) gone.push_back(id);
  }
  for (const RunId& id : gone) {
    abort_waiting(deliberation, id, "its sites are not configured any more");
  }
}

Answer set_for_later(Deliberation& deliberation, const Command& command, const Proposal& proposal,
                     Plan plan) {
  const auto& move = std::get<StartMove>(command.body);
  const Instant now = deliberation.now();
  const Instant time = *move.at;
  if (time <= now) {
    return refuse(
        ErrorCode::invalid,
        fmt::format("{} has passed already: it is {}", clock_time(time, now), clock_time(now)),
        command_line(proposal, move.overrides));
  }
  if (time - now > kFurthestAhead) {
    return refuse(ErrorCode::invalid,
                  fmt::format("{} is more than a year ahead", clock_time(time, now)),
                  command_line(proposal, move.overrides) + " --at TIME");
  }
  std::vector<const Run*> waiting = deliberation.state().waiting_runs(proposal.group);
  std::erase_if(waiting, [](const Run* run) { return run->wait->what != WaitFor::moment; });
  if (waiting.size() >= kSetForLaterAtMost) {
    return refuse(
        ErrorCode::invalid,
        fmt::format("{} moves of {} wait for their time already", waiting.size(), proposal.group),
        fmt::format("bascule abort {} --reason TEXT", waiting.front()->id));
  }
  const std::vector<GateAnswer> gates =
      ask_gates(deliberation.state(), deliberation.readings(), proposal, now);
  RunOpened opened = run_of_plan(deliberation, std::move(plan), proposal, gates);
  opened.ticket = move.ticket;
  opened.idempotency_key = move.idempotency_key;
  opened.overrides = move.overrides;
  opened.wait = RunWait{WaitFor::moment, time, false};
  opened.back_after = move.back_after;
  opened.deadline = move.deadline;
  const RunId run = opened.run;
  std::string text = fmt::format("{} begins at {}, in {}: {}", run, clock_time(time, now),
                                 span_text(time - now), route(opened.plan));
  if (const GateAnswer* refusal = refusal_to_person(gates, move.overrides)) {
    text += fmt::format("; as things stand, {} would forbid it: {}", to_string(refusal->name),
                        refusal->because);
  }
  deliberation.propose(std::move(opened), command.actor, command.reason);
  return accept(run, std::move(text));
}

Answer approve_run(Deliberation& deliberation, const Command& command, const ApproveRun& approval) {
  const State& state = deliberation.state();
  const auto found = state.runs.find(approval.run);
  if (found == state.runs.end()) return refuse_unknown_run(state, approval.run);
  const Run& run = found->second;
  if (run.began_at) {
    return accept(run.id, fmt::format("{} has begun already: {}", run.id, to_string(run.state)));
  }
  const std::string by_a_person = command_line(proposal_of(run), {});
  if (run.ended_at) {
    return refuse(ErrorCode::conflict,
                  fmt::format("{} has ended before it began: {}", run.id, run.because),
                  by_a_person);
  }
  if (run.wait->what != WaitFor::approval) {
    return refuse(ErrorCode::conflict,
                  fmt::format("{} waits for no approval: it begins at {}", run.id,
                              clock_time(run.wait->until, deliberation.now())),
                  fmt::format("bascule abort {} --reason TEXT", run.id));
  }
  if (const auto otherwise = why_planned_otherwise(state, run)) {
    Answer answer = refuse(ErrorCode::conflict, *otherwise, by_a_person);
    answer.run = run.id;
    abort_waiting(deliberation, approval.run, *otherwise);
    return answer;
  }
  const std::vector<GateAnswer> gates = ask_now(deliberation, run);
  if (auto refusal = refuse_by_gate(deliberation, gates, {}, proposal_of(run))) {
    return *std::move(refusal);
  }
  const std::string text = fmt::format("{} begins: {}", run.id, route(run.plan));
  begin(deliberation, approval.run, gates, "approved", command.actor, command.reason);
  return accept(approval.run, text);
}

}  // namespace bascule::engine
