// When to look. Checks are spread over their interval on a grid of 10ms, a check never overlaps
// itself, the cadence holds when a target hangs, and lateness is measured. A suspect is looked at
// again after `confirm`; a wake-up of the probe ("the held connection broke") brings a look at
// once.
//
// One thread; probes are owned here until their last frame has ended.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "async/clock.h"
#include "async/event.h"
#include "async/scope.h"
#include "model/configuration.h"
#include "ports/kinds.h"

namespace bascule::runtime {

// One check, ready to be looked at.
struct WatchedCheck {
  CheckReference reference;
  std::shared_ptr<Probe> probe;
  DetectPolicy policy;
};

// Makes the probes of a configuration, with `${{ site.* }}` rendered. Errors name the check.
Result<std::vector<WatchedCheck>> make_checks(const Configuration& configuration,
                                              const Catalog& catalog, Services& services);

// Where looks and signs go.
class Onlooker {
 public:
  virtual ~Onlooker() = default;
  virtual void observed(Observation observation) = 0;
  virtual void sampled(CheckReference check, DatabaseFacts facts) = 0;
  virtual void sign_seen(CheckReference check, Instant at, std::string what) = 0;
  // Whether looks should come at the `confirm` interval.
  [[nodiscard]] virtual bool suspects(const CheckReference& check) const = 0;
};

class ProbeScheduler {
 public:
  ProbeScheduler(Clock& clock, boost::asio::any_io_executor executor, ObserverName observer,
                 Onlooker& onlooker);

  void start(std::vector<WatchedCheck> checks);
  awaitable<void> stop();

  // Looks at every check of the group now (an operator's move does not wait for thresholds) and
  // returns when all of these looks have ended, or at the deadline.
  awaitable<void> look_now(GroupName group, Deadline deadline);

  // The largest delay of a look against its schedule since the last call.
  Duration take_lateness();
  // Why a look since the last call could not be made at all; empty: all could.
  std::string take_inability();

  static constexpr Duration kTick{10};

 private:
  struct Slot;

  awaitable<void> keep_looking(std::shared_ptr<Slot> slot);
  awaitable<void> keep_watching(std::shared_ptr<Slot> slot);
  awaitable<void> look(std::shared_ptr<Slot> slot);

  Clock& clock_;
  boost::asio::any_io_executor executor_;
  ObserverName observer_;
  Onlooker& onlooker_;
  std::unique_ptr<Scope> scope_;
  std::vector<std::shared_ptr<Slot>> slots_;
  Duration lateness_{0};
  std::string inability_;
};

// One look at each check, all at once: for `bascule check`.
awaitable<std::vector<Observation>> look_once(Clock& clock, boost::asio::any_io_executor executor,
                                              std::vector<WatchedCheck> checks,
                                              ObserverName observer);

// Fills in what a probe leaves to its scheduler, and turns a missing answer into the health it is:
// `failed`, or `unknown` where the look says something about us only. A look that was not made, for
// want of descriptors, or that timed out while this process did not run, is no news of its target.
awaitable<Observation> look_at(Clock& clock, WatchedCheck check, ObserverName observer);

}  // namespace bascule::runtime
