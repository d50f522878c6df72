// The time of records: that of the machine, but it never runs backwards. When the machine's clock
// is set back, or the journal ends in what is now the future, record time goes on from where it
// was, at nine tenths of its pace, until the clock has caught up: timers come to an end, what was
// seen before a moment stays before it, and nothing seen is taken for old or for new.
//
// A clock that is set forward is followed at once: nobody can tell it from a machine that was
// suspended, and then what was seen is old.
#pragma once

#include <optional>

#include "async/clock.h"

namespace bascule::runtime {

class RecordClock final : public Clock {
 public:
  explicit RecordClock(Clock& machine);

  [[nodiscard]] Instant now() const override;
  [[nodiscard]] MonotonicInstant monotonic() const override { return machine_.monotonic(); }
  awaitable<void> wait_until(MonotonicInstant at) override { return machine_.wait_until(at); }

  // From here on it is not earlier than this: the newest record.
  void start_from(Instant moment);
  // By how much record time is ahead of the machine's clock.
  [[nodiscard]] Duration ahead() const { return now() - machine_.now(); }
  // What the machine says, forwards and backwards.
  [[nodiscard]] Instant of_machine() const { return machine_.now(); }

 private:
  Clock& machine_;
  // The newest moment that was told, and when; both move with every question.
  mutable Instant told_;
  mutable MonotonicInstant told_at_;
  // Where record time began to run by itself; only while it is ahead.
  struct Own {
    Instant from;
    MonotonicInstant since;
  };
  mutable std::optional<Own> own_;
};

}  // namespace bascule::runtime
