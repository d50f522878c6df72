#include "engine/phrases.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace bascule::engine {

std::string span_text(Duration span) {
  const std::int64_t ms = std::max<std::int64_t>(span.count(), 0);
  if (ms < 100 || ms >= 10'000) return to_rough(Duration(ms));
  if (ms % 1'000 < 100) return fmt::format("{}s", ms / 1'000);
  return fmt::format("{}.{}s", ms / 1'000, ms % 1'000 / 100);
}

std::string ago(Instant then, Instant now) {
  return span_text(now - then) + " ago";
}

std::string clock_time(Instant instant) {
  return to_rfc3339(instant).substr(11, 5) + " UTC";
}

std::string clock_time(Instant instant, Instant now) {
  const std::string day = to_rfc3339(instant).substr(0, 10);
  const bool today = to_rfc3339(now).starts_with(day);
  return today ? clock_time(instant) : fmt::format("{} {}", day, clock_time(instant));
}

std::string size_text(std::int64_t bytes) {
  constexpr std::array<std::string_view, 5> kUnits = {"B", "KiB", "MiB", "GiB", "TiB"};
  std::size_t unit = 0;
  std::int64_t tenths = std::max<std::int64_t>(bytes, 0);
  if (tenths < 1'024) return fmt::format("{} B", tenths);
  while (unit + 1 < kUnits.size() && tenths >= 1'024) {
    if (tenths < 1'048'576 || unit + 2 == kUnits.size()) {
      tenths = tenths * 10 / 1'024;
      ++unit;
      break;
    }
    tenths /= 1'024;
    ++unit;
  }
  if (tenths % 10 == 0) return fmt::format("{} {}", tenths / 10, kUnits[unit]);
  return fmt::format("{}.{} {}", tenths / 10, tenths % 10, kUnits[unit]);
}

Json moment(const std::optional<Instant>& at) {
  return at ? Json(to_rfc3339(*at)) : Json(nullptr);
}

}  // namespace bascule::engine
