#include "providers/dns/ownership.h"

#include <fmt/format.h>

#include <array>
#include <charconv>

namespace bascule::dns {

std::string to_text(const Ownership& ownership) {
  return fmt::format("{} {} {} {}", ownership.generation, ownership.cluster,
                     ownership.run.empty() ? "-" : ownership.run, ownership.target);
}

std::optional<Ownership> parse_ownership(std::string_view text) {
  std::array<std::string_view, 4> words;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::size_t end = i + 1 < words.size() ? text.find(' ') : text.size();
    if (end == std::string_view::npos || end == 0) return std::nullopt;
    words[i] = text.substr(0, end);
    text.remove_prefix(i + 1 < words.size() ? end + 1 : end);
  }
  if (words[3].find(' ') != std::string_view::npos) return std::nullopt;
  Ownership ownership;
  const auto [end, problem] =
      std::from_chars(words[0].data(), words[0].data() + words[0].size(), ownership.generation);
  if (problem != std::errc{} || end != words[0].data() + words[0].size()) return std::nullopt;
  ownership.cluster = words[1];
  ownership.run = words[2];
  ownership.target = words[3];
  return ownership;
}

}  // namespace bascule::dns
