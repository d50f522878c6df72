// Reads the records of a PostgreSQL 15 log just far enough to count the transactions that committed
// in a stretch of it. This is how the loss of a failover is measured exactly: between the fork of
// the new primary and the end of the old one lie, besides lost transactions, records that are
// nobody's data (the checkpoint after a crash, the seal itself), so the distance alone would show a
// loss where there is none. Pure; the bytes are fetched elsewhere. Formats: access/xlogrecord.h,
// access/xlog_internal.h and access/xact.h of PostgreSQL 15.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>

#include "base/result.h"
#include "providers/postgres/log_position.h"

namespace bascule::postgres {

struct Committed {
  std::int64_t transactions = 0;
  LogPosition end = 0;  // of the last commit's record; 0 when there is none

  friend bool operator==(const Committed&, const Committed&) = default;
};

// A stretch of the log: `bytes` begins at `begin`, a multiple of the page size.
struct LogStretch {
  LogPosition begin = 0;
  std::span<const std::uint8_t> bytes;
  std::uint64_t segment_bytes = 0;
};

// Commits from `from`, where one record ends and the next begins, up to `to`, without those of
// `except` (transaction ids as in the record: without the epoch). Records that begin before `to`
// count. Error corrupt when what is there is no log, invalid when `bytes` do not reach.
Result<Committed> count_commits(const LogStretch& stretch, LogPosition from, LogPosition to,
                                const std::set<std::uint32_t>& except);

// "pg_wal/000000010000000000000003": the file that holds a position.
std::string log_file_path(std::int64_t timeline, LogPosition position, std::uint64_t segment_bytes);

}  // namespace bascule::postgres
