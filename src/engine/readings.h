// The newest of what was seen: volatile, bounded (one entry per check and observer, per step),
// never journaled. After a start it is empty, and everything is unknown.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>

#include "base/name.h"
#include "base/time.h"
#include "model/observation.h"
#include "model/plan.h"

namespace bascule::engine {

struct DatabaseReading {
  std::optional<DatabaseFacts> newest;
  // The newest facts read before the present failure of the active site's database began: what
  // gates 6 and 7 judge a target by once its source is gone.
  std::optional<DatabaseFacts> before_failure;
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
};

struct InspectionReading {
  Instant at;
  std::optional<Inspection> inspection;
  std::optional<Error> error;
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
  // What the front door showed when it was last read (an Inspection's facts).
  std::map<GroupName, InspectionReading> front_doors;
};

}  // namespace bascule::engine
