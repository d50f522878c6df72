// Positions in PostgreSQL's log (an LSN) as plain numbers of bytes, and what people and timeline
// histories say about them. Pure; talks to no server.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace bascule::postgres {

// An offset in bytes since the log began; 0 is no position.
using LogPosition = std::uint64_t;

// "16/B374D848": two hexadecimal halves of at most 8 digits each.
std::optional<LogPosition> parse_log_position(std::string_view text);
std::string log_position_text(LogPosition position);

// An insert position as the end of the record before it. At the start of a page the server reports
// the byte after the page's header, while replay and flush positions end where the last record
// does; without this the two would differ by 24 or 40 bytes until the next record is written
// (access/xlog_internal.h: SizeOfXLogShortPHD, SizeOfXLogLongPHD). `segment_bytes` is the size of a
// segment, a power of two.
LogPosition end_of_last_record(LogPosition insert_position, std::uint64_t segment_bytes);

// "0 B", "512 B", "3.1 MiB".
std::string bytes_for_people(std::uint64_t bytes);

// One line of a timeline's history: `timeline` ended at `end`, and its successor began there.
struct TimelineEnd {
  std::int64_t timeline = 0;
  LogPosition end = 0;

  friend bool operator==(const TimelineEnd&, const TimelineEnd&) = default;
};

// The contents of pg_wal/0000000N.history: ancestors of timeline N, oldest first. Error corrupt
// names the line that is not one.
Result<std::vector<TimelineEnd>> parse_timeline_history(std::string_view text);

// The file that holds the history of a timeline: "pg_wal/00000005.history".
std::string timeline_history_path(std::int64_t timeline);

// Where `ancestor` was left by a server whose history this is and that is now on `current`; nothing
// when it never was on that timeline. A server still on it has not left it.
struct Fork {
  bool shared = false;                  // the ancestor is part of this server's history
  std::optional<LogPosition> position;  // where it left; nothing while it is still on it
};
Fork fork_from(const std::vector<TimelineEnd>& history, std::int64_t current,
               std::int64_t ancestor);

}  // namespace bascule::postgres
