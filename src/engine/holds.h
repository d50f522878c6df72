// Holds in force: they end by themselves where a person said when, and raise an alarm when they
// have become so old that nobody may remember them. A hold stops automation only.
#pragma once

#include <optional>

#include "engine/deliberation.h"

namespace bascule::engine {

void end_holds(Deliberation& deliberation);
// One alarm for each `hold_alarm` that a hold grows older: of a group, and of everything, where the
// shortest `hold_alarm` of any group counts.
void raise_hold_alarms(Deliberation& deliberation);
// When the next alarm of any hold is due.
std::optional<Instant> next_hold_alarm(const State& state);

}  // namespace bascule::engine
