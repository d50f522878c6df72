// The clocks: the only door to the system's time. Whatever waits or asks for the time does it
// through a Clock, so that the whole runtime also runs on simulated time.
//
// A Clock has two faces: `now()` is record time (UTC, milliseconds; it may be set back by an
// administrator), `monotonic()` never runs backwards and is what deadlines and latencies are
// measured on. All calls come from the thread that runs the io_context. A Clock outlives whatever
// waits on it, except coroutines that are destroyed together with their io_context.
#pragma once

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>

#include "async/awaitable.h"
#include "base/time.h"

namespace bascule {

using MonotonicInstant = std::chrono::steady_clock::time_point;

class Clock {
 public:
  virtual ~Clock() = default;

  [[nodiscard]] virtual Instant now() const = 0;
  [[nodiscard]] virtual MonotonicInstant monotonic() const = 0;

  // Returns when `monotonic()` has reached `at`; at once when it already has. A canceled wait ends
  // early, with the exception of every canceled coroutine (async/awaitable.h): nobody acts on a
  // moment that did not come.
  virtual awaitable<void> wait_until(MonotonicInstant at) = 0;
};

// Waits for `span` from now on.
awaitable<void> wait_for(Clock& clock, Duration span);

// How long ago `since` was.
[[nodiscard]] Microseconds elapsed(const Clock& clock, MonotonicInstant since);

// The time of this machine.
class SystemClock final : public Clock {
 public:
  explicit SystemClock(boost::asio::io_context& context);

  [[nodiscard]] Instant now() const override;
  [[nodiscard]] MonotonicInstant monotonic() const override;
  awaitable<void> wait_until(MonotonicInstant at) override;

 private:
  boost::asio::io_context& context_;
};

// Time that moves only when a test or a simulator says so. Nothing of the real time shows through;
// both faces start at `start` and at an arbitrary fixed monotonic moment and move together.
//
// REQUIRES for the advance functions: called on the thread that would run the io_context, from
// outside any handler or coroutine of it, and nobody else runs it. They run the handlers that are
// ready, one wait at a time: waits fire in order of their moment, ties in order of arrival, and all
// handlers that became ready are drained before time moves on. What real threads and sockets do is
// not waited for.
class SimulatedClock final : public Clock {
 public:
  SimulatedClock(boost::asio::io_context& context, Instant start);

  [[nodiscard]] Instant now() const override;
  [[nodiscard]] MonotonicInstant monotonic() const override;
  awaitable<void> wait_until(MonotonicInstant at) override;

  // Moves time by `span`, firing everything due on the way.
  void advance(Duration span);
  // Moves time to the earliest wait and fires all waits of that moment. False, and time stays, when
  // nobody waits.
  bool advance_to_next();
  // Moves from wait to wait until `condition` holds; false when it does not hold within `limit` of
  // simulated time (time then stands at that limit). The condition is asked after each drain.
  bool advance_until(const std::function<bool()>& condition, Duration limit);
  // Runs what is ready without moving time.
  void drain();
  // The smallest piece of what happens: one ready handler or, when none is ready, the earliest wait
  // comes. False when nobody waits.
  bool step();
  // Time passes and nobody runs, as while a process is stopped: the waits of that span come late,
  // all at once.
  void stall(Duration span);
  // Somebody sets the clock: record time jumps, monotonic time does not.
  void set_record_time(Instant to);

  // The earliest moment anybody waits for.
  [[nodiscard]] std::optional<MonotonicInstant> next() const;
  [[nodiscard]] std::size_t waiting() const;

 private:
  struct Waits;

  void fire_first();
  void call_first();

  boost::asio::io_context& context_;
  Instant start_;
  MonotonicInstant now_;
  std::shared_ptr<Waits> waits_;
};

}  // namespace bascule
