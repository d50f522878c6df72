#include "async/deadline.h"

#include <algorithm>

namespace bascule {

namespace {
constexpr Duration kLongest = std::chrono::hours(24 * 3653);
}

Deadline Deadline::in(const Clock& clock, Duration span) {
  return Deadline(clock.monotonic() + std::clamp(span, -kLongest, kLongest));
}

Duration Deadline::left(const Clock& clock) const {
  const MonotonicInstant now = clock.monotonic();
  if (at_ <= now) return Duration{0};
  if (is_held_outside()) return kLongest;
  return std::chrono::ceil<Duration>(at_ - now);
}

bool Deadline::has_passed(const Clock& clock) const {
  return at_ <= clock.monotonic();
}

}  // namespace bascule
