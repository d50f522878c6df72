// Numbers and moments as people read them, in the sentences of gates and of explain. Exact values
// stand in the evidence beside them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/time.h"
#include "model/json.h"

namespace bascule::engine {

// "40ms", "0.4s", "4s", "12s", "3d": to_rough() with tenths below ten seconds.
std::string span_text(Duration span);
std::string ago(Instant then, Instant now);  // "12s ago"
std::string clock_time(Instant instant);     // "14:02 UTC"
// With the day where it is another one than now: "2026-11-24 14:02 UTC".
std::string clock_time(Instant instant, Instant now);
std::string size_text(std::int64_t bytes);      // "0 B", "48 KiB", "3.1 MiB"
Json moment(const std::optional<Instant>& at);  // RFC 3339, or null

}  // namespace bascule::engine
