// The `postgres` probe: a fresh connection at every look, because that is what clients need, and a
// held one, sampled every second, because it breaks within milliseconds of the server's death and
// because gate 7 needs positions more often than checks run. Uses the check's own user, never the
// admin's; reports facts and knows no expectation.
#pragma once

#include <memory>

#include "ports/probe.h"
#include "providers/postgres/database.h"
#include "providers/postgres/settings.h"

namespace bascule::postgres {

inline constexpr Duration kSampleInterval{1'000};

// `timeout` limits each use of the held connection, as the look's deadline limits a look. The
// surroundings outlive the probe; the probe outlives its looks and its watch.
std::shared_ptr<Probe> make_probe(CheckSettings settings, Duration timeout,
                                  Surroundings surroundings);

}  // namespace bascule::postgres
