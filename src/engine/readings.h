// The newest of what was seen: volatile, bounded (one entry per check and observer, per step),
// never journaled. After a start it is empty, and everything is unknown.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>

#include "base/name.h"
#include "base/ring.h"
#include "base/time.h"
#include "model/observation.h"
#include "model/plan.h"

namespace bascule::engine {

inline constexpr std::size_t kRecentFacts = 600;

struct DatabaseReading {
  std::optional<DatabaseFacts> newest;
  // The newest facts read no later than the last good reading of the active site's database: what
  // gate 6 judges a target by once its source is gone. It stands still while the source is silent.
  std::optional<DatabaseFacts> before_failure;
  // What was read lately, oldest first: gate 7 looks here for when a position of the source was
  // read. A sample a second and a look at each interval: several minutes.
  Ring<DatabaseFacts> recent{kRecentFacts};
};

struct ControllerReading {
  Instant at;
  Duration loop_late{0};
  bool clock_steady = true;
  bool store_answers = true;
  Microseconds store_latency{0};
  std::optional<std::string>
      reference;  // one that answered; nothing: none did, or none is configured
  bool references_configured = false;
  std::string unable;  // what this process lacked lately to look at all; empty: nothing
};

struct InspectionReading {
  Instant at;
  std::optional<Inspection> inspection;
  std::optional<Error> error;
};

// What the front door showed when it was last read.
struct FrontDoorReading {
  InspectionReading newest;
  std::optional<Instant> failing_since;  // the first failure since it was read last
};

// What an item of a preflight said when it was last asked.
struct PreflightReading {
  InspectionReading newest;
  std::optional<Instant> failing_since;  // the first answer that was no yes since the last one
};

struct Sign {
  Instant at;
  std::string what;  // "the held connection broke"
};

struct Readings {
  std::map<CheckReference, std::map<ObserverName, Opinion>> opinions;
  std::map<CheckReference, DatabaseReading> databases;
  std::map<CheckReference, Sign> signs;
  std::map<ObserverName, ControllerReading> controllers;
  // Of steps of open runs and obligations; dropped with them.
  std::map<std::pair<RunId, StepId>, InspectionReading> inspections;
  std::map<GroupName, FrontDoorReading> front_doors;
  // When the group of a waiting run was looked at for its sake; dropped with the run's wait.
  std::map<RunId, Instant> looks;
  // The newest inspection of each preflight item, by group, site and name.
  std::map<std::tuple<GroupName, SiteName, std::string>, PreflightReading> preflights;
};

}  // namespace bascule::engine
