#include "runtime/loop.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace bascule::runtime {
namespace {

using engine::Answer;
using engine::Decision;
using engine::Input;

constexpr Duration kStoreRetryFirst{100};
constexpr Duration kStoreRetryLongest{2'000};
// Two wake-ups at the same moment that decide nothing must not turn into a spin.
constexpr Duration kShortestWait{5};

const CheckSpec* find_check(const engine::State& state, const CheckReference& reference) {
  const GroupSpec* group = state.configuration.find_group(reference.group);
  if (group == nullptr) return nullptr;
  const std::vector<CheckSpec>* checks = &group->checks;
  if (!reference.site.empty()) {
    const SiteSpec* site = group->find_site(reference.site);
    if (site == nullptr) return nullptr;
    checks = &site->checks;
  }
  for (const CheckSpec& check : *checks) {
    if (check.name == reference.check) return &check;
  }
  return nullptr;
}

}  // namespace

Loop::Loop(Clock& clock, Journal& journal, Term term, engine::State state)
    : clock_(clock), journal_(journal), term_(term), state_(std::move(state)) {
  rebuild_detectors();
}

void Loop::add_follower(Follower& follower) {
  followers_.push_back(&follower);
}

Instant Loop::now() const {
  return std::max(clock_.now(), state_.last_at);
}

void Loop::stop() {
  stopping_ = true;
  arrived_.notify_all();
}

void Loop::push(Input input, std::shared_ptr<Waiter> waiter) {
  queue_.push_back(Queued{std::move(input), std::move(waiter), clock_.monotonic()});
  arrived_.notify_all();
}

bool Loop::post(Input input) {
  if (stopping_ || queue_.size() >= kQueueBound) return false;
  push(std::move(input), nullptr);
  return true;
}

void Loop::observe(Observation observation, Instant made_at) {
  const CheckSpec* check = find_check(state_, observation.check);
  if (check == nullptr || stopping_) return;
  const DetectPolicy& policy =
      state_.configuration.find_group(observation.check.group)->policy.detect;
  if (clock_.now() - made_at > policy.timeout) return;
  const auto detector = detectors_.find(observation.check);
  if (detector == detectors_.end()) return;
  const auto expected = engine::expected_role(state_, observation.check);
  const Observation judged = engine::judge(std::move(observation), expected);
  for (Follower* follower : followers_) follower->observed(judged, *check);
  post(engine::OpinionFormed{detector->second.observe(judged)});
}

bool Loop::suspects(const CheckReference& check) const {
  const auto detector = detectors_.find(check);
  return detector != detectors_.end() && detector->second.suspect();
}

awaitable<void> Loop::deliver(Input input) {
  if (stopping_) co_return;
  auto waiter = std::make_shared<Waiter>();
  push(std::move(input), waiter);
  while (!waiter->finished) co_await waiter->done.wait();
}

awaitable<Result<Answer>> Loop::command(engine::Command command, Deadline deadline) {
  if (stopping_) co_return fail(ErrorCode::unavailable, "Bascule is stopping");
  if (queue_.size() >= kQueueBound) {
    co_return fail(ErrorCode::throttled, "{} inputs are waiting to be decided on", queue_.size());
  }
  auto waiter = std::make_shared<Waiter>();
  push(std::move(command), waiter);
  while (!waiter->finished) {
    if (!co_await waiter->done.wait(clock_, deadline) && !waiter->finished) {
      co_return fail(ErrorCode::timeout, "no answer yet; the command may still be decided on");
    }
  }
  co_return std::move(*waiter->answer);
}

awaitable<std::optional<Loop::Queued>> Loop::next() {
  while (queue_.empty() && !stopping_) {
    const auto wake = engine::next_wake(state_, readings_, now());
    if (!wake) {
      co_await arrived_.wait();
      continue;
    }
    const Duration left = std::max<Duration>(*wake - now(), kShortestWait);
    const bool came = co_await arrived_.wait(clock_, Deadline::in(clock_, left));
    if (!came && queue_.empty() && !stopping_) push(engine::TimePassed{}, nullptr);
  }
  if (stopping_) co_return std::nullopt;
  Queued oldest = std::move(queue_.front());
  queue_.pop_front();
  const auto waited = std::chrono::duration_cast<Duration>(elapsed(clock_, oldest.queued_at));
  worst_queue_delay_ = std::max(worst_queue_delay_, waited);
  co_return oldest;
}

awaitable<Result<void>> Loop::run(Hands& hands) {
  Result<JournalHead> head = co_await journal_.head();
  if (!head) co_return error_of(head);
  head_ = *head;
  Result<void> ended;
  hands.reconcile(engine::pending(state_, now()));
  while (std::optional<Queued> queued = co_await next()) {
    const std::shared_ptr<Waiter> waiter = queued->waiter;
    ended = co_await process(std::move(*queued));
    if (!ended) break;
    hands.reconcile(engine::pending(state_, now()));
    changed_.notify_all();
    if (waiter) {
      waiter->finished = true;
      waiter->done.notify_all();
    }
  }
  if (!ended && stopping_ && ended.error().code == ErrorCode::canceled) ended = {};
  stopping_ = true;
  hands.reconcile({});
  abandon_waiters();
  co_return ended;
}

awaitable<Result<void>> Loop::process(Queued queued) {
  const bool is_command = std::holds_alternative<engine::Command>(queued.input);
  Result<Decision> decision = co_await decide_durably(queued.input, is_command);
  const bool only_refused =
      !decision && is_command && decision.error().code == ErrorCode::unavailable;
  if (queued.waiter && decision) queued.waiter->answer = decision->answer.value_or(Answer{});
  if (queued.waiter && !decision) queued.waiter->answer = error_of(decision);
  if (decision || only_refused) co_return Result<void>();
  if (queued.waiter) {
    queued.waiter->finished = true;
    queued.waiter->done.notify_all();
  }
  co_return error_of(decision);
}

// A store whose answer was lost, or that could not write, is asked where it stands: there is only
// one writer, so a head that has moved on holds what was appended.
awaitable<Result<bool>> Loop::append(std::vector<Record> records) {
  const Sequence last = records.back().seq;
  const MonotonicInstant began = clock_.monotonic();
  Result<JournalHead> head = co_await journal_.append(std::move(records), term_);
  store_latency_ = elapsed(clock_, began);
  store_answers_ = head.has_value();
  if (head) {
    head_ = *head;
    co_return true;
  }
  store_error_ = head.error();
  const ErrorCode code = head.error().code;
  const bool passes = code == ErrorCode::unavailable || code == ErrorCode::timeout ||
                      code == ErrorCode::throttled || code == ErrorCode::outcome_unknown;
  if (!passes) co_return error_of(head);
  Result<JournalHead> now = co_await journal_.head();
  if (!now || now->seq < last) co_return false;
  head_ = *now;
  store_answers_ = true;
  co_return true;
}

// Decides, and makes the decision durable. While the store cannot write, a person is told at once;
// everything else waits and is decided anew, since time has passed.
awaitable<Result<Decision>> Loop::decide_durably(Input input, bool is_command) {
  Duration wait = kStoreRetryFirst;
  while (true) {
    const Instant moment = now();
    engine::take(readings_, state_, input, moment);
    Decision decision = engine::decide(state_, readings_, input, moment);
    if (decision.records.empty()) co_return decision;
    Result<bool> kept = co_await append(decision.records);
    if (!kept) co_return error_of(kept);
    if (*kept) {
      apply(decision.records);
      co_return decision;
    }
    if (is_command) {
      co_return fail(ErrorCode::unavailable, "the journal cannot be written: {}",
                     store_error_.message);
    }
    changed_.notify_all();
    // Stopping must not wait for a store that never answers.
    const Deadline retry = Deadline::in(clock_, wait);
    while (!stopping_ && !retry.has_passed(clock_)) co_await arrived_.wait(clock_, retry);
    if (stopping_) co_return fail(ErrorCode::canceled, "Bascule is stopping");
    wait = std::min(wait * 2, kStoreRetryLongest);
  }
}

void Loop::apply(const std::vector<Record>& records) {
  for (const Record& record : records) {
    engine::evolve(state_, record);
    if (std::holds_alternative<ConfigurationLoaded>(record.body)) rebuild_detectors();
    for (Follower* follower : followers_) follower->recorded(record, state_);
  }
}

void Loop::rebuild_detectors() {
  if (detectors_fingerprint_ == state_.configuration_fingerprint) return;
  detectors_.clear();
  detectors_fingerprint_ = state_.configuration_fingerprint;
  for (const GroupSpec& group : state_.configuration.groups) {
    const auto add = [&](const SiteName& site, const CheckSpec& check) {
      detectors_.emplace(CheckReference{group.name, site, check.name},
                         engine::Detector(group.policy.detect, check.acts_on));
    };
    for (const CheckSpec& check : group.checks) add(SiteName(), check);
    for (const SiteSpec& site : group.sites) {
      for (const CheckSpec& check : site.checks) add(site.name, check);
    }
  }
}

void Loop::abandon_waiters() {
  for (Queued& queued : queue_) {
    if (!queued.waiter) continue;
    queued.waiter->answer = fail(ErrorCode::unavailable, "Bascule is stopping");
    queued.waiter->finished = true;
    queued.waiter->done.notify_all();
  }
  queue_.clear();
}

}  // namespace bascule::runtime
