// The only writer of State: what each record means. Nothing is judged here; a record that does not
// fit what came before is a programmer's error or a journal that was tampered with, and stops the
// process.
#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "engine/engine.h"
#include "engine/evolve_group.h"
#include "engine/execution.h"
#include "engine/front_door.h"
#include "engine/incident.h"
#include "engine/lookups.h"

namespace bascule::engine {
namespace {

Execution new_execution(std::vector<Step> steps, Instant at) {
  Execution execution;
  execution.steps = std::move(steps);
  for (const Step& step : execution.steps) execution.progress.emplace(step.id, StepProgress());
  execution.began_at = at;
  return execution;
}

void start_again(StepProgress& progress) {
  StepProgress fresh;
  fresh.attempts = progress.attempts;
  fresh.taken_over = progress.taken_over;
  fresh.prior = std::move(progress.prior);
  fresh.change = std::move(progress.change);
  progress = std::move(fresh);
}

// Ended runs are kept for people; the journal has them all.
void forget_oldest_runs(State& state) {
  std::vector<std::pair<Instant, RunId>> ended;
  for (const auto& [id, run] : state.runs) {
    if (run.ended_at) ended.emplace_back(*run.ended_at, id);
  }
  if (ended.size() <= kEndedRunsKept) return;
  std::ranges::sort(ended);
  ended.resize(ended.size() - kEndedRunsKept);
  for (const auto& [at, id] : ended) state.runs.erase(id);
}

class Evolution : public GroupEvolution {
 public:
  using GroupEvolution::GroupEvolution;
  using GroupEvolution::operator();

  void operator()(const TermOpened& body) {
    state_.term = record_.term;
    state_.term_began_at = record_.at;
    state_.mark = body.mark;
    if (state_.journal.empty()) state_.journal = body.mark;
    if (!body.cluster.empty()) state_.cluster = body.cluster;
  }

  void operator()(const ConfigurationLoaded& body) {
    Result<Configuration> configuration = configuration_from_json(body.configuration);
    BASCULE_ASSERT(configuration.has_value(), "a journaled configuration can be read again");
    state_.configuration = *std::move(configuration);
    state_.configuration_fingerprint = body.fingerprint;
    forget_what_is_not_configured();
    for (const GroupSpec& group : state_.configuration.groups) {
      const auto [status, is_new] = state_.groups.try_emplace(group.name);
      if (is_new) status->second.state_since = record_.at;
    }
  }

  void operator()(const ActiveSiteChanged& body) {
    GroupStatus& group = group_of(body.group);
    group.active = body.site;
    group.active_since = record_.at;
    group.attested.erase(body.site);
    group.declined = RunId();
    group.has_shadowed = false;
    group.displaced.erase(body.site);
    group.unready.clear();  // what each site has to have ready is asked of other moves now
    if (body.run.empty()) {
      group.tried.clear();
      return;
    }
    Run& run = run_of(body.run);
    run.activated_at.reset();
    if (body.site == run.plan.target) run.activated_at = record_.at;
  }

  void operator()(const VerdictChanged& body) {
    state_.verdicts[body.check] =
        CheckVerdict{body.to, body.down, record_.at, body.first_failed_at, body.because};
  }

  void operator()(const GroupStateChanged& body) {
    GroupStatus& group = group_of(body.group);
    group.state = body.to;
    group.state_since = record_.at;
    group.state_because = body.because;
    follow_shadow_episode(group, body.to);
    if (body.to != GroupState::healthy) return;
    group.tried.clear();  // the failure episode is over
    group.declined = RunId();
    group.has_shadowed = false;
    if (group.active) group.attested.erase(*group.active);
  }

  void operator()(const ProtectionChanged& body) {
    GroupStatus& group = group_of(body.group);
    group.protection = body.to;
    group.protection_because = body.because;
  }

  void operator()(const AutomationHeld& body) {
    const Hold hold{record_.at, body.until, record_.actor, record_.reason};
    (body.group.empty() ? state_.hold : group_of(body.group).hold) = hold;
  }
  void operator()(const AutomationReleased& body) {
    (body.group.empty() ? state_.hold : group_of(body.group).hold).reset();
  }
  void operator()(const MoveAcknowledged& body) { group_of(body.group).acknowledged = true; }
  void operator()(const SiteAttested& body) {
    group_of(body.group).attested[body.site] = record_.at;
    group_of(body.group).displaced.erase(body.site);
  }

  void operator()(const RunOpened& body) {
    Run run;
    run.id = body.run;
    run.plan = body.plan;
    run.execution = new_execution(body.plan.steps, record_.at);
    run.trigger = body.trigger;
    run.actor = record_.actor;
    run.reason = record_.reason;
    run.ticket = body.ticket;
    run.idempotency_key = body.idempotency_key;
    run.overrides = body.overrides;
    run.gates = body.gates;
    run.term = record_.term;
    run.mark = state_.mark;
    run.opened_at = record_.at;
    run.opened_seq = record_.seq;
    run.wait = body.wait;
    run.first_sign_at = body.first_sign_at;
    run.first_failed_at = body.first_failed_at;
    run.verdict_at = body.verdict_at;
    run.loss_bound = body.loss_bound;
    run.loss_bound_bytes = body.loss_bound_bytes;
    run.back_after = body.back_after;
    run.deadline = body.deadline;
    run.way_back_of = body.way_back_of;
    run.state = body.wait ? RunState::waiting : RunState::running;
    if (!body.wait) begin(run);
    if (!body.supersedes.empty()) take_over(run, run_of(body.supersedes));
    const bool is_new = state_.runs.emplace(body.run, std::move(run)).second;
    BASCULE_ASSERT(is_new, "a run is opened once");
    ++state_.runs_opened;
  }

  void operator()(const RunBegun& body) {
    Run& run = run_of(body.run);
    BASCULE_ASSERT(run.state == RunState::waiting, "a run begins once");
    run.state = RunState::running;
    run.term = record_.term;
    run.begun_by = record_.actor;
    run.begun_because = record_.reason.empty() ? body.because : record_.reason;
    run.execution.began_at = record_.at;
    run.gates = body.gates;
    if (body.first_failed_at) {
      run.first_sign_at = body.first_sign_at;
      run.first_failed_at = body.first_failed_at;
      run.verdict_at = body.verdict_at;
    }
    run.loss_bound = body.loss_bound;
    run.loss_bound_bytes = body.loss_bound_bytes;
    begin(run);
  }

  void operator()(const StepStarted& body) {
    StepProgress& progress = progress_in(body.run, body.step);
    if (!progress.started_at) {
      progress.started_at = record_.at;
      // Once per step and run. Only the claim of an obligation compares with what is there now.
      const Step* step = find_step(*find_execution(state_, body.run), body.step);
      const bool anew = state_.obligations.contains(body.run) && writes_front_door(*step);
      if (progress.attempts == 0 || anew) progress.prior = body.prior;
      if (step->operation == "claim") note_displaced(body.run, body.prior);
    }
    progress.state = StepState::started;
    progress.attempts = body.attempt;
    progress.started_term = record_.term;
    progress.attempt_at = record_.at;
    progress.applied_at.reset();
    progress.retry_at.reset();
    progress.unseen = body.unseen;
    if (!body.change.empty()) progress.change = body.change;
    mark_no_return(body.run, body.step);
  }

  void operator()(const StepApplied& body) {
    StepProgress& progress = progress_in(body.run, body.step);
    progress.state = StepState::applied;
    progress.applied_at = record_.at;
    take_outputs(body.run, body.step, body.outputs);
  }

  void operator()(const StepRetried& body) {
    StepProgress& progress = progress_in(body.run, body.step);
    progress.state = StepState::started;
    progress.retry_at = body.next_at;
    progress.because = body.because;
    progress.code = body.code;
  }

  void operator()(const StepEnded& body) {
    StepProgress& progress = progress_in(body.run, body.step);
    progress.state = body.state;
    progress.ended_at = record_.at;
    progress.retry_at.reset();
    progress.because = body.because;
    progress.code = body.code;
    take_outputs(body.run, body.step, body.outputs);
  }

  void operator()(const RollbackBegun& body) {
    Run& run = run_of(body.run);
    run.state = RunState::running;
    run.rolling_back = true;
    run.rollback_began_at = record_.at;
    note_stopped_way_back(run);
    run.rollback_because = body.because;
    run.parked_at_fence = false;
    run.because = body.because;
  }

  void operator()(const StepReverted& body) {
    StepProgress& progress = progress_in(body.run, body.step);
    progress.ended_at = record_.at;
    progress.because = body.because;
    progress.revert_failed = !body.succeeded;
    if (!body.succeeded) return;
    progress.state = StepState::reverted;
    // Taking back a write to the front door takes the generation after the one found (section 7).
    Run& run = run_of(body.run);
    const Step* step = find_step(run.execution, body.step);
    GroupStatus& group = group_of(run.plan.group);
    if (!writes_front_door(*step) || group.generation == 0) return;
    run.generation = ++group.generation;
    group.claimed_by = claimant_of(run.id, run.mark);
  }

  void operator()(const RunParked& body) {
    Run& run = run_of(body.run);
    run.state = RunState::parked;
    run.parked_at = record_.at;
    run.because = body.because;
    run.parked_at_fence = !run.rolling_back && !run.past_no_return && !run.activated_at &&
                          all_ended(run.execution, Phase::claim) &&
                          all_ended(run.execution, Phase::fence) &&
                          nothing_begun_after_fence(run) && !fence_holds(state_, run);
  }

  void operator()(const RunResumed& body) {
    Run& run = run_of(body.run);
    run.state = RunState::running;
    run.execution.went_on_at = record_.at;
    const bool at_fence = std::exchange(run.parked_at_fence, false);
    run.because = run.rollback_because;
    if (!body.step.empty()) {
      resolve(run, body);
      return;
    }
    const bool fenced = fence_holds(state_, run);
    for (const Step& step : run.execution.steps) {
      StepProgress& progress = run.execution.progress[step.id];
      if (run.rolling_back) {
        progress.revert_failed = false;
        continue;
      }
      const bool is_fence = step.phase == Phase::fence;
      const bool in_the_way = is_fence ? at_fence && !fenced : !ended_well(step, progress);
      if (progress.state == StepState::failed && in_the_way) start_again(progress);
      if (progress.state == StepState::skipped && is_fence && in_the_way) start_again(progress);
    }
  }

  void operator()(const RunEnded& body) {
    Run& run = run_of(body.run);
    run.state = body.state;
    run.ended_at = record_.at;
    note_stopped_way_back(run);
    if (!body.because.empty()) run.because = body.because;
    run.outage_began_at = body.outage_began_at;
    run.outage_ended_at = body.outage_ended_at;
    GroupStatus& group = group_of(run.plan.group);
    if (body.declined) group.declined = body.run;
    if (run.began_at) end_move(group, run);
    forget_oldest_runs(state_);
  }

  void operator()(const ObligationOpened& body) {
    Obligation owed;
    owed.id = body.obligation;
    owed.group = body.group;
    owed.kind = body.kind;
    owed.site = body.site;
    owed.run = body.run;
    owed.mark = state_.mark;
    owed.actor = record_.actor;
    owed.because = body.because;
    owed.opened_at = record_.at;
    owed.execution = new_execution(body.steps, record_.at);
    owed.takes_over = body.takes_over;
    if (undoes_drift(body)) count_reassertion(group_of(body.group));
    const bool is_new = state_.obligations.emplace(body.obligation, std::move(owed)).second;
    BASCULE_ASSERT(is_new, "an obligation is opened once");
    ++state_.obligations_opened;
  }

  void operator()(const ObligationRetried& body) {
    Obligation& owed = obligation_of(body.obligation);
    // Brought forward: the same try, only sooner.
    const bool brought_forward = body.next_at <= record_.at;
    if (!brought_forward) {
      ++owed.tries;
      owed.last_error = body.because;
    }
    owed.next_at = body.next_at;
    owed.execution.began_at = body.next_at;
    for (auto& [id, progress] : owed.execution.progress) start_again(progress);
  }

  void operator()(const ObligationEnded& body) {
    const Obligation& owed = obligation_of(body.obligation);
    if (owed.kind == ObligationKind::standby) group_of(owed.group).attested.erase(owed.site);
    state_.obligations.erase(body.obligation);
  }

  void operator()(const LossMeasured& body) {
    const auto run = state_.runs.find(body.run);  // may be so old that it was forgotten
    if (run == state_.runs.end()) return;
    if (body.bytes) run->second.exact_bytes = body.bytes;
    if (body.rows) run->second.exact_rows = body.rows;
  }

 private:
  Run& run_of(const RunId& id) {
    const auto found = state_.runs.find(id);
    BASCULE_ASSERT(found != state_.runs.end(), "a record names a run that was opened");
    return found->second;
  }
  Obligation& obligation_of(const RunId& id) {
    const auto found = state_.obligations.find(id);
    BASCULE_ASSERT(found != state_.obligations.end(), "a record names an obligation that is open");
    return found->second;
  }
  StepProgress& progress_in(const RunId& id, const StepId& step) {
    Execution* execution = find_execution(state_, id);
    BASCULE_ASSERT(execution != nullptr && find_step(*execution, step) != nullptr,
                   "a record names a step of an open run or obligation");
    return execution->progress[step];
  }

  // From here on it is the group's newest run, and its timers count.
  void begin(Run& run) {
    run.began_at = record_.at;
    run.began_seq = record_.seq;
    GroupStatus& group = group_of(run.plan.group);
    group.last_run = run.id;
    if (run.trigger == Trigger::automatic) group.tried.push_back(run.plan.target);
  }

  // What the parked run did to the same source is this run's from now on: it found what that one
  // found, takes back what that one did, and goes only forward where that one could not go back.
  void take_over(Run& run, Run& parked) {
    run.supersedes = parked.id;
    parked.superseded_by = run.id;
    run.forward_only =
        parked.plan.target == run.plan.target && (parked.past_no_return || parked.forward_only);
    if (parked.plan.source != run.plan.source) return;
    for (const Step& step : run.execution.steps) {
      const Step* before = find_step(parked.execution, step.id);
      if (before == nullptr || before->site != step.site || before->uses != step.uses ||
          writes_front_door(step)) {
        continue;
      }
      const StepProgress& was = progress_of(parked.execution, step.id);
      const bool undone = was.state == StepState::reverted || was.state == StepState::unchanged;
      if ((was.attempts == 0 && !was.taken_over) || undone) continue;
      StepProgress& progress = run.execution.progress[step.id];
      progress.prior = was.prior;
      progress.taken_over = true;
    }
  }

  void follow_shadow_episode(GroupStatus& group, GroupState to) {
    if (group.shadowed.empty()) return;
    std::optional<Instant>& ended_at = group.shadowed.back().ended_at;
    const bool has_not_failed = to == GroupState::healthy || to == GroupState::degraded;
    if (has_not_failed && !ended_at) ended_at = record_.at;
    // It failed again before it was healthy: the same episode.
    if (to == GroupState::critical && group.has_shadowed) ended_at.reset();
  }

  void mark_no_return(const RunId& id, const StepId& step_id) {
    const auto run = state_.runs.find(id);
    if (run == state_.runs.end()) return;
    const Step* step = find_step(run->second.execution, step_id);
    if (!step->reversible) run->second.past_no_return = true;
  }

  // The generation that a claim took is the run's, and the newest this journal knows.
  void take_outputs(const RunId& id, const StepId& step_id, const Outputs& outputs) {
    StepProgress& progress = progress_in(id, step_id);
    for (const auto& [name, value] : outputs) progress.outputs.insert_or_assign(name, value);
    const Step* step = find_step(*find_execution(state_, id), step_id);
    const auto found = outputs.find("generation");
    const bool claimed =
        step->operation == "claim" && found != outputs.end() && found->second.is_number_integer();
    if (!claimed) return;
    const auto generation = found->second.get<Generation>();
    const auto run = state_.runs.find(id);
    if (run != state_.runs.end()) run->second.generation = generation;
    const GroupName& group =
        run != state_.runs.end() ? run->second.plan.group : obligation_of(id).group;
    GroupStatus& status = group_of(group);
    status.generation = generation;
    status.claimed_by = claimant_of(*find_work(state_, id));
  }

  // A person, or the obligation that went on with the fence, says how a step stands.
  void resolve(Run& run, const RunResumed& body) {
    StepProgress& progress = progress_in(body.run, body.step);
    if (body.as == "retry") {
      if (run.rolling_back) {
        progress.revert_failed = false;
      } else {
        start_again(progress);
      }
      return;
    }
    progress.ended_at = record_.at;
    progress.retry_at.reset();
    progress.code.reset();
    progress.because = record_.actor + " says so";
    if (body.as == "done") {
      progress.state = run.rolling_back ? StepState::reverted : StepState::done;
      if (!run.rolling_back) mark_no_return(body.run, body.step);
    } else if (run.rolling_back) {
      progress.revert_failed = true;
    } else {
      progress.state = StepState::failed;
    }
  }

  // What a run that never began does not do: it starts no cool-down, and nobody's word ends with
  // it.
  void end_move(GroupStatus& group, const Run& run) {
    // Who takes its place goes on from the word that was given.
    const bool serves_again = run.state != RunState::done && run.superseded_by.empty();
    if (serves_again) group.attested.erase(run.plan.source);
    if (run.trigger == Trigger::automatic) count_automatic_move(group, run.plan.group);
  }

  void count_automatic_move(GroupStatus& group, const GroupName& name) {
    const Policy& policy = policy_of(state_, name);
    const bool again =
        group.last_automatic_at && record_.at - *group.last_automatic_at <= policy.flap_within;
    group.flaps = again ? group.flaps + 1 : 1;
    group.last_automatic_at = record_.at;
    group.acknowledged = false;
  }
};

}  // namespace

void evolve(State& state, const Record& record) {
  BASCULE_ASSERT(record.seq == state.seq + 1, "records are taken in their order, none left out");
  std::visit(Evolution(state, record), record.body);
  state.seq = record.seq;
  state.last_at = std::max(state.last_at, record.at);
  follow_incident(state, record);
}

}  // namespace bascule::engine
