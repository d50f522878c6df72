// How coroutines of one thread wake each other: Event (something changed, look again) and
// Mailbox (a bounded queue). Neither is thread-safe; from another thread, post to the executor
// first.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <utility>

#include "async/awaitable.h"
#include "async/clock.h"
#include "async/deadline.h"
#include "base/assert.h"

namespace bascule {

// Wakes whoever is waiting at that moment, and remembers nothing: check the condition, then wait,
// in a loop. Between the check and the wait nothing else runs, so no wake-up is lost.
// The Event may die before its waiters; they then wait until their deadline or cancellation.
class Event {
 public:
  Event();

  // Wakes all who wait now. They run later, never within this call.
  void notify_all();

  // Returns at the next notify_all().
  awaitable<void> wait();
  // True at the next notify_all(), false when the deadline passed first.
  awaitable<bool> wait(Clock& clock, Deadline deadline);

  [[nodiscard]] std::size_t waiting() const;

 private:
  struct Waiters;
  struct Waiter;
  static awaitable<void> wait_for_notice(Waiter* waiter);

  std::shared_ptr<Waiters> waiters_;
};

// A bounded queue: first in, first out. Several may pop; each value goes to one of them.
template <typename T>
class Mailbox {
 public:
  explicit Mailbox(std::size_t capacity) : capacity_(capacity) {
    BASCULE_ASSERT(capacity > 0, "a mailbox needs room for one value");
  }

  // False, and the value is dropped, when the mailbox is full or closed.
  [[nodiscard]] bool push(T value) {
    if (closed_ || values_.size() >= capacity_) return false;
    values_.push_back(std::move(value));
    changed_.notify_all();
    return true;
  }

  // The oldest value; nothing once the mailbox is closed and empty.
  awaitable<std::optional<T>> pop() {
    while (values_.empty() && !closed_) co_await changed_.wait();
    co_return take();
  }
  // The same; nothing also when the deadline passed first.
  awaitable<std::optional<T>> pop(Clock& clock, Deadline deadline) {
    while (values_.empty() && !closed_) {
      if (!co_await changed_.wait(clock, deadline)) break;
    }
    co_return take();
  }
  // The oldest value if there is one.
  std::optional<T> try_pop() { return take(); }

  // Takes no more values; what is inside can still be popped.
  void close() {
    closed_ = true;
    changed_.notify_all();
  }

  [[nodiscard]] bool empty() const { return values_.empty(); }
  [[nodiscard]] std::size_t size() const { return values_.size(); }
  [[nodiscard]] std::size_t capacity() const { return capacity_; }
  [[nodiscard]] bool closed() const { return closed_; }

 private:
  std::optional<T> take() {
    if (values_.empty()) return std::nullopt;
    std::optional<T> value(std::move(values_.front()));
    values_.pop_front();
    return value;
  }

  std::size_t capacity_;
  std::deque<T> values_;
  bool closed_ = false;
  Event changed_;
};

}  // namespace bascule
