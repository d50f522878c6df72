// What is seen: observations of probes, and the opinions a detector makes of them. Volatile, never
// journaled; what a decision used of them is copied into its record.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/error.h"
#include "base/name.h"
#include "base/time.h"
#include "model/configuration.h"
#include "model/json.h"
#include "model/words.h"

namespace bascule {

// What a database said about itself at one moment. Positions are bytes of its log (a PostgreSQL LSN
// as a number).
struct DatabaseFacts {
  Instant read_at;
  DatabaseRole role = DatabaseRole::primary;
  bool accepts_writes = true;  // false: up, but read-only (default_transaction_read_only, sealed)
  std::string system_identifier;
  std::int64_t timeline = 0;
  std::uint64_t position = 0;   // primary: end of its log; replica: received and flushed
  std::uint64_t replayed = 0;   // replica: applied
  bool streaming = false;       // replica: its receiver is connected and streaming
  std::string source_host;      // replica: from whom it streams; may be empty
  std::optional<Duration> lag;  // replica: zero when all received is replayed and it streams
  std::optional<Instant> last_received_at;  // replica: last message from its source

  friend bool operator==(const DatabaseFacts&, const DatabaseFacts&) = default;
};

struct ProbeTiming {
  std::optional<Microseconds> lookup, connect, tls, first_byte;
};

// One result of one check by one observer. Failure is a health, not an error: `error` says why.
struct Observation {
  CheckReference check;
  ObserverName observer;
  Instant at;                           // when the look began
  Health health = Health::unknown;      // facts only; the expected role is judged in engine/detect
  std::optional<Microseconds> latency;  // nothing without an answer
  ProbeTiming timing;
  std::string summary;           // for people: "200", "primary, timeline 5", "connection refused"
  Json detail = Json::object();  // numbers of the probe, fixed keys per kind
  std::optional<DatabaseFacts> database;
  std::optional<Error> error;
  std::string code;  // a stable word for special conditions: no_new_sessions, sealed; else empty
};

// What one observer's detector makes of a check's observations.
struct Opinion {
  CheckReference check;
  ObserverName observer;
  Health health = Health::unknown;  // of the newest observation, judged by who is active
  bool suspect = false;             // a failure has been seen and not been cleared
  bool down = false;                // enough failures, long enough
  Instant since;                    // since when this health (or down) has held
  Instant newest_at;                // the newest observation
  Instant expires_at;               // silent beyond this: unknown
  std::optional<Instant> first_failed_at;
  std::int64_t failures = 0;  // in the window
  std::int64_t looks = 0;     // in the window
  std::string because;        // one clause: "3 of 3 looks failed in 0.4s (connection refused)"
  Observation newest;
};

}  // namespace bascule
