// The only file that asks the system for the time.
#include "async/clock.h"

#include <boost/asio/error.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include <cstdint>
#include <map>
#include <utility>

namespace bascule {

namespace asio = boost::asio;

awaitable<void> wait_for(Clock& clock, Duration span) {
  co_await clock.wait_until(clock.monotonic() + span);
}

Microseconds elapsed(const Clock& clock, MonotonicInstant since) {
  return std::chrono::duration_cast<Microseconds>(clock.monotonic() - since);
}

SystemClock::SystemClock(asio::io_context& context) : context_(context) {}

Instant SystemClock::now() const {
  const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
  return Instant(std::chrono::floor<Duration>(since_epoch));
}

MonotonicInstant SystemClock::monotonic() const {
  return std::chrono::steady_clock::now();
}

awaitable<void> SystemClock::wait_until(MonotonicInstant at) {
  asio::steady_timer timer(context_, at);
  co_await timer.async_wait(asio::use_awaitable);
}

// Each wait sits on a timer of its own that never expires: firing is canceling that timer.
struct SimulatedClock::Waits {
  struct Wait {
    asio::steady_timer* timer;
    bool* fired;
  };
  using Key = std::pair<MonotonicInstant, std::uint64_t>;  // moment, order of arrival

  std::map<Key, Wait> pending;
  std::uint64_t arrivals = 0;
};

SimulatedClock::SimulatedClock(asio::io_context& context, Instant start)
    : context_(context),
      start_(start),
      now_(std::chrono::hours(24)),
      waits_(std::make_shared<Waits>()) {}

Instant SimulatedClock::now() const {
  const MonotonicInstant begin{std::chrono::hours(24)};
  return start_ + std::chrono::floor<Duration>(now_ - begin);
}

MonotonicInstant SimulatedClock::monotonic() const {
  return now_;
}

awaitable<void> SimulatedClock::wait_until(MonotonicInstant at) {
  if (at <= now_) co_return;
  // Held by the frame: it may be destroyed, with the io_context, after the clock.
  std::shared_ptr<Waits> waits = waits_;
  asio::steady_timer timer(context_, asio::steady_timer::time_point::max());
  bool fired = false;
  const Waits::Key key{at, waits->arrivals++};
  struct Registration {
    std::shared_ptr<Waits> waits;
    Waits::Key key;
    ~Registration() { waits->pending.erase(key); }
  };
  waits->pending.emplace(key, Waits::Wait{&timer, &fired});
  const Registration registration{waits, key};

  boost::system::error_code ended;
  co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ended));
  if (!fired) throw boost::system::system_error(asio::error::operation_aborted);
}

void SimulatedClock::drain() {
  if (context_.stopped()) context_.restart();
  while (context_.poll() > 0) {
  }
}

bool SimulatedClock::step() {
  if (context_.stopped()) context_.restart();
  if (context_.poll_one() > 0) return true;
  if (!next()) return false;
  call_first();
  return true;
}

void SimulatedClock::stall(Duration span) {
  now_ += span;
  drain();
  while (next() && *next() <= now_) fire_first();
}

void SimulatedClock::set_record_time(Instant to) {
  start_ += to - now();
}

void SimulatedClock::fire_first() {
  call_first();
  drain();
}

// REQUIRES: somebody waits. The wait leaves the list at once, so that it fires once even if its
// coroutine has not run yet.
void SimulatedClock::call_first() {
  const auto first = waits_->pending.begin();
  if (first->first.first > now_) now_ = first->first.first;
  *first->second.fired = true;
  asio::steady_timer* timer = first->second.timer;
  waits_->pending.erase(first);
  timer->cancel();
}

void SimulatedClock::advance(Duration span) {
  const MonotonicInstant target = now_ + span;
  drain();
  while (next() && *next() <= target) fire_first();
  now_ = target;
}

bool SimulatedClock::advance_to_next() {
  drain();
  const std::optional<MonotonicInstant> moment = next();
  if (!moment) return false;
  while (next() && *next() <= *moment) fire_first();
  return true;
}

bool SimulatedClock::advance_until(const std::function<bool()>& condition, Duration limit) {
  const MonotonicInstant target = now_ + limit;
  drain();
  while (!condition()) {
    if (!next() || *next() > target) {
      now_ = target;
      return false;
    }
    fire_first();
  }
  return true;
}

std::optional<MonotonicInstant> SimulatedClock::next() const {
  if (waits_->pending.empty()) return std::nullopt;
  return waits_->pending.begin()->first.first;
}

std::size_t SimulatedClock::waiting() const {
  return waits_->pending.size();
}

}  // namespace bascule
