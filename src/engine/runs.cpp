#include "engine/runs.h"

#include <algorithm>
#include <utility>

#include "engine/front_door.h"
#include "engine/gates/gate.h"
#include "engine/lookups.h"
#include "engine/obligations.h"
#include "engine/steps.h"
#include "engine/superseding.h"
#include "engine/waiting.h"
#include "engine/watch.h"

namespace bascule::engine {
namespace {

const Run& run_of(const Deliberation& deliberation, const RunId& id) {
  return deliberation.state().runs.at(id);
}

std::string what_is_needed(const State& state, const Run& run) {
  return fmt::format("needs {}", to_string(required_rung(state, run)));
}

// What was tried and how it failed, for the sentence that a parked run shows.
std::string failed_fences(const Run& run) {
  std::string text;
  for (const Step& step : run.execution.steps) {
    const StepProgress& progress = progress_of(run.execution, step.id);
    if (step.phase != Phase::fence || progress.state != StepState::failed) continue;
    text += fmt::format("; {} ended with \"{}\"", step.id, progress.because);
  }
  return text;
}

// The rung is reached: whatever other way to stop the source is under way is not needed any more.
bool skip_unneeded_fences(Deliberation& deliberation, const RunId& id) {
  const Run& run = run_of(deliberation, id);
  if (!fence_holds(deliberation.state(), run)) return false;
  const std::string because =
      fmt::format("{} is reached", to_string(reached_rung(deliberation.state(), run)));
  std::vector<StepId> unfinished;
  for (const Step& step : run.execution.steps) {
    const bool ended = has_ended(progress_of(run.execution, step.id));
    if (step.phase == Phase::fence && !ended) unfinished.push_back(step.id);
  }
  for (const StepId& step : unfinished) {
    deliberation.propose(StepEnded{id, step, StepState::skipped, {}, because, {}});
  }
  return !unfinished.empty();
}

// A fence step behind one that failed will never begin.
bool skip_fences_behind_failures(Deliberation& deliberation, const RunId& id) {
  const Run& run = run_of(deliberation, id);
  for (const Step& step : run.execution.steps) {
    if (step.phase != Phase::fence || has_ended(progress_of(run.execution, step.id))) continue;
    for (const StepId& needed : step.needs) {
      const StepProgress& progress = progress_of(run.execution, needed);
      const Step* before = find_step(run.execution, needed);
      if (before == nullptr || !has_ended(progress) || ended_well(*before, progress)) continue;
      const std::string because = fmt::format("{} failed", needed);
      deliberation.propose(StepEnded{id, step.id, StepState::skipped, {}, because, {}});
      return true;
    }
  }
  return false;
}

void owe_fence(Deliberation& deliberation, const RunId& id, const std::string& because) {
  const Run& run = run_of(deliberation, id);
  std::vector<Step> steps;
  for (const Step& step : run.execution.steps) {
    if (step.phase == Phase::fence) steps.push_back(step);
  }
  if (steps.empty()) return;
  open_obligation(deliberation, ObligationKind::fence, run.plan.group, run.plan.source, id, because,
                  std::move(steps));
}

bool owes_fence(const State& state, const RunId& id) {
  return std::ranges::any_of(state.obligations, [&](const auto& entry) {
    return entry.second.run == id && entry.second.kind == ObligationKind::fence;
  });
}

// The run itself was the first try.
void wait_before_next_fence(Deliberation& deliberation, const RunId& run,
                            const std::string& because) {
  RunId owed;
  for (const auto& [id, obligation] : deliberation.state().obligations) {
    const bool is_it = obligation.run == run && obligation.kind == ObligationKind::fence;
    if (is_it) owed = id;
  }
  if (!owed.empty()) retry_obligation(deliberation, owed, because);
}

// Every way to stop the source has been tried and gate 9 does not hold: refuse by parking, or
// proceed and owe the fence.
bool meet_missing_fence(Deliberation& deliberation, const RunId& id) {
  const Run& run = run_of(deliberation, id);
  const State& state = deliberation.state();
  const bool claimed = std::ranges::all_of(run.execution.steps, [&](const Step& step) {
    return step.phase != Phase::claim || ended_well(step, progress_of(run.execution, step.id));
  });
  const bool undecided = claimed && all_ended(run.execution, Phase::fence) && !run.activated_at &&
                         !run.past_no_return && !fence_holds(state, run);
  if (!undecided) return false;
  const std::string source = run.plan.source.text();
  if (fence_may_be_passed(state, run)) {
    if (owes_fence(state, id)) return false;
    const std::size_t before = deliberation.proposed();
    const std::string because = fmt::format("two writers are possible until {} is fenced", source);
    const std::string failures = what_is_needed(state, run) + failed_fences(run);
    owe_fence(deliberation, id, because);
    wait_before_next_fence(deliberation, id, failures);
    return deliberation.proposed() != before;
  }
  const std::string because = fmt::format("{} cannot be fenced: {}{}", source,
                                          what_is_needed(state, run), failed_fences(run));
  if (!owes_fence(state, id)) {
    owe_fence(deliberation, id, fmt::format("{} waits for it", id));
    wait_before_next_fence(deliberation, id, because);
  }
  park_run(deliberation, id, because);
  return true;
}

// A step has failed and matters: what `on_failure` says, which after the point of no return can
// only be to stop. Fence steps leave it to gate 9, unless going back is what they ask for.
bool meet_failed_step(Deliberation& deliberation, const RunId& id) {
  const Run& run = run_of(deliberation, id);
  const State& state = deliberation.state();
  for (const Step& step : run.execution.steps) {
    const StepProgress& progress = progress_of(run.execution, step.id);
    if (progress.state != StepState::failed) continue;
    if (progress.code == ErrorCode::superseded) {
      park_superseded(deliberation, id, progress.because);
      return true;
    }
    const bool goes_back = step.on_failure == OnFailure::rollback && may_go_back(state, run);
    const bool matters = step.phase == Phase::fence ? goes_back
                                                    : step.on_failure == OnFailure::rollback ||
                                                          step.on_failure == OnFailure::park;
    if (!matters) continue;
    const std::string because = fmt::format("{} failed: {}", step.id, progress.because);
    if (goes_back) {
      begin_rollback(deliberation, id, because);
    } else {
      park_run(deliberation, id, because);
    }
    return true;
  }
  return false;
}

// Steering follows this record: it stands after the last activate step, before the front door.
bool announce_active_site(Deliberation& deliberation, const RunId& id) {
  const Run& run = run_of(deliberation, id);
  if (run.activated_at) return false;
  const bool ready = std::ranges::all_of(run.execution.steps, [&](const Step& step) {
    const StepProgress& progress = progress_of(run.execution, step.id);
    if (step.phase > Phase::activate) return true;
    return step.phase == Phase::fence ? has_ended(progress) : ended_well(step, progress);
  });
  const State& state = deliberation.state();
  const bool fenced =
      run.past_no_return || fence_holds(state, run) || fence_may_be_passed(state, run);
  if (!ready || !fenced) return false;
  deliberation.propose(
      ActiveSiteChanged{run.plan.group, run.plan.target, id,
                        fmt::format("{} from {}", to_string(run.plan.move), run.plan.source)});
  return true;
}

// What the last look found about one step.
enum class Holds : std::uint8_t { yes, no, not_known };

Holds still_holds(const Deliberation& deliberation, const Run& run, const Step& step) {
  const Instant since = final_look_since(deliberation.state(), run);
  const InspectionReading* reading = fresh_inspection(deliberation, run.id, step.id, since);
  if (reading == nullptr || reading->error) return Holds::not_known;
  return reading->inspection->finding == Finding::done ? Holds::yes : Holds::no;
}

bool final_look_is_over(const Deliberation& deliberation, const Run& run) {
  const State& state = deliberation.state();
  if (deliberation.now() >= final_look_deadline(state, run)) return true;
  const Instant since = final_look_since(state, run);
  return std::ranges::all_of(steps_of_final_look(run), [&](const Step* step) {
    const InspectionReading* reading = fresh_inspection(deliberation, run.id, step->id, since);
    // A fence is not asked twice: no answer is an answer.
    return reading != nullptr && (reading->inspection || step->phase == Phase::fence);
  });
}

// The rung that was reached, less what the last look found undone.
Rung rung_at_the_end(const Deliberation& deliberation, const Run& run) {
  const GroupStatus& group = deliberation.state().groups.at(run.plan.group);
  if (group.attested.contains(run.plan.source)) return Rung::attested;
  Rung rung = Rung::none;
  for (const Step* step : steps_of_final_look(run)) {
    if (step->phase != Phase::fence) continue;
    if (still_holds(deliberation, run, *step) != Holds::no) rung = std::max(rung, step->rung);
  }
  return rung;
}

// The run has done what it planned: what is left undone is owed from now on.
bool end_done(Deliberation& deliberation, const RunId& id) {
  const Run& run = run_of(deliberation, id);
  const bool ended =
      run.activated_at && std::ranges::all_of(run.execution.steps, [&](const Step& step) {
        const StepProgress& progress = progress_of(run.execution, step.id);
        return step.phase == Phase::fence ? has_ended(progress) : ended_well(step, progress);
      });
  if (!ended) return false;
  if (!final_look_is_over(deliberation, run)) return false;
  for (const Step* step : steps_of_final_look(run)) {
    const InspectionReading* reading =
        fresh_inspection(deliberation, id, step->id, final_look_since(deliberation.state(), run));
    if (reading == nullptr || !reading->error) continue;
    if (reading->error->code != ErrorCode::superseded) continue;
    park_superseded(deliberation, id, reading->error->message);
    return true;
  }
  const Run ending = run;
  const bool fence_is_owed =
      rung_at_the_end(deliberation, ending) < required_rung(deliberation.state(), ending);
  std::optional<Step> lost_switch;
  for (const Step* step : steps_of_final_look(ending)) {
    const bool lost = still_holds(deliberation, ending, *step) == Holds::no;
    if (lost && step->operation == "switch") lost_switch = *step;
  }
  // What is owed stands in the journal before the run has ended: nothing is forgotten in between.
  if (fence_is_owed && !owes_fence(deliberation.state(), id)) {
    owe_fence(deliberation, id,
              fmt::format("two writers are possible until {} is fenced", ending.plan.source));
  }
  owe_after_run(deliberation, ending, lost_switch);
  const Outage outage = outage_of(ending);
  deliberation.propose(RunEnded{id, RunState::done, fmt::format("{} is active", ending.plan.target),
                                outage.began_at, outage.ended_at});
  return true;
}

// A run that was interrupted goes on once the front door shows that its claim still holds.
bool waits_for_front_door(Deliberation& deliberation, const RunId& id) {
  const Work work = *find_work(deliberation.state(), id);
  if (sight_of_front_door(deliberation, work) == FrontDoorSight::seen) return false;
  if (deliberation.now() < front_door_deadline(deliberation.state(), work)) return true;
  park_run(deliberation, id, why_unreadable(deliberation, work.group));
  return true;
}

bool advance_forward(Deliberation& deliberation, const RunId& id) {
  const std::size_t before = deliberation.proposed();
  if (waits_for_front_door(deliberation, id)) return deliberation.proposed() != before;
  if (meet_failed_step(deliberation, id)) return true;
  if (skip_unneeded_fences(deliberation, id)) return true;
  if (skip_fences_behind_failures(deliberation, id)) return true;
  if (meet_missing_fence(deliberation, id)) return true;
  if (announce_active_site(deliberation, id)) return true;
  const std::vector<Step> steps = run_of(deliberation, id).execution.steps;
  for (const Step& step : steps) {
    if (advance_step(deliberation, id, step.id)) return true;
  }
  return end_done(deliberation, id);
}

// A run that waits for its fence goes on by itself once gate 9 holds. One that automation began is
// taken back when its source is well again before: it has taken writes all the time, perhaps, and
// what was known of the loss is not true any more.
bool go_on_when_fenced(Deliberation& deliberation, const RunId& id) {
  const Run& run = run_of(deliberation, id);
  const State& state = deliberation.state();
  if (!run.parked_at_fence || is_taken(state.groups.at(run.plan.group))) return false;
  const GroupSpec& group = *state.configuration.find_group(run.plan.group);
  const bool holds = fence_holds(state, run);
  if (!holds && run.trigger == Trigger::automatic && !is_planned(run.plan.move) &&
      has_recovered(state, group, run.plan.source)) {
    begin_rollback(deliberation, id,
                   fmt::format("{} is well again before it could be fenced", run.plan.source));
    return true;
  }
  if (!holds) return false;
  const std::string reason =
      fmt::format("{} is {}", run.plan.source, to_string(reached_rung(deliberation.state(), run)));
  resume_run(deliberation, RunResumed{id, StepId(), ""}, kAutomation, reason);
  return true;
}

}  // namespace

Outage outage_of(const Run& run) {
  Outage outage;
  outage.began_at = run.first_sign_at ? run.first_sign_at : run.first_failed_at;
  std::optional<Instant> fenced_at, switched_at, verified_at;
  for (const Step& step : run.execution.steps) {
    const StepProgress& progress = progress_of(run.execution, step.id);
    if (step.phase == Phase::fence && progress.started_at) {
      fenced_at = fenced_at ? std::min(*fenced_at, *progress.started_at) : *progress.started_at;
    }
    const bool good = progress.state == StepState::done || progress.state == StepState::unchanged;
    if (!good || !progress.ended_at) continue;
    if (step.operation == "switch") switched_at = progress.ended_at;
    if (step.phase == Phase::verify) verified_at = progress.ended_at;
  }
  if (!outage.began_at) outage.began_at = fenced_at;
  outage.ended_at = switched_at ? switched_at : verified_at ? verified_at : run.activated_at;
  if (!outage.began_at) outage.ended_at.reset();
  return outage;
}

bool advance_run(Deliberation& deliberation, const RunId& id) {
  const Run& run = run_of(deliberation, id);
  switch (run.state) {
    case RunState::waiting:
      return advance_waiting(deliberation, id);
    case RunState::parked:
      return run.superseded_by.empty() ? go_on_when_fenced(deliberation, id)
                                       : end_superseded(deliberation, id);
    case RunState::running:
      return run.rolling_back ? advance_rollback(deliberation, id)
                              : advance_forward(deliberation, id);
    case RunState::done:
    case RunState::rolled_back:
    case RunState::aborted:
      return false;
  }
  return false;
}

void park_run(Deliberation& deliberation, const RunId& id, const std::string& because) {
  deliberation.propose(RunParked{id, because});
}

void resume_run(Deliberation& deliberation, const RunResumed& resumed, const std::string& actor,
                const std::string& reason) {
  deliberation.propose(resumed, actor, reason);
  end_fence_obligations_of_run(deliberation, resumed.run,
                               fmt::format("{} goes on with it", resumed.run));
}

}  // namespace bascule::engine
