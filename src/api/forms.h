// How single values stand in a view: times as RFC 3339, durations as milliseconds, what is absent
// as null. Only for the views of api/.
#pragma once

#include <optional>
#include <string>

#include "base/time.h"
#include "model/json.h"
#include "model/words.h"

namespace bascule::api {

inline Json instant(const std::optional<Instant>& at) {
  return at ? Json(to_rfc3339(*at)) : Json(nullptr);
}
inline Json text_or_null(const std::string& text) {
  return text.empty() ? Json(nullptr) : Json(text);
}
inline Json milliseconds(const std::optional<Duration>& duration) {
  return duration ? Json(duration->count()) : Json(nullptr);
}
inline Json milliseconds(const std::optional<Microseconds>& latency) {
  constexpr double kPerMillisecond = 1'000.0;
  return latency ? Json(static_cast<double>(latency->count()) / kPerMillisecond) : Json(nullptr);
}
template <typename T>
Json number(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}
inline std::string word(auto value) {
  return std::string(to_string(value));
}

}  // namespace bascule::api
