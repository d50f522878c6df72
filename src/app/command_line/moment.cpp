#include "app/command_line/moment.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <optional>
#include <string>

namespace bascule::app {
namespace {

constexpr Duration kDay{86'400'000};
constexpr Duration kFurthest = 366 * kDay;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// "14:00" or "9:05": the next time that it is so late in UTC.
std::optional<Instant> next_time_of_day(std::string_view text, Instant now) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos || colon == 0 || colon > 2) return std::nullopt;
  const std::string_view hour = text.substr(0, colon);
  const std::string_view minute = text.substr(colon + 1);
  if (minute.size() != 2 || !std::ranges::all_of(hour, is_digit) ||
      !std::ranges::all_of(minute, is_digit)) {
    return std::nullopt;
  }
  const std::string day = to_rfc3339(now).substr(0, 10);
  const auto today = from_rfc3339(fmt::format("{}T{:0>2}:{}:00Z", day, hour, minute));
  if (!today) return std::nullopt;
  return *today > now ? *today : *today + kDay;
}

}  // namespace

Result<Instant> parse_moment(std::string_view text, Instant now) {
  std::optional<Instant> moment;
  if (text.starts_with('+')) {
    const auto span = parse_duration(text.substr(1));
    if (span && *span > Duration{0} && *span <= kFurthest) moment = now + *span;
  } else if (text.size() <= 5) {
    moment = next_time_of_day(text, now);
  } else {
    moment = from_rfc3339(text);
  }
  if (!moment) {
    return fail(Error{ErrorCode::invalid, fmt::format("`{}` is not a time", text),
                      fmt::format("write +30m, 14:00 (UTC) or {}", to_rfc3339(now + kDay)),
                      std::nullopt});
  }
  if (*moment <= now) {
    return fail(Error{ErrorCode::invalid,
                      fmt::format("{} has passed already: it is {}", text, to_rfc3339(now)),
                      "write +30m, 14:00 (UTC) or a later time", std::nullopt});
  }
  return *moment;
}

}  // namespace bascule::app
