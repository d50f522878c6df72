#include "runtime/step_runner.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "async/with_deadline.h"
#include "model/template.h"

namespace bascule::runtime {
namespace {

using engine::Call;
using engine::CallKind;

constexpr Duration kFirstWait{20};
constexpr Duration kLongestWait{1'000};
// One look may take this long at most; the step's own deadline bounds how often it is repeated.
constexpr Duration kInspectionLimit{10'000};

StepCall to_step_call(const Call& call, Deadline deadline) {
  StepCall made(deadline);
  made.group = call.group;
  made.source = call.source;
  made.target = call.target;
  made.move = call.move;
  made.run = call.run;
  made.step = call.step.id;
  made.operation = call.step.operation;
  made.attempt = call.attempt;
  made.term = call.term;
  made.generation = call.generation;
  made.claimant = call.claimant;
  made.prior = call.prior;
  made.claimed = call.claimed;
  return made;
}

std::string name_of(const Call& call) {
  return fmt::format("{} {}", call.run, call.step.id);
}

}  // namespace

Result<std::shared_ptr<Action>> make_action(const Catalog& catalog, const std::string& cluster,
                                            const GroupSpec& group, const Step& step,
                                            Services& services) {
  const ActionKind* kind = catalog.find_action(step.uses);
  if (kind == nullptr) {
    return fail(ErrorCode::invalid, "`{}` is not available in this build", step.uses);
  }
  return kind->make(ActionContext{std::make_shared<const GroupSpec>(group), cluster, step.site,
                                  without_escapes(step.settings)},
                    services);
}

StepRunner::StepRunner(Loop& loop, const Catalog& catalog, Services& services, bool look_only)
    : loop_(loop),
      catalog_(catalog),
      services_(services),
      look_only_(look_only),
      scope_(services.io.get_executor(), [](const std::string&, const std::string&) {}) {}

Result<std::shared_ptr<Action>> StepRunner::make_action_of(const Call& call) const {
  const Configuration& configuration = loop_.state().configuration;
  const GroupSpec* group = configuration.find_group(call.group);
  if (group == nullptr) return fail(ErrorCode::invalid, "group {} is not configured", call.group);
  return runtime::make_action(catalog_, configuration.cluster, *group, call.step, services_);
}

void StepRunner::reconcile(const std::vector<Call>& calls) {
  for (auto running = running_.begin(); running != running_.end();) {
    const bool wanted = std::ranges::any_of(
        calls, [&](const Call& call) { return same_call(call, running->call); });
    const bool alive = scope_.is_running(running->child);
    if (!wanted) scope_.cancel(running->child);
    if (!wanted && alive) ending_.push_back(*running);
    running = wanted && alive ? std::next(running) : running_.erase(running);
  }
  std::erase_if(ending_, [&](const Running& ending) { return !scope_.is_running(ending.child); });
  for (const Call& call : calls) {
    const bool known = std::ranges::any_of(
        running_, [&](const Running& running) { return same_call(call, running.call); });
    const bool changes = call.kind == CallKind::apply || call.kind == CallKind::revert;
    if (known || (changes && look_only_)) continue;
    std::vector<Scope::Child> predecessors;
    for (const Running& ending : ending_) {
      const bool same_step = ending.call.run == call.run && ending.call.step.id == call.step.id;
      if (same_step) predecessors.push_back(ending.child);
    }
    const Scope::Child child =
        scope_.spawn(name_of(call), carry_out(call, std::move(predecessors)));
    running_.push_back(Running{call, child});
  }
}

awaitable<void> StepRunner::stop() {
  reconcile({});
  scope_.request_stop();
  co_await scope_.join();
}

// Ends only by cancellation, once the engine does not list the call any more.
awaitable<void> StepRunner::carry_out(Call call, std::vector<Scope::Child> predecessors) {
  struct Notice {
    Event& ended;
    ~Notice() { ended.notify_all(); }
  };
  const Notice notice{ended_};
  // Two calls of one step never overlap: a revert waits for the last frame of the apply it follows.
  for (const Scope::Child predecessor : predecessors) {
    while (scope_.is_running(predecessor)) {
      co_await ended_.wait(services_.clock, Deadline::in(services_.clock, kLongestWait));
    }
  }
  if (call.not_before) {
    const Duration wait = *call.not_before - loop_.now();
    if (wait > Duration{0}) co_await wait_for(services_.clock, wait);
  }
  Duration wait = kFirstWait;
  while (true) {
    for (const Step& step : call.look_first) {
      Call look = call;
      look.kind = CallKind::inspect;
      look.step = step;
      co_await make_once(std::move(look));
    }
    co_await make_once(call);
    co_await wait_for(services_.clock, call.pace ? call.pace->every : wait);
    wait = std::min(wait * 2, kLongestWait);
  }
}

awaitable<void> StepRunner::make_once(Call call) {
  const Duration left = call.pace ? call.pace->limit : call.deadline - loop_.now();
  const Deadline deadline = Deadline::in(services_.clock, left);
  const std::string what = call.step.id.text();
  if (call.kind == CallKind::look_at_group) {
    if (look_at_group_) co_await look_at_group_(call.group, deadline);
    co_await loop_.deliver(engine::GroupLookedAt{call.run});
    co_return;
  }
  if (call.kind == CallKind::inspect || call.kind == CallKind::read_front_door) {
    Result<Inspection> found = co_await inspect(call, deadline);
    engine::Input input = engine::StepInspected{call.run, call.step.id, found};
    if (call.kind == CallKind::read_front_door) input = engine::FrontDoorRead{call.group, found};
    co_await loop_.deliver(std::move(input));
    co_return;
  }
  const bool applies = call.kind == CallKind::apply;
  Result<Outputs> outputs;
  Result<std::shared_ptr<Action>> action = make_action_of(call);
  if (!action) {
    outputs = error_of(action);
  } else if (applies) {
    StepCall step_call = to_step_call(call, deadline);
    outputs = co_await with_deadline(services_.clock, deadline, what,
                                     (*action)->apply(std::move(step_call)));
  } else {
    StepCall step_call = to_step_call(call, deadline);
    Result<void> reverted = co_await with_deadline(services_.clock, deadline, what,
                                                   (*action)->revert(std::move(step_call)));
    if (!reverted) outputs = error_of(reverted);
  }
  engine::Input finished = engine::StepFinished{
      call.run, call.step.id, call.attempt,
      applies ? engine::StepCallKind::apply : engine::StepCallKind::revert, std::move(outputs)};
  co_await loop_.deliver(std::move(finished));
}

awaitable<Result<Inspection>> StepRunner::inspect(Call call, Deadline deadline, AskedBy asked_by) {
  Result<std::shared_ptr<Action>> action = make_action_of(call);
  if (!action) co_return error_of(action);
  const Deadline limit = earlier_of(deadline, Deadline::in(services_.clock, kInspectionLimit));
  StepCall step_call = to_step_call(call, limit);
  step_call.asked_by = asked_by;
  Result<Inspection> found = co_await with_deadline(services_.clock, limit, call.step.id.text(),
                                                    (*action)->inspect(std::move(step_call)));
  // A process that was stopped meanwhile must not act on old news.
  if (found && limit.has_passed(services_.clock)) {
    co_return fail(ErrorCode::timeout, "{} was looked at too long ago", call.step.id);
  }
  co_return found;
}

}  // namespace bascule::runtime
