#include "runtime/self_check.h"

#include <algorithm>
#include <utility>

namespace bascule::runtime {
namespace {

constexpr Duration kReferenceTimeout{2'000};

std::string name_of(const ReferenceSpec& reference) {
  const std::string where =
      text_or(reference.settings, "address", text_or(reference.settings, "url"));
  return reference.kind + " " + where;
}

}  // namespace

Result<std::vector<WatchedCheck>> make_references(const Configuration& configuration,
                                                  const Catalog& catalog, Services& services) {
  std::vector<WatchedCheck> made;
  for (const ReferenceSpec& reference : configuration.references) {
    const std::string name = name_of(reference);
    const ProbeKind* kind = catalog.find_probe(reference.kind);
    if (kind == nullptr) {
      return fail(ErrorCode::invalid, "reference {}: `{}` is not available in this build", name,
                  reference.kind);
    }
    const CheckReference called{GroupName(), SiteName(), CheckName(name)};
    auto probe =
        kind->make(ProbeContext{nullptr, called, reference.settings, kReferenceTimeout}, services);
    if (!probe) return fail(in_context("reference " + name, probe.error()));
    DetectPolicy policy;
    policy.timeout = kReferenceTimeout;
    made.push_back(WatchedCheck{called, *probe, policy});
  }
  return made;
}

SelfCheck::SelfCheck(Loop& loop, ProbeScheduler& scheduler, Clock& clock, ObserverName observer,
                     std::vector<WatchedCheck> references)
    : loop_(loop),
      scheduler_(scheduler),
      clock_(clock),
      observer_(std::move(observer)),
      references_(std::move(references)),
      last_now_(clock.now()),
      last_monotonic_(clock.monotonic()) {}

engine::ControllerReading SelfCheck::read(Duration own_lateness) {
  const Instant now = clock_.now();
  const MonotonicInstant monotonic = clock_.monotonic();
  const auto walked = std::chrono::duration_cast<Duration>(monotonic - last_monotonic_);
  const Duration parted = (now - last_now_) - walked;
  if (parted > kSteady || parted < -kSteady) stepped_at_ = monotonic;
  last_now_ = now;
  last_monotonic_ = monotonic;

  engine::ControllerReading reading;
  reading.at = now;
  reading.loop_late =
      std::max({own_lateness, scheduler_.take_lateness(), loop_.worst_queue_delay()});
  loop_.forget_queue_delay();
  reading.clock_steady = !stepped_at_ || monotonic - *stepped_at_ > kUnsteadyFor;
  reading.store_answers = loop_.store_answers();
  reading.store_latency = loop_.store_latency();
  reading.references_configured = !references_.empty();
  reading.reference = answered_;
  return reading;
}

awaitable<void> SelfCheck::ask_references(boost::asio::any_io_executor executor) {
  if (references_.empty()) co_return;
  const std::vector<Observation> looks =
      co_await look_once(clock_, executor, references_, observer_);
  answered_.reset();
  for (const Observation& look : looks) {
    // Any answer shows that the network carries; how well the reference is does not matter.
    if (look.health != Health::failed) answered_ = look.check.check.text();
  }
}

awaitable<void> SelfCheck::run(boost::asio::any_io_executor executor) {
  MonotonicInstant due = clock_.monotonic();
  while (true) {
    co_await ask_references(executor);
    const MonotonicInstant woke = clock_.monotonic();
    const bool waited_for_references = !references_.empty();
    const Duration late = waited_for_references
                              ? Duration{0}
                              : std::chrono::duration_cast<Duration>(std::max(woke, due) - due);
    loop_.post(engine::ControllerChecked{observer_, read(late)});
    while (due <= clock_.monotonic()) due += kEvery;
    co_await clock_.wait_until(due);
  }
}

}  // namespace bascule::runtime
