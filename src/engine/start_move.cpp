// A person starts a move. The gates that bind everyone have to hold, or be passed by name, with a
// reason and the name of the source typed; every refusal prints the whole command that would do it.
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "engine/automation.h"
#include "engine/commands.h"
#include "engine/gates/gate.h"
#include "engine/plan/planner.h"

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

std::string command_line(const Proposal& proposal, const std::vector<std::string>& overrides) {
  const bool home = proposal.move == Move::failback;
  std::string line = fmt::format("bascule {} {}", to_string(proposal.move), proposal.group);
  if (!home) line += fmt::format(" --to {}", proposal.target);
  for (const std::string& gate : overrides) line += fmt::format(" --override {}", gate);
  line += " --reason TEXT";
  if (!overrides.empty()) line += fmt::format(" --confirm {}", proposal.source);
  return line;
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
  if (move.overrides.empty()) return std::nullopt;
  const std::string line = command_line(proposal, move.overrides);
  for (const std::string& word : move.overrides) {
    const auto gate = gate_from(word);
    if (!gate) {
      return refuse(ErrorCode::invalid, fmt::format("there is no gate `{}`", word),
                    "bascule explain " + proposal.group.text());
    }
    if (*gate == GateName::one_at_a_time) {
      return refuse(ErrorCode::invalid, "one run at a time cannot be overridden",
                    "bascule abort RUN");
    }
  }
  if (command.reason.empty()) {
    return refuse(ErrorCode::invalid, "a gate is passed only with a reason", line);
  }
  if (move.confirmed_site != proposal.source.text()) {
    return refuse(ErrorCode::invalid,
                  fmt::format("a gate is passed only when the name of the source is typed: {}",
                              proposal.source),
                  line);
  }
  return std::nullopt;
}

// The first gate that binds a person, does not hold and was not passed by name.
std::optional<Answer> refuse_by_gate(const std::vector<GateAnswer>& gates,
                                     const std::vector<std::string>& overrides,
                                     const Proposal& proposal, const Run* open) {
  const auto is_passed = [&](const GateAnswer& gate) {
    return std::ranges::find(overrides, to_string(gate.name)) != overrides.end();
  };
  const GateAnswer* first = nullptr;
  std::vector<std::string> needed = overrides;
  for (const GateAnswer& gate : gates) {
    if (!gate.binds_everyone || gate.holds || is_passed(gate)) continue;
    if (first == nullptr) first = &gate;
    needed.emplace_back(to_string(gate.name));
  }
  if (first == nullptr) return std::nullopt;
  std::string helps = command_line(proposal, needed);
  const bool one_at_a_time =
      std::ranges::find(needed, to_string(GateName::one_at_a_time)) != needed.end();
  if (one_at_a_time) {
    helps = open != nullptr ? fmt::format("bascule abort {}", open->id) : "bascule runs";
  }
  Answer answer = refuse(ErrorCode::denied, first->because, helps);
  answer.refused_by = first->name;
  answer.text = fmt::format("{} forbids it: {}", to_string(first->name), first->because);
  if (one_at_a_time && open != nullptr) answer.run = open->id;
  return answer;
}

}  // namespace

Answer start_move(Deliberation& deliberation, const Command& command, const StartMove& move) {
  const State& state = deliberation.state();
  if (auto refusal = refuse_unknown_group(state, move.group)) return *std::move(refusal);
  if (const Run* same = find_by_key(state, move.group, move.idempotency_key)) {
    return accept(same->id, fmt::format("{} was started by this command already: {}", same->id,
                                        route(*same)));
  }
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
  if (*target == *active) {
    return refuse(ErrorCode::invalid, fmt::format("{} is the active site already", *target),
                  "bascule status");
  }
  const Proposal proposal{move.group, move.move, *active, *target, Trigger::manual};
  if (auto refusal = refuse_overrides(command, move, proposal)) return *std::move(refusal);
  Result<Plan> plan = plan_move(state, move.group, move.move, *active, *target);
  if (!plan) return refuse(plan.error().code, plan.error().message, plan.error().what_to_do);
  const std::vector<GateAnswer> gates =
      ask_gates(state, deliberation.readings(), proposal, deliberation.now());
  if (auto refusal = refuse_by_gate(gates, move.overrides, proposal, state.open_run(move.group))) {
    return *std::move(refusal);
  }
  RunOpened opened = run_of_plan(deliberation, *std::move(plan), proposal, gates);
  opened.ticket = move.ticket;
  opened.idempotency_key = move.idempotency_key;
  opened.overrides = move.overrides;
  const RunId run = opened.run;
  deliberation.propose(std::move(opened), command.actor, command.reason);
  return accept(run, fmt::format("{} is open: {} {} → {}", run, to_string(proposal.move),
                                 proposal.source, proposal.target));
}

}  // namespace bascule::engine
