#include "engine/drills.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "engine/automation.h"
#include "engine/commands.h"
#include "engine/gates/gate.h"
#include "engine/lookups.h"
#include "engine/phrases.h"
#include "engine/plan/planner.h"

namespace bascule::engine {
namespace {

// So long after one way back did not work out the next is tried.
constexpr Duration kNextWayBack{60'000};
constexpr std::int64_t kDeadlineByDefault = 4;  // times the way back's wait
constexpr Duration kLongest{30LL * 86'400'000};

const Run* find_run(const State& state, const RunId& id) {
  const auto found = state.runs.find(id);
  return found == state.runs.end() ? nullptr : &found->second;
}

const Run* waiting_way_back(const State& state, const GroupName& group, const OpenDrill& drill) {
  for (const Run* run : state.waiting_runs(group)) {
    if (run->way_back_of == drill.run) return run;
  }
  return nullptr;
}

// The run of a drill has ended: the drill begins, or is over already.
bool begin_drill(Deliberation& deliberation, const GroupName& name) {
  const State& state = deliberation.state();
  const GroupStatus& status = state.groups.at(name);
  const Run* run = find_run(state, status.last_run);
  if (run == nullptr || run->plan.move != Move::drill || !run->ended_at) return false;
  if (status.last_drill && status.last_drill->run == run->id) return false;
  if (run->state != RunState::done || status.active != run->plan.target) {
    deliberation.propose(
        DrillEnded{name, run->id, false,
                   fmt::format("{} ended {}: {}", run->id, to_string(run->state), run->because)});
    return true;
  }
  const Duration back_after = run->back_after.value_or(Duration(0));
  deliberation.propose(
      DrillBegun{name, run->id, run->plan.target, run->plan.source, *run->ended_at + back_after,
                 *run->ended_at + run->deadline.value_or(kDeadlineByDefault * back_after)});
  return true;
}

// Somebody has moved the group: home, which is what a drill is to end with, or elsewhere.
bool end_drill(Deliberation& deliberation, const GroupName& name) {
  const State& state = deliberation.state();
  const GroupStatus& status = state.groups.at(name);
  const OpenDrill drill = *status.drill;
  const Run* last = find_run(state, status.last_run);
  const bool by_failover = last != nullptr && last->plan.move == Move::failover;
  const bool home = status.active == drill.home && !by_failover;
  std::string because =
      fmt::format("{} is active", status.active ? status.active->text() : "nobody");
  if (last != nullptr && status.active == last->plan.target) {
    because += fmt::format(", by {} ({})", last->id, to_string(last->plan.move));
  }
  because += fmt::format(", {} after it began", span_text(deliberation.now() - drill.since));
  if (drill.overdue) because += " and past its deadline";
  deliberation.propose(DrillEnded{name, drill.run, home && !drill.overdue, std::move(because)});
  return true;
}

std::string why_not_back(const Deliberation& deliberation, const GroupName& name,
                         const OpenDrill& drill) {
  const State& state = deliberation.state();
  if (const Run* open = state.open_run(name)) {
    return fmt::format("{} is {}{}{}", open->id, to_string(open->state),
                       open->because.empty() ? "" : ": ", open->because);
  }
  if (drill.left_open) {
    return fmt::format("its way back was stopped by a person: `bascule switchover {} --to {}`",
                       name, drill.home);
  }
  const Run* way_back = waiting_way_back(state, name, drill);
  if (way_back == nullptr) return "there is no way back";
  return why_way_back_waits(state, deliberation.readings(), *way_back, deliberation.now())
      .value_or(fmt::format("{} has not begun", way_back->id));
}

bool notice_deadline(Deliberation& deliberation, const GroupName& name) {
  const OpenDrill drill = *deliberation.state().groups.at(name).drill;
  if (drill.overdue || deliberation.now() < drill.deadline) return false;
  deliberation.propose(DrillOverdue{name, drill.run, why_not_back(deliberation, name, drill)});
  return true;
}

// As long as the drill is open and no person stopped the way back, there is one.
bool keep_way_back(Deliberation& deliberation, const GroupName& name) {
  const State& state = deliberation.state();
  const OpenDrill drill = *state.groups.at(name).drill;
  if (drill.left_open || state.open_run(name) != nullptr ||
      waiting_way_back(state, name, drill) != nullptr) {
    return false;
  }
  const Proposal proposal{name, Move::switchover, drill.site, drill.home, Trigger::manual, RunId()};
  Result<Plan> plan = plan_move(state, name, proposal.move, proposal.source, proposal.target);
  if (!plan) return false;
  const Run* there = find_run(state, drill.run);
  const bool is_first = there != nullptr && there->id == state.groups.at(name).last_run;
  const Instant at =
      is_first ? drill.back_at : std::max(drill.back_at, deliberation.now() + kNextWayBack);
  RunOpened opened =
      run_of_plan(deliberation, *std::move(plan), proposal,
                  ask_gates(state, deliberation.readings(), proposal, deliberation.now()));
  opened.wait = RunWait{WaitFor::moment, at, false};
  opened.way_back_of = drill.run;
  if (there != nullptr) opened.ticket = there->ticket;
  deliberation.propose(std::move(opened), there == nullptr ? kAutomation : there->actor,
                       fmt::format("the way back of {}", drill.run));
  return true;
}

}  // namespace

bool advance_drill(Deliberation& deliberation, const GroupName& name) {
  const State& state = deliberation.state();
  const GroupStatus& status = state.groups.at(name);
  if (!status.drill) return state.open_run(name) == nullptr && begin_drill(deliberation, name);
  const bool moved = status.active != status.drill->site && state.open_run(name) == nullptr;
  if (moved) return end_drill(deliberation, name);
  return notice_deadline(deliberation, name) || keep_way_back(deliberation, name);
}

std::optional<Answer> refuse_drill(const State& state, const StartMove& move, Instant now) {
  const std::string form =
      fmt::format("bascule drill {} --back-after 30m [--deadline 2h] --reason TEXT", move.group);
  if (move.move != Move::drill) {
    if (!move.back_after && !move.deadline) return std::nullopt;
    return refuse(ErrorCode::invalid, "only a drill has a way back", form);
  }
  const auto status = state.groups.find(move.group);
  if (status != state.groups.end() && status->second.drill) {
    return refuse(ErrorCode::invalid,
                  fmt::format("a drill of {} is open: {}", move.group,
                              drill_sentence(state, move.group, now)),
                  fmt::format("bascule switchover {} --to {} --reason TEXT", move.group,
                              status->second.drill->home));
  }
  if (!move.back_after) {
    return refuse(ErrorCode::invalid, "a drill says when its way back begins", form);
  }
  const Duration deadline = move.deadline.value_or(kDeadlineByDefault * *move.back_after);
  if (*move.back_after < Duration(0) || *move.back_after > kLongest || deadline > 12 * kLongest) {
    return refuse(ErrorCode::invalid, "the way back of a drill begins within 30 days", form);
  }
  if (deadline <= *move.back_after) {
    return refuse(ErrorCode::invalid,
                  fmt::format("the deadline, {}, is not after the way back, {}",
                              to_string(deadline), to_string(*move.back_after)),
                  form);
  }
  return std::nullopt;
}

std::optional<std::string> why_way_back_waits(const State& state, const Readings& readings,
                                              const Run& way_back, Instant now) {
  const GroupName& group = way_back.plan.group;
  const Proposal proposal{
      group,  way_back.plan.move, way_back.plan.source, way_back.plan.target, way_back.trigger,
      RunId()};
  if (automation_is_held(state, group, now)) {
    return ask_gate(GateName::mode, state, readings, proposal, now).because;
  }
  const std::vector<GateAnswer> gates = ask_gates(state, readings, proposal, now);
  const GateAnswer* refusal = refusal_to_person(gates, way_back.overrides);
  if (refusal == nullptr) return std::nullopt;
  return fmt::format("{} forbids it: {}", to_string(refusal->name), refusal->because);
}

std::string drill_sentence(const State& state, const GroupName& group, Instant now) {
  const auto status = state.groups.find(group);
  if (status == state.groups.end() || !status->second.drill) return "";
  const OpenDrill& drill = *status->second.drill;
  std::string text = fmt::format("drill at {} since {}", drill.site, span_text(now - drill.since));
  const Run* way_back = waiting_way_back(state, group, drill);
  if (drill.left_open) {
    text += fmt::format(": its way back to {} was stopped by a person", drill.home);
  } else if (way_back != nullptr && now < way_back->wait->until) {
    text += fmt::format(": back to {} in {} ({})", drill.home,
                        span_text(way_back->wait->until - now), way_back->id);
  } else if (way_back != nullptr) {
    text += fmt::format(": {} waits to go back to {}", way_back->id, drill.home);
  }
  return text + (now < drill.deadline
                     ? fmt::format(", deadline in {}", span_text(drill.deadline - now))
                     : fmt::format(", deadline passed {}", ago(drill.deadline, now)));
}

std::string last_drill_sentence(const GroupStatus& status, Instant now) {
  std::string text;
  if (status.last_good_drill_at) {
    text = fmt::format("last good drill {}", ago(*status.last_good_drill_at, now));
  }
  if (!status.last_drill || status.last_drill->succeeded) return text;
  const std::string failed =
      fmt::format("the last drill failed {}: {}", ago(status.last_drill->ended_at, now),
                  status.last_drill->because);
  return text.empty() ? failed : fmt::format("{}; {}", failed, text);
}

std::optional<Instant> next_drill_deadline(const State& state) {
  std::optional<Instant> next;
  for (const auto& [name, status] : state.groups) {
    if (!status.drill || status.drill->overdue) continue;
    next = std::min(next.value_or(status.drill->deadline), status.drill->deadline);
  }
  return next;
}

}  // namespace bascule::engine
