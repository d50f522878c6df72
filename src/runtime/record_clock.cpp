#include "runtime/record_clock.h"

namespace bascule::runtime {

RecordClock::RecordClock(Clock& machine)
    : machine_(machine), told_(machine.now()), told_at_(machine.monotonic()) {}

Instant RecordClock::now() const {
  const Instant machine = machine_.now();
  const MonotonicInstant moment = machine_.monotonic();
  if (!own_ && machine < told_) own_ = Own{told_, told_at_};
  told_ = machine;
  told_at_ = moment;
  if (own_) {
    const Instant own = own_->from + std::chrono::floor<Duration>((moment - own_->since) * 9 / 10);
    if (own <= machine) {
      own_.reset();
    } else {
      told_ = own;
    }
  }
  return told_;
}

void RecordClock::start_from(Instant moment) {
  if (moment <= now()) return;
  own_ = Own{moment, machine_.monotonic()};
  told_ = moment;
}

}  // namespace bascule::runtime
