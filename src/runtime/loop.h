// The loop: one input from one queue, decide, make the records durable, evolve, tell the followers,
// and see to it that exactly the calls run that pending() lists. It holds the only State and the
// only Readings of the process.
//
// One thread (that of the io_context). The loop ends when it is told to stop, or when its term is
// over. When the store cannot write, nothing new is started, and the same input is decided again
// until it can.
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
  // `state` is what replaying the journal gave. All references outlive the loop.
  Loop(Clock& clock, Journal& journal, Term term, engine::State state);

  void add_follower(Follower& follower);

  // Runs until stop(), returning nothing, or until the term is over or the journal is broken.
  awaitable<Result<void>> run(Hands& hands);
  void stop();

  // An input that may be lost when the queue is full (observations come again).
  bool post(engine::Input input);
  // A judged, dated look of this observer; dropped when it is older than its timeout (a process
  // that was stopped must not act on old news).
  void observe(Observation observation, Instant made_at);
  // An input that must not be lost: returns once it has been decided on, recorded and reconciled.
  awaitable<void> deliver(engine::Input input);
  // A command, answered. `unavailable` when the loop stops first, `timeout` when the deadline
  // passes first: the command may then still be decided on.
  awaitable<Result<engine::Answer>> command(engine::Command command, Deadline deadline);

  [[nodiscard]] const engine::State& state() const { return state_; }
  [[nodiscard]] const engine::Readings& readings() const { return readings_; }
  [[nodiscard]] Instant now() const;
  [[nodiscard]] bool suspects(const CheckReference& check) const;
  [[nodiscard]] const JournalHead& head() const { return head_; }
  [[nodiscard]] bool store_answers() const { return store_answers_; }
  [[nodiscard]] Microseconds store_latency() const { return store_latency_; }
  [[nodiscard]] Duration worst_queue_delay() const { return worst_queue_delay_; }
  void forget_queue_delay() { worst_queue_delay_ = Duration{0}; }
  // Notified after every change of state.
  [[nodiscard]] Event& changed() { return changed_; }

  static constexpr std::size_t kQueueBound = 20'000;

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
  awaitable<std::optional<Queued>> next();
  awaitable<Result<void>> process(Queued queued);
  awaitable<Result<engine::Decision>> decide_durably(engine::Input input, bool is_command);
  awaitable<Result<bool>> append(std::vector<Record> records);
  void apply(const std::vector<Record>& records);
  void rebuild_detectors();
  void abandon_waiters();

  Clock& clock_;
  Journal& journal_;
  Term term_;
  engine::State state_;
  engine::Readings readings_;
  std::map<CheckReference, engine::Detector> detectors_;
  std::string detectors_fingerprint_;
  std::deque<Queued> queue_;
  Event arrived_;
  Event changed_;
  std::vector<Follower*> followers_;
  JournalHead head_;
  bool stopping_ = false;
  bool store_answers_ = true;
  Error store_error_;
  Microseconds store_latency_{0};
  Duration worst_queue_delay_{0};
};

}  // namespace bascule::runtime
