#include "engine/fits.h"

#include <type_traits>
#include <variant>

#include "engine/execution.h"

namespace bascule::engine {
namespace {

using Misfit = std::optional<std::string>;

// What a type of record refers to, read off its members.
class Fitting {
 public:
  explicit Fitting(const State& state) : state_(state) {}

  Misfit operator()(const TermOpened& /*body*/) const { return std::nullopt; }
  Misfit operator()(const VerdictChanged& /*body*/) const { return std::nullopt; }
  Misfit operator()(const LossMeasured& /*body*/) const { return std::nullopt; }
  Misfit operator()(const ConfigurationLoaded& body) const {
    const auto configuration = configuration_from_json(body.configuration);
    if (configuration) return std::nullopt;
    return configuration.error().message;
  }
  Misfit operator()(const RunOpened& body) const {
    if (state_.runs.contains(body.run)) return fmt::format("{} was opened before", body.run);
    return of_group(body.plan.group);
  }
  Misfit operator()(const ObligationOpened& body) const {
    if (state_.obligations.contains(body.obligation)) {
      return fmt::format("{} was opened before", body.obligation);
    }
    return of_group(body.group);
  }
  Misfit operator()(const JournalImported& body) const {
    for (const ImportedGroup& group : body.groups) {
      if (auto misfit = of_group(group.group)) return misfit;
    }
    return std::nullopt;
  }

  template <typename Body>
  Misfit operator()(const Body& body) const {
    if constexpr (requires { body.obligation; }) {
      if (state_.obligations.contains(body.obligation)) return std::nullopt;
      return fmt::format("{} is not open", body.obligation);
    } else if constexpr (requires { body.step; }) {
      return of_step(body.run, body.step, std::is_same_v<Body, RunResumed>,
                     std::is_same_v<Body, RunResumed> || std::is_same_v<Body, StepReverted>);
    } else if constexpr (requires { body.group; }) {
      if constexpr (requires { body.run.empty(); } && std::is_same_v<Body, ActiveSiteChanged>) {
        if (!body.run.empty()) {
          if (auto misfit = of_run(body.run)) return misfit;
        }
        return of_group(body.group);
      }
      const bool of_everything = std::is_same_v<Body, AutomationHeld> ||
                                 std::is_same_v<Body, HoldAlarmRaised> ||
                                 std::is_same_v<Body, AutomationReleased>;
      if (of_everything && body.group.empty()) return std::nullopt;
      return of_group(body.group);
    } else {
      return of_run(body.run);
    }
  }

 private:
  [[nodiscard]] Misfit of_group(const GroupName& group) const {
    if (state_.groups.contains(group)) return std::nullopt;
    return fmt::format("there is no group {}", group);
  }
  [[nodiscard]] Misfit of_run(const RunId& id) const {
    const auto run = state_.runs.find(id);
    if (run == state_.runs.end()) return fmt::format("{} was never opened", id);
    return of_group(run->second.plan.group);
  }
  [[nodiscard]] Misfit of_step(const RunId& id, const StepId& step, bool may_be_empty,
                               bool of_run_only) const {
    const auto work = find_work(state_, id);
    if (!work) return fmt::format("{} was never opened", id);
    if (of_run_only && work->run == nullptr) return fmt::format("{} is no run", id);
    if (auto misfit = of_group(work->group)) return misfit;
    if (may_be_empty && step.empty()) return std::nullopt;
    if (find_step(*work->execution, step) != nullptr) return std::nullopt;
    return fmt::format("{} has no step {}", id, step);
  }

  const State& state_;
};

}  // namespace

std::optional<std::string> why_it_does_not_fit(const State& state, const Record& record) {
  if (record.seq != state.seq + 1) {
    return fmt::format("record {} is missing", state.seq + 1);
  }
  return std::visit(Fitting(state), record.body);
}

}  // namespace bascule::engine
