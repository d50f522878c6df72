#include "providers/dns/ownership.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <limits>

namespace bascule::dns {
namespace {

std::string word(const std::string& text) {
  return text.empty() ? "-" : text;
}

}  // namespace

std::string to_text(const Ownership& ownership) {
  return fmt::format("{} {} {} {}", ownership.generation, word(ownership.cluster),
                     word(ownership.run), word(ownership.target));
}

std::optional<Ownership> parse_ownership(std::string_view text) {
  std::array<std::string_view, 4> words;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const bool last = i + 1 == words.size();
    const std::size_t end = last ? text.size() : text.find(' ');
    if (end == std::string_view::npos || end == 0) return std::nullopt;
    words[i] = text.substr(0, end);
    text.remove_prefix(last ? end : end + 1);
  }
  if (words[3].find(' ') != std::string_view::npos) return std::nullopt;
  Ownership ownership;
  const std::string_view number = words[0];
  const auto [end, problem] =
      std::from_chars(number.data(), number.data() + number.size(), ownership.generation);
  // One more must always be possible, also where numbers are signed (JSON, the journal).
  constexpr std::uint64_t kMost = std::numeric_limits<std::int64_t>::max() / 2;
  const bool counts = ownership.generation > 0 && ownership.generation <= kMost;
  if (problem != std::errc{} || end != number.data() + number.size() || !counts)
    return std::nullopt;
  ownership.cluster = words[1];
  ownership.run = words[2];
  ownership.target = words[3];
  return ownership;
}

}  // namespace bascule::dns
