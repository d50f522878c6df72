#include "model/json.h"

#include <algorithm>
#include <cstddef>

namespace bascule {
namespace {

const Json* member(const Json& object, std::string_view key) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(key);
  return found == object.end() ? nullptr : &*found;
}

// Looked at before parsing, because the parser knows no limit: one pass over the brackets outside
// of strings.
bool nested_deeper_than(std::size_t limit, std::string_view text) {
  std::size_t depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"') in_string = !in_string;
    if (in_string) {
      if (c == '\\') ++i;
    } else if (c == '[' || c == '{') {
      if (++depth > limit) return true;
    } else if ((c == ']' || c == '}') && depth > 0) {
      --depth;
    }
  }
  return false;
}

std::string valid_utf8(const std::string& text) {
  const auto is_ascii = [](char c) { return static_cast<unsigned char>(c) < 0x80; };
  if (std::ranges::all_of(text, is_ascii)) return text;
  const std::string quoted = to_text(text);
  const Json parsed = Json::parse(quoted, nullptr, /*allow_exceptions=*/false);
  return parsed.is_string() ? parsed.get<std::string>() : std::string();
}

Json canonical_within(const Json& value, std::size_t levels) {
  if (value.is_string()) return valid_utf8(value.get_ref<const std::string&>());
  if (value.is_number_float()) return to_text(value);
  if (value.is_binary() || value.is_discarded()) return nullptr;
  if (!value.is_structured()) return value;
  if (levels == 0) return nullptr;
  Json result = value.is_array() ? Json::array() : Json::object();
  for (const auto& [key, item] : value.items()) {
    Json inner = canonical_within(item, levels - 1);
    if (value.is_array()) {
      result.push_back(std::move(inner));
    } else {
      result[valid_utf8(key)] = std::move(inner);
    }
  }
  return result;
}

}  // namespace

std::string to_text(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string to_pretty_text(const Json& value) {
  return value.dump(2, ' ', false, Json::error_handler_t::replace);
}

Json canonical(const Json& value) {
  return canonical_within(value, kJsonDepthMax);
}

Result<Json> parse_json(std::string_view text, std::size_t size_max) {
  if (text.size() > size_max) {
    return fail(ErrorCode::invalid, "{} bytes of JSON are more than the limit of {}", text.size(),
                size_max);
  }
  if (nested_deeper_than(kJsonDepthMax, text)) {
    return fail(ErrorCode::invalid, "JSON nested deeper than {} levels", kJsonDepthMax);
  }
  Json value = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (value.is_discarded()) return fail(ErrorCode::invalid, "not valid JSON");
  return value;
}

std::string text_or(const Json& object, std::string_view key, std::string otherwise) {
  const Json* found = member(object, key);
  return found != nullptr && found->is_string() ? found->get<std::string>() : std::move(otherwise);
}

std::int64_t integer_or(const Json& object, std::string_view key, std::int64_t otherwise) {
  const Json* found = member(object, key);
  return found != nullptr && found->is_number_integer() ? found->get<std::int64_t>() : otherwise;
}

bool boolean_or(const Json& object, std::string_view key, bool otherwise) {
  const Json* found = member(object, key);
  return found != nullptr && found->is_boolean() ? found->get<bool>() : otherwise;
}

std::vector<std::string> texts_or_empty(const Json& object, std::string_view key) {
  std::vector<std::string> texts;
  const Json* found = member(object, key);
  if (found == nullptr || !found->is_array()) return texts;
  for (const Json& item : *found) {
    if (item.is_string()) texts.push_back(item.get<std::string>());
  }
  return texts;
}

}  // namespace bascule
