#include "engine/execution.h"

#include <algorithm>

#include "base/assert.h"
#include "engine/gates/gate.h"
#include "engine/plan/planner.h"

namespace bascule::engine {
namespace {

const StepProgress kNothingYet;
constexpr Duration kLongestObligationWait{60'000};

std::string without_digits(std::string text) {
  std::erase_if(text, [](char c) { return c >= '0' && c <= '9'; });
  return text;
}

Duration doubling(Duration first, Duration longest, std::int64_t attempts) {
  Duration wait = first;
  for (std::int64_t i = 1; i < attempts && wait < longest; ++i) wait *= 2;
  return std::min(wait, longest);
}

bool is_gentler_fence(const Step& fence, const Step& than) {
  return fence.phase == Phase::fence && than.phase == Phase::fence && fence.rung < Rung::cut &&
         than.rung >= Rung::cut;
}

bool goes_before(const Work& work, const Step& earlier, const Step& later) {
  return earlier.phase < later.phase ||
         std::ranges::find(later.needs, earlier.id) != later.needs.end() ||
         (work.obligation != nullptr && is_gentler_fence(earlier, later));
}

Instant ready_since(const State& state, const Work& work, const Step& step) {
  Instant since = went_on_at(state, work);
  for (const Step& other : work.execution->steps) {
    const StepProgress& progress = progress_of(*work.execution, other.id);
    if (goes_before(work, other, step) && progress.ended_at) {
      since = std::max(since, *progress.ended_at);
    }
  }
  return since;
}

// The phases of a run open one after the other; the fence by the answer of gate 9.
bool phase_is_open(const State& state, const Work& work, const Step& step) {
  // A site that could not be sealed is not rebuilt: it would be written to meanwhile.
  const bool of_standby =
      work.obligation != nullptr && work.obligation->kind == ObligationKind::standby;
  for (const Step& other : work.execution->steps) {
    const StepProgress& progress = progress_of(*work.execution, other.id);
    if (other.phase >= step.phase) continue;
    const bool by_gate = other.phase == Phase::fence;
    if (of_standby && progress.state == StepState::failed) return false;
    if (by_gate ? !has_ended(progress) : !ended_well(other, progress)) return false;
  }
  if (work.run == nullptr || step.phase <= Phase::fence) return true;
  const Run& run = *work.run;
  if (step.phase > Phase::activate && !run.activated_at) return false;
  return run.activated_at || run.past_no_return || fence_holds(state, run) ||
         fence_may_be_passed(state, run);
}

// Outside of a run the hard ways to stop a site come only after the gentle ones have failed: a site
// that comes back is sealed, and cut only if that fails.
bool waits_for_gentler_fence(const State& state, const Work& work, const Step& step) {
  if (work.obligation == nullptr || step.phase != Phase::fence || step.rung < Rung::cut) {
    return false;
  }
  const auto run = state.runs.find(work.obligation->run);
  if (run != state.runs.end() && !run->second.ended_at) return false;
  return std::ranges::any_of(work.execution->steps, [&](const Step& other) {
    return is_gentler_fence(other, step) && !has_ended(progress_of(*work.execution, other.id));
  });
}

bool may_begin(const State& state, const Work& work, const Step& step) {
  for (const StepId& id : step.needs) {
    const Step* needed = find_step(*work.execution, id);
    if (needed != nullptr && !ended_well(*needed, progress_of(*work.execution, id))) return false;
  }
  return phase_is_open(state, work, step) && !waits_for_gentler_fence(state, work, step);
}

bool certainly_not_applied(const StepProgress& progress) {
  if (took_effect(progress) || !progress.code) return false;
  return *progress.code == ErrorCode::conflict || *progress.code == ErrorCode::denied ||
         *progress.code == ErrorCode::invalid || *progress.code == ErrorCode::not_found;
}

}  // namespace

Instant went_on_at(const State& state, const Work& work) {
  Instant moment = std::max(state.term_began_at, work.execution->began_at);
  if (work.execution->went_on_at) moment = std::max(moment, *work.execution->went_on_at);
  if (work.obligation == nullptr) return moment;
  const auto group = state.groups.find(work.group);
  if (group == state.groups.end()) return moment;
  const auto run = state.runs.find(group->second.last_run);
  if (run == state.runs.end() || !run->second.ended_at) return moment;
  return std::max(moment, *run->second.ended_at);
}

std::optional<Work> find_work(const State& state, const RunId& id) {
  if (const auto run = state.runs.find(id); run != state.runs.end()) {
    return Work{id, run->second.plan.group, &run->second.execution, &run->second, nullptr};
  }
  if (const auto owed = state.obligations.find(id); owed != state.obligations.end()) {
    return Work{id, owed->second.group, &owed->second.execution, nullptr, &owed->second};
  }
  return std::nullopt;
}

Execution* find_execution(State& state, const RunId& id) {
  if (const auto run = state.runs.find(id); run != state.runs.end()) return &run->second.execution;
  const auto owed = state.obligations.find(id);
  return owed == state.obligations.end() ? nullptr : &owed->second.execution;
}

const Step* find_step(const Execution& execution, const StepId& id) {
  const auto found = std::ranges::find(execution.steps, id, &Step::id);
  return found == execution.steps.end() ? nullptr : &*found;
}

const StepProgress& progress_of(const Execution& execution, const StepId& id) {
  const auto found = execution.progress.find(id);
  return found == execution.progress.end() ? kNothingYet : found->second;
}

bool has_ended(const StepProgress& progress) {
  switch (progress.state) {
    case StepState::waiting:
    case StepState::started:
    case StepState::applied:
      return false;
    case StepState::done:
    case StepState::unchanged:
    case StepState::skipped:
    case StepState::failed:
    case StepState::reverted:
      return true;
  }
  return false;
}

bool ended_well(const Step& step, const StepProgress& progress) {
  if (progress.state == StepState::failed) return step.on_failure == OnFailure::continue_;
  return has_ended(progress) && progress.state != StepState::reverted;
}

bool all_ended(const Execution& execution, Phase phase) {
  return std::ranges::all_of(execution.steps, [&](const Step& step) {
    return step.phase != phase || has_ended(progress_of(execution, step.id));
  });
}

bool nothing_begun_after_fence(const Run& run) {
  return std::ranges::all_of(run.execution.steps, [&](const Step& step) {
    return step.phase <= Phase::fence ||
           progress_of(run.execution, step.id).state == StepState::waiting;
  });
}

StepStage stage_of(const State& state, const Work& work, const Step& step) {
  const StepProgress& progress = progress_of(*work.execution, step.id);
  if (has_ended(progress)) return StepStage::ended;
  if (work.run != nullptr && (work.run->state != RunState::running || work.run->rolling_back)) {
    return StepStage::barred;
  }
  if (progress.state == StepState::applied) return StepStage::applied;
  if (progress.state == StepState::started) {
    const bool interrupted = progress.retry_at || progress.started_term != state.term ||
                             progress.attempt_at.value_or(Instant()) < went_on_at(state, work);
    return interrupted ? StepStage::resolving : StepStage::applying;
  }
  return may_begin(state, work, step) ? StepStage::ready : StepStage::barred;
}

Instant inspected_since(const State& state, const Work& work, const Step& step) {
  const StepProgress& progress = progress_of(*work.execution, step.id);
  if (progress.state == StepState::waiting) return ready_since(state, work, step);
  const Instant begun =
      std::max(progress.attempt_at.value_or(Instant()), progress.applied_at.value_or(Instant()));
  return std::max({went_on_at(state, work), begun, progress.retry_at.value_or(Instant())});
}

Instant deadline_of(const State& state, const Work& work, const Step& step) {
  const StepProgress& progress = progress_of(*work.execution, step.id);
  const Duration for_an_answer =
      step.phase == Phase::fence
          ? std::min(step.timeout, policy_of(state, work.group).fence.timeout)
          : step.timeout;
  const Instant went_on = went_on_at(state, work);
  switch (progress.state) {
    case StepState::waiting:
      return ready_since(state, work, step) + for_an_answer;
    case StepState::started:
      if (step.phase == Phase::fence) {
        return std::max(progress.attempt_at.value_or(went_on), went_on) + for_an_answer;
      }
      break;
    default:
      break;
  }
  Instant since = std::max(progress.started_at.value_or(went_on), went_on);
  // What is applied again and again under one announcement has its time from when that worked.
  const bool repeated =
      progress.unseen || (work.obligation != nullptr && is_standing(*work.obligation));
  if (repeated) since = std::max(since, progress.applied_at.value_or(since));
  return since + step.timeout;
}

bool is_always_applied(const Work& work, const Step& step) {
  if (writes_front_door(step)) return true;
  const bool of_standby =
      work.obligation != nullptr && work.obligation->kind == ObligationKind::standby;
  return step.phase == Phase::fence && !of_standby;
}

bool is_planned(Move move) {
  return move != Move::failover;
}

bool writes_front_door(const Step& step) {
  return !step.operation.empty();
}

Rung required_rung(const State& state, const Run& run) {
  return is_planned(run.plan.move) ? Rung::sealed : policy_of(state, run.plan.group).fence.at_least;
}

bool fence_holds(const State& state, const Run& run) {
  return reached_rung(state, run) >= required_rung(state, run);
}

bool fence_may_be_passed(const State& state, const Run& run) {
  if (std::ranges::find(run.overrides, to_string(GateName::fence)) != run.overrides.end()) {
    return true;
  }
  return !is_planned(run.plan.move) && policy_of(state, run.plan.group).fence.proceed_otherwise;
}

Rung proved_rung(const Execution& execution) {
  Rung proved = Rung::none;
  for (const Step& step : execution.steps) {
    const StepState state = progress_of(execution, step.id).state;
    const bool holds = state == StepState::done || state == StepState::unchanged;
    if (step.phase == Phase::fence && holds) proved = std::max(proved, step.rung);
  }
  return proved;
}

Rung required_rung(const State& state, const Obligation& obligation) {
  const auto run = state.runs.find(obligation.run);
  const bool open = run != state.runs.end() && !run->second.ended_at;
  const bool will_be_standby =
      find_obligation(state, obligation.group, obligation.site, ObligationKind::standby) != nullptr;
  if (!open && will_be_standby) return Rung::sealed;
  return run != state.runs.end() ? required_rung(state, run->second)
                                 : policy_of(state, obligation.group).fence.at_least;
}

bool may_go_back(const State& state, const Run& run) {
  if (run.past_no_return) return false;
  const auto group = state.groups.find(run.plan.group);
  return !run.forward_only ||
         (group != state.groups.end() && group->second.attested.contains(run.plan.target));
}

Instant approval_deadline(const State& state, const Run& run) {
  const Instant since = std::max(state.term_began_at, run.opened_at);
  return since + (run.wait->until - run.opened_at);
}

Instant look_deadline(const State& state, const Run& run) {
  constexpr Duration kPatience{10'000};
  return std::max(state.term_began_at, run.wait->until) + kPatience;
}

bool took_effect(const StepProgress& progress) {
  return progress.state == StepState::done || progress.applied_at.has_value();
}

const Step* next_to_revert(const Run& run) {
  const Step* fence = nullptr;
  for (auto step = run.execution.steps.rbegin(); step != run.execution.steps.rend(); ++step) {
    const StepProgress& progress = progress_of(run.execution, step->id);
    const bool begun = progress.attempts > 0 && progress.state != StepState::waiting;
    const bool touched = (begun || progress.taken_over) && progress.state != StepState::unchanged &&
                         progress.state != StepState::reverted;
    if (!touched || !step->reversible || progress.revert_failed ||
        certainly_not_applied(progress)) {
      continue;
    }
    if (step->phase != Phase::fence) return &*step;
    if (fence == nullptr) fence = &*step;
  }
  return fence;
}

Instant revert_deadline(const State& state, const Run& run, const Step& step) {
  Instant since = std::max(state.term_began_at, run.rollback_began_at.value_or(run.opened_at));
  if (run.execution.went_on_at) since = std::max(since, *run.execution.went_on_at);
  for (const auto& [id, progress] : run.execution.progress) {
    const bool tried = progress.state == StepState::reverted || progress.revert_failed;
    if (tried && progress.ended_at) since = std::max(since, *progress.ended_at);
  }
  if (took_effect(progress_of(run.execution, step.id))) return since + step.timeout;
  return since + std::min(step.timeout, policy_of(state, run.plan.group).fence.timeout);
}

std::vector<const Step*> steps_of_final_look(const Run& run) {
  std::vector<const Step*> steps;
  for (const Step& step : run.execution.steps) {
    const bool concerned = step.phase == Phase::fence || step.operation == "switch";
    const bool done = progress_of(run.execution, step.id).state == StepState::done;
    if (concerned && done) steps.push_back(&step);
  }
  return steps;
}

Instant final_look_since(const State& state, const Run& run) {
  Instant since = std::max(state.term_began_at, run.opened_at);
  if (run.execution.went_on_at) since = std::max(since, *run.execution.went_on_at);
  for (const auto& [id, progress] : run.execution.progress) {
    if (progress.ended_at) since = std::max(since, *progress.ended_at);
  }
  return since;
}

Instant final_look_deadline(const State& state, const Run& run) {
  constexpr Duration kLeast{5'000};
  return final_look_since(state, run) +
         std::max(kLeast, policy_of(state, run.plan.group).fence.timeout);
}

std::vector<const Step*> steps_of_last_look(const Work& work, const Step& step) {
  std::vector<const Step*> steps;
  if (work.run == nullptr || step.reversible || work.run->past_no_return) return steps;
  for (const Step& other : work.execution->steps) {
    const bool remains = progress_of(*work.execution, other.id).state == StepState::waiting;
    if (other.id != step.id && remains && render_late(*work.execution, other)) {
      steps.push_back(&other);
    }
  }
  return steps;
}

bool is_paused(const State& state, const Obligation& obligation, Instant now) {
  if (obligation.next_at && *obligation.next_at > now) return true;
  const auto group = state.groups.find(obligation.group);
  const bool taken = group != state.groups.end() && is_taken(group->second);
  if (taken && !obligation.takes_over) return true;
  return obligation.kind != ObligationKind::fence && state.open_run(obligation.group) != nullptr;
}

const Obligation* find_obligation(const State& state, const GroupName& group, const SiteName& site,
                                  ObligationKind kind) {
  for (const auto& [id, obligation] : state.obligations) {
    if (obligation.group == group && obligation.site == site && obligation.kind == kind) {
      return &obligation;
    }
  }
  return nullptr;
}

bool is_taken(const GroupStatus& status) {
  return status.drift && status.drift->kind == Drift::superseded;
}

bool owes_front_door(const State& state, const GroupName& group) {
  return std::ranges::any_of(state.obligations, [&](const auto& entry) {
    return entry.second.group == group && entry.second.kind == ObligationKind::front_door;
  });
}

bool is_standing(const Obligation& obligation) {
  return obligation_back_off(obligation.tries) >= kLongestObligationWait;
}

bool failed_alike(const Obligation& obligation, const Step& step, const std::string& because) {
  return without_digits(obligation.last_error)
      .contains(without_digits(fmt::format("{}: {}", step.id, because)));
}

bool is_exhausted(const State& state, const Work& work) {
  return std::ranges::all_of(work.execution->steps, [&](const Step& step) {
    const StepStage stage = stage_of(state, work, step);
    return stage == StepStage::ended || stage == StepStage::barred;
  });
}

bool rests(const State& state, const Work& work) {
  if (work.obligation == nullptr || work.obligation->kind != ObligationKind::fence ||
      !is_standing(*work.obligation) || !is_exhausted(state, work)) {
    return false;
  }
  return std::ranges::all_of(work.execution->steps, [&](const Step& step) {
    const StepProgress& progress = progress_of(*work.execution, step.id);
    if (progress.state != StepState::failed) return has_ended(progress);
    return !progress.started_at && failed_alike(*work.obligation, step, progress.because);
  });
}

Pace standing_pace(const State& state, const Work& work, const Step& step) {
  const bool is_fence = step.phase == Phase::fence;
  const Duration limit =
      is_fence ? std::min(step.timeout, policy_of(state, work.group).fence.timeout) : step.timeout;
  return Pace{kLongestObligationWait, limit, work.execution->began_at};
}

Pace unseen_pace(const StepProgress& progress) {
  // Made anew now and then, so that it is done by the configuration as it is then.
  constexpr Duration kLimit{60'000};
  constexpr Duration kBetween{20};
  return Pace{kBetween, kLimit, progress.attempt_at.value_or(Instant())};
}

Duration back_off(std::int64_t attempts) {
  return doubling(Duration(100), Duration(5'000), attempts);
}

Duration obligation_back_off(std::int64_t attempts) {
  return doubling(Duration(1'000), kLongestObligationWait, attempts);
}

const Policy& policy_of(const State& state, const GroupName& group) {
  const GroupSpec* spec = state.configuration.find_group(group);
  BASCULE_ASSERT(spec != nullptr, "a group with open work stays configured");
  return spec->policy;
}

}  // namespace bascule::engine
