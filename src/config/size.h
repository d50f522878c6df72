// Sizes as the configuration writes them: one whole number and one unit of B, KiB, MiB, GiB, TiB.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace bascule::config {

// Nothing without a unit, negative, or above 2^63 - 1 bytes.
std::optional<std::int64_t> parse_size(std::string_view text);
// The shortest exact form of the same: "16MiB", "1500B".
std::string size_text(std::int64_t bytes);

}  // namespace bascule::config
