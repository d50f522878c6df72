#include "app/terminal/yaml.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace bascule::app {
namespace {

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// A text that every reader takes for one as it is, those of YAML 1.1 included.
bool is_plain(std::string_view text) {
  constexpr std::array<std::string_view, 10> kWords{"true", "false", "yes", "no",   "on",
                                                    "off",  "y",     "n",   "null", "nan"};
  if (text.empty() || !is_letter(text.front()) || text.back() == ' ') return false;
  const bool only_harmless = std::ranges::all_of(text, [](char c) {
    return is_letter(c) || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '/' || c == '-' ||
           c == ' ';
  });
  if (!only_harmless) return false;
  std::string folded(text);
  std::ranges::transform(folded, folded.begin(), [](char c) {
    return static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  });
  return std::ranges::find(kWords, folded) == kWords.end();
}

void emit_text(YAML::Emitter& emitter, const std::string& text) {
  if (!is_plain(text)) emitter << YAML::DoubleQuoted;
  emitter << text;
}

void emit(YAML::Emitter& emitter, const Json& value) {
  if (value.is_object()) {
    if (value.empty()) emitter << YAML::Flow;
    emitter << YAML::BeginMap;
    for (const auto& [key, inner] : value.items()) {
      emitter << YAML::Key;
      emit_text(emitter, key);
      emitter << YAML::Value;
      emit(emitter, inner);
    }
    emitter << YAML::EndMap;
  } else if (value.is_array()) {
    if (value.empty()) emitter << YAML::Flow;
    emitter << YAML::BeginSeq;
    for (const Json& inner : value) emit(emitter, inner);
    emitter << YAML::EndSeq;
  } else if (value.is_string()) {
    emit_text(emitter, value.get<std::string>());
  } else if (value.is_null()) {
    emitter << YAML::Null;
  } else {
    // Numbers as JSON writes them: no digit more, none less.
    emitter << to_text(value);
  }
}

}  // namespace

std::string to_yaml(const Json& view) {
  YAML::Emitter emitter;
  emitter.SetNullFormat(YAML::LowerNull);
  // Through JSON's text once: what is not valid UTF-8 is replaced there.
  emit(emitter, parse_json(to_text(view)).value_or(Json()));
  return std::string(emitter.c_str(), emitter.size()) + "\n";
}

}  // namespace bascule::app
