// A person starts a move. The gates that bind everyone have to hold, or be passed by name, with a
// reason and the name of the source typed; every refusal prints the whole command that would do it.
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "engine/automation.h"
#include "engine/commands.h"
#include "engine/drills.h"
#include "engine/front_door.h"
#include "engine/gates/gate.h"
#include "engine/plan/basis.h"
#include "engine/plan/planner.h"
#include "engine/superseding.h"
#include "engine/waiting.h"

namespace bascule::engine {
namespace {

const Run* find_by_key(const State& state, const GroupName& group, const std::string& key) {
  if (key.empty()) return nullptr;
  for (const auto& [id, run] : state.runs) {
    if (run.idempotency_key == key && run.plan.group == group) return &run;
  }
  return nullptr;
}

std::string route(const Run& run) {
  return fmt::format("{} {} → {}", to_string(run.plan.move), run.plan.source, run.plan.target);
}

// Where the move goes: as asked, home for a failback, else the best candidate.
Result<SiteName> target_of(const Deliberation& deliberation, const GroupSpec& group,
                           const StartMove& move, const SiteName& active) {
  if (move.to) return *move.to;
  if (move.move == Move::failback) return group.home().name;
  if (const auto best = choose_target(deliberation.state(), deliberation.readings(), group.name,
                                      move.move, Trigger::manual, deliberation.now())) {
    return *best;
  }
  // None passes: ask the gates about the first that could be, so that they say why.
  for (const SiteSpec& site : group.sites) {
    if (site.name != active && site.can_be_target) return site.name;
  }
  return fail(ErrorCode::invalid, "{} has no other site that may be a target", group.name);
}

// Overrides are named gates, given with a reason and the source's name.
std::optional<Answer> refuse_overrides(const Command& command, const StartMove& move,
                                       const Proposal& proposal) {
  if (!move.confirmed_site.empty() && move.confirmed_site != proposal.source.text()) {
    return refuse(ErrorCode::invalid,
                  fmt::format("{} is not the site that is given up: that is {}",
                              move.confirmed_site, proposal.source),
                  command_line(proposal, move.overrides));
  }
  if (move.overrides.empty()) return std::nullopt;
  const std::string line = command_line(proposal, move.overrides);
  for (const std::string& word : move.overrides) {
    const auto gate = gate_from(word);
    if (!gate) {
      return refuse(ErrorCode::invalid, fmt::format("there is no gate `{}`", word),
                    "bascule explain " + proposal.group.text());
    }
    if (*gate == GateName::one_at_a_time) {
      return refuse(ErrorCode::invalid,
                    "one run at a time cannot be overridden: a parked run is superseded by name",
                    "bascule runs");
    }
  }
  if (command.reason.empty()) {
    return refuse(ErrorCode::invalid, "a gate is passed only with a reason", line);
  }
  if (move.confirmed_site.empty()) {
    return refuse(ErrorCode::invalid,
                  fmt::format("a gate is passed only when the name of the source is typed: {}",
                              proposal.source),
                  line);
  }
  return std::nullopt;
}

// The gates that a person has to pass by name, those that were named already included.
std::vector<std::string> gates_to_pass(const std::vector<GateAnswer>& gates,
                                       std::vector<std::string> overrides) {
  for (const GateAnswer& gate : gates) {
    const bool named = std::ranges::find(overrides, to_string(gate.name)) != overrides.end();
    if (gate.binds_everyone && !gate.holds && !named) overrides.emplace_back(to_string(gate.name));
  }
  return overrides;
}

// What helps while a run is open: wait for one that is running, take the place of a parked one
// where that is safe.
std::string help_with_open_run(const Deliberation& deliberation, const Run& open, Proposal proposal,
                               const std::vector<std::string>& overrides) {
  const State& state = deliberation.state();
  std::string abort = fmt::format("bascule abort {} --reason TEXT", open.id);
  if (open.state != RunState::parked) return abort;
  const Result<Plan> instead =
      plan_move(state, proposal.group, proposal.move, proposal.source, proposal.target);
  if (!instead) return abort;
  if (const auto obstacle = why_not_superseded(state, open, *instead)) return obstacle->what_helps;
  proposal.supersedes = open.id;
  const std::vector<GateAnswer> gates =
      ask_gates(state, deliberation.readings(), proposal, deliberation.now());
  return command_line(proposal, gates_to_pass(gates, overrides));
}

// The effect holds already, unless a run is about to change it.
Answer answer_active_already(const State& state, const GroupName& group, const SiteName& active) {
  const Run* open = state.open_run(group);
  if (open == nullptr) {
    return accept(RunId(),
                  fmt::format("{} is the active site of {} already: nothing to do", active, group));
  }
  const bool parked = open->state == RunState::parked;
  Answer answer =
      refuse(ErrorCode::denied,
             fmt::format("{} is the active site, and {} is {}: {}", active, open->id,
                         to_string(open->state), route(*open)),
             fmt::format("bascule {} {} --reason TEXT",
                         parked && open->plan.target == active ? "resume" : "abort", open->id));
  answer.refused_by = GateName::one_at_a_time;
  answer.run = open->id;
  return answer;
}

// A saved plan is executed only as long as it is what would be planned now.
std::optional<Answer> refuse_outdated(const State& state, const StartMove& move, const Plan& plan) {
  if (!move.planned) return std::nullopt;
  const auto changed = what_changed(*move.planned, basis_of(state, plan));
  if (!changed) return std::nullopt;
  return refuse(ErrorCode::conflict,
                fmt::format("the saved plan does not hold any more: {}", *changed),
                plan_command(plan));
}

}  // namespace

std::string command_line(const Proposal& proposal, const std::vector<std::string>& overrides) {
  const bool home = proposal.move == Move::failback;
  std::string line = fmt::format("bascule {} {}", to_string(proposal.move), proposal.group);
  if (!home) line += fmt::format(" --to {}", proposal.target);
  if (!proposal.supersedes.empty()) line += fmt::format(" --supersede {}", proposal.supersedes);
  for (const std::string& gate : overrides) line += fmt::format(" --override {}", gate);
  if (proposal.move == Move::drill) line += " --back-after TIME";
  line += " --reason TEXT";
  if (!overrides.empty()) line += fmt::format(" --confirm {}", proposal.source);
  return line;
}

std::optional<Answer> refuse_by_gate(const Deliberation& deliberation,
                                     const std::vector<GateAnswer>& gates,
                                     const std::vector<std::string>& overrides,
                                     const Proposal& proposal) {
  const GateAnswer* first = refusal_to_person(gates, overrides);
  if (first == nullptr) return std::nullopt;
  const bool one_at_a_time = std::ranges::any_of(gates, [](const GateAnswer& gate) {
    return gate.name == GateName::one_at_a_time && !gate.holds;
  });
  const Run* open = one_at_a_time ? deliberation.state().open_run(proposal.group) : nullptr;
  std::string helps = "bascule runs";
  const GroupStatus& status = deliberation.state().groups.at(proposal.group);
  const ForeignLine* foreign = unfenced_claim(status, proposal.target);
  if (one_at_a_time && is_taken(status)) {
    helps = "bascule import FILE --reason TEXT";
  } else if (one_at_a_time && foreign != nullptr) {
    helps =
        fmt::format("bascule attest {} --site {} --reason TEXT", proposal.group, foreign->target);
  } else if (!one_at_a_time) {
    helps = command_line(proposal, gates_to_pass(gates, overrides));
  } else if (open != nullptr) {
    helps = help_with_open_run(deliberation, *open, proposal, overrides);
  }
  Answer answer = refuse(ErrorCode::denied, first->because, std::move(helps));
  answer.refused_by = first->name;
  answer.text = fmt::format("{} forbids it: {}", to_string(first->name), first->because);
  if (open != nullptr) answer.run = open->id;
  return answer;
}

Answer start_move(Deliberation& deliberation, const Command& command, const StartMove& move) {
  const State& state = deliberation.state();
  if (auto refusal = refuse_unknown_group(state, move.group)) return *std::move(refusal);
  if (const Run* same = find_by_key(state, move.group, move.idempotency_key)) {
    return accept(same->id, fmt::format("{} was started by this command already: {}", same->id,
                                        route(*same)));
  }
  if (auto refusal = refuse_drill(state, move, deliberation.now())) return *std::move(refusal);
  const auto& active = state.groups.at(move.group).active;
  if (!active) {
    return refuse(ErrorCode::invalid,
                  fmt::format("which site of {} is active is not known", move.group),
                  fmt::format("bascule adopt {} --active SITE --reason TEXT", move.group));
  }
  if (move.to) {
    if (auto refusal = refuse_unknown_site(state, move.group, *move.to)) {
      return *std::move(refusal);
    }
  }
  const GroupSpec& group = *state.configuration.find_group(move.group);
  const Result<SiteName> target = target_of(deliberation, group, move, *active);
  if (!target) return refuse(target.error().code, target.error().message);
  if (*target == *active) return answer_active_already(state, move.group, *active);
  Proposal proposal{move.group, move.move, *active, *target, Trigger::manual, RunId()};
  if (auto refusal = refuse_overrides(command, move, proposal)) return *std::move(refusal);
  if (move.at && !move.supersedes.empty()) {
    return refuse(ErrorCode::invalid,
                  fmt::format("{} can be superseded now, not at a later time", move.supersedes),
                  command_line(proposal, move.overrides) + " --at TIME");
  }
  Result<Plan> plan = plan_move(state, move.group, move.move, *active, *target);
  if (!plan) return refuse(plan.error().code, plan.error().message, plan.error().what_to_do);
  if (auto refusal = refuse_outdated(state, move, *plan)) return *std::move(refusal);
  if (move.at) return set_for_later(deliberation, command, proposal, *std::move(plan));
  if (auto refusal = refuse_to_supersede(state, move.supersedes, *plan)) {
    return *std::move(refusal);
  }
  const Run* open = state.open_run(move.group);
  if (open != nullptr && open->id == move.supersedes) proposal.supersedes = open->id;
  const std::vector<GateAnswer> gates =
      ask_gates(state, deliberation.readings(), proposal, deliberation.now());
  if (auto refusal = refuse_by_gate(deliberation, gates, move.overrides, proposal)) {
    return *std::move(refusal);
  }
  RunOpened opened = run_of_plan(deliberation, *std::move(plan), proposal, gates);
  opened.ticket = move.ticket;
  opened.idempotency_key = move.idempotency_key;
  opened.overrides = move.overrides;
  opened.back_after = move.back_after;
  opened.deadline = move.deadline;
  const RunId run = opened.run;
  std::string text = fmt::format("{} is open: {} {} → {}", run, to_string(proposal.move),
                                 proposal.source, proposal.target);
  if (!proposal.supersedes.empty()) text += fmt::format(", instead of {}", proposal.supersedes);
  deliberation.propose(std::move(opened), command.actor, command.reason);
  return accept(run, std::move(text));
}

}  // namespace bascule::engine
