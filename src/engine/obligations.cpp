#include "engine/obligations.h"

#include <algorithm>
#include <utility>

#include "engine/front_door.h"
#include "engine/lookups.h"
#include "engine/plan/planner.h"
#include "engine/runs.h"
#include "engine/steps.h"

namespace bascule::engine {
namespace {

const Obligation& obligation_of(const Deliberation& deliberation, const RunId& id) {
  return deliberation.state().obligations.at(id);
}

bool run_is_open(const State& state, const RunId& id) {
  const auto run = state.runs.find(id);
  return run != state.runs.end() && !run->second.ended_at;
}

// Why it is not owed any more, whatever its steps say.
std::optional<std::string> why_moot(const State& state, const Obligation& owed) {
  const GroupStatus& group = state.groups.at(owed.group);
  if (owed.kind == ObligationKind::front_door) return std::nullopt;
  if (group.active == owed.site && !run_is_open(state, owed.run)) {
    return fmt::format("{} is active", owed.site);
  }
  const auto run = state.runs.find(owed.run);
  if (owed.kind == ObligationKind::fence && run_is_open(state, owed.run)) {
    const Run& open = run->second;
    if (open.rolling_back) return fmt::format("{} is taken back", owed.run);
    const bool does_it_itself = open.state == RunState::running && !open.activated_at &&
                                !open.past_no_return && !fence_may_be_passed(state, open) &&
                                !all_ended(open.execution, Phase::fence);
    if (does_it_itself) return fmt::format("{} goes on with it", owed.run);
  }
  const auto attested = group.attested.find(owed.site);
  if (owed.kind == ObligationKind::fence && attested != group.attested.end()) {
    return fmt::format("{} is attested to be stopped", owed.site);
  }
  return std::nullopt;
}

// As soon as the site is stopped surely enough, the other ways to stop it are passed over.
bool skip_unneeded_fences(Deliberation& deliberation, const RunId& id) {
  const Obligation& owed = obligation_of(deliberation, id);
  if (owed.kind != ObligationKind::fence) return false;
  const Rung proved = proved_rung(owed.execution);
  if (proved < required_rung(deliberation.state(), owed)) return false;
  for (const Step& step : owed.execution.steps) {
    if (has_ended(progress_of(owed.execution, step.id))) continue;
    const std::string because = fmt::format("{} is reached", to_string(proved));
    deliberation.propose(StepEnded{id, step.id, StepState::skipped, {}, because, {}});
    return true;
  }
  return false;
}

std::optional<std::int64_t> lost(const Execution& execution, const std::string& name) {
  for (const Step& step : execution.steps) {
    const StepProgress& progress = progress_of(execution, step.id);
    const auto found = progress.outputs.find(name);
    if (found != progress.outputs.end() && found->second.is_number_integer()) {
      return found->second.get<std::int64_t>();
    }
    // Measured by an earlier try, before the site was changed: that try did not come to its end.
    const bool measured_before = progress.prior.is_object() && progress.prior.contains(name);
    if (measured_before && progress.prior[name].is_number_integer()) {
      return progress.prior[name].get<std::int64_t>();
    }
  }
  return std::nullopt;
}

void end_standby(Deliberation& deliberation, const Obligation& owed) {
  const auto bytes = lost(owed.execution, "lost_bytes");
  const auto rows = lost(owed.execution, "lost_rows");
  // What another site had less than the new active one is nobody's loss.
  const auto run = deliberation.state().runs.find(owed.run);
  const bool was_source =
      run != deliberation.state().runs.end() && run->second.plan.source == owed.site;
  if (was_source && (bytes || rows)) {
    deliberation.propose(LossMeasured{owed.run, owed.site, bytes, rows});
  }
  const auto active = deliberation.state().groups.at(owed.group).active;
  const std::string because = fmt::format("{} is a standby of {} again", owed.site,
                                          active ? active->text() : std::string("no site"));
  // A site that streams from the active one cannot write: it owes no fence any more.
  while (const Obligation* fence =
             find_obligation(deliberation.state(), owed.group, owed.site, ObligationKind::fence)) {
    end_obligation(deliberation, fence->id, because);
  }
  end_obligation(deliberation, owed.id, because);
}

// Enough of the fence steps have done it; a run that waited for that hears which.
void end_fence(Deliberation& deliberation, const Obligation& owed) {
  const std::string because =
      fmt::format("{} is {}", owed.site, to_string(proved_rung(owed.execution)));
  const auto run = deliberation.state().runs.find(owed.run);
  const bool waited_for = run != deliberation.state().runs.end() && run->second.parked_at_fence;
  if (waited_for) {
    for (const Step& step : owed.execution.steps) {
      if (progress_of(owed.execution, step.id).state != StepState::done) continue;
      deliberation.propose(RunResumed{owed.run, step.id, "done"}, kAutomation,
                           fmt::format("{} has done it", owed.id));
    }
  }
  end_obligation(deliberation, owed.id, because);
}

// What was owed because it had drifted is as it should be: nobody has to read it again to know.
void end_front_door(Deliberation& deliberation, const Obligation& owed) {
  end_obligation(deliberation, owed.id, "done");
  const bool shows = std::ranges::any_of(
      owed.execution.steps, [](const Step& step) { return step.operation == "switch"; });
  if (!shows || !deliberation.state().groups.at(owed.group).drift) return;
  deliberation.propose(
      FrontDoorRestored{owed.group, fmt::format("{} has set it back to {}", owed.id, owed.site)});
}

// A returned site that writes and could not be sealed has to be cut, by a fence of its own: the
// standby that it should become has no step for that.
void cut_if_it_writes(Deliberation& deliberation, const Obligation& owed) {
  const State& state = deliberation.state();
  const auto& active = state.groups.at(owed.group).active;
  const bool fenced_already =
      find_obligation(state, owed.group, owed.site, ObligationKind::fence) != nullptr;
  const GroupSpec* group = state.configuration.find_group(owed.group);
  if (!active || fenced_already || group == nullptr ||
      !is_seen_writing(state, deliberation.readings(), *group, owed.site)) {
    return;
  }
  std::vector<Step> steps = fence_steps(state, owed.group, owed.site, *active);
  if (steps.empty()) return;
  open_obligation(deliberation, ObligationKind::fence, owed.group, owed.site, owed.run,
                  fmt::format("{} writes and could not be sealed", owed.site), std::move(steps));
}

std::string failures_of(const Execution& execution) {
  std::string failures;
  for (const Step& step : execution.steps) {
    const StepProgress& progress = progress_of(execution, step.id);
    if (progress.state != StepState::failed) continue;
    failures += fmt::format("{}{}: {}", failures.empty() ? "" : "; ", step.id, progress.because);
  }
  return failures;
}

// What a standing try hears of a step that it is done with, or is about to apply again: the same as
// before, or something that is worth another try at once.
bool hears_news(Deliberation& deliberation, const RunId& id) {
  const auto* inspected = std::get_if<StepInspected>(&deliberation.input());
  const Obligation& owed = obligation_of(deliberation, id);
  if (inspected == nullptr || inspected->run != id || !is_standing(owed)) return false;
  const Step* step = find_step(owed.execution, inspected->step);
  if (step == nullptr) return false;
  const StepProgress& progress = progress_of(owed.execution, step->id);
  const bool is_repeated = progress.state == StepState::started && step->phase != Phase::fence;
  if (!has_ended(progress) && !is_repeated) return false;
  // Brought forward by this very inspection already.
  if (progress.ended_at == deliberation.now()) return false;
  const auto& result = inspected->result;
  bool same = false;
  if (!result) {
    same = progress.state == StepState::failed && failed_alike(owed, *step, result.error().message);
  } else if (is_repeated) {
    same = result->finding == Finding::needed;
  } else {
    same = progress.state != StepState::failed && result->finding == Finding::done;
  }
  if (same) return false;
  deliberation.propose(
      ObligationRetried{id, fmt::format("{} {}", step->id, result ? "answers" : "fails otherwise"),
                        deliberation.now()});
  return true;
}

bool conclude(Deliberation& deliberation, const RunId& id) {
  const Work work = *find_work(deliberation.state(), id);
  if (!is_exhausted(deliberation.state(), work)) return false;
  const Obligation owed = obligation_of(deliberation, id);
  const std::string failures = failures_of(owed.execution);
  switch (owed.kind) {
    case ObligationKind::fence:
      if (proved_rung(owed.execution) >= required_rung(deliberation.state(), owed)) {
        end_fence(deliberation, owed);
        return true;
      }
      if (rests(deliberation.state(), work)) return false;
      break;
    case ObligationKind::standby:
      if (failures.empty()) {
        end_standby(deliberation, owed);
        return true;
      }
      cut_if_it_writes(deliberation, owed);
      break;
    case ObligationKind::front_door:
      end_front_door(deliberation, owed);
      return true;
  }
  retry_obligation(deliberation, id,
                   failures.empty() ? "its steps do not reach the rung" : failures);
  return true;
}

}  // namespace

bool may_fail_alone(const Obligation& obligation, const Step& step) {
  if (obligation.kind == ObligationKind::fence) return true;
  // Sealing a returned site failed although it answered: cutting it is the other way.
  return obligation.kind == ObligationKind::standby &&
         progress_of(obligation.execution, step.id).started_at.has_value();
}

void end_obligation(Deliberation& deliberation, const RunId& id, const std::string& because) {
  const Obligation& owed = obligation_of(deliberation, id);
  deliberation.propose(ObligationEnded{id, because, owed.group, owed.site, owed.kind});
}

bool advance_obligation(Deliberation& deliberation, const RunId& id) {
  const Obligation& owed = obligation_of(deliberation, id);
  if (const auto moot = why_moot(deliberation.state(), owed)) {
    end_obligation(deliberation, id, *moot);
    return true;
  }
  if (is_paused(deliberation.state(), owed, deliberation.now())) return false;
  switch (sight_of_front_door(deliberation, *find_work(deliberation.state(), id))) {
    case FrontDoorSight::seen:
      break;
    case FrontDoorSight::not_yet:
      return false;
    case FrontDoorSight::unreadable:
      retry_obligation(deliberation, id, why_unreadable(deliberation, owed.group));
      return true;
  }
  if (hears_news(deliberation, id)) return true;
  if (skip_unneeded_fences(deliberation, id)) return true;
  const std::vector<Step> steps = obligation_of(deliberation, id).execution.steps;
  for (const Step& step : steps) {
    if (advance_step(deliberation, id, step.id)) return true;
  }
  return conclude(deliberation, id);
}

void open_obligation(Deliberation& deliberation, ObligationKind kind, const GroupName& group,
                     const SiteName& site, const RunId& run, const std::string& because,
                     std::vector<Step> steps) {
  ObligationOpened opened;
  opened.group = group;
  opened.kind = kind;
  opened.site = site;
  opened.run = run;
  opened.because = because;
  opened.steps = std::move(steps);
  open_obligation(deliberation, std::move(opened));
}

void open_obligation(Deliberation& deliberation, ObligationOpened opened, std::string actor,
                     std::string reason) {
  opened.obligation = RunId(fmt::format("o-{:04}", deliberation.state().obligations_opened + 1));
  deliberation.propose(std::move(opened), std::move(actor), std::move(reason));
}

void retry_obligation(Deliberation& deliberation, const RunId& id, const std::string& because) {
  const std::int64_t tries = obligation_of(deliberation, id).tries;
  deliberation.propose(
      ObligationRetried{id, because, deliberation.now() + obligation_back_off(tries)});
}

void bring_forward(Deliberation& deliberation, const GroupName& group, const SiteName& site,
                   const std::string& because) {
  std::vector<RunId> waiting;
  for (const auto& [id, owed] : deliberation.state().obligations) {
    const bool waits = is_standing(owed) || (owed.next_at && *owed.next_at > deliberation.now());
    if (waits && owed.group == group && owed.site == site) waiting.push_back(id);
  }
  for (const RunId& id : waiting) {
    deliberation.propose(ObligationRetried{id, because, deliberation.now()});
  }
}

void owe_after_run(Deliberation& deliberation, const Run& ended,
                   const std::optional<Step>& lost_switch) {
  const GroupName& group = ended.plan.group;
  const SiteName& active = ended.plan.target;
  const bool lost_before =
      std::ranges::any_of(deliberation.state().obligations, [&](const auto& entry) {
        return entry.second.run == ended.id && entry.second.kind == ObligationKind::front_door;
      });
  end_front_door_obligations(deliberation, group, fmt::format("{} has claimed it", ended.id),
                             ended.id);
  if (lost_switch && !lost_before) {
    std::vector<Step> steps;
    if (auto claim = front_door_step(deliberation.state(), group, active, "claim")) {
      steps.push_back(*std::move(claim));
    }
    steps.push_back(*lost_switch);
    open_obligation(deliberation, ObligationKind::front_door, group, active, ended.id,
                    "the front door was changed back", std::move(steps));
  }
  const GroupSpec* spec = deliberation.state().configuration.find_group(group);
  if (spec == nullptr) return;
  const std::vector<SiteSpec> sites = spec->sites;
  for (const SiteSpec& site : sites) {
    // What a site owed to the site that was active before is computed anew for the one that is.
    const Obligation* before =
        find_obligation(deliberation.state(), group, site.name, ObligationKind::standby);
    if (before != nullptr && before->run == ended.id && site.name != active) continue;
    if (before != nullptr) {
      end_obligation(deliberation, before->id, fmt::format("{} is active now", active));
    }
    if (site.name == active || !site.can_be_standby || site.protect.empty()) continue;
    std::vector<Step> steps = standby_steps(deliberation.state(), group, site.name, active);
    if (steps.empty()) continue;
    open_obligation(deliberation, ObligationKind::standby, group, site.name, ended.id,
                    fmt::format("{} has to become a standby of {}", site.name, active),
                    std::move(steps));
  }
}

void end_fence_obligations_of_run(Deliberation& deliberation, const RunId& run,
                                  const std::string& because) {
  std::vector<RunId> owed;
  for (const auto& [id, obligation] : deliberation.state().obligations) {
    if (obligation.run == run && obligation.kind == ObligationKind::fence) owed.push_back(id);
  }
  for (const RunId& id : owed) end_obligation(deliberation, id, because);
}

void end_front_door_obligations(Deliberation& deliberation, const GroupName& group,
                                const std::string& because, const RunId& except) {
  std::vector<RunId> owed;
  for (const auto& [id, obligation] : deliberation.state().obligations) {
    const bool spared = !except.empty() && obligation.run == except;
    if (obligation.group == group && obligation.kind == ObligationKind::front_door && !spared) {
      owed.push_back(id);
    }
  }
  for (const RunId& id : owed) end_obligation(deliberation, id, because);
}

}  // namespace bascule::engine
