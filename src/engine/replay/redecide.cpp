#include "engine/replay/redecide.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <utility>

#include "engine/detect/detector.h"
#include "engine/engine.h"
#include "engine/execution.h"
#include "engine/lookups.h"
#include "engine/phrases.h"
#include "engine/plan/planner.h"
#include "engine/replay/evidence.h"

namespace bascule::engine {
namespace {

constexpr std::size_t kNamed = 5;  // of the steps in which two plans differ

std::string gate_text(GateName name) {
  return fmt::format("gate {} ({})", static_cast<int>(name), to_string(name));
}

std::string route(const Plan& plan) {
  return fmt::format("{} of {}, {} → {}", to_string(plan.move), plan.group, plan.source,
                     plan.target);
}

bool is_by_automation(const Record& record) {
  return record.actor == kAutomation;
}

// The members in which a step is another one: "settings, timeout".
std::string changed_members(const Step& then, const Step& now) {
  const Json before = to_json(then);
  const Json after = to_json(now);
  std::vector<std::string> names;
  for (const auto& [key, value] : before.items()) {
    if (!after.contains(key) || after[key] != value) names.push_back(key);
  }
  return fmt::format("{}", fmt::join(names, ", "));
}

std::optional<std::string> plan_difference(const Plan& then, const Result<Plan>& now) {
  if (!now) return "it could not be planned: " + now.error().message;
  std::vector<std::string> differences;
  for (const Step& step : then.steps) {
    const Step* same = now->find(step.id);
    if (same == nullptr) {
      differences.push_back(fmt::format("{} is gone", step.id));
    } else if (to_json(*same) != to_json(step)) {
      differences.push_back(fmt::format("{} has other {}", step.id, changed_members(step, *same)));
    }
  }
  for (const Step& step : now->steps) {
    if (then.find(step.id) == nullptr) differences.push_back(fmt::format("{} is new", step.id));
  }
  if (differences.empty()) return std::nullopt;
  std::string more;
  if (differences.size() > kNamed) {
    more = fmt::format(", and {} more", differences.size() - kNamed);
    differences.resize(kNamed);
  }
  return fmt::format("its plan would be another: {}{}", fmt::join(differences, ", "), more);
}

// What automation does once every other gate holds.
std::string_view deed_of(Mode mode) {
  switch (mode) {
    case Mode::automatic:
      return "it would have been started";
    case Mode::approve:
      return "it would have waited for an approval";
    case Mode::shadow:
      return "it would only have been journaled";
    case Mode::manual:
      return "nothing would have been done";
  }
  return "nothing would have been done";
}

// "database is down: …; cooldown forbids to act: …": the gate that kept automation from acting.
std::optional<GateName> gate_that_forbade(std::string_view because) {
  const std::size_t at = because.find(" forbids to act: ");
  if (at == std::string_view::npos) return std::nullopt;
  std::string_view word = because.substr(0, at);
  if (const std::size_t blank = word.rfind(' '); blank != std::string_view::npos)
    word.remove_prefix(blank + 1);
  return gate_from(word);
}

// These look at the state alone, which the journal tells entirely.
bool is_of_state(GateName name) {
  return name == GateName::mode || name == GateName::cooldown || name == GateName::one_at_a_time ||
         name == GateName::fence;
}

class Judge {
 public:
  Judge(const State& before, const Record& record, const Configuration* other)
      : before_(before), record_(record) {
    if (other != nullptr) {
      with_other_.emplace(before);
      with_other_->configuration = *other;
    }
  }

  std::optional<Redecision> operator()(const RunOpened& opened) {
    const Plan& plan = opened.plan;
    begin(plan.group, opened.run,
          fmt::format("{} ({}) was {}", opened.run, route(plan), deed_then(opened)));
    if (!is_configured()) return take();
    const Proposal proposal{plan.group,  plan.move,      plan.source,
                            plan.target, opened.trigger, opened.supersedes};
    ask_plan(plan);
    // A move that is set for later is asked about when its time has come.
    const bool is_asked_later = opened.wait && opened.wait->what == WaitFor::moment;
    if (is_asked_later || !opened.way_back_of.empty()) return take();
    if (opened.trigger == Trigger::manual) {
      ask_gates_again(proposal, opened.gates, binds_everyone_but(opened.overrides));
    } else if (plan.move == Move::failover) {
      ask_mode(opened.wait ? Mode::approve : Mode::automatic);
      ask_gates_again(proposal, opened.gates, [](const GateAnswer&) { return true; });
    } else {
      ask_way_home();
      ask_gates_again(proposal, opened.gates, [](const GateAnswer& gate) {
        return gate.name != GateName::verdict && gate.name != GateName::not_everything;
      });
    }
    return take();
  }

  std::optional<Redecision> operator()(const RunBegun& begun) {
    const auto found = before_.runs.find(begun.run);
    if (found == before_.runs.end()) return std::nullopt;
    const Run& run = found->second;
    const Plan& plan = run.plan;
    begin(plan.group, run.id, fmt::format("{} ({}) began: {}", run.id, route(plan), begun.because));
    if (!is_configured()) return take();
    const Proposal proposal{plan.group, plan.move, plan.source, plan.target, run.trigger, RunId()};
    const bool nobody_approved =
        run.wait && run.wait->what == WaitFor::approval && is_by_automation(record_);
    if (!nobody_approved) {
      ask_gates_again(proposal, begun.gates, binds_everyone_but(run.overrides));
      return take();
    }
    if (!policy().approve_proceeds_on_timeout)
      differs("without an approval it would have been aborted");
    ask_gates_again(proposal, begun.gates, [](const GateAnswer&) { return true; });
    return take();
  }

  std::optional<Redecision> operator()(const WouldHaveFailedOver& would) {
    begin(would.group, RunId(),
          fmt::format("failover of {}, {} → {}, was only journaled", would.group, would.source,
                      would.target));
    if (!is_configured()) return take();
    ask_mode(Mode::shadow);
    ask_gates_again(
        Proposal{would.group, Move::failover, would.source, would.target, Trigger::automatic},
        would.gates, [](const GateAnswer&) { return true; });
    return take();
  }

  // The rule of time can be asked; the looks, which the other rules count, are not journaled.
  std::optional<Redecision> operator()(const VerdictChanged& changed) {
    if (!changed.down) return std::nullopt;
    begin(changed.check.group, RunId(), fmt::format("{} was judged down", name_of(changed.check)));
    if (!is_configured()) return take();
    if (find_check(asked().configuration, changed.check) == nullptr) {
      differs("there is no such check");
      return take();
    }
    cannot("detection: the looks are not journaled, so how many had failed is taken as it was");
    if (!changed.first_failed_at) return take();
    const DetectPolicy& rules = policy().detect;
    redecision_.asked = true;
    if (!has_failed_long_enough(rules, *changed.first_failed_at, record_.at)) {
      differs(fmt::format("it would have been down at {} at the earliest, {} later",
                          to_rfc3339(*changed.first_failed_at + rules.min_duration),
                          span_text(*changed.first_failed_at + rules.min_duration - record_.at)));
    }
    return take();
  }

  // Why nothing was done for a group that had failed.
  std::optional<Redecision> operator()(const GroupStateChanged& changed) {
    if (changed.to != GroupState::critical) return std::nullopt;
    const auto gate = gate_that_forbade(changed.because);
    if (!gate) return std::nullopt;
    begin(changed.group, RunId(),
          fmt::format("nothing was done for {}: {}", changed.group, changed.because));
    if (!is_configured()) return take();
    if (!is_of_state(*gate)) {
      cannot(gate_text(*gate) + ": what it saw when it refused is not journaled");
      return take();
    }
    const auto proposal = failover_of(changed.group);
    if (!proposal) return std::nullopt;
    const GateAnswer answer = ask_gate(*gate, asked(), Readings(), *proposal, record_.at);
    redecision_.asked = true;
    if (answer.holds) {
      differs(
          fmt::format("{} would have held: {}; what the gates after it would have said is not "
                      "known",
                      gate_text(*gate), answer.because));
    }
    return take();
  }

  // Gate 9, inside a run: before the first step that makes the target active.
  std::optional<Redecision> operator()(const StepStarted& started) {
    const Run* run = open_run(started.run);
    if (run == nullptr || run->rolling_back) return std::nullopt;
    // Where a person has passed the gate, it decided nothing.
    if (std::ranges::find(run->overrides, to_string(GateName::fence)) != run->overrides.end())
      return std::nullopt;
    const Step* step = find_step(run->execution, started.step);
    if (step == nullptr || step->phase != Phase::activate) return std::nullopt;
    for (const Step& other : run->execution.steps) {
      if (other.phase == Phase::activate && progress_of(run->execution, other.id).started_at)
        return std::nullopt;
    }
    begin(run->plan.group, run->id,
          fmt::format("{}: the fence of {} was enough to begin {}", run->id, run->plan.source,
                      started.step));
    if (is_configured()) ask_fence(*run, true);
    return take();
  }

  std::optional<Redecision> operator()(const RunParked& parked) {
    const Run* run = open_run(parked.run);
    if (run == nullptr) return std::nullopt;
    State after = before_;
    evolve(after, record_);
    if (!after.runs.at(parked.run).parked_at_fence) return std::nullopt;
    begin(run->plan.group, run->id, fmt::format("{} was parked: {}", run->id, parked.because));
    if (is_configured()) ask_fence(*run, false);
    return take();
  }

  template <typename Body>
  std::optional<Redecision> operator()(const Body& /*no decision*/) {
    return std::nullopt;
  }

 private:
  using Applies = std::function<bool(const GateAnswer&)>;

  [[nodiscard]] const State& asked() const { return with_other_ ? *with_other_ : before_; }
  [[nodiscard]] const Policy& policy() const { return policy_of(asked(), redecision_.group); }

  void begin(const GroupName& group, const RunId& run, std::string decision) {
    redecision_.seq = record_.seq;
    redecision_.at = record_.at;
    redecision_.group = group;
    redecision_.run = run;
    redecision_.decision = std::move(decision);
  }
  void differs(std::string how) {
    redecision_.asked = true;
    redecision_.otherwise.push_back(std::move(how));
  }
  void cannot(std::string why) { redecision_.undecided.push_back(std::move(why)); }
  Redecision take() { return std::move(redecision_); }

  // A group that is not there would not have been watched at all.
  bool is_configured() {
    if (asked().configuration.find_group(redecision_.group) != nullptr) return true;
    cannot(fmt::format("{} is not in the configuration that is asked", redecision_.group));
    return false;
  }

  static std::string name_of(const CheckReference& check) {
    return check.site.empty() ? fmt::format("{} of {}", check.check, check.group)
                              : fmt::format("{} of {}", to_string(check), check.group);
  }

  std::string deed_then(const RunOpened& opened) const {
    if (opened.wait && opened.wait->what == WaitFor::approval) return "proposed for an approval";
    if (opened.wait)
      return fmt::format("set for {} by {}", to_rfc3339(opened.wait->until), record_.actor);
    return fmt::format("started by {}", record_.actor);
  }

  [[nodiscard]] const Run* open_run(const RunId& id) const {
    const auto found = before_.runs.find(id);
    return found == before_.runs.end() ? nullptr : &found->second;
  }

  static Applies binds_everyone_but(std::vector<std::string> overrides) {
    return [overrides = std::move(overrides)](const GateAnswer& gate) {
      return gate.binds_everyone &&
             std::ranges::find(overrides, to_string(gate.name)) == overrides.end();
    };
  }

  void ask_plan(const Plan& plan) {
    const auto difference =
        plan_difference(plan, plan_move(asked(), plan.group, plan.move, plan.source, plan.target));
    redecision_.asked = true;
    if (difference) differs(*difference);
  }

  void ask_mode(Mode then) {
    const Mode now = policy().mode;
    redecision_.asked = true;
    if (now != then) differs(fmt::format("in mode {} {}", to_string(now), deed_of(now)));
  }

  void ask_way_home() {
    const auto& after = policy().automatic_failback_after;
    const Instant since = before_.groups.at(redecision_.group).home_readiness.since;
    redecision_.asked = true;
    if (!after) {
      differs("it would not have gone home by itself");
    } else if (since + *after > record_.at) {
      differs(fmt::format("it would have gone home at {} at the earliest, {} later",
                          to_rfc3339(since + *after), span_text(since + *after - record_.at)));
    }
  }

  void ask_gates_again(const Proposal& proposal, const Json& gates, const Applies& applies) {
    const Evidence evidence = evidence_of(before_, asked(), proposal, gates, record_.at);
    for (const GateAnswer& answer : ask_gates(asked(), evidence.readings, proposal, record_.at)) {
      // What the mode makes of it is asked for by itself.
      if (answer.name == GateName::mode || !applies(answer)) continue;
      const auto missing = evidence.missing.find(answer.name);
      if (missing != evidence.missing.end()) {
        cannot(fmt::format("{}: {}", gate_text(answer.name), missing->second));
      } else if (const auto unknown = candidates_unknown(answer, evidence, gates, proposal)) {
        cannot(fmt::format("{}: {}", gate_text(answer.name), *unknown));
      } else {
        redecision_.asked = true;
        if (!answer.holds)
          differs(fmt::format("{} would have refused: {}", gate_text(answer.name), answer.because));
      }
    }
  }

  // Gate 4 is gate 6 of each candidate, and only what the target said was recorded.
  [[nodiscard]] std::optional<std::string> candidates_unknown(const GateAnswer& answer,
                                                              const Evidence& evidence,
                                                              const Json& gates,
                                                              const Proposal& proposal) const {
    if (answer.name != GateName::not_everything || answer.holds) return std::nullopt;
    if (has_another_candidate(gates, proposal))
      return "what the other candidates said was not recorded";
    if (evidence.missing.contains(GateName::target))
      return fmt::format("gate 6 of {} cannot be asked", proposal.target);
    return std::nullopt;
  }

  [[nodiscard]] bool has_another_candidate(const Json& gates, const Proposal& proposal) const {
    const Json& answer = recorded_answer(gates, GateName::not_everything);
    if (!answer.is_object() || !answer.contains("evidence")) return false;
    const Json candidates = answer["evidence"].value("candidates", Json::object());
    const GroupSpec& group = *asked().configuration.find_group(proposal.group);
    return std::ranges::any_of(group.sites, [&](const SiteSpec& site) {
      return site.can_be_target && site.name != proposal.target &&
             boolean_or(candidates, site.name.text());
    });
  }

  // As automation proposes it where no candidate is known to pass.
  [[nodiscard]] std::optional<Proposal> failover_of(const GroupName& group) const {
    const auto status = before_.groups.find(group);
    if (status == before_.groups.end() || !status->second.active) return std::nullopt;
    Proposal proposal{group, Move::failover, *status->second.active, SiteName(),
                      Trigger::automatic};
    for (const SiteSpec& site : asked().configuration.find_group(group)->sites) {
      if (site.name == proposal.source || !site.can_be_target) continue;
      proposal.target = site.name;
      break;
    }
    return proposal;
  }

  void ask_fence(const Run& run, bool held) {
    const Plan& plan = run.plan;
    const Proposal proposal{plan.group, plan.move, plan.source, plan.target, run.trigger, RunId()};
    const GateAnswer answer = ask_gate(GateName::fence, asked(), Readings(), proposal, record_.at);
    redecision_.asked = true;
    if (answer.holds == held) return;
    differs(fmt::format("{} would have {}: {}", gate_text(GateName::fence),
                        answer.holds ? "held" : "refused", answer.because));
  }

  const State& before_;
  const Record& record_;
  std::optional<State> with_other_;
  Redecision redecision_;
};

}  // namespace

std::string_view to_string(Standing standing) {
  switch (standing) {
    case Standing::same:
      return "same";
    case Standing::differs:
      return "differs";
    case Standing::not_decidable:
      return "not_decidable";
  }
  return "same";
}

Standing Redecision::standing() const {
  if (!otherwise.empty()) return Standing::differs;
  return asked ? Standing::same : Standing::not_decidable;
}

std::optional<Redecision> redecide(const State& before, const Record& record,
                                   const Configuration* other) {
  return std::visit(Judge(before, record, other), record.body);
}

}  // namespace bascule::engine
