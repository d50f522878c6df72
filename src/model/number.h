// Decimal numbers as people write them. Settings hold them as text: nothing that is stored and
// hashed may depend on how a floating-point number is printed (model/json.h).
#pragma once

#include <charconv>
#include <cmath>
#include <optional>
#include <string_view>

namespace bascule {

// "5", "-0.25", "1e3"; never "inf", "nan", hexadecimal or anything behind the number.
inline std::optional<double> parse_number(std::string_view text) {
  if (text.find_first_not_of("0123456789+-.eE") != std::string_view::npos) return std::nullopt;
  double number = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failed != std::errc() || end != text.data() + text.size() || !std::isfinite(number)) {
    return std::nullopt;
  }
  return number;
}

}  // namespace bascule
