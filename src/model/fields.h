// How plain values become JSON and come back: each struct lists its members once, as data, and both
// directions follow that list, so that they cannot differ. Internal to model/: the doors are the
// to_json and from_json functions of configuration.h, plan.h and record_codec.h.
//
// What is written: names and words as text, an Instant as RFC 3339, a Duration as whole
// milliseconds under a key that ends in `_ms`, what is absent as null. Reading is strict: a member
// that is missing or of another type is `corrupt`, a member or a word that this build does not know
// is `invalid` (a newer build wrote it; guessing would be worse than stopping). A member that was
// added after journals had been written is listed with `added_later` and keeps its default when it
// is missing.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/assert.h"
#include "base/error.h"
#include "base/name.h"
#include "base/shared_vector.h"
#include "base/time.h"
#include "model/json.h"
#include "model/words.h"

namespace bascule::codec {

// What is wrong with a JSON value, and where: "plan.steps[3].timeout_ms" "is not a whole number".
struct Problem {
  ErrorCode code = ErrorCode::corrupt;
  std::string path;
  std::string what;
};
using MaybeProblem = std::optional<Problem>;

inline MaybeProblem problem(std::string what, ErrorCode code = ErrorCode::corrupt) {
  return Problem{code, std::string(), std::move(what)};
}

// Puts a key or an index in front of where the problem is.
inline MaybeProblem at(const std::string& place, MaybeProblem found) {
  if (!found) return found;
  const bool joined = found->path.empty() || found->path.front() == '[';
  found->path = place + (joined ? "" : ".") + found->path;
  return found;
}

template <typename Owner, typename Value>
struct Member {
  std::string_view key;
  Value Owner::* pointer;
  bool may_be_missing = false;
};

template <typename Owner, typename Value>
constexpr Member<Owner, Value> member(std::string_view key, Value Owner::* pointer) {
  return {key, pointer, false};
}
template <typename Owner, typename Value>
constexpr Member<Owner, Value> added_later(std::string_view key, Value Owner::* pointer) {
  return {key, pointer, true};
}

// Specialised for every struct that is written: a std::tuple of its members.
template <typename T>
inline constexpr std::nullptr_t kMembers = nullptr;

template <typename T>
concept Described = !std::is_same_v<std::remove_cv_t<decltype(kMembers<T>)>, std::nullptr_t>;

// The size that a struct of exactly these members, in this order, would have: who adds a member to
// a struct and forgets it here finds out when compiling (except for a flag that fits into padding;
// the round trips of the tests are for those).
template <typename T>
consteval std::size_t size_of_members() {
  std::size_t size = 0;
  const auto add = [&size]<typename Value>(const Member<T, Value>&) {
    size = (size + alignof(Value) - 1) / alignof(Value) * alignof(Value) + sizeof(Value);
  };
  std::apply([&](const auto&... members) { (add(members), ...); }, kMembers<T>);
  return (size + alignof(T) - 1) / alignof(T) * alignof(T);
}

template <typename T>
struct Codec;

template <typename T>
Json write(const T& value) {
  return Codec<T>::write(value);
}
template <typename T>
MaybeProblem read(const Json& json, T& value) {
  return Codec<T>::read(json, value);
}

template <>
struct Codec<std::string> {
  static Json write(const std::string& value) { return value; }
  static MaybeProblem read(const Json& json, std::string& value) {
    if (!json.is_string()) return problem("is not a text");
    value = json.get<std::string>();
    return std::nullopt;
  }
};

template <>
struct Codec<bool> {
  static Json write(bool value) { return value; }
  static MaybeProblem read(const Json& json, bool& value) {
    if (!json.is_boolean()) return problem("is neither true nor false");
    value = json.get<bool>();
    return std::nullopt;
  }
};

template <>
struct Codec<std::int64_t> {
  static Json write(std::int64_t value) { return value; }
  static MaybeProblem read(const Json& json, std::int64_t& value) {
    constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    const bool fits = json.is_number_integer() &&
                      (!json.is_number_unsigned() || json.get<std::uint64_t>() <= kMost);
    if (!fits) return problem("is not a whole number");
    value = json.get<std::int64_t>();
    return std::nullopt;
  }
};

template <>
struct Codec<std::uint64_t> {
  static Json write(std::uint64_t value) { return value; }
  static MaybeProblem read(const Json& json, std::uint64_t& value) {
    const bool fits =
        json.is_number_integer() && (json.is_number_unsigned() || json.get<std::int64_t>() >= 0);
    if (!fits) return problem("is not a whole number from zero on");
    value = json.get<std::uint64_t>();
    return std::nullopt;
  }
};

template <>
struct Codec<Duration> {
  static Json write(Duration value) { return value.count(); }
  static MaybeProblem read(const Json& json, Duration& value) {
    std::int64_t milliseconds = 0;
    if (auto found = codec::read(json, milliseconds)) return found;
    value = Duration{milliseconds};
    return std::nullopt;
  }
};

template <>
struct Codec<Instant> {
  static Json write(Instant value) { return to_rfc3339(value); }
  static MaybeProblem read(const Json& json, Instant& value) {
    const auto read_at = json.is_string() ? from_rfc3339(json.get_ref<const std::string&>())
                                          : std::optional<Instant>();
    if (!read_at) return problem("is not a time");
    value = *read_at;
    return std::nullopt;
  }
};

// Settings, evidence, outputs: whatever is in there. The doors make the whole value canonical.
template <>
struct Codec<Json> {
  static Json write(const Json& value) { return value; }
  static MaybeProblem read(const Json& json, Json& value) {
    value = json;
    return std::nullopt;
  }
};

template <typename Tag>
struct Codec<Name<Tag>> {
  static Json write(const Name<Tag>& value) { return value.text(); }
  static MaybeProblem read(const Json& json, Name<Tag>& value) {
    if (!json.is_string()) return problem("is not a name");
    value = Name<Tag>(json.get<std::string>());
    return std::nullopt;
  }
};

inline MaybeProblem unknown_word(const Json& json) {
  if (!json.is_string()) return problem("is not a word");
  return problem(fmt::format("is '{}', which this build does not know", json.get<std::string>()),
                 ErrorCode::invalid);
}

template <typename Enum>
  requires std::is_enum_v<Enum>
struct Codec<Enum> {
  static Json write(Enum value) { return to_string(value); }
  static MaybeProblem read(const Json& json, Enum& value) {
    std::optional<Enum> word;
    if (json.is_string()) {
      const auto& text = json.get_ref<const std::string&>();
      if constexpr (std::is_same_v<Enum, ErrorCode>) {
        word = error_code_from(text);
      } else {
        word = parse_word<Enum>(text);
      }
    }
    if (!word) return unknown_word(json);
    value = *word;
    return std::nullopt;
  }
};

template <typename T>
struct Codec<std::optional<T>> {
  static Json write(const std::optional<T>& value) {
    return value ? codec::write(*value) : Json(nullptr);
  }
  static MaybeProblem read(const Json& json, std::optional<T>& value) {
    value.reset();
    if (json.is_null()) return std::nullopt;
    return codec::read(json, value.emplace());
  }
};

template <typename T>
struct Codec<std::vector<T>> {
  static Json write(const std::vector<T>& values) {
    Json json = Json::array();
    for (const T& value : values) json.push_back(codec::write(value));
    return json;
  }
  static MaybeProblem read(const Json& json, std::vector<T>& values) {
    if (!json.is_array()) return problem("is not a list");
    values.clear();
    for (const Json& item : json) {
      if (auto found = codec::read(item, values.emplace_back())) {
        return at(fmt::format("[{}]", values.size() - 1), std::move(found));
      }
    }
    return std::nullopt;
  }
};

template <typename T>
struct Codec<SharedVector<T>> {
  static Json write(const SharedVector<T>& values) {
    return codec::write(std::vector<T>(values.begin(), values.end()));
  }
  static MaybeProblem read(const Json& json, SharedVector<T>& values) {
    std::vector<T> all;
    auto found = codec::read(json, all);
    values = std::move(all);
    return found;
  }
};

template <typename T>
struct Codec<std::map<std::string, T>> {
  static Json write(const std::map<std::string, T>& values) {
    Json json = Json::object();
    for (const auto& [key, value] : values) json[key] = codec::write(value);
    return json;
  }
  static MaybeProblem read(const Json& json, std::map<std::string, T>& values) {
    if (!json.is_object()) return problem("is not an object");
    values.clear();
    for (const auto& [key, item] : json.items()) {
      if (auto found = codec::read(item, values[key])) return at(key, std::move(found));
    }
    return std::nullopt;
  }
};

template <Described T>
struct Codec<T> {
  static_assert(size_of_members<T>() == sizeof(T), "kMembers lists all members, in their order");

  static Json write(const T& value) {
    Json json = Json::object();
    const auto write_one = [&]<typename Value>(const Member<T, Value>& one) {
      constexpr bool kIsDuration =
          std::is_same_v<Value, Duration> || std::is_same_v<Value, std::optional<Duration>>;
      BASCULE_ASSERT(kIsDuration == one.key.ends_with("_ms"), "a duration says its unit");
      json[std::string(one.key)] = codec::write(value.*one.pointer);
    };
    std::apply([&](const auto&... members) { (write_one(members), ...); }, kMembers<T>);
    return json;
  }

  static MaybeProblem read(const Json& json, T& value) {
    if (!json.is_object()) return problem("is not an object");
    std::size_t known = 0;
    const auto read_one = [&]<typename Value>(const Member<T, Value>& one) -> MaybeProblem {
      const auto item = json.find(one.key);
      if (item == json.end()) {
        if (one.may_be_missing) return std::nullopt;
        return at(std::string(one.key), problem("is missing"));
      }
      ++known;
      return at(std::string(one.key), codec::read(*item, value.*one.pointer));
    };
    MaybeProblem found;
    std::apply([&](const auto&... members) { ((found || (found = read_one(members))), ...); },
               kMembers<T>);
    if (!found && known != json.size()) found = first_unknown(json);
    return found;
  }

 private:
  static MaybeProblem first_unknown(const Json& json) {
    for (const auto& [key, item] : json.items()) {
      const std::string& name = key;
      const auto named = [&name](const auto&... members) { return ((members.key == name) || ...); };
      if (!std::apply(named, kMembers<T>)) {
        return at(key, problem("is a member that this build does not know", ErrorCode::invalid));
      }
    }
    return std::nullopt;
  }
};

// A problem as an error: "plan.steps[3].timeout_ms is not a whole number".
inline Error to_error(const Problem& found) {
  return Error{found.code, found.path + (found.path.empty() ? "it " : " ") + found.what, "",
               std::nullopt};
}

// The stored form of a value as a whole.
template <typename T>
Json write_canonical(const T& value) {
  return canonical(write(value));
}

template <typename T>
Result<T> read_as(const Json& json) {
  T value;
  if (const auto found = read(json, value)) return fail(to_error(*found));
  return value;
}

}  // namespace bascule::codec
