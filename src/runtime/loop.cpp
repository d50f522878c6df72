#include "runtime/loop.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "engine/lookups.h"

namespace bascule::runtime {
namespace {

using engine::Answer;
using engine::Decision;
using engine::Input;

constexpr Duration kStoreRetryFirst{100};
constexpr Duration kStoreRetryLongest{2'000};
// Two wake-ups at the same moment that decide nothing must not turn into a spin.
constexpr Duration kShortestWait{5};
// A process that runs is seen to at least this often.
constexpr Duration kAliveEvery{500};
// Whoever asks is not kept waiting longer by a store that is writing.
constexpr Duration kAskPatience{2'000};

bool is_temporary(ErrorCode code) {
  return code == ErrorCode::unavailable || code == ErrorCode::timeout ||
         code == ErrorCode::throttled || code == ErrorCode::outcome_unknown ||
         code == ErrorCode::unable;
}

// Inputs that somebody gave who waits for an answer.
bool asks(const Input& input) {
  return std::holds_alternative<engine::Command>(input) ||
         std::holds_alternative<engine::ConfigurationRead>(input);
}

// When the first of the opinions that it brings is not fresh any more; nothing: it is something
// else. An opinion is fresh up to and with its last moment.
std::optional<Instant> expiry_of(const Input& input) {
  if (const auto* formed = std::get_if<engine::OpinionFormed>(&input)) {
    return formed->opinion.expires_at + Duration(1);
  }
  const auto* all = std::get_if<engine::OpinionsFormed>(&input);
  if (all == nullptr) return std::nullopt;
  const auto first = std::ranges::min_element(all->opinions, {}, &Opinion::expires_at);
  return first->expires_at + Duration(1);
}

Error takes_no_records(const Error& why) {
  Error error = in_context("the journal cannot be written", why);
  error.code = ErrorCode::unavailable;
  return error;
}

}  // namespace

Loop::Loop(RecordClock& clock, Journal& journal, Term term, engine::State state, NextTerm next_term)
    : clock_(clock),
      journal_(journal),
      term_(term),
      next_term_(std::move(next_term)),
      alive_at_(clock.monotonic()),
      alive_by_clock_(clock.of_machine()),
      state_(std::move(state)) {
  rebuild_detectors();
}

void Loop::begin(engine::TermBegan began, Configuration configuration) {
  began_ = std::move(began);
  push(began_, nullptr);
  push(engine::ConfigurationRead{std::move(configuration)}, nullptr);
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

// How this process is doing is known at once, also while the queue stands still behind the journal.
bool Loop::post(Input input) {
  if (stopping_ || queue_.size() >= kQueueBound) return false;
  if (const auto* checked = std::get_if<engine::ControllerChecked>(&input)) {
    engine::take(readings_, state_, input, now());
    for (Follower* follower : followers_) follower->looked_at_itself(checked->reading);
  }
  push(std::move(input), nullptr);
  return true;
}

void Loop::notice(Severity severity, std::string title, std::string text, IncidentStage stage) {
  Message message;
  message.severity = severity;
  message.seq = head_.seq;
  message.delivery = fmt::format("{}/{}/notice-{}", state_.cluster, began_.mark, ++notices_);
  message.at = now();
  message.began_at = message.at;
  message.cluster = state_.cluster;
  message.stage = stage;
  if (stage != IncidentStage::none) {
    message.incident = fmt::format("bascule/{}/observer/{}", message.cluster, began_.observer);
  }
  message.title = std::move(title);
  message.text = std::move(text);
  for (Follower* follower : followers_) follower->noticed(message);
}

void Loop::observe(Observation observation) {
  const CheckSpec* check = engine::find_check(state_.configuration, observation.check);
  if (check == nullptr || stopping_) return;
  const DetectPolicy& policy =
      state_.configuration.find_group(observation.check.group)->policy.detect;
  if (now() - observation.at > 2 * policy.timeout) return;
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

bool Loop::store_answers() const {
  const bool failed = store_failed_at_ && elapsed(clock_, *store_failed_at_) <= kStoreTrouble;
  return !failed && (!append_began_ || elapsed(clock_, *append_began_) <= kStoreLate);
}

Microseconds Loop::store_latency() const {
  return append_began_ ? std::max(store_latency_, elapsed(clock_, *append_began_)) : store_latency_;
}

Error Loop::store_trouble() const {
  if (store_failed_at_) return takes_no_records(store_error_);
  const auto since = std::chrono::duration_cast<Duration>(store_latency());
  return Error{ErrorCode::unavailable,
               fmt::format("the journal has not answered for {}ms", since.count()),
               "look at the disk where it lies", std::nullopt};
}

awaitable<Result<Answer>> Loop::command(engine::Command command, Deadline deadline) {
  return ask(std::move(command), deadline);
}

awaitable<Result<Answer>> Loop::reload(Configuration configuration, Deadline deadline) {
  return ask(engine::ConfigurationRead{std::move(configuration)}, deadline);
}

awaitable<Result<Answer>> Loop::ask(Input input, Deadline deadline) {
  if (stopping_) co_return fail(ErrorCode::unavailable, "Bascule is stopping");
  if (queue_.size() >= kQueueBound) {
    co_return fail(ErrorCode::throttled, "{} inputs are waiting to be decided on", queue_.size());
  }
  auto waiter = std::make_shared<Waiter>();
  push(std::move(input), waiter);
  while (!waiter->finished) {
    const Deadline patience = Deadline::in(clock_, kAskPatience);
    if (co_await waiter->done.wait(clock_, earlier_of(deadline, patience))) continue;
    if (waiter->finished) break;
    // What has not been taken up yet can still be taken back.
    if (!store_answers() && take_back(waiter)) co_return fail(store_trouble());
    if (deadline.has_passed(clock_)) {
      co_return fail(ErrorCode::timeout, "no answer yet; the command may still be decided on");
    }
  }
  co_return std::move(*waiter->answer);
}

bool Loop::take_back(const std::shared_ptr<Waiter>& waiter) {
  return std::erase_if(queue_, [&](const Queued& queued) { return queued.waiter == waiter; }) > 0;
}

void Loop::meet_store_trouble(const Error& error) {
  store_failed_at_ = clock_.monotonic();
  store_error_ = error;
  std::erase_if(queue_, [&](const Queued& queued) {
    if (!queued.waiter || !asks(queued.input)) return false;
    queued.waiter->answer = fail(takes_no_records(error));
    queued.waiter->finished = true;
    queued.waiter->done.notify_all();
    return true;
  });
}

// It looks at everything that is known: too much to be asked anew after each of thousands of looks.
std::optional<Instant> Loop::next_wake() {
  if (wake_ && *wake_ && **wake_ <= now()) wake_.reset();
  if (!wake_) wake_ = engine::next_wake(state_, readings_, now());
  return *wake_;
}

awaitable<std::optional<Loop::Queued>> Loop::next() {
  while (queue_.empty() && !stopping_ && !absence_) {
    const auto wake = next_wake();
    if (!wake) {
      co_await arrived_.wait();
      continue;
    }
    const Duration left = std::max<Duration>(*wake - now(), kShortestWait);
    const bool came = co_await arrived_.wait(clock_, Deadline::in(clock_, left));
    if (!came && queue_.empty() && !stopping_) push(engine::TimePassed{}, nullptr);
  }
  note_absence();
  if (stopping_) co_return std::nullopt;
  if (absence_) co_return Queued{engine::TimePassed{}, nullptr, clock_.monotonic()};
  Queued oldest = std::move(queue_.front());
  queue_.pop_front();
  const auto waited = std::chrono::duration_cast<Duration>(elapsed(clock_, oldest.queued_at));
  worst_queue_delay_ = std::max(worst_queue_delay_, waited);
  take_looks_along(oldest);
  co_return oldest;
}

void Loop::take_looks_along(Queued& oldest) {
  const auto is_look = [](const Queued& queued) {
    return !queued.waiter && std::holds_alternative<engine::OpinionFormed>(queued.input);
  };
  if (!is_look(oldest) || queue_.empty() || !is_look(queue_.front())) return;
  std::vector<Opinion> opinions;
  const auto take = [&](Queued& queued) {
    opinions.push_back(std::move(std::get<engine::OpinionFormed>(queued.input).opinion));
  };
  take(oldest);
  while (!queue_.empty() && is_look(queue_.front()) && opinions.size() < kTogether) {
    take(queue_.front());
    queue_.pop_front();
  }
  oldest.input = engine::OpinionsFormed{std::move(opinions)};
}

awaitable<Result<void>> Loop::run(Hands& hands) {
  Result<JournalHead> head = co_await journal_.head();
  if (!head) co_return error_of(head);
  head_ = *head;
  Result<void> ended;
  hands.reconcile(engine::pending(state_, now()));
  while (std::optional<Queued> queued = co_await next()) {
    const std::shared_ptr<Waiter> waiter = queued->waiter;
    const Sequence before = state_.seq;
    std::optional<Instant> expires = expiry_of(queued->input);
    if (absence_) {
      hands.reconcile({});
      ended = co_await begin_next_term();
      expires.reset();
    } else {
      ended = co_await process(std::move(*queued));
    }
    if (!ended) break;
    // A look after which nothing is recorded leaves everything as it was but its own expiry.
    if (expires && state_.seq == before) {
      if (wake_) wake_ = wake_->has_value() ? std::min(**wake_, *expires) : *expires;
    } else {
      wake_.reset();
      hands.reconcile(engine::pending(state_, now()));
    }
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

awaitable<void> Loop::keep_time() {
  while (true) {
    note_absence();
    co_await wait_for(clock_, kAliveEvery);
  }
}

void Loop::note_absence() {
  const MonotonicInstant moment = clock_.monotonic();
  const Instant by_clock = clock_.of_machine();
  const auto gone = std::chrono::duration_cast<Duration>(moment - alive_at_);
  const Duration set = (by_clock - alive_by_clock_) - gone;
  alive_at_ = moment;
  alive_by_clock_ = by_clock;
  if (set < -kLongestAbsence) {
    notice(Severity::warning, fmt::format("the clock was set back by {}", to_string(-set)),
           "record time goes on from where it was, a little slower, until the clock has caught up");
  }
  if (absence_ || (gone <= kLongestAbsence && set <= kLongestAbsence)) return;
  absence_ = gone > kLongestAbsence
                 ? fmt::format("this process did not run for {}", to_string(gone))
                 : fmt::format("the clock was set forward by {}", to_string(set));
  notice(Severity::warning, *absence_,
         "what was seen before counts no more, and what was under way is inspected again");
  arrived_.notify_all();
}

// As after a start: nothing was seen yet, and what was under way is inspected first. The results of
// calls of the old term are those of deadlines that nobody lived through.
awaitable<Result<void>> Loop::begin_next_term() {
  std::erase_if(queue_, [](const Queued& queued) {
    if (asks(queued.input)) return false;
    if (queued.waiter) {
      queued.waiter->finished = true;
      queued.waiter->done.notify_all();
    }
    return true;
  });
  Duration wait = kStoreRetryFirst;
  while (true) {
    Result<Term> next = co_await next_term_();
    if (next) {
      term_ = *next;
      break;
    }
    if (!is_temporary(next.error().code)) co_return error_of(next);
    meet_store_trouble(next.error());
    const Deadline retry = Deadline::in(clock_, wait);
    while (!stopping_ && !retry.has_passed(clock_)) co_await arrived_.wait(clock_, retry);
    if (stopping_) co_return fail(ErrorCode::canceled, "Bascule is stopping");
    wait = std::min(wait * 2, kStoreRetryLongest);
  }
  absence_.reset();
  readings_ = engine::Readings();
  wake_.reset();
  detectors_.clear();
  detectors_fingerprint_.clear();
  rebuild_detectors();
  began_.term = term_;
  Result<Decision> decision = co_await decide_durably(began_, false);
  if (!decision) co_return error_of(decision);
  co_return Result<void>();
}

awaitable<Result<void>> Loop::process(Queued queued) {
  const bool is_asked = queued.waiter && asks(queued.input);
  Result<Decision> decision = co_await decide_durably(queued.input, is_asked);
  const bool only_refused =
      !decision && is_asked && decision.error().code == ErrorCode::unavailable;
  if (queued.waiter && decision) queued.waiter->answer = decision->answer.value_or(Answer{});
  if (queued.waiter && !decision) queued.waiter->answer = error_of(decision);
  // A start with a configuration that cannot be taken is none.
  const bool refused_at_start = !is_asked && decision && decision->answer &&
                                !decision->answer->accepted && asks(queued.input);
  if (refused_at_start) co_return fail(*decision->answer->error);
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
  append_began_ = began;
  Result<JournalHead> head = co_await journal_.append(std::move(records), term_);
  append_began_.reset();
  store_latency_ = elapsed(clock_, began);
  if (head) {
    head_ = *head;
    store_failed_at_.reset();
    co_return true;
  }
  if (!is_temporary(head.error().code)) co_return error_of(head);
  Result<JournalHead> now = co_await journal_.head();
  if (!now || now->seq < last) {
    meet_store_trouble(head.error());
    co_return false;
  }
  head_ = *now;
  store_failed_at_.reset();
  co_return true;
}

// Decides, and makes the decision durable. While the store cannot write, a person is told at once;
// everything else waits and is decided anew, since time has passed.
awaitable<Result<Decision>> Loop::decide_durably(Input input, bool is_asked) {
  Duration wait = kStoreRetryFirst;
  while (true) {
    const Instant moment = now();
    // What a configuration does not name is forgotten once it is in force.
    const bool reads = std::holds_alternative<engine::ConfigurationRead>(input);
    if (!reads) engine::take(readings_, state_, input, moment);
    Decision decision = engine::decide(state_, readings_, input, moment);
    if (decision.records.empty()) co_return decision;
    Result<bool> kept = co_await append(decision.records);
    if (!kept) co_return error_of(kept);
    if (*kept) {
      apply(decision.records);
      if (reads && decision.answer->accepted) engine::take(readings_, state_, input, moment);
      co_return decision;
    }
    if (is_asked) co_return fail(takes_no_records(store_error_));
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
  const std::map<CheckReference, engine::Detector> before = std::exchange(detectors_, {});
  detectors_fingerprint_ = state_.configuration_fingerprint;
  for (const GroupSpec& group : state_.configuration.groups) {
    // What has been counted goes on counting where the rules are the same.
    const auto add = [&](const SiteName& site, const CheckSpec& check) {
      const CheckReference reference{group.name, site, check.name};
      const auto known = before.find(reference);
      const bool same =
          known != before.end() && known->second.follows(group.policy.detect, check.acts_on);
      detectors_.emplace(
          reference, same ? known->second : engine::Detector(group.policy.detect, check.acts_on));
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
