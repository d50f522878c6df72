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

SelfCheck::SelfCheck(Loop& loop, ProbeScheduler& scheduler, RecordClock& clock,
                     ObserverName observer, std::vector<WatchedCheck> references)
    : loop_(loop),
      scheduler_(scheduler),
      clock_(clock),
      observer_(std::move(observer)),
      references_(std::move(references)),
      last_now_(clock.of_machine()),
      last_monotonic_(clock.monotonic()) {}

void SelfCheck::ask_others(std::vector<WatchedCheck> references) {
  references_ = std::move(references);
  answered_.reset();
}

engine::ControllerReading SelfCheck::read(Duration own_lateness) {
  const Instant now = clock_.of_machine();
  const MonotonicInstant monotonic = clock_.monotonic();
  const auto walked = std::chrono::duration_cast<Duration>(monotonic - last_monotonic_);
  const Duration parted = (now - last_now_) - walked;
  if (parted > kSteady || parted < -kSteady) stepped_at_ = monotonic;
  last_now_ = now;
  last_monotonic_ = monotonic;

  engine::ControllerReading reading;
  reading.at = clock_.now();
  reading.loop_late =
      std::max({own_lateness, scheduler_.take_lateness(), loop_.worst_queue_delay()});
  loop_.forget_queue_delay();
  reading.clock_steady = !stepped_at_ || monotonic - *stepped_at_ > kUnsteadyFor;
  reading.store_answers = loop_.store_answers();
  reading.store_latency = loop_.store_latency();
  reading.references_configured = !references_.empty();
  reading.reference = answered_;
  if (std::string inability = scheduler_.take_inability(); !inability.empty()) {
    inability_ = std::move(inability);
    unable_at_ = monotonic;
  }
  if (unable_at_ && monotonic - *unable_at_ <= kUnsteadyFor) reading.unable = inability_;
  return reading;
}

void SelfCheck::tell_trouble(const engine::ControllerReading& reading) {
  Error trouble;
  if (!reading.store_answers) trouble = loop_.store_trouble();
  if (trouble.message.empty() && !reading.unable.empty()) {
    trouble.message = "looks cannot be made: " + reading.unable;
  }
  const bool was_well = trouble_.empty();
  trouble_ = trouble.message;
  if (was_well == trouble_.empty()) return;
  if (was_well) {
    loop_.notice(Severity::critical, fmt::format("{} can do nothing: {}", observer_, trouble_),
                 fmt::format("it goes on by itself when that is over{}{}",
                             trouble.what_to_do.empty() ? "" : ": ", trouble.what_to_do),
                 IncidentStage::triggered);
  } else {
    loop_.notice(Severity::info, fmt::format("{} can act again", observer_), "",
                 IncidentStage::resolved);
  }
}

awaitable<void> SelfCheck::ask_references(boost::asio::any_io_executor executor) {
  if (references_.empty()) co_return;
  const std::vector<Observation> looks =
      co_await look_once(clock_, executor, references_, observer_);
  answered_.reset();
  for (const Observation& look : looks) {
    // Any answer shows that the network carries; how well the reference is does not matter.
    const bool answered = look.health != Health::failed && look.health != Health::unknown;
    if (answered) answered_ = look.check.check.text();
  }
}

awaitable<void> SelfCheck::run(boost::asio::any_io_executor executor) {
  MonotonicInstant due = clock_.monotonic();
  while (true) {
    const MonotonicInstant woke = clock_.monotonic();
    const auto late = std::chrono::duration_cast<Duration>(std::max(woke, due) - due);
    co_await ask_references(executor);
    const engine::ControllerReading reading = read(late);
    tell_trouble(reading);
    loop_.post(engine::ControllerChecked{observer_, reading});
    while (due <= clock_.monotonic()) due += kEvery;
    co_await clock_.wait_until(due);
  }
}

}  // namespace bascule::runtime
