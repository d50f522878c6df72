// A moment by which something must have ended: absolute, on the monotonic clock, so that it can be
// handed down through many calls without growing. It knows nothing of what it limits.
#pragma once

#include "async/clock.h"

namespace bascule {

class Deadline {
 public:
  explicit constexpr Deadline(MonotonicInstant at) : at_(at) {}

  // `span` from now on; a negative span is one that has passed. Spans above ten years count as ten.
  [[nodiscard]] static Deadline in(const Clock& clock, Duration span);

  // The limit is held by somebody further out (a with_deadline around this call, or a Scope that
  // ends with its owner). For calls inside such a frame only: every wait has a deadline somewhere.
  [[nodiscard]] static constexpr Deadline held_outside() {
    return Deadline(MonotonicInstant::max());
  }

  [[nodiscard]] constexpr MonotonicInstant at() const { return at_; }
  [[nodiscard]] constexpr bool is_held_outside() const { return at_ == MonotonicInstant::max(); }

  // What is left, rounded up to a millisecond; zero when it has passed.
  [[nodiscard]] Duration left(const Clock& clock) const;
  [[nodiscard]] bool has_passed(const Clock& clock) const;

  friend constexpr bool operator==(const Deadline&, const Deadline&) = default;

 private:
  MonotonicInstant at_;
};

[[nodiscard]] constexpr Deadline earlier_of(Deadline a, Deadline b) {
  return a.at() <= b.at() ? a : b;
}

}  // namespace bascule
