#include "base/time.h"

#include <fmt/format.h>

#include <array>
#include <charconv>

namespace bascule {
namespace {

using namespace std::chrono;

struct Unit {
  std::string_view word;
  std::int64_t milliseconds;
};
constexpr std::array<Unit, 5> kUnits{
    {{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1}}};
constexpr std::int64_t kLongest = std::int64_t{3650} * 86'400'000;

bool digits(std::string_view text, std::size_t at, std::size_t count, int& value) {
  if (at + count > text.size()) return false;
  for (std::size_t i = at; i < at + count; ++i) {
    if (text[i] < '0' || text[i] > '9') return false;
  }
  std::from_chars(text.data() + at, text.data() + at + count, value);
  return true;
}

}  // namespace

std::string to_rfc3339(Instant instant) {
  const sys_time<milliseconds> when{instant.time_since_epoch()};
  const auto day = floor<days>(when);
  const year_month_day date{day};
  const auto in_day = (when - day).count();
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     in_day / 3'600'000, in_day / 60'000 % 60, in_day / 1'000 % 60, in_day % 1'000);
}

std::optional<Instant> from_rfc3339(std::string_view text) {
  int year_value = 0, month_value = 0, day_value = 0, hour = 0, minute = 0, second = 0,
      fraction = 0;
  const bool shape = text.size() > 19 && digits(text, 0, 4, year_value) && text[4] == '-' &&
                     digits(text, 5, 2, month_value) && text[7] == '-' &&
                     digits(text, 8, 2, day_value) && (text[10] == 'T' || text[10] == 't') &&
                     digits(text, 11, 2, hour) && text[13] == ':' && digits(text, 14, 2, minute) &&
                     text[16] == ':' && digits(text, 17, 2, second);
  if (!shape || hour > 23 || minute > 59 || second > 59) return std::nullopt;
  std::size_t at = 19;
  if (text[at] == '.') {
    int scale = 100;
    for (++at; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at, scale /= 10) {
      fraction += (text[at] - '0') * scale;
    }
  }
  const std::string_view zone = text.substr(at);
  int offset_minutes = 0;
  if (zone != "Z" && zone != "z") {
    int offset_hour = 0, offset_minute = 0;
    if (zone.size() != 6 || (zone[0] != '+' && zone[0] != '-') || zone[3] != ':' ||
        !digits(zone, 1, 2, offset_hour) || !digits(zone, 4, 2, offset_minute)) {
      return std::nullopt;
    }
    offset_minutes = (zone[0] == '-' ? -1 : 1) * (offset_hour * 60 + offset_minute);
  }
  const year_month_day date{year{year_value}, month{static_cast<unsigned>(month_value)},
                            day{static_cast<unsigned>(day_value)}};
  if (!date.ok()) return std::nullopt;
  const auto since = sys_days{date}.time_since_epoch() + hours{hour} +
                     minutes{minute - offset_minutes} + seconds{second} + milliseconds{fraction};
  return Instant{duration_cast<milliseconds>(since)};
}

std::optional<Duration> parse_duration(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || number < 0 || end == text.data()) return std::nullopt;
  const std::string_view word(end, text.data() + text.size());
  for (const Unit& unit : kUnits) {
    if (unit.word != word) continue;
    if (number > kLongest / unit.milliseconds) return std::nullopt;
    return Duration{number * unit.milliseconds};
  }
  return std::nullopt;
}

std::string to_string(Duration duration) {
  std::int64_t left = duration.count();
  if (left == 0) return "0s";
  std::string text = left < 0 ? "-" : "";
  left = left < 0 ? -left : left;
  for (const Unit& unit : kUnits) {
    if (left < unit.milliseconds) continue;
    text += fmt::format("{}{}", left / unit.milliseconds, unit.word);
    left %= unit.milliseconds;
  }
  return text;
}

std::string to_rough(Duration duration) {
  const std::int64_t ms = duration.count();
  if (ms < 0) return "-" + to_rough(-duration);
  if (ms < 1'000) return fmt::format("{}ms", ms);
  if (ms < 10'000) return fmt::format("{}.{}s", ms / 1'000, ms % 1'000 / 100);
  if (ms < 120'000) return fmt::format("{}s", ms / 1'000);
  if (ms < 7'200'000) return fmt::format("{}m", ms / 60'000);
  if (ms < 172'800'000) return fmt::format("{}h", ms / 3'600'000);
  return fmt::format("{}d", ms / 86'400'000);
}

}  // namespace bascule
