// The loop: one input from one queue, decide, make the records durable, evolve, tell the followers,
// and see to it that exactly the calls run that pending() lists. It holds the only State and the
// only Readings of the process.
//
// One thread (that of the io_context). The loop ends when it is told to stop, or when its term is
// over. When the store cannot write, nothing new is started, the same input is decided again until
// it can, and whoever asks is told why.
//
// A process that did not run for a while, or whose clock was set forward, knows as little as one
// that has just started: everything it saw is old, and what it was doing timed out without anybody
// having waited for it. So the loop then begins another term, within the same process.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "async/clock.h"
#include "async/event.h"
#include "base/result.h"
#include "engine/detect/detector.h"
#include "engine/engine.h"
#include "ports/journal.h"
#include "runtime/follower.h"
#include "runtime/record_clock.h"

namespace bascule::runtime {

// What the loop asks of the rest of the runtime.
class Hands {
 public:
  virtual ~Hands() = default;
  // Starts what is missing of these calls and cancels what is not among them.
  virtual void reconcile(const std::vector<engine::Call>& calls) = 0;
};

class Loop {
 public:
  // Ends the present term in the store and takes the next one.
  using NextTerm = std::function<awaitable<Result<Term>>()>;

  // `state` is what replaying the journal gave. All references outlive the loop.
  Loop(RecordClock& clock, Journal& journal, Term term, engine::State state, NextTerm next_term);

  void add_follower(Follower& follower);

  // The first inputs: the term and the configuration. REQUIRES: called once, before run().
  void begin(engine::TermBegan began, Configuration configuration);
  // Runs until stop(), returning nothing, or until the term is over or the journal is broken.
  awaitable<Result<void>> run(Hands& hands);
  void stop();
  // Notices when this process did not run or its clock jumped; runs beside run(), until cancelled.
  awaitable<void> keep_time();

  // An input that may be lost when the queue is full (observations come again).
  bool post(engine::Input input);
  // A look of this observer. It is dropped when it comes later, by its timeout, than a look may
  // take: a process that was stopped must not act on old news.
  void observe(Observation observation);
  // An input that must not be lost: returns once it has been decided on, recorded and reconciled.
  awaitable<void> deliver(engine::Input input);
  // A command, answered. `unavailable` when the loop stops first, `timeout` when the deadline
  // passes first: the command may then still be decided on.
  // While the store takes no records the answer is `unavailable`, and why.
  awaitable<Result<engine::Answer>> command(engine::Command command, Deadline deadline);
  // A configuration that was read again: accepted, or refused and why. Errors as of command().
  awaitable<Result<engine::Answer>> reload(Configuration configuration, Deadline deadline);
  // Tells the followers what no record can tell.
  void notice(Severity severity, std::string title, std::string text,
              IncidentStage stage = IncidentStage::none);

  [[nodiscard]] const engine::State& state() const { return state_; }
  [[nodiscard]] const engine::Readings& readings() const { return readings_; }
  [[nodiscard]] Instant now() const;
  [[nodiscard]] bool suspects(const CheckReference& check) const;
  [[nodiscard]] const JournalHead& head() const { return head_; }
  [[nodiscard]] Term term() const { return term_; }
  // False as well while it has been writing for longer than kStoreLate.
  [[nodiscard]] bool store_answers() const;
  // Of the newest append, also while it is under way.
  [[nodiscard]] Microseconds store_latency() const;
  // Why the store takes no records. REQUIRES: it does not answer.
  [[nodiscard]] Error store_trouble() const;
  [[nodiscard]] Duration worst_queue_delay() const { return worst_queue_delay_; }
  void forget_queue_delay() { worst_queue_delay_ = Duration{0}; }
  // Notified after every change of state.
  [[nodiscard]] Event& changed() { return changed_; }

  static constexpr std::size_t kQueueBound = 20'000;
  // Looks that wait behind one another are decided on together, and recorded in one append: when
  // the disk is slow, the more there are the more are done at once.
  static constexpr std::size_t kTogether = 256;
  static constexpr Duration kStoreLate{1'000};
  // A failed append speaks for this long; while records wait, it is repeated more often than that.
  static constexpr Duration kStoreTrouble{10'000};
  // Whoever did not run for longer than this, or whose clock was set forward by more, begins anew.
  static constexpr Duration kLongestAbsence{5'000};

 private:
  // One per waiting deliver() or command(); shared, because the waiter may be cancelled first.
  struct Waiter {
    Event done;
    bool finished = false;
    std::optional<Result<engine::Answer>> answer;
  };
  struct Queued {
    engine::Input input;
    std::shared_ptr<Waiter> waiter;
    MonotonicInstant queued_at;
  };

  void push(engine::Input input, std::shared_ptr<Waiter> waiter);
  awaitable<Result<engine::Answer>> ask(engine::Input input, Deadline deadline);
  [[nodiscard]] std::optional<Instant> next_wake();
  awaitable<std::optional<Queued>> next();
  void take_looks_along(Queued& oldest);
  awaitable<Result<void>> process(Queued queued);
  awaitable<Result<engine::Decision>> decide_durably(engine::Input input, bool is_asked);
  awaitable<Result<bool>> append(std::vector<Record> records);
  void apply(const std::vector<Record>& records);
  void rebuild_detectors();
  // Keeps why the store took no records, and tells everybody who waits for an answer.
  void meet_store_trouble(const Error& error);
  bool take_back(const std::shared_ptr<Waiter>& waiter);
  void abandon_waiters();
  void note_absence();
  awaitable<Result<void>> begin_next_term();

  RecordClock& clock_;
  Journal& journal_;
  Term term_;
  NextTerm next_term_;
  engine::TermBegan began_;
  // When the process was last seen running, and what its machine's clock said then.
  MonotonicInstant alive_at_;
  Instant alive_by_clock_;
  std::optional<std::string> absence_;  // why the next term is due
  std::optional<MonotonicInstant> append_began_;
  engine::State state_;
  engine::Readings readings_;
  std::map<CheckReference, engine::Detector> detectors_;
  std::string detectors_fingerprint_;
  // What engine::next_wake() said, while that still holds; an opinion can only have brought it
  // nearer by its own end.
  std::optional<std::optional<Instant>> wake_;
  std::deque<Queued> queue_;
  Event arrived_;
  Event changed_;
  std::vector<Follower*> followers_;
  JournalHead head_;
  bool stopping_ = false;
  std::optional<MonotonicInstant> store_failed_at_;  // the newest append, if it did not succeed
  Error store_error_;
  Microseconds store_latency_{0};
  Duration worst_queue_delay_{0};
  std::uint64_t notices_ = 0;
};

}  // namespace bascule::runtime
