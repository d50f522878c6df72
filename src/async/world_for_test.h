// A loop and a clock for tests: of real time where sockets, processes or threads take part, of
// simulated time everywhere else. Only tests include this.
#pragma once

#include <boost/asio/io_context.hpp>

#include <functional>
#include <utility>

#include "async/block_on.h"
#include "async/clock.h"
#include "async/deadline.h"

namespace bascule {

// When simulated time begins.
inline constexpr Instant kStart{Duration{1'700'000'000'000}};

struct SimulatedWorld {
  boost::asio::io_context context;
  SimulatedClock clock{context, kStart};

  [[nodiscard]] Deadline in(Duration span) const { return Deadline::in(clock, span); }
};

struct RealWorld {
  boost::asio::io_context context;
  SystemClock clock{context};

  [[nodiscard]] Deadline in(Duration span) const { return Deadline::in(clock, span); }
  template <typename T>
  T wait(awaitable<T> work) {
    return block_on(context, std::move(work));
  }
  void wait(awaitable<void> work) { block_on(context, std::move(work)); }

  // Lets the loop run until the condition holds; false when it does not within the limit.
  bool becomes(const std::function<bool()>& condition, Duration limit = Duration{20'000}) {
    const Deadline patience = in(limit);
    while (!condition()) {
      if (patience.has_passed(clock)) return false;
      wait(wait_for(clock, Duration{5}));
    }
    return true;
  }
};

}  // namespace bascule
