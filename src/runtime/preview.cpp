#include "runtime/preview.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "async/scope.h"
#include "model/template.h"

namespace bascule::runtime {
namespace {

// How long each step took in the past, newest first, by its identity in the plan.
std::optional<Duration> typical(const engine::State& state, const Step& step, std::size_t& runs) {
  std::vector<Duration> took;
  for (const auto& [id, run] : state.runs) {
    const auto found = run.execution.progress.find(step.id);
    if (run.state != RunState::done || found == run.execution.progress.end()) continue;
    const engine::StepProgress& progress = found->second;
    if (progress.started_at && progress.ended_at)
      took.push_back(*progress.ended_at - *progress.started_at);
  }
  runs = std::max(runs, took.size());
  if (took.empty()) return std::nullopt;
  std::ranges::nth_element(took, took.begin() + static_cast<std::ptrdiff_t>(took.size() / 2));
  return took[took.size() / 2];
}

void estimate(const engine::State& state, Preview& preview) {
  std::map<StepId, Duration> ends;
  std::map<StepId, StepId> slowest_before;
  Duration phase_begins{0};
  std::optional<StepId> phase_gate;
  Phase phase = Phase::claim;
  std::optional<StepId> last;
  bool any = false;
  for (const Step& step : preview.plan.steps) {
    if (step.phase == Phase::verify)
      break;  // clients are served again once the front door shows the target
    if (step.phase != phase) {
      phase = step.phase;
      phase_begins = last ? ends[*last] : Duration{0};
      phase_gate = last;
    }
    Duration begins = phase_begins;
    if (phase_gate) slowest_before[step.id] = *phase_gate;
    for (const StepId& need : step.needs) {
      if (ends[need] < begins) continue;
      begins = ends[need];
      slowest_before[step.id] = need;
    }
    const auto took = typical(state, step, preview.past_runs);
    any = any || took.has_value();
    ends[step.id] = begins + took.value_or(Duration{0});
    if (!last || ends[step.id] >= ends[*last]) last = step.id;
  }
  if (!any || !last) return;
  preview.outage = ends[*last];
  for (std::optional<StepId> at = last; at;) {
    preview.critical_path.insert(preview.critical_path.begin(), *at);
    const auto before = slowest_before.find(*at);
    at = before == slowest_before.end() ? std::nullopt : std::optional<StepId>(before->second);
  }
}

// Why one would, or would rather not: the check of the source that the group stands on.
std::string reason_for(const engine::State& state, const Plan& plan) {
  const GroupSpec* group = state.configuration.find_group(plan.group);
  for (const std::vector<std::string>& all_of : group->policy.failover_when) {
    for (const std::string& check : all_of) {
      const auto verdict =
          state.verdicts.find(CheckReference{plan.group, plan.source, CheckName(check)});
      if (verdict == state.verdicts.end()) continue;
      std::string what = fmt::format("an operator asks; {}/{} is {}", plan.source, check,
                                     to_string(verdict->second.health));
      const bool rather_planned =
          plan.move == Move::failover && verdict->second.health == Health::healthy;
      if (!rather_planned) return what;
      return fmt::format("{}: consider `bascule switchover {} --to {} --reason TEXT`", what,
                         plan.group, plan.target);
    }
  }
  return "an operator asks";
}

std::vector<std::string> owed_after(const engine::State& state, const Plan& plan) {
  std::vector<std::string> owed;
  for (const Step& step : engine::standby_steps(state, plan.group, plan.source, plan.target)) {
    if (step.phase != Phase::protect) continue;
    owed.push_back(fmt::format("{} {} as standby of {}", step.name, plan.source, plan.target));
  }
  return owed;
}

awaitable<void> inspect_into(StepRunner& runner, engine::Call call, Deadline deadline,
                             std::optional<Result<Inspection>>* place) {
  place->emplace(co_await runner.inspect(std::move(call), deadline));
}

}  // namespace

bool waits_for_outputs(const Step& step) {
  return std::ranges::any_of(settings_references(step.settings),
                             [](const std::string& path) { return path.starts_with("steps."); });
}

engine::Call inspection_of(const engine::State& state, const Plan& plan, const Step& step) {
  engine::Call call;
  call.group = plan.group;
  call.step = step;
  call.source = plan.source;
  call.target = plan.target;
  call.move = plan.move;
  call.term = state.term;
  const auto status = state.groups.find(plan.group);
  if (status != state.groups.end()) call.generation = status->second.generation;
  return call;
}

awaitable<Result<Preview>> preview(boost::asio::any_io_executor executor, Loop& loop,
                                   StepRunner& runner, GroupName group, Move move, SiteName target,
                                   Deadline deadline) {
  const engine::State& state = loop.state();
  const auto status = state.groups.find(group);
  if (status == state.groups.end())
    co_return fail(ErrorCode::not_found, "no group `{}` is configured", group);
  if (!status->second.active) {
    co_return fail(
        Error{ErrorCode::invalid, fmt::format("it is not known which site of {} is active", group),
              fmt::format("bascule adopt {} --active SITE --reason TEXT", group), std::nullopt});
  }
  Result<Plan> plan = engine::plan_move(state, group, move, *status->second.active, target);
  if (!plan) co_return error_of(plan);
  Preview made;
  made.plan = std::move(*plan);
  made.basis = engine::basis_of(state, made.plan);
  Scope scope(executor, [](const std::string&, const std::string&) {});
  for (const Step& step : made.plan.steps) {
    auto& place = made.inspections[step.id];
    if (waits_for_outputs(step)) continue;
    scope.spawn("inspect " + step.id.text(),
                inspect_into(runner, inspection_of(state, made.plan, step), deadline, &place));
  }
  co_await scope.join();
  for (const auto& [step, found] : made.inspections) {
    if (!found || !*found || (*found)->fingerprint.empty()) continue;
    made.basis.identities.emplace(step, (*found)->fingerprint);
  }
  made.plan.fingerprint = engine::fingerprint(made.basis);
  made.because = reason_for(state, made.plan);
  made.afterwards = owed_after(state, made.plan);
  estimate(state, made);
  co_return made;
}

}  // namespace bascule::runtime
