// JSON as the general value of settings, evidence and outputs, with the two habits the house
// insists on: text is always made valid UTF-8 (a database's error message may not be), and keys are
// always sorted.
#pragma once

#include <nlohmann/json.hpp>

#include <string>
#include <string_view>

#include "base/result.h"

namespace bascule {

using Json = nlohmann::json;  // objects are std::map: keys come out sorted

inline constexpr std::size_t kJsonDepthMax = 64;

// One line, sorted keys, invalid UTF-8 replaced. Never throws.
std::string to_text(const Json& value);
// The same over several lines, indented by two.
std::string to_pretty_text(const Json& value);

// The form that may be stored, hashed and read back: no floats (0.25 becomes the text "0.25"),
// valid UTF-8, at most kJsonValueDepthMax levels (what is deeper becomes null, as do binary
// values).
Json canonical(const Json& value);

// Parses untrusted text. Refuses more than kJsonDepthMax levels and more than `size_max` bytes.
Result<Json> parse_json(std::string_view text, std::size_t size_max = std::size_t{16} << 20);

// A member's value or the given default, when `object` is not an object, or the member is absent,
// null or of another type.
std::string text_or(const Json& object, std::string_view key, std::string otherwise = "");
std::int64_t integer_or(const Json& object, std::string_view key, std::int64_t otherwise = 0);
bool boolean_or(const Json& object, std::string_view key, bool otherwise = false);
std::vector<std::string> texts_or_empty(const Json& object, std::string_view key);

}  // namespace bascule
