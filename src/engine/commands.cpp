#include "engine/commands.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "engine/adoption.h"
#include "engine/drift.h"
#include "engine/front_door.h"
#include "engine/import.h"
#include "engine/lookups.h"
#include "engine/phrases.h"
#include "engine/runs.h"
#include "engine/waiting.h"

namespace bascule::engine {
namespace {

// Said to whoever stops the way back of a drill.
std::string drill_stays_open(const Run& run) {
  if (run.way_back_of.empty()) return "";
  return fmt::format(
      "; the drill {} stays open until somebody moves {} home: `bascule switchover {} --to {}`",
      run.way_back_of, run.plan.group, run.plan.group, run.plan.target);
}

std::string so_because(const std::string& reason) {
  return reason.empty() ? std::string() : fmt::format(" ({})", reason);
}

class Obedience {
 public:
  Obedience(Deliberation& deliberation, const Command& command)
      : deliberation_(deliberation), command_(command) {}

  Answer operator()(const StartMove& body) { return start_move(deliberation_, command_, body); }

  Answer operator()(const ApproveRun& body) { return approve_run(deliberation_, command_, body); }

  Answer operator()(const AbortRun& body) {
    const auto found = state().runs.find(body.run);
    if (found == state().runs.end()) return refuse_unknown_run(state(), body.run);
    const Run& run = found->second;
    const std::string because =
        fmt::format("stopped by {}{}", command_.actor, so_because(command_.reason));
    if (run.state == RunState::aborted || run.state == RunState::rolled_back) {
      return accept(body.run,
                    fmt::format("{} has ended already: {}", body.run,
                                run.state == RunState::aborted ? "aborted" : "it was taken back"));
    }
    if (run.ended_at) {
      return refuse(ErrorCode::conflict,
                    fmt::format("{} is done: {} is active", body.run, run.plan.target),
                    fmt::format("bascule switchover {} --to {} --reason TEXT", run.plan.group,
                                run.plan.source));
    }
    if (run.rolling_back && run.state == RunState::running) {
      return accept(body.run, fmt::format("{} is being taken back already", body.run));
    }
    if (run.state == RunState::waiting) {
      const bool declined = run.wait->what == WaitFor::approval;
      const std::string stays = drill_stays_open(run);
      propose(RunEnded{body.run, RunState::aborted, because, std::nullopt, std::nullopt, declined});
      return accept(body.run, fmt::format("{} is aborted: nothing was changed{}", body.run, stays));
    }
    // Whoever holds the front door may have moved the group: nothing is taken back under its feet.
    if (run.state == RunState::parked && is_taken(state().groups.at(run.plan.group))) {
      propose(RunEnded{body.run, RunState::aborted,
                       fmt::format("{}; superseded: what it did is left as it stands", because),
                       std::nullopt, std::nullopt});
      return accept(body.run,
                    fmt::format("{} is aborted; what it did is left as it stands", body.run));
    }
    if (may_go_back(state(), run)) {
      const std::string stays = drill_stays_open(run);
      begin_rollback(deliberation_, body.run, because, command_.actor, command_.reason);
      return accept(body.run, fmt::format("{} is taken back{}", body.run, stays));
    }
    if (run.state == RunState::parked) {
      return accept(body.run,
                    fmt::format("{} is parked already and past its point of no return: `bascule "
                                "resume {} --reason TEXT` lets it go on",
                                body.run, body.run));
    }
    propose(RunParked{body.run, because});
    return accept(
        body.run,
        fmt::format("{} is past its point of no return: it is parked as it stands", body.run));
  }

  Answer operator()(const ResumeRun& body) {
    const auto found = state().runs.find(body.run);
    if (found == state().runs.end()) return refuse_unknown_run(state(), body.run);
    const Run& run = found->second;
    if (run.ended_at) {
      return refuse(ErrorCode::invalid,
                    fmt::format("{} has ended: {}", body.run, to_string(run.state)),
                    fmt::format("bascule show {}", body.run));
    }
    if (run.state == RunState::waiting) {
      const bool for_approval = run.wait->what == WaitFor::approval;
      return refuse(
          ErrorCode::conflict,
          fmt::format("{} has not begun: it waits for {}", body.run,
                      for_approval ? "an approval" : "its time"),
          fmt::format("bascule {} {} --reason TEXT", for_approval ? "approve" : "abort", body.run));
    }
    if (run.state != RunState::parked) {
      if (body.step.empty()) return accept(body.run, fmt::format("{} is running", body.run));
      return refuse(
          ErrorCode::invalid,
          fmt::format("{} is running: only a step of a parked run can be resolved", body.run),
          fmt::format("bascule abort {} --reason TEXT", body.run));
    }
    if (auto refusal = refuse_resolution(run, body)) return *std::move(refusal);
    if (is_taken(state().groups.at(run.plan.group))) {
      return refuse(
          ErrorCode::superseded,
          fmt::format("{} cannot go on: {}", body.run,
                      state().groups.at(run.plan.group).drift->because),
          fmt::format("bascule abort {} --reason TEXT, then bascule import FILE", body.run));
    }
    if (is_so_already(run, body)) {
      resume_run(deliberation_, RunResumed{body.run, StepId(), ""}, command_.actor,
                 command_.reason);
      return accept(body.run, fmt::format("{} goes on: {} is {} already", body.run, body.step,
                                          run.rolling_back ? "taken back" : "done"));
    }
    resume_run(deliberation_, RunResumed{body.run, body.step, body.as}, command_.actor,
               command_.reason);
    return accept(body.run, body.step.empty()
                                ? fmt::format("{} goes on", body.run)
                                : fmt::format("{} goes on: {} counts as {}", body.run, body.step,
                                              body.as == "retry" ? "not tried" : body.as));
  }

  Answer operator()(const HoldAutomation& body) {
    if (!body.group.empty()) {
      if (auto refusal = refuse_unknown_group(state(), body.group)) return *std::move(refusal);
    }
    const auto& hold = body.group.empty() ? state().hold : state().groups.at(body.group).hold;
    const std::string what = name_of(body.group);
    if (hold && !body.lasting && !hold->until) {
      return accept(RunId(), fmt::format("automation of {} is held already, by {} since {}", what,
                                         hold->actor, clock_time(hold->since)));
    }
    std::optional<Instant> until;
    if (body.lasting) until = deliberation_.now() + *body.lasting;
    propose(AutomationHeld{body.group, until});
    return accept(RunId(),
                  fmt::format("automation of {} is held{}; moves by a person are not", what,
                              until ? " until " + clock_time(*until) : std::string()));
  }

  Answer operator()(const ReleaseAutomation& body) {
    if (!body.group.empty()) {
      if (auto refusal = refuse_unknown_group(state(), body.group)) return *std::move(refusal);
    }
    const auto& hold = body.group.empty() ? state().hold : state().groups.at(body.group).hold;
    const std::string what = name_of(body.group);
    const bool still = !body.group.empty() && state().hold.has_value();
    const std::string more =
        still ? "; everything is held: `bascule release --reason TEXT` without a group"
              : std::string();
    if (!hold) return accept(RunId(), fmt::format("automation of {} is not held{}", what, more));
    propose(AutomationReleased{body.group});
    return accept(RunId(), fmt::format("automation of {} is released{}", what, more));
  }

  Answer operator()(const AcknowledgeMove& body) {
    if (auto refusal = refuse_unknown_group(state(), body.group)) return *std::move(refusal);
    if (state().groups.at(body.group).acknowledged) {
      return accept(RunId(), fmt::format("{} has no automatic move to acknowledge", body.group));
    }
    propose(MoveAcknowledged{body.group});
    return accept(
        RunId(), fmt::format("the last automatic move of {} is acknowledged: its cool-down is over",
                             body.group));
  }

  Answer operator()(const AttestSite& body) {
    if (auto refusal = refuse_unknown_site(state(), body.group, body.site)) {
      return *std::move(refusal);
    }
    const GroupStatus& status = state().groups.at(body.group);
    if (status.attested.contains(body.site)) {
      return accept(RunId(), fmt::format("{} is attested to be stopped already", body.site));
    }
    if (is_seen_writing(state(), deliberation_.readings(),
                        *state().configuration.find_group(body.group), body.site)) {
      return refuse(ErrorCode::invalid,
                    fmt::format("{} cannot be attested to be stopped: its database answers and "
                                "accepts writes",
                                body.site),
                    fmt::format("stop {} first, or `bascule switchover {} --reason TEXT`",
                                body.site, body.group));
    }
    propose(SiteAttested{body.group, body.site});
    return accept(
        RunId(), fmt::format("{} counts as stopped, on the word of {}", body.site, command_.actor));
  }

  Answer operator()(const AdoptGroup& body) {
    if (auto refusal = refuse_unknown_site(state(), body.group, body.active)) {
      return *std::move(refusal);
    }
    const GroupStatus& status = state().groups.at(body.group);
    if (status.active == body.active) {
      if (take_front_door_back(deliberation_, body.group, command_.actor, command_.reason)) {
        return accept(RunId(), fmt::format("the front door of {} is taken back for {}", body.group,
                                           body.active));
      }
      return accept(RunId(), fmt::format("{} is the active site already", body.active));
    }
    if (const Run* run = state().open_run(body.group)) {
      return refuse(ErrorCode::invalid,
                    fmt::format("{} is open: it decides which site is active", run->id),
                    fmt::format("bascule abort {} --reason TEXT", run->id));
    }
    const GroupSpec& group = *state().configuration.find_group(body.group);
    const DatabaseFacts* facts = newest_facts(deliberation_.readings(), group, body.active);
    if (facts != nullptr && facts->role == DatabaseRole::replica) {
      return refuse(
          ErrorCode::invalid,
          fmt::format("{} cannot be adopted as active: its database is a replica", body.active),
          fmt::format("bascule failover {} --to {} --reason TEXT", body.group, body.active));
    }
    adopt(deliberation_, body.group, body.active, fmt::format("adopted by {}", command_.actor),
          command_.actor, command_.reason);
    return accept(RunId(), fmt::format("{} is the active site of {}", body.active, body.group));
  }

  Answer operator()(const ImportJournal& body) {
    return import_journal(deliberation_, command_, body);
  }

 private:
  [[nodiscard]] const State& state() const { return deliberation_.state(); }
  void propose(RecordBody body) {
    deliberation_.propose(std::move(body), command_.actor, command_.reason);
  }
  static std::string name_of(const GroupName& group) {
    return group.empty() ? std::string("everything") : group.text();
  }

  // What a person says of the step is what the journal says.
  static bool is_so_already(const Run& run, const ResumeRun& body) {
    if (body.step.empty() || body.as != "done") return false;
    const StepState state = progress_of(run.execution, body.step).state;
    if (run.rolling_back) return state == StepState::reverted;
    return state == StepState::done || state == StepState::unchanged;
  }

  // Whether `resume RUN --step S --as WORD` makes sense.
  [[nodiscard]] std::optional<Answer> refuse_resolution(const Run& run,
                                                        const ResumeRun& body) const {
    if (body.step.empty() && body.as.empty()) return std::nullopt;
    const std::string form =
        fmt::format("bascule resume {} --step STEP --as done|failed|retry --reason TEXT", run.id);
    if (body.step.empty() || (body.as != "done" && body.as != "failed" && body.as != "retry")) {
      return refuse(ErrorCode::invalid, "a step is resolved as done, failed or retry", form);
    }
    if (const Step* step = find_step(run.execution, body.step)) {
      return is_so_already(run, body) ? std::nullopt : refuse_outcome(run, *step, body.as);
    }
    std::vector<std::string> steps;
    steps.reserve(run.execution.steps.size());
    for (const Step& step : run.execution.steps) steps.push_back(step.id.text());
    return refuse(
        ErrorCode::not_found,
        fmt::format("{} has no step {}; it has {}", run.id, body.step, fmt::join(steps, ", ")),
        form);
  }

  // Only of what was begun, or could not be, a person can know how it ended; and nothing counts as
  // activated before gate 9 holds, whoever says so.
  [[nodiscard]] std::optional<Answer> refuse_outcome(const Run& run, const Step& step,
                                                     const std::string& as) const {
    const StepProgress& progress = progress_of(run.execution, step.id);
    const bool ended_well =
        progress.state == StepState::done || progress.state == StepState::unchanged;
    const std::string go_on = fmt::format("bascule resume {} --reason TEXT", run.id);
    const bool untouched = progress.state == StepState::waiting && !progress.taken_over;
    if (untouched || (run.rolling_back && progress.state == StepState::unchanged)) {
      return refuse(ErrorCode::invalid,
                    fmt::format("{} of {} {}: there is no outcome to tell", step.id, run.id,
                                untouched ? "has not begun" : "was so before"),
                    go_on);
    }
    if (run.rolling_back) return std::nullopt;
    if (ended_well) {
      return refuse(ErrorCode::invalid,
                    fmt::format("{} of {} is done: it cannot count as {}", step.id, run.id,
                                as == "retry" ? "not tried" : as),
                    go_on);
    }
    const bool fenced = run.past_no_return || run.activated_at || fence_holds(state(), run) ||
                        fence_may_be_passed(state(), run);
    if (step.phase != Phase::activate || as != "done" || fenced) return std::nullopt;
    Answer answer = refuse(
        ErrorCode::denied,
        fmt::format("{} is not fenced: nothing counts as activated before", run.plan.source),
        fmt::format("bascule attest {} --site {} --reason TEXT", run.plan.group, run.plan.source));
    answer.refused_by = GateName::fence;
    return answer;
  }

  Deliberation& deliberation_;
  const Command& command_;
};

}  // namespace

Answer obey(Deliberation& deliberation, const Command& command) {
  return std::visit(Obedience(deliberation, command), command.body);
}

Answer accept(RunId run, std::string text) {
  Answer answer;
  answer.accepted = true;
  answer.run = std::move(run);
  answer.text = std::move(text);
  return answer;
}

Answer refuse(ErrorCode code, std::string message, std::string what_to_do) {
  Answer answer;
  answer.text = message;
  answer.error = Error{code, std::move(message), std::move(what_to_do), std::nullopt};
  return answer;
}

Answer refuse_unknown_run(const State& state, const RunId& id) {
  std::vector<std::string> open;
  for (const auto& [open_id, run] : state.runs) {
    if (!run.ended_at) open.push_back(open_id.text());
  }
  return refuse(ErrorCode::not_found,
                open.empty()
                    ? fmt::format("there is no run {}; none is open", id)
                    : fmt::format("there is no run {}; open: {}", id, fmt::join(open, ", ")),
                "bascule runs");
}

std::optional<Answer> refuse_unknown_group(const State& state, const GroupName& group) {
  if (state.configuration.find_group(group) != nullptr && state.groups.contains(group)) {
    return std::nullopt;
  }
  std::vector<std::string> names;
  names.reserve(state.configuration.groups.size());
  for (const GroupSpec& spec : state.configuration.groups) names.push_back(spec.name.text());
  return refuse(ErrorCode::not_found,
                fmt::format("there is no group {}; configured: {}", group, fmt::join(names, ", ")),
                "bascule status");
}

std::optional<Answer> refuse_unknown_site(const State& state, const GroupName& group,
                                          const SiteName& site) {
  if (auto refusal = refuse_unknown_group(state, group)) return refusal;
  const GroupSpec& spec = *state.configuration.find_group(group);
  if (spec.find_site(site) != nullptr) return std::nullopt;
  std::vector<std::string> names;
  names.reserve(spec.sites.size());
  for (const SiteSpec& other : spec.sites) names.push_back(other.name.text());
  return refuse(ErrorCode::not_found,
                fmt::format("{} has no site {}; it has {}", group, site, fmt::join(names, ", ")),
                "bascule status");
}

}  // namespace bascule::engine
