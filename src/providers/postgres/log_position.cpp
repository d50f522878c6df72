#include "providers/postgres/log_position.h"

#include <fmt/format.h>

#include <array>
#include <charconv>

namespace bascule::postgres {
namespace {

constexpr std::uint64_t kPageBytes = 8192;  // XLOG_BLCKSZ of every packaged server
constexpr std::uint64_t kShortPageHeader = 24;
constexpr std::uint64_t kLongPageHeader = 40;  // on the first page of a segment
constexpr std::size_t kHalfDigitsMax = 8;

template <typename Number>
std::optional<Number> parse_number(std::string_view text, int base) {
  Number number = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (problem != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<std::uint64_t> parse_half(std::string_view text) {
  if (text.empty() || text.size() > kHalfDigitsMax) return std::nullopt;
  return parse_number<std::uint64_t>(text, 16);
}

// The next field of a line, without the white space around it; advances `line`.
std::string_view take_field(std::string_view& line) {
  constexpr std::string_view kSpace = " \t\r";
  const std::size_t begin = line.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) {
    line = {};
    return {};
  }
  const std::size_t end = std::min(line.find_first_of(kSpace, begin), line.size());
  const std::string_view field = line.substr(begin, end - begin);
  line.remove_prefix(end);
  return field;
}

}  // namespace

std::optional<LogPosition> parse_log_position(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto high = parse_half(text.substr(0, slash));
  const auto low = parse_half(text.substr(slash + 1));
  if (!high || !low) return std::nullopt;
  return (*high << 32U) | *low;
}

std::string log_position_text(LogPosition position) {
  return fmt::format("{:X}/{:X}", position >> 32U, position & 0xFFFFFFFFU);
}

LogPosition end_of_last_record(LogPosition insert_position, std::uint64_t segment_bytes) {
  const bool first_page = segment_bytes > 0 && insert_position % segment_bytes < kPageBytes;
  const std::uint64_t header = first_page ? kLongPageHeader : kShortPageHeader;
  if (insert_position % kPageBytes == header) return insert_position - header;
  return insert_position;
}

std::string bytes_for_people(std::uint64_t bytes) {
  constexpr std::array<std::string_view, 5> kUnits = {"KiB", "MiB", "GiB", "TiB", "PiB"};
  if (bytes < 1024) return fmt::format("{} B", bytes);
  double value = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  while (value >= 1024 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  return fmt::format("{:.1f} {}", value, kUnits.at(unit));
}

Result<std::vector<TimelineEnd>> parse_timeline_history(std::string_view text) {
  std::vector<TimelineEnd> history;
  std::size_t number = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    ++number;
    const std::string_view timeline_text = take_field(line);
    if (timeline_text.empty() || timeline_text.front() == '#') continue;
    const auto timeline = parse_number<std::int64_t>(timeline_text, 10);
    const auto position = parse_log_position(take_field(line));
    if (!timeline || *timeline <= 0 || !position) {
      return fail(ErrorCode::corrupt, "line {} of the timeline history is not one", number);
    }
    if (!history.empty() && history.back().timeline >= *timeline) {
      return fail(ErrorCode::corrupt, "line {} of the timeline history goes back", number);
    }
    history.push_back({*timeline, *position});
  }
  return history;
}

std::string timeline_history_path(std::int64_t timeline) {
  return fmt::format("pg_wal/{:08X}.history", timeline);
}

Fork fork_from(const std::vector<TimelineEnd>& history, std::int64_t current,
               std::int64_t ancestor) {
  if (ancestor == current) return {true, std::nullopt};
  for (const TimelineEnd& entry : history) {
    if (entry.timeline == ancestor) return {true, entry.end};
  }
  return {};
}

}  // namespace bascule::postgres
