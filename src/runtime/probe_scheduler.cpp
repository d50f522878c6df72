#include "runtime/probe_scheduler.h"

#include <algorithm>
#include <cstdint>
#include <set>
#include <utility>

#include "async/with_deadline.h"
#include "model/site_values.h"

namespace bascule::runtime {
namespace {

// After a start the first looks come within this time, whatever the interval: everything is unknown
// until then.
constexpr Duration kFirstLooks{500};
// A probe is given this much longer than its deadline to say itself what went wrong.
constexpr Duration kGrace{50};
// A look whose limit came later than this did not have the time that it was given.
constexpr Duration kLate{500};

// FNV-1a: the same check gets the same place in the interval on every start.
std::uint64_t hash_of(const CheckReference& check) {
  std::uint64_t hash = 14695981039346656037ULL;
  const std::string name = check.group.text() + "/" + to_string(check);
  for (const char letter : name) {
    hash = (hash ^ static_cast<std::uint8_t>(letter)) * 1099511628211ULL;
  }
  return hash;
}

Duration on_grid(Duration duration) {
  const auto tick = ProbeScheduler::kTick.count();
  return Duration{(duration.count() + tick - 1) / tick * tick};
}

Result<void> add_check(std::vector<WatchedCheck>& made,
                       const std::shared_ptr<const GroupSpec>& group, const SiteSpec* site,
                       const CheckSpec& check, const Catalog& catalog, Services& services) {
  const CheckReference reference{group->name, site != nullptr ? site->name : SiteName(),
                                 check.name};
  const std::string where = group->name.text() + ": " + to_string(reference);
  const ProbeKind* kind = catalog.find_probe(check.kind);
  if (kind == nullptr) {
    return fail(ErrorCode::invalid, "{}: `{}` is not available in this build", where, check.kind);
  }
  Result<Json> settings = check.settings;
  if (site != nullptr) settings = render_settings(check.settings, own_site_lookup(*site));
  if (!settings) return fail(in_context(where, settings.error()));
  auto probe = kind->make(
      ProbeContext{group, reference, without_escapes(*settings), group->policy.detect.timeout},
      services);
  if (!probe) return fail(in_context(where, probe.error()));
  made.push_back(WatchedCheck{reference, *probe, group->policy.detect});
  return {};
}

awaitable<Result<Observation>> looked(std::shared_ptr<Probe> probe, Deadline deadline) {
  co_return co_await probe->look(deadline);
}

}  // namespace

Result<std::vector<WatchedCheck>> make_checks(const Configuration& configuration,
                                              const Catalog& catalog, Services& services) {
  std::vector<WatchedCheck> made;
  for (const GroupSpec& spec : configuration.groups) {
    const auto group = std::make_shared<const GroupSpec>(spec);
    for (const SiteSpec& site : group->sites) {
      for (const CheckSpec& check : site.checks) {
        if (auto added = add_check(made, group, &site, check, catalog, services); !added)
          return error_of(added);
      }
    }
    for (const CheckSpec& check : group->checks) {
      if (auto added = add_check(made, group, nullptr, check, catalog, services); !added)
        return error_of(added);
    }
  }
  return made;
}

// What went wrong with us rather than with the target; empty: nothing did.
std::string inability_of(const Observation& look, Duration took, Duration allowed) {
  if (!look.error || look.health != Health::failed) return "";
  if (look.error->code == ErrorCode::unable) return look.error->message;
  const Duration late = took - allowed;
  if (look.error->code != ErrorCode::timeout || late <= kLate) return "";
  return fmt::format("this process did not run for {}", to_string(late));
}

awaitable<Observation> look_at(Clock& clock, WatchedCheck check, ObserverName observer) {
  const Instant began = clock.now();
  const MonotonicInstant start = clock.monotonic();
  const Deadline deadline = Deadline::in(clock, check.policy.timeout);
  const Deadline limit = Deadline::in(clock, check.policy.timeout + kGrace);
  Result<Observation> result = co_await with_deadline(clock, limit, to_string(check.reference),
                                                      looked(check.probe, deadline));
  Observation observation;
  if (result) {
    observation = std::move(*result);
  } else {
    observation.health = Health::failed;
    observation.error = result.error();
    observation.summary = result.error().message;
  }
  observation.check = check.reference;
  observation.observer = observer;
  observation.at = began;
  const auto took = std::chrono::duration_cast<Duration>(clock.monotonic() - start);
  const std::string inability = inability_of(observation, took, check.policy.timeout + kGrace);
  if (!inability.empty()) {
    observation.health = Health::unknown;
    observation.error->code = ErrorCode::unable;
    observation.error->message = inability;
    observation.summary = inability;
  }
  co_return observation;
}

struct ProbeScheduler::Slot final : Watcher {
  Slot(WatchedCheck watched, ProbeScheduler& owner_value)
      : check(std::move(watched)), owner(owner_value) {}

  void wake(std::string what) override {
    owner.onlooker_.sign_seen(check.reference, owner.clock_.now(), std::move(what));
    look_wanted = true;
    wanted.notify_all();
  }
  void sample(DatabaseFacts facts) override {
    owner.onlooker_.sampled(check.reference, std::move(facts));
  }

  WatchedCheck check;
  ProbeScheduler& owner;
  bool look_wanted = false;
  std::uint64_t looks_begun = 0;
  std::uint64_t looks_ended = 0;
  Event wanted;
  Event ended;
};

ProbeScheduler::ProbeScheduler(Clock& clock, boost::asio::any_io_executor executor,
                               ObserverName observer, Onlooker& onlooker)
    : clock_(clock),
      executor_(std::move(executor)),
      observer_(std::move(observer)),
      onlooker_(onlooker) {}

void ProbeScheduler::start(std::vector<WatchedCheck> checks) {
  scope_ = std::make_unique<Scope>(executor_, [](const std::string&, const std::string&) {});
  for (WatchedCheck& check : checks) {
    const std::string name = to_string(check.reference);
    auto slot = std::make_shared<Slot>(std::move(check), *this);
    slots_.push_back(slot);
    scope_->spawn("looks at " + name, keep_looking(slot));
    scope_->spawn("watch of " + name, keep_watching(slot));
  }
}

awaitable<void> ProbeScheduler::stop() {
  if (!scope_) co_return;
  scope_->request_stop();
  co_await scope_->join();
  slots_.clear();
  scope_.reset();
}

Duration ProbeScheduler::take_lateness() {
  return std::exchange(lateness_, Duration{0});
}

std::string ProbeScheduler::take_inability() {
  return std::exchange(inability_, "");
}

awaitable<void> ProbeScheduler::look(std::shared_ptr<Slot> slot) {
  slot->look_wanted = false;
  ++slot->looks_begun;
  Observation observation = co_await look_at(clock_, slot->check, observer_);
  const bool unable = observation.error && observation.error->code == ErrorCode::unable;
  if (unable) inability_ = observation.error->message;
  onlooker_.observed(std::move(observation));
  slot->looks_ended = slot->looks_begun;
  slot->ended.notify_all();
}

// The cadence: places on the grid at offset + k × interval. A look that took longer than the
// interval skips the places it missed. A suspect is confirmed `confirm` after the last look began,
// whichever comes first.
awaitable<void> ProbeScheduler::keep_looking(std::shared_ptr<Slot> slot) {
  const DetectPolicy& policy = slot->check.policy;
  const Duration interval = std::max(policy.interval, kTick);
  const auto place = static_cast<std::int64_t>(hash_of(slot->check.reference));
  const auto spread = [&](Duration span) {
    const auto ticks = std::max<std::int64_t>(span / kTick, 1);
    return kTick * static_cast<std::int64_t>(static_cast<std::uint64_t>(place) %
                                             static_cast<std::uint64_t>(ticks));
  };
  MonotonicInstant scheduled = clock_.monotonic() + spread(std::min(kFirstLooks, interval));
  MonotonicInstant cadence = clock_.monotonic() + spread(interval);
  while (true) {
    while (!slot->look_wanted && clock_.monotonic() < scheduled) {
      co_await slot->wanted.wait(clock_, Deadline(scheduled));
    }
    const MonotonicInstant began = clock_.monotonic();
    if (began > scheduled) {
      lateness_ = std::max(lateness_, std::chrono::duration_cast<Duration>(began - scheduled));
    }
    co_await look(slot);
    const MonotonicInstant now = clock_.monotonic();
    while (cadence <= now || cadence <= began) cadence += interval;
    scheduled = cadence;
    if (policy.confirm && onlooker_.suspects(slot->check.reference)) {
      scheduled = std::min(scheduled, std::max(began + on_grid(*policy.confirm), now));
    }
  }
}

awaitable<void> ProbeScheduler::keep_watching(std::shared_ptr<Slot> slot) {
  // The slot is a Watcher that outlives this frame; a probe without anything to hold waits for its
  // cancellation.
  Watcher& watcher = *slot;
  co_await slot->check.probe->watch(watcher);
}

awaitable<void> ProbeScheduler::look_now(GroupName group, Deadline deadline) {
  struct Wanted {
    std::shared_ptr<Slot> slot;
    std::uint64_t look;
  };
  std::vector<Wanted> wanted;
  for (const auto& slot : slots_) {
    if (slot->check.reference.group != group) continue;
    // A look that is under way began before the question was asked.
    wanted.push_back(Wanted{slot, slot->looks_begun + 1});
    slot->look_wanted = true;
    slot->wanted.notify_all();
  }
  for (const Wanted& each : wanted) {
    while (each.slot->looks_ended < each.look) {
      if (!co_await each.slot->ended.wait(clock_, deadline)) co_return;
    }
  }
}

awaitable<std::vector<Observation>> look_once(Clock& clock, boost::asio::any_io_executor executor,
                                              std::vector<WatchedCheck> checks,
                                              ObserverName observer) {
  std::vector<Observation> observations(checks.size());
  Scope scope(executor, [](const std::string&, const std::string&) {});
  struct One {
    static awaitable<void> look(Clock& clock, WatchedCheck check, ObserverName observer,
                                Observation* place) {
      *place = co_await look_at(clock, std::move(check), std::move(observer));
    }
  };
  for (std::size_t i = 0; i < checks.size(); ++i) {
    scope.spawn(to_string(checks[i].reference),
                One::look(clock, checks[i], observer, &observations[i]));
  }
  co_await scope.join();
  co_return observations;
}

}  // namespace bascule::runtime
