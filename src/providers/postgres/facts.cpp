#include "providers/postgres/facts.h"

#include <fmt/format.h>

#include <algorithm>

namespace bascule::postgres {

// The timeline of a primary is the one of the segment it writes: right after a promotion its
// control file still names the old one. A standby's is the receiver's, else the newest that its
// control file knows.
const std::string_view kFactsQuery = R"sql(
SELECT s.replica,
       c.system_identifier AS system,
       i.bytes_per_wal_segment AS segment_bytes,
       CASE WHEN s.replica THEN NULL ELSE pg_current_wal_insert_lsn() END AS inserted,
       CASE WHEN s.replica THEN NULL
            ELSE pg_walfile_name(pg_current_wal_insert_lsn()) END AS segment,
       greatest(p.timeline_id, v.min_recovery_end_timeline) AS known_timeline,
       r.received_tli AS received_timeline,
       pg_last_wal_receive_lsn() AS received,
       pg_last_wal_replay_lsn() AS replayed,
       r.status AS receiver,
       r.sender_host,
       (extract(epoch FROM clock_timestamp() - r.last_msg_receipt_time) * 1000)::bigint
         AS message_age_ms,
       (extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()) * 1000)::bigint
         AS replay_age_ms,
       current_setting('default_transaction_read_only') = 'off' AS writes_by_default
  FROM (SELECT pg_is_in_recovery() AS replica) s
 CROSS JOIN pg_control_system() c
 CROSS JOIN pg_control_checkpoint() p
 CROSS JOIN pg_control_recovery() v
 CROSS JOIN pg_control_init() i
  LEFT JOIN pg_stat_wal_receiver r ON s.replica)sql";

namespace {

// The first 8 digits of a segment's name are its timeline.
std::optional<std::int64_t> timeline_of_segment(const std::optional<std::string>& name) {
  if (!name || name->size() < 8) return std::nullopt;
  const auto timeline = parse_log_position("0/" + name->substr(0, 8));
  if (!timeline) return std::nullopt;
  return static_cast<std::int64_t>(*timeline);
}

void read_primary(DatabaseFacts& facts, const Rows& rows, LogPosition inserted) {
  facts.role = DatabaseRole::primary;
  facts.accepts_writes = rows.boolean(0, "writes_by_default");
  const auto segment_bytes = rows.integer(0, "segment_bytes").value_or(0);
  facts.position = end_of_last_record(inserted, static_cast<std::uint64_t>(segment_bytes));
  facts.replayed = facts.position;
  facts.timeline = timeline_of_segment(rows.text(0, "segment")).value_or(0);
}

void read_replica(DatabaseFacts& facts, const Rows& rows) {
  facts.role = DatabaseRole::replica;
  facts.accepts_writes = false;
  facts.replayed = rows.position(0, "replayed").value_or(0);
  // After a restart the receiver begins at the start of a segment, behind what is replayed.
  facts.position = std::max(rows.position(0, "received").value_or(0), facts.replayed);
  facts.streaming = rows.text(0, "receiver") == "streaming";
  facts.source_host = rows.text(0, "sender_host").value_or("");
  facts.timeline =
      rows.integer(0, "received_timeline").value_or(rows.integer(0, "known_timeline").value_or(0));
  if (const auto age = rows.integer(0, "message_age_ms")) {
    facts.last_received_at = facts.read_at - Duration(std::max<std::int64_t>(*age, 0));
  }
  if (facts.streaming && facts.replayed >= facts.position) {
    facts.lag = Duration(0);
  } else if (const auto age = rows.integer(0, "replay_age_ms")) {
    facts.lag = Duration(std::max<std::int64_t>(*age, 0));
  }
}

}  // namespace

Result<DatabaseFacts> facts_from(const Rows& rows, Instant asked_at) {
  if (rows.size() != 1) {
    return fail(ErrorCode::corrupt, "the server described itself in {} rows", rows.size());
  }
  DatabaseFacts facts;
  facts.read_at = asked_at;
  facts.system_identifier = rows.text(0, "system").value_or("");
  const bool replica = rows.boolean(0, "replica");
  const auto inserted = rows.position(0, "inserted");
  if (facts.system_identifier.empty() || (!replica && !inserted)) {
    return fail(ErrorCode::corrupt,
                "the server does not say which system it is or where its log "
                "ends");
  }
  if (replica) {
    read_replica(facts, rows);
  } else {
    read_primary(facts, rows, *inserted);
  }
  return facts;
}

Health health_of(const DatabaseFacts& facts, const LagLimits& limits) {
  if (facts.role == DatabaseRole::primary || !facts.lag) return Health::healthy;
  if (*facts.lag >= limits.critical) return Health::critical;
  if (*facts.lag >= limits.degraded) return Health::degraded;
  return Health::healthy;
}

std::string summary_of(const DatabaseFacts& facts) {
  if (facts.role == DatabaseRole::primary) {
    return fmt::format("primary, timeline {}{}", facts.timeline,
                       facts.accepts_writes ? "" : ", read-only");
  }
  const std::uint64_t behind = facts.position - std::min(facts.replayed, facts.position);
  return fmt::format("replica, timeline {}, {}, {} to replay", facts.timeline,
                     facts.streaming ? "streams" : "does not stream", bytes_for_people(behind));
}

Json detail_of(const DatabaseFacts& facts) {
  Json detail = {{"role", to_string(facts.role)},
                 {"accepts_writes", facts.accepts_writes},
                 {"timeline", facts.timeline},
                 {"position", facts.position},
                 {"replayed", facts.replayed},
                 {"streaming", nullptr},
                 {"lag_ms", nullptr},
                 {"system_identifier", facts.system_identifier}};
  if (facts.role == DatabaseRole::replica) detail["streaming"] = facts.streaming;
  if (facts.lag) detail["lag_ms"] = facts.lag->count();
  return detail;
}

}  // namespace bascule::postgres
