#include "engine/superseding.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "engine/commands.h"
#include "engine/execution.h"
#include "engine/obligations.h"
#include "engine/plan/planner.h"

namespace bascule::engine {
namespace {

// It may have made its target active, whatever the journal says of how that went.
bool may_have_activated(const Run& run) {
  return run.forward_only || std::ranges::any_of(run.execution.steps, [&](const Step& step) {
           const StepProgress& progress = progress_of(run.execution, step.id);
           return step.phase == Phase::activate && (progress.attempts > 0 || progress.taken_over) &&
                  progress.state != StepState::reverted && progress.state != StepState::unchanged;
         });
}

// A fence step whose effect going back would take away, and which the other plan does not have.
const Step* fence_left_behind(const Run& parked, const Plan& instead) {
  for (const Step& step : parked.execution.steps) {
    const StepProgress& progress = progress_of(parked.execution, step.id);
    const bool touched =
        (progress.attempts > 0 || progress.taken_over) && progress.state != StepState::reverted;
    if (step.phase == Phase::fence && touched && instead.find(step.id) == nullptr) return &step;
  }
  return nullptr;
}

std::string attest_command(const GroupName& group, const SiteName& site) {
  return fmt::format("bascule attest {} --site {} --reason TEXT", group, site);
}

}  // namespace

void owe_standby_of_target(Deliberation& deliberation, const Run& ended) {
  const SiteName site = ended.plan.target;
  const State& state = deliberation.state();
  if (find_obligation(state, ended.plan.group, site, ObligationKind::standby) != nullptr) return;
  std::vector<Step> steps = standby_steps(state, ended.plan.group, site, ended.plan.source);
  if (steps.empty()) return;
  const std::string because =
      fmt::format("{} may have made {} active: it has to become a standby", ended.id, site);
  open_obligation(deliberation, ObligationKind::standby, ended.plan.group, site, ended.id, because,
                  std::move(steps));
}

std::optional<Obstacle> why_not_superseded(const State& state, const Run& parked,
                                           const Plan& instead) {
  const SiteName& before = parked.plan.target;
  const bool goes_there = instead.target == before || instead.source == before;
  const bool stopped = state.groups.at(parked.plan.group).attested.contains(before);
  if (may_have_activated(parked) && !goes_there && !stopped) {
    return Obstacle{
        fmt::format("{} may have made {} active, and two sites must never be", parked.id, before),
        attest_command(parked.plan.group, before)};
  }
  if (parked.activated_at || parked.plan.source != instead.source) return std::nullopt;
  if (const Step* step = fence_left_behind(parked, instead)) {
    return Obstacle{fmt::format("{} has fenced {} ({}), which a {} would not take back", parked.id,
                                parked.plan.source, step->id, to_string(instead.move)),
                    fmt::format("bascule abort {} --reason TEXT", parked.id)};
  }
  return std::nullopt;
}

std::optional<Answer> refuse_to_supersede(const State& state, const RunId& supersedes,
                                          const Plan& instead) {
  if (supersedes.empty()) return std::nullopt;
  const auto found = state.runs.find(supersedes);
  if (found == state.runs.end()) return refuse_unknown_run(state, supersedes);
  const Run& run = found->second;
  if (run.plan.group != instead.group) {
    return refuse(
        ErrorCode::invalid,
        fmt::format("{} is a run of {}, not of {}", run.id, run.plan.group, instead.group),
        "bascule runs");
  }
  if (run.ended_at || run.state == RunState::waiting) return std::nullopt;
  if (run.state != RunState::parked) {
    return refuse(ErrorCode::conflict,
                  fmt::format("{} is running: only a parked run is superseded", run.id),
                  fmt::format("bascule abort {} --reason TEXT", run.id));
  }
  const auto obstacle = why_not_superseded(state, run, instead);
  if (!obstacle) return std::nullopt;
  return refuse(ErrorCode::conflict, obstacle->because, obstacle->what_helps);
}

bool end_superseded(Deliberation& deliberation, const RunId& id) {
  const Run parked = deliberation.state().runs.at(id);
  const auto found = deliberation.state().runs.find(parked.superseded_by);
  if (parked.state != RunState::parked || found == deliberation.state().runs.end()) return false;
  const Plan instead = found->second.plan;
  const bool same_source = instead.source == parked.plan.source;
  if (same_source) {
    end_fence_obligations_of_run(deliberation, id,
                                 fmt::format("{} goes on with it", parked.superseded_by));
  }
  if (parked.activated_at) {
    owe_after_run(deliberation, parked, std::nullopt);
  } else if (may_have_activated(parked) && instead.target != parked.plan.target) {
    owe_standby_of_target(deliberation, parked);
  }
  deliberation.propose(RunEnded{id, RunState::aborted,
                                fmt::format("superseded by {}", parked.superseded_by), std::nullopt,
                                std::nullopt});
  return true;
}

}  // namespace bascule::engine
