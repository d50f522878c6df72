// Time as values. Nothing here asks the system for the time: the engine gets `now` as an argument,
// the rest of the house from async/clock.h.
//
// An Instant is a moment of record time: UTC, milliseconds since 1970, the precision of the
// journal, so that a decision and its replay see the same number. A Duration is a span in
// milliseconds. Latencies, which people compare below a millisecond, are Microseconds.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace bascule {

struct RecordClock {
  using rep = std::int64_t;
  using period = std::milli;
  using duration = std::chrono::milliseconds;
  using time_point = std::chrono::time_point<RecordClock, duration>;
};

using Duration = std::chrono::milliseconds;
using Microseconds = std::chrono::microseconds;
using Instant = RecordClock::time_point;

// RFC 3339 in UTC with milliseconds: 2026-11-23T16:37:25.031Z.
std::string to_rfc3339(Instant instant);
std::optional<Instant> from_rfc3339(std::string_view text);

// A duration as the configuration writes it: one whole number and one unit of ms, s, m, h, d
// ("900ms", "5m"). Nothing without a unit, negative, or above 10 years.
std::optional<Duration> parse_duration(std::string_view text);
// The shortest exact form of the same: "900ms", "5m", "1h30m".
std::string to_string(Duration duration);
// For people: "0.4s", "12s", "4m", "2h", "3d". Never used where a record is kept.
std::string to_rough(Duration duration);

}  // namespace bascule
