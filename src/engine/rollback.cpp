// Taking a run back, before its point of no return: what it did is reverted in reverse order, one
// step at a time. The source is active again before its fence is lifted. The claim is taken back
// before that, by writing the generation after it: a late write is refused, and where somebody else
// has claimed meanwhile the fence stays, for another site may be active by now.
#include <algorithm>

#include "engine/obligations.h"
#include "engine/runs.h"
#include "engine/steps.h"
#include "engine/superseding.h"

namespace bascule::engine {
namespace {

const Run& run_of(const Deliberation& deliberation, const RunId& id) {
  return deliberation.state().runs.at(id);
}

// A step that could not be taken back. Where its effect is certain a person has to act; where it
// may never have happened the rest is taken back all the same.
void give_up_reverting(Deliberation& deliberation, const RunId& id, const Step& step,
                       const std::string& because) {
  const StepId step_id = step.id;
  const bool matters = took_effect(progress_of(run_of(deliberation, id).execution, step_id));
  deliberation.propose(StepReverted{id, step_id, false, because});
  if (matters) {
    park_run(deliberation, id, fmt::format("{} cannot be taken back: {}", step_id, because));
  }
}

bool return_to_source(Deliberation& deliberation, const RunId& id, const Step* next) {
  const Run& run = run_of(deliberation, id);
  const bool traffic_is_back = next == nullptr || next->phase <= Phase::fence;
  if (!run.activated_at || !traffic_is_back) return false;
  deliberation.propose(
      ActiveSiteChanged{run.plan.group, run.plan.source, id, fmt::format("{} is taken back", id)});
  return true;
}

void end_rolled_back(Deliberation& deliberation, const RunId& id) {
  const Run run = run_of(deliberation, id);
  const bool began = std::ranges::any_of(run.execution.progress, [](const auto& entry) {
    return entry.second.attempts > 0 || entry.second.taken_over;
  });
  if (run.forward_only) owe_standby_of_target(deliberation, run);
  deliberation.propose(RunEnded{id, began ? RunState::rolled_back : RunState::aborted,
                                run.rollback_because, std::nullopt, std::nullopt});
  if (run.generation > 0) {
    end_front_door_obligations(deliberation, run.plan.group, fmt::format("{} has claimed it", id),
                               id);
  }
}

}  // namespace

void begin_rollback(Deliberation& deliberation, const RunId& id, const std::string& because,
                    const std::string& actor, const std::string& reason) {
  deliberation.propose(RollbackBegun{id, because}, actor, reason);
  end_fence_obligations_of_run(deliberation, id, fmt::format("{} is taken back", id));
}

bool advance_rollback(Deliberation& deliberation, const RunId& id) {
  const Run& run = run_of(deliberation, id);
  const Step* next = next_to_revert(run);
  if (return_to_source(deliberation, id, next)) return true;
  if (next == nullptr) {
    end_rolled_back(deliberation, id);
    return true;
  }
  if (deliberation.now() < revert_deadline(deliberation.state(), run, *next)) return false;
  give_up_reverting(deliberation, id, *next, "no success in time");
  return true;
}

void take_revert_result(Deliberation& deliberation, const StepFinished& finished) {
  const auto found = deliberation.state().runs.find(finished.run);
  if (found == deliberation.state().runs.end()) return;
  const Run& run = found->second;
  const Step* next = next_to_revert(run);
  const bool is_expected = run.state == RunState::running && run.rolling_back && next != nullptr &&
                           next->id == finished.step;
  if (!is_expected) return;
  if (finished.result) {
    deliberation.propose(StepReverted{finished.run, finished.step, true, ""});
    return;
  }
  const Error& error = finished.result.error();
  switch (error.code) {
    case ErrorCode::superseded:
      deliberation.propose(StepReverted{finished.run, finished.step, false, error.message});
      park_superseded(deliberation, finished.run, error.message);
      return;
    case ErrorCode::denied:
    case ErrorCode::invalid:
    case ErrorCode::not_found:
    case ErrorCode::corrupt:
      give_up_reverting(deliberation, finished.run, *next, error.message);
      return;
    default:
      return;  // made again, until its deadline
  }
}

}  // namespace bascule::engine
