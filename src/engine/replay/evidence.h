// What a decision saw, put together again from its record: the readings are not journaled, but what
// a decision used of them stands in the evidence of its gates. So the gates of today can be asked
// about yesterday, and about yesterday with other thresholds. Where a record does not tell what a
// gate would look at, that gate is named as one that cannot be asked.
#pragma once

#include <map>
#include <string>

#include "engine/gates/gate.h"
#include "engine/readings.h"
#include "engine/state.h"
#include "model/json.h"

namespace bascule::engine {

struct Evidence {
  Readings readings;
  std::map<GateName, std::string> missing;  // why a gate cannot be asked: clauses
};

// `then`: the state in which it was decided. `asked`: the same with the configuration that is asked
// about. `gates`: the answers as they were journaled.
Evidence evidence_of(const State& then, const State& asked, const Proposal& proposal,
                     const Json& gates, Instant at);

// The journaled answer of a gate, or null.
const Json& recorded_answer(const Json& gates, GateName name);

}  // namespace bascule::engine
