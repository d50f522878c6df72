#include "engine/plan/basis.h"

#include <fmt/format.h>

namespace bascule::engine {
namespace {

using Marks = std::map<StepId, std::string>;

Json to_json(const Marks& marks) {
  Json json = Json::object();
  for (const auto& [step, mark] : marks) json[step.text()] = mark;
  return json;
}

std::string run_or_none(const RunId& run) {
  return run.empty() ? "none" : run.text();
}

// A step that only one of the two has, or that is not the same in both.
std::optional<std::string> changed_step(const Marks& saved, const Marks& now) {
  for (const auto& [step, mark] : saved) {
    const auto found = now.find(step);
    if (found == now.end()) return fmt::format("there is no step {} now", step);
    if (found->second != mark) return fmt::format("step {} has other settings now", step);
  }
  for (const auto& [step, mark] : now) {
    if (!saved.contains(step)) return fmt::format("there is a step {} now", step);
  }
  return std::nullopt;
}

}  // namespace

PlanBasis basis_of(const State& state, const Plan& plan) {
  PlanBasis basis;
  basis.configuration =
      bascule::fingerprint(bascule::to_json(*state.configuration.find_group(plan.group)));
  if (const auto status = state.groups.find(plan.group); status != state.groups.end()) {
    basis.active = status->second.active.value_or(SiteName());
    basis.last_run = status->second.last_run;
  }
  for (const Step& step : plan.steps) {
    basis.steps.emplace(step.id, bascule::fingerprint(bascule::to_json(step)));
  }
  return basis;
}

std::string fingerprint(const PlanBasis& basis) {
  return bascule::fingerprint(Json{{"configuration", basis.configuration},
                                   {"active", basis.active.text()},
                                   {"last_run", basis.last_run.text()},
                                   {"steps", to_json(basis.steps)},
                                   {"identities", to_json(basis.identities)}});
}

std::optional<std::string> what_changed(const PlanBasis& saved, const PlanBasis& now) {
  if (saved.active != now.active) {
    return fmt::format("the active site is {}, not {}", now.active, saved.active);
  }
  if (saved.last_run != now.last_run) {
    return fmt::format("the last run is {}, not {}", run_or_none(now.last_run),
                       run_or_none(saved.last_run));
  }
  if (auto changed = changed_step(saved.steps, now.steps)) return changed;
  if (saved.configuration != now.configuration) {
    return "the configuration of the group has changed";
  }
  for (const auto& [step, identity] : saved.identities) {
    const auto found = now.identities.find(step);
    if (found == now.identities.end() || found->second == identity) continue;
    return fmt::format("step {} would change another thing: {}, not {}", step, found->second,
                       identity);
  }
  return std::nullopt;
}

std::string plan_command(const Plan& plan) {
  return fmt::format("bascule plan {} --to {} --move {} -o json > FILE", plan.group, plan.target,
                     to_string(plan.move));
}

}  // namespace bascule::engine
