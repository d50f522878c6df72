// "Did you mean": the closest known word to what was written, if it is close enough to be a slip of
// the fingers.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bascule::config {

std::optional<std::string> closest(std::string_view written, const std::vector<std::string>& known);

// The whole hint: "did you mean `cooldown`?", else the known words, if they are few. A word of
// `also` is suggested when it is close, and not listed.
std::string suggestion(std::string_view written, const std::vector<std::string>& known,
                       const std::vector<std::string>& also = {});

// The names of all of them: of kinds, of fields.
template <typename Named>
std::vector<std::string> names_of(const std::vector<Named>& all) {
  std::vector<std::string> names;
  names.reserve(all.size());
  for (const Named& each : all) names.push_back(each.name);
  return names;
}

// The keys of a map from names.
template <typename Map>
std::vector<std::string> keys_of(const Map& map) {
  std::vector<std::string> keys;
  keys.reserve(map.size());
  for (const auto& [key, value] : map) keys.push_back(key);
  return keys;
}

}  // namespace bascule::config
