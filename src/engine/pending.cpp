// Which calls to the outside should be under way, computed from the state alone: after a crash the
// same calls come out again. Nothing here remembers what the runtime has started.
#include <algorithm>
#include <utility>

#include "engine/engine.h"
#include "engine/execution.h"
#include "engine/plan/planner.h"

namespace bascule::engine {
namespace {

// The calls of one run or obligation, each step at most once.
class Calls {
 public:
  Calls(const State& state, const Work& work) : state_(state), work_(work) {}

  void inspect(const Step& step, Instant deadline) { add(CallKind::inspect, step, deadline, 0); }
  void apply(const Step& step) {
    const std::int64_t attempt = progress_of(*work_.execution, step.id).attempts;
    add(CallKind::apply, step, deadline_of(state_, work_, step), attempt);
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
    call.prior = progress.prior;
    call.claimed = claimed();
    call.deadline = deadline;
    call.fence = step.phase == Phase::fence;
    fill_in_move(call);
    calls_.push_back(std::move(call));
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
    const bool adopts =
        work_.obligation->kind == ObligationKind::front_door && work_.obligation->run.empty();
    if (adopts) call.generation = 0;
  }

  const State& state_;
  const Work& work_;
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

// While nobody is known to be active, the front door is read for a hint.
std::optional<Call> front_door_call(const State& state, const GroupSpec& group, Instant now) {
  const auto status = state.groups.find(group.name);
  if (status == state.groups.end() || status->second.active) return std::nullopt;
  if (!group.front_door || state.open_run(group.name) != nullptr) return std::nullopt;
  auto step = front_door_step(state, group.name, group.home().name, "claim");
  if (!step) return std::nullopt;
  Call call;
  call.kind = CallKind::read_front_door;
  call.group = group.name;
  call.step = *std::move(step);
  call.generation = status->second.generation;
  call.term = state.term;
  call.deadline = now + group.policy.detect.timeout;
  return call;
}

}  // namespace

bool same_call(const Call& left, const Call& right) {
  return left.kind == right.kind && left.group == right.group && left.run == right.run &&
         left.step.id == right.step.id && left.step.operation == right.step.operation &&
         left.attempt == right.attempt && left.term == right.term;
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
    take_all(made);
  }
  return calls;
}

}  // namespace bascule::engine
