#include "config/size.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <limits>

namespace bascule::config {
namespace {

struct Unit {
  std::string_view word;
  std::int64_t bytes;
};
constexpr std::array<Unit, 5> kUnits{{{"TiB", std::int64_t{1} << 40},
                                      {"GiB", std::int64_t{1} << 30},
                                      {"MiB", std::int64_t{1} << 20},
                                      {"KiB", std::int64_t{1} << 10},
                                      {"B", 1}}};

}  // namespace

std::optional<std::int64_t> parse_size(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || number < 0) return std::nullopt;
  const std::string_view word(end, text.data() + text.size());
  for (const Unit& unit : kUnits) {
    if (unit.word != word) continue;
    if (number > std::numeric_limits<std::int64_t>::max() / unit.bytes) return std::nullopt;
    return number * unit.bytes;
  }
  return std::nullopt;
}

std::string size_text(std::int64_t bytes) {
  for (const Unit& unit : kUnits) {
    if (bytes >= unit.bytes && bytes % unit.bytes == 0) {
      return fmt::format("{}{}", bytes / unit.bytes, unit.word);
    }
  }
  return fmt::format("{}B", bytes);
}

}  // namespace bascule::config
