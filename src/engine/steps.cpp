#include "engine/steps.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "engine/drift.h"
#include "engine/front_door.h"
#include "engine/obligations.h"
#include "engine/plan/planner.h"
#include "engine/runs.h"

namespace bascule::engine {
namespace {

constexpr Duration kApplyAgainAfter{1'000};

// Everything about one step at this moment. REQUIRES: nothing has been proposed since it was made.
struct Moment {
  Deliberation& deliberation;
  Work work;
  const Step& step;
  const StepProgress& progress;
  StepStage stage;

  [[nodiscard]] Instant now() const { return deliberation.now(); }
  [[nodiscard]] const State& state() const { return deliberation.state(); }
  [[nodiscard]] bool is_fence() const { return step.phase == Phase::fence; }
  [[nodiscard]] bool is_standing() const {
    return work.obligation != nullptr && engine::is_standing(*work.obligation);
  }
  [[nodiscard]] Instant deadline() const { return deadline_of(state(), work, step); }
};

Outputs outputs_of(const Json& facts) {
  Outputs outputs;
  if (facts.is_object()) {
    for (const auto& [name, value] : facts.items()) outputs.emplace(name, value);
  }
  return outputs;
}

bool is_worth_retrying(ErrorCode code) {
  switch (code) {
    case ErrorCode::timeout:
    case ErrorCode::unavailable:
    case ErrorCode::throttled:
    case ErrorCode::conflict:
    case ErrorCode::outcome_unknown:
    case ErrorCode::unable:
      return true;
    default:
      return false;
  }
}

bool tries_are_used_up(const Moment& at) {
  return at.work.run != nullptr && at.step.retries && at.progress.attempts > *at.step.retries;
}

void end_step(const Moment& at, StepState state, Outputs outputs, std::string because,
              std::optional<ErrorCode> code = std::nullopt) {
  at.deliberation.propose(
      StepEnded{at.work.id, at.step.id, state, std::move(outputs), std::move(because), code});
}

// The step will not end well. What that means for its run is decided there, by `on_failure`. An
// obligation is tried again as a whole, save that one way to fence may fail while another does it.
// False: an obligation that fails as it did before, which is no news.
bool fail_step(const Moment& at, ErrorCode code, const std::string& because) {
  const bool fails_alone =
      at.work.run != nullptr || (at.is_fence() && may_fail_alone(*at.work.obligation, at.step));
  if (fails_alone) {
    end_step(at, StepState::failed, {}, because, code);
    return true;
  }
  if (at.is_standing() && failed_alike(*at.work.obligation, at.step, because)) return false;
  if (at.is_fence() && code != ErrorCode::timeout && code != ErrorCode::unavailable) {
    // It answers and cannot be sealed: cutting it is the other way.
    end_step(at, StepState::failed, {}, because, code);
    return true;
  }
  retry_obligation(at.deliberation, at.work.id, fmt::format("{}: {}", at.step.id, because));
  return true;
}

void meet_superseded(const Moment& at, const Error& error) {
  const RunId id = at.work.id;
  if (at.work.obligation != nullptr) {
    const GroupName group = at.work.group;
    note_superseded(at.deliberation, group, std::nullopt, error.message);
    end_obligation(at.deliberation, id, "superseded: " + error.message);
    return;
  }
  end_step(at, StepState::failed, {}, error.message, ErrorCode::superseded);
}

// What was last heard about a step that ran out of time.
std::string last_word(const Moment& at, const InspectionReading* reading) {
  const bool waits_for_answer = at.is_fence() && at.stage != StepStage::applied;
  const Duration limit =
      waits_for_answer ? policy_of(at.state(), at.work.group).fence.timeout : at.step.timeout;
  const std::string span = to_string(std::min(at.step.timeout, limit));
  if (reading != nullptr && reading->error) return reading->error->message;
  if (reading != nullptr && reading->inspection && !reading->inspection->because.empty()) {
    return fmt::format("not done in {}: {}", span, reading->inspection->because);
  }
  if (at.stage == StepStage::applied) return fmt::format("not done in {}", span);
  if (!at.progress.because.empty()) return at.progress.because;
  return fmt::format("no answer in {}", span);
}

bool expire(const Moment& at, const InspectionReading* reading) {
  if (at.now() < at.deadline()) return false;
  if (at.progress.unseen && at.stage == StepStage::applying) return false;
  // A standing try hears how each of its calls ended, however long it goes on.
  if (at.is_standing() && reading == nullptr && at.stage != StepStage::applied) return false;
  return fail_step(at, ErrorCode::timeout, last_word(at, reading));
}

// Whether the rest of the run has been looked at before a step without a way back starts.
enum class LastLook : std::uint8_t { clear, wait, stopped };

void stop_before_no_return(const Moment& at, const std::string& because) {
  if (may_go_back(at.state(), *at.work.run)) {
    begin_rollback(at.deliberation, at.work.id, because);
  } else {
    park_run(at.deliberation, at.work.id, because);
  }
}

LastLook look_at_the_rest(const Moment& at) {
  const Instant since = inspected_since(at.state(), at.work, at.step);
  const InspectionReading* silent = nullptr;
  bool waits = false;
  StepId waits_for;
  for (const Step* other : steps_of_last_look(at.work, at.step)) {
    const InspectionReading* reading =
        fresh_inspection(at.deliberation, at.work.id, other->id, since);
    if (reading != nullptr && reading->inspection) {
      if (reading->inspection->finding != Finding::blocked) continue;
      stop_before_no_return(
          at, fmt::format("{} is blocked: {}", other->id, reading->inspection->because));
      return LastLook::stopped;
    }
    if (reading != nullptr && reading->error->code == ErrorCode::superseded) {
      park_superseded(at.deliberation, at.work.id, reading->error->message);
      return LastLook::stopped;
    }
    // What verify reads is only there once the target serves: its silence proves nothing yet.
    if (other->phase == Phase::verify) continue;
    waits = true;
    waits_for = other->id;
    if (reading != nullptr) silent = reading;
  }
  if (!waits) return LastLook::clear;
  if (at.now() < at.deadline()) return LastLook::wait;
  stop_before_no_return(
      at,
      fmt::format("{} could not be inspected before {}, from which there is no way back: {}",
                  waits_for, at.step.id, silent != nullptr ? silent->error->message : "no answer"));
  return LastLook::stopped;
}

bool start(const Moment& at, const Json& prior, const std::string& change) {
  if (tries_are_used_up(at)) {
    return fail_step(at, at.progress.code.value_or(ErrorCode::unavailable),
                     at.progress.because.empty()
                         ? fmt::format("not done after {} tries", at.progress.attempts)
                         : at.progress.because);
  }
  switch (look_at_the_rest(at)) {
    case LastLook::wait:
      return false;
    case LastLook::stopped:
      return true;
    case LastLook::clear:
      break;
  }
  at.deliberation.propose(
      StepStarted{at.work.id, at.step.id, at.progress.attempts + 1, prior, change});
  return true;
}

// A site that is to become a standby is sealed before anything else is done with it, even before it
// is looked at: the seal is announced while the site gives no answer, and waits for it. Where that
// has failed often enough, it is tried like everything else.
bool announce_unseen(const Moment& at) {
  const bool is_owed = at.is_fence() && at.work.obligation != nullptr &&
                       at.work.obligation->kind == ObligationKind::standby;
  if (!is_owed || at.is_standing() || at.stage == StepStage::applied) return false;
  at.deliberation.propose(StepStarted{at.work.id, at.step.id, at.progress.attempts + 1, nullptr,
                                      fmt::format("as soon as {} answers", at.step.site), true});
  return true;
}

// An inspection came back with an error.
bool meet_inspection_error(const Moment& at, const InspectionReading& reading) {
  const Error& error = *reading.error;
  switch (error.code) {
    case ErrorCode::superseded:
      meet_superseded(at, error);
      return true;
    case ErrorCode::term_over:
    case ErrorCode::canceled:
      return false;
    case ErrorCode::denied:
    case ErrorCode::invalid:
    case ErrorCode::not_found:
    case ErrorCode::corrupt:
      return fail_step(at, error.code, error.message);
    case ErrorCode::timeout:
    case ErrorCode::unavailable:
      if (announce_unseen(at)) return true;
      break;
    case ErrorCode::throttled:
    case ErrorCode::conflict:
    case ErrorCode::outcome_unknown:
      break;
    case ErrorCode::unable:  // nobody was asked, so nobody was silent
      return expire(at, &reading);
  }
  // A fence whose target gives no answer has failed. An obligation waits between its tries, not
  // inside them, unless it has begun: a server that is being rebuilt answers nothing for a while.
  const bool silence_is_failure =
      at.is_fence() || (at.work.obligation != nullptr && at.stage != StepStage::applied);
  if (!silence_is_failure) return expire(at, &reading);
  return fail_step(at, error.code, error.message);
}

// The prior is recorded once per step and run: what a later try finds is this run's own doing. Only
// the claim of an obligation, which may wait for days, compares with what is there now.
Json prior_of(const Moment& at, const Inspection& found) {
  const bool anew = at.work.obligation != nullptr && writes_front_door(at.step);
  const bool found_before = at.progress.attempts > 0 || at.progress.taken_over;
  return found_before && !anew ? at.progress.prior : found.prior;
}

// A claim that would displace one that this work may not displace is not made.
std::optional<Error> foreign_claim(const Moment& at, const Inspection& found) {
  if (at.step.operation != "claim") return std::nullopt;
  const std::optional<DoorLine> line = line_in(found.facts);
  if (!line || wrote_line(at.state(), at.work.group, *line)) return std::nullopt;
  const auto because = why_not_displace(at.state(), at.work, *line);
  if (!because) return std::nullopt;
  return Error{ErrorCode::superseded, *because, "", std::nullopt};
}

// Ready for the first time, or announced with an unknown end: an inspection says what to do.
bool look(const Moment& at) {
  const bool resolves = at.stage == StepStage::resolving;
  if (resolves && at.work.run != nullptr && at.step.delivery == Delivery::at_most_once) {
    park_run(at.deliberation, at.work.id,
             fmt::format("whether {} has happened is unknown, and it may not happen twice: "
                         "`bascule resume {} --step {} --as done|failed|retry --reason TEXT`",
                         at.step.id, at.work.id, at.step.id));
    return true;
  }
  if (at.progress.retry_at && *at.progress.retry_at > at.now()) return expire(at, nullptr);
  if (const Result<Json> settings = render_late(*at.work.execution, at.step); !settings) {
    return fail_step(at, settings.error().code, settings.error().message);
  }
  const InspectionReading* reading = fresh_inspection(
      at.deliberation, at.work.id, at.step.id, inspected_since(at.state(), at.work, at.step));
  if (reading == nullptr) return expire(at, nullptr);
  if (reading->error) return meet_inspection_error(at, *reading);
  const Inspection& found = *reading->inspection;
  if (const auto foreign = foreign_claim(at, found)) {
    meet_superseded(at, *foreign);
    return true;
  }
  switch (found.finding) {
    case Finding::done:
      if (!resolves && is_always_applied(at.work, at.step)) {
        return start(at, prior_of(at, found), found.change);
      }
      end_step(at,
               at.progress.attempts > 0 || at.progress.taken_over ? StepState::done
                                                                  : StepState::unchanged,
               outputs_of(found.facts), found.because);
      return true;
    case Finding::needed:
      return start(at, prior_of(at, found), found.change);
    case Finding::pending:
      return expire(at, reading);
    case Finding::blocked:
      return fail_step(at, ErrorCode::invalid, found.because);
  }
  return false;
}

// Applied and found needed again: some effects get lost (a promotion signal, a restarted service).
// Not a fence or the front door: what they wrote is waited for, never written again.
bool apply_again(const Moment& at, const InspectionReading& reading) {
  const Duration wait = std::max(kApplyAgainAfter, back_off(at.progress.attempts));
  const bool may = at.step.phase != Phase::fence && !writes_front_door(at.step) &&
                   at.step.delivery == Delivery::proven && !tries_are_used_up(at);
  if (!may || at.now() < *at.progress.applied_at + wait || at.now() >= at.deadline()) {
    return expire(at, &reading);
  }
  at.deliberation.propose(StepRetried{at.work.id, at.step.id, ErrorCode::conflict,
                                      "it was applied and is needed again", at.now()});
  return true;
}

// Applied: done once an inspection that was made afterwards says so.
bool confirm(const Moment& at) {
  const InspectionReading* reading = fresh_inspection(
      at.deliberation, at.work.id, at.step.id, inspected_since(at.state(), at.work, at.step));
  const bool is_later =
      reading != nullptr && (at.deliberation.just_inspected(at.work.id, at.step.id) ||
                             reading->at > *at.progress.applied_at);
  if (!is_later) return expire(at, nullptr);
  if (reading->error) return meet_inspection_error(at, *reading);
  const Inspection& found = *reading->inspection;
  switch (found.finding) {
    case Finding::done: {
      Outputs outputs = at.progress.outputs;
      outputs.merge(outputs_of(found.facts));
      end_step(at, StepState::done, std::move(outputs), found.because);
      return true;
    }
    case Finding::needed:
      return apply_again(at, *reading);
    case Finding::pending:
      return expire(at, reading);
    case Finding::blocked:
      return fail_step(at, ErrorCode::invalid, found.because);
  }
  return false;
}

std::optional<Moment> moment_of(Deliberation& deliberation, const RunId& id,
                                const StepId& step_id) {
  const auto work = find_work(deliberation.state(), id);
  if (!work) return std::nullopt;
  const Step* step = find_step(*work->execution, step_id);
  if (step == nullptr) return std::nullopt;
  return Moment{deliberation, *work, *step, progress_of(*work->execution, step_id),
                stage_of(deliberation.state(), *work, *step)};
}

void take_applied(const Moment& at, Outputs outputs) {
  Deliberation& deliberation = at.deliberation;
  const RunId id = at.work.id;
  const StepId step = at.step.id;
  const bool proven = at.step.delivery == Delivery::proven;
  deliberation.propose(StepApplied{id, step, outputs});
  // A hook that cannot be proved is done when it says so.
  if (!proven) deliberation.propose(StepEnded{id, step, StepState::done, outputs, "", {}});
}

// The table of reactions of section 8, for an apply.
void take_apply_error(const Moment& at, const Error& error) {
  if (error.code == ErrorCode::canceled || error.code == ErrorCode::term_over) return;
  if (error.code == ErrorCode::superseded) {
    meet_superseded(at, error);
    return;
  }
  if (at.work.run != nullptr && at.step.delivery == Delivery::at_most_once &&
      (error.code == ErrorCode::outcome_unknown || error.code == ErrorCode::timeout)) {
    park_run(at.deliberation, at.work.id,
             fmt::format("whether {} has happened is unknown ({}), and it may not happen twice: "
                         "`bascule resume {} --step {} --as done|failed|retry --reason TEXT`",
                         at.step.id, error.message, at.work.id, at.step.id));
    return;
  }
  // Nobody has answered yet: it goes on waiting, as it is announced.
  if (at.progress.unseen && error.code == ErrorCode::timeout) return;
  // It is applied again at its pace, as it is announced.
  if (at.is_standing() && failed_alike(*at.work.obligation, at.step, error.message)) return;
  const bool no_answer = error.code == ErrorCode::timeout || error.code == ErrorCode::unavailable ||
                         error.code == ErrorCode::throttled;
  const bool refused_at_door = error.code == ErrorCode::conflict && writes_front_door(at.step);
  const Duration wait =
      std::max(error.retry_after.value_or(Duration(0)), back_off(at.progress.attempts));
  const Instant next_at = at.now() + wait;
  if (!is_worth_retrying(error.code) || refused_at_door || (at.is_fence() && no_answer) ||
      at.step.delivery == Delivery::at_most_once || tries_are_used_up(at) ||
      next_at >= at.deadline()) {
    fail_step(at, error.code, error.message);
    return;
  }
  at.deliberation.propose(StepRetried{at.work.id, at.step.id, error.code, error.message, next_at});
}

}  // namespace

const InspectionReading* fresh_inspection(const Deliberation& deliberation, const RunId& id,
                                          const StepId& step, Instant since) {
  const auto found = deliberation.readings().inspections.find({id, step});
  if (found == deliberation.readings().inspections.end()) return nullptr;
  const bool is_fresh = found->second.at >= since || deliberation.just_inspected(id, step);
  const bool says_something = found->second.inspection || found->second.error;
  return is_fresh && says_something ? &found->second : nullptr;
}

bool advance_step(Deliberation& deliberation, const RunId& id, const StepId& step) {
  const auto at = moment_of(deliberation, id, step);
  if (!at) return false;
  switch (at->stage) {
    case StepStage::barred:
    case StepStage::ended:
      return false;
    case StepStage::ready:
    case StepStage::resolving:
      return look(*at);
    case StepStage::applying:
      return expire(*at, nullptr);
    case StepStage::applied:
      return confirm(*at);
  }
  return false;
}

void take_result(Deliberation& deliberation, const StepFinished& finished) {
  if (finished.call == StepCallKind::revert) {
    take_revert_result(deliberation, finished);
    return;
  }
  const auto at = moment_of(deliberation, finished.run, finished.step);
  const bool is_expected =
      at && at->stage == StepStage::applying && at->progress.attempts == finished.attempt;
  if (!is_expected) return;
  if (finished.result) {
    take_applied(*at, *finished.result);
  } else {
    take_apply_error(*at, finished.result.error());
  }
}

void hold_group(Deliberation& deliberation, const GroupName& group, const std::string& because) {
  const auto status = deliberation.state().groups.find(group);
  if (status != deliberation.state().groups.end() && status->second.hold &&
      !status->second.hold->until) {
    return;
  }
  deliberation.propose(AutomationHeld{group, std::nullopt}, kAutomation, because);
}

void park_superseded(Deliberation& deliberation, const RunId& run, const std::string& because) {
  const GroupName group = deliberation.state().runs.at(run).plan.group;
  park_run(deliberation, run, "superseded: " + because);
  note_superseded(deliberation, group, std::nullopt, because);
}

}  // namespace bascule::engine
