// What a server says about itself in one query, which a member of pg_monitor may ask, and the
// health that follows from it without knowing who is active. Pure: the query is asked elsewhere.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "model/observation.h"
#include "providers/postgres/connection.h"

namespace bascule::postgres {

// Answers with exactly one row, on a primary and on a standby alike.
extern const std::string_view kFactsQuery;

// `asked_at` is the moment the query was sent: what the answer says was true at it or later. Ages
// are taken from the server's clock and put onto ours, so that a skewed clock does no harm.
Result<DatabaseFacts> facts_from(const Rows& rows, Instant asked_at);

struct LagLimits {
  Duration degraded{30'000};
  Duration critical{300'000};
};
// By the lag alone: whether the role is the right one, and whether a replica has to stream, is
// judged where it is known who is active.
Health health_of(const DatabaseFacts& facts, const LagLimits& limits);

// "primary, timeline 5", "replica, timeline 5, streams, 0 B to replay".
std::string summary_of(const DatabaseFacts& facts);

// The numbers of the probe: always the same keys, null where they do not apply.
Json detail_of(const DatabaseFacts& facts);

}  // namespace bascule::postgres
