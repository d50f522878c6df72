// How this process is doing as an observer, asked once a second: is its loop on time, its clock
// steady, its store answering, can it look at all, and does at least one reference answer? Gate 2
// reads it. An observer that is not well abstains; and where no record can tell why, because it is
// the store that fails or the descriptors that are used up, the followers are told.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "async/scope.h"
#include "runtime/loop.h"
#include "runtime/probe_scheduler.h"

namespace bascule::runtime {

class SelfCheck {
 public:
  // `references` are probes of the configuration's `references`, already made; they may be none.
  SelfCheck(Loop& loop, ProbeScheduler& scheduler, RecordClock& clock, ObserverName observer,
            std::vector<WatchedCheck> references);

  // Other references from now on.
  void ask_others(std::vector<WatchedCheck> references);
  // Why this observer can do nothing now; empty: it can.
  [[nodiscard]] const std::string& trouble() const { return trouble_; }

  // Runs until cancelled.
  awaitable<void> run(boost::asio::any_io_executor executor);

  static constexpr Duration kEvery{1'000};
  // The two faces of the clock may part by this much between two checks before it counts as a step.
  static constexpr Duration kSteady{500};
  // A stepped clock counts as unsteady for this long, and a process that could not look as unable.
  static constexpr Duration kUnsteadyFor{10'000};

 private:
  engine::ControllerReading read(Duration own_lateness);
  void tell_trouble(const engine::ControllerReading& reading);
  awaitable<void> ask_references(boost::asio::any_io_executor executor);

  Loop& loop_;
  ProbeScheduler& scheduler_;
  RecordClock& clock_;
  ObserverName observer_;
  std::vector<WatchedCheck> references_;
  std::optional<std::string> answered_;
  Instant last_now_;
  MonotonicInstant last_monotonic_;
  std::optional<MonotonicInstant> stepped_at_;
  std::string inability_;
  std::optional<MonotonicInstant> unable_at_;
  std::string trouble_;
};

// The probes of `references`, named after what they ask.
Result<std::vector<WatchedCheck>> make_references(const Configuration& configuration,
                                                  const Catalog& catalog, Services& services);

}  // namespace bascule::runtime
