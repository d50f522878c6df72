// Incidents: what people are called for, from the record with which it begins to the one after
// which nobody needs to be called any more. Channels that open and close something outside (a page,
// an alert) name it by the number of its first record.
#pragma once

#include "engine/state.h"

namespace bascule::engine {

// Part of evolve: takes the record's effect on the incident of its group. REQUIRES: the rest of the
// state is as after the record.
void follow_incident(State& state, const Record& record);

}  // namespace bascule::engine
