// A probe looks at one thing at a site and says what it saw. It knows no expectation that depends
// on who is active.
#pragma once

#include <boost/asio/awaitable.hpp>

#include <string>

#include "async/deadline.h"
#include "model/observation.h"

namespace bascule {

// Whom a watching probe tells. Calls are cheap, never block, and come on the runtime's thread.
class Watcher {
 public:
  virtual ~Watcher() = default;
  // A fresh look is worth it now ("the held connection broke"): evidence, not yet a verdict.
  virtual void wake(std::string what) = 0;
  // Positions read between two looks.
  virtual void sample(DatabaseFacts facts) = 0;
};

class Probe {
 public:
  virtual ~Probe() = default;

  // One look, over before the deadline. Failure is a health, not an error. `check`, `observer` and
  // `at` of the observation are filled in by the scheduler.
  virtual boost::asio::awaitable<Observation> look(Deadline deadline) = 0;

  // Long-lived: owns held connections and watches, tells the watcher, ends only when cancelled.
  // Looks and the watch of one probe run on the same thread and may interleave.
  virtual boost::asio::awaitable<void> watch(Watcher& watcher) = 0;
};

}  // namespace bascule
