// Which calls to the outside should be under way, computed from the state alone: after a crash the
// same calls come out again. Nothing here remembers what the runtime has started.
#include <algorithm>
#include <utility>

#include "engine/engine.h"
#include "engine/execution.h"
#include "engine/front_door.h"
#include "engine/plan/planner.h"

namespace bascule::engine {
namespace {

// The calls of one run or obligation, each step at most once. Those of an obligation that goes on
// failing as it did come at a pace of their own.
class Calls {
 public:
  Calls(const State& state, const Work& work)
      : state_(state),
        work_(work),
        standing_(work.obligation != nullptr && is_standing(*work.obligation)) {}

  void inspect(const Step& step, Instant deadline) { add(CallKind::inspect, step, deadline, 0); }
  void apply(const Step& step) {
    const std::int64_t attempt = progress_of(*work_.execution, step.id).attempts;
    add(CallKind::apply, step, deadline_of(state_, work_, step), attempt);
    const bool unseen = progress_of(*work_.execution, step.id).unseen;
    if (standing_ && !unseen && !calls_.empty()) calls_.back().look_first = to_look_at_before(step);
  }
  void revert(const Step& step, Instant deadline) {
    const std::int64_t attempt = progress_of(*work_.execution, step.id).attempts;
    add(CallKind::revert, step, deadline, attempt);
  }

  std::vector<Call> take() { return std::move(calls_); }

 private:
  void add(CallKind kind, const Step& step, Instant deadline, std::int64_t attempt) {
    const bool known =
        std::ranges::any_of(calls_, [&](const Call& call) { return call.step.id == step.id; });
    if (known) return;
    const StepProgress& progress = progress_of(*work_.execution, step.id);
    Call call;
    call.kind = kind;
    call.group = work_.group;
    call.run = work_.id;
    call.step = step;
    // What waits for an output that nobody has given is not asked; decide() ends such a step.
    const Result<Json> settings = render_late(*work_.execution, step);
    if (!settings) return;
    call.step.settings = *settings;
    call.attempt = std::max(attempt, progress.attempts);
    call.term = state_.term;
    call.claimant = claimant_of(work_);
    call.prior = progress.prior;
    call.claimed = claimed();
    call.deadline = deadline;
    call.fence = step.phase == Phase::fence;
    const bool is_awaited = progress.state == StepState::applied;
    if (standing_ && !is_awaited) call.pace = standing_pace(state_, work_, step);
    if (progress.unseen && kind == CallKind::apply) call.pace = unseen_pace(progress);
    fill_in_move(call);
    calls_.push_back(std::move(call));
  }

  // An apply that is repeated under its one announcement follows, each time, a look at what it
  // follows in a try: the steps before it, and what it is about to change.
  [[nodiscard]] std::vector<Step> to_look_at_before(const Step& step) const {
    std::vector<Step> steps;
    for (const Step& other : work_.execution->steps) {
      const bool before = other.id != step.id && has_ended(progress_of(*work_.execution, other.id));
      const bool itself = other.id == step.id && step.phase != Phase::fence;
      if (before || itself) steps.push_back(other);
    }
    return steps;
  }

  [[nodiscard]] Json claimed() const {
    for (const Step& step : work_.execution->steps) {
      const StepProgress& progress = progress_of(*work_.execution, step.id);
      if (step.operation == "claim" && !progress.outputs.empty()) return progress.outputs;
    }
    return nullptr;
  }

  void fill_in_move(Call& call) const {
    const GroupStatus& group = state_.groups.at(work_.group);
    call.generation = group.generation;
    if (work_.run != nullptr) {
      call.source = work_.run->plan.source;
      call.target = work_.run->plan.target;
      call.move = work_.run->plan.move;
      // The claim itself names what the journal knew before it.
      const bool has_claimed = work_.run->generation > 0;
      if (has_claimed) call.generation = work_.run->generation;
      return;
    }
    call.source = work_.obligation->site;
    call.target = group.active.value_or(work_.obligation->site);
    // An adoption takes the generation after the one it finds, whoever wrote that (section 7).
    const bool takes_over = work_.obligation->takes_over && call.step.operation == "claim";
    if (takes_over) call.generation = 0;
  }

  const State& state_;
  const Work& work_;
  bool standing_;
  std::vector<Call> calls_;
};

void add_forward_calls(Calls& calls, const State& state, const Work& work, Instant now) {
  for (const Step& step : work.execution->steps) {
    const StepProgress& progress = progress_of(*work.execution, step.id);
    const Instant deadline = deadline_of(state, work, step);
    switch (stage_of(state, work, step)) {
      case StepStage::barred:
      case StepStage::ended:
        break;
      case StepStage::applying:
        calls.apply(step);
        break;
      case StepStage::applied:
        calls.inspect(step, deadline);
        break;
      case StepStage::resolving:
        if (progress.retry_at && *progress.retry_at > now) break;
        calls.inspect(step, deadline);
        break;
      case StepStage::ready:
        calls.inspect(step, deadline);
        for (const Step* other : steps_of_last_look(work, step)) calls.inspect(*other, deadline);
        break;
    }
  }
}

void add_run_calls(Calls& calls, const State& state, const Work& work, Instant now) {
  const Run& run = *work.run;
  if (run.state != RunState::running) return;
  if (run.rolling_back) {
    const Step* next = next_to_revert(run);
    if (next != nullptr) calls.revert(*next, revert_deadline(state, run, *next));
    return;
  }
  add_forward_calls(calls, state, work, now);
  const bool all = std::ranges::all_of(run.execution.steps, [&](const Step& step) {
    return has_ended(progress_of(run.execution, step.id));
  });
  if (!all) return;
  for (const Step* step : steps_of_final_look(run)) {
    calls.inspect(*step, final_look_deadline(state, run));
  }
}

// Since when work waits for the front door, because somebody else may have overtaken it; nothing
// where none does.
std::optional<Instant> front_door_awaited_since(const State& state, const GroupName& group,
                                                Instant now) {
  std::optional<Instant> since;
  const auto wait_for = [&](const RunId& id) {
    const Work work = *find_work(state, id);
    if (!must_read_front_door(state, work)) return;
    const Instant began = went_on_at(state, work);
    since = since ? std::max(*since, began) : began;
  };
  if (const Run* open = state.open_run(group)) wait_for(open->id);
  for (const auto& [id, owed] : state.obligations) {
    if (owed.group == group && !is_paused(state, owed, now)) wait_for(id);
  }
  return since;
}

// The front door is watched whenever nothing of this Bascule is about to write it: for a hint while
// nobody is known to be active, for drift afterwards. It is read at once when work waits for that.
// The call names neither a run nor a generation, so that it is told what is there, whoever wrote
// it.
std::optional<Call> front_door_call(const State& state, const GroupSpec& group, Instant now) {
  constexpr Duration kWhileNobodyIsActive{1'000};
  const auto status = state.groups.find(group.name);
  if (status == state.groups.end() || !group.front_door) return std::nullopt;
  const auto awaited = front_door_awaited_since(state, group.name, now);
  const bool is_written =
      state.open_run(group.name) != nullptr || owes_front_door(state, group.name);
  if (is_written && !awaited) return std::nullopt;
  const auto& active = status->second.active;
  auto step = front_door_step(state, group.name, active.value_or(group.home().name), "switch");
  if (!step) return std::nullopt;
  const DetectPolicy& detect = group.policy.detect;
  Call call;
  call.kind = CallKind::read_front_door;
  call.group = group.name;
  call.step = *std::move(step);
  call.term = state.term;
  const Duration every = active && !awaited ? detect.interval : kWhileNobodyIsActive;
  call.pace = Pace{every, detect.timeout, awaited.value_or(Instant())};
  call.deadline = now + detect.timeout;
  return call;
}

// A run whose time has come is judged by a fresh look, as a person's move is that begins at once.
std::optional<Call> look_call(const State& state, const Run& run, Instant now) {
  const bool waits = run.state == RunState::waiting && run.wait->what == WaitFor::moment;
  if (!waits || now < run.wait->until || now >= look_deadline(state, run)) return std::nullopt;
  Call call;
  call.kind = CallKind::look_at_group;
  call.group = run.plan.group;
  call.run = run.id;
  call.source = run.plan.source;
  call.target = run.plan.target;
  call.move = run.plan.move;
  call.term = state.term;
  call.deadline = look_deadline(state, run);
  return call;
}

}  // namespace

bool same_call(const Call& left, const Call& right) {
  return left.kind == right.kind && left.group == right.group && left.run == right.run &&
         left.step.id == right.step.id && left.step.operation == right.step.operation &&
         left.attempt == right.attempt && left.term == right.term && left.pace == right.pace &&
         (!left.pace || left.step.settings == right.step.settings);
}

std::vector<Call> pending(const State& state, Instant now) {
  std::vector<Call> calls;
  const Instant moment = std::max(now, state.last_at);
  const auto take_all = [&](Calls& made) {
    for (Call& call : made.take()) calls.push_back(std::move(call));
  };
  for (const GroupSpec& group : state.configuration.groups) {
    if (auto call = front_door_call(state, group, moment)) calls.push_back(*std::move(call));
  }
  for (const auto& [id, run] : state.runs) {
    if (run.ended_at) continue;
    if (auto call = look_call(state, run, moment)) calls.push_back(*std::move(call));
    const Work work = *find_work(state, id);
    Calls made(state, work);
    add_run_calls(made, state, work, moment);
    take_all(made);
  }
  for (const auto& [id, owed] : state.obligations) {
    if (is_paused(state, owed, moment)) continue;
    const Work work = *find_work(state, id);
    Calls made(state, work);
    add_forward_calls(made, state, work, moment);
    if (rests(state, work)) {
      for (const Step& step : owed.execution.steps) made.inspect(step, moment);
    }
    take_all(made);
  }
  return calls;
}

}  // namespace bascule::engine
