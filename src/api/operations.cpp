#include "api/operations.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>

#include "base/time.h"
#include "net/http.h"

namespace bascule::api {
namespace {

using enum OperationId;
using enum ValueType;

std::vector<std::string_view> parts_of(std::string_view path) {
  std::vector<std::string_view> parts;
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    if (slash != 0) parts.push_back(path.substr(0, slash));
    path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
  }
  return parts;
}

bool is_placeholder(std::string_view part) {
  return part.starts_with('{');
}

// What the path says of a pattern's placeholders; nothing when it is another path.
std::optional<Matched> fit(const Operation& operation, const std::vector<std::string_view>& path) {
  const std::vector<std::string_view> pattern = parts_of(operation.path);
  if (pattern.size() != path.size()) return std::nullopt;
  Matched matched{&operation, {}};
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (is_placeholder(pattern[i])) {
      const std::string_view name = pattern[i].substr(1, pattern[i].size() - 2);
      matched.values.emplace(name, net::percent_decode(path[i]).value_or(std::string(path[i])));
    } else if (pattern[i] != path[i]) {
      return std::nullopt;
    }
  }
  return matched;
}

std::vector<Matched> all_at(std::string_view path) {
  std::vector<Matched> all;
  if (!path.starts_with(kApiPrefix)) return all;
  const std::vector<std::string_view> parts = parts_of(path.substr(kApiPrefix.size()));
  for (const Operation& operation : operations()) {
    if (std::optional<Matched> matched = fit(operation, parts)) all.push_back(*std::move(matched));
  }
  return all;
}

std::string_view words_for(ValueType type) {
  switch (type) {
    case text:
      return "a text";
    case integer:
      return "a whole number, not negative";
    case boolean:
      return "true or false";
    case time:
      return "a time as RFC 3339 writes it";
    case texts:
      return "a list of texts";
    case object:
      return "an object";
  }
  return "a value";
}

bool is_count(std::string_view written) {
  std::int64_t value = 0;
  const char* const begin = written.data();
  const char* const end = begin + written.size();
  const auto [stopped, problem] = std::from_chars(begin, end, value);
  return problem == std::errc{} && stopped == end && value >= 0;
}

// In a query everything is written as text.
bool is_written_as(std::string_view written, ValueType type) {
  if (type == integer) return is_count(written);
  if (type == boolean) return written == "true" || written == "false";
  return true;
}

bool fits(const Json& value, ValueType type) {
  switch (type) {
    case text:
      return value.is_string();
    case integer:
      return value.is_number_integer() && (value.is_number_unsigned() || value >= 0);
    case boolean:
      return value.is_boolean();
    case time:
      return value.is_string() && from_rfc3339(value.get_ref<const std::string&>()).has_value();
    case texts:
      return value.is_array() &&
             std::ranges::all_of(value, [](const Json& item) { return item.is_string(); });
    case object:
      return value.is_object();
  }
  return false;
}

// What helps is said twice: for a program, and as the command that does the same.
std::string help_with(const Operation& operation, std::string_view what) {
  return fmt::format("{}; as a command: {}",
                     what.ends_with('.') ? what.substr(0, what.size() - 1) : what,
                     operation.command);
}

std::unexpected<Error> mistake(std::string message, std::string what_to_do) {
  return fail(Error{ErrorCode::invalid, std::move(message), std::move(what_to_do), std::nullopt});
}

std::string known_names(const std::vector<Parameter>& parameters) {
  std::vector<std::string_view> names;
  names.reserve(parameters.size());
  for (const Parameter& parameter : parameters) names.push_back(parameter.name);
  if (names.empty()) return "nothing can be given here";
  return fmt::format("known here: {}", fmt::join(names, ", "));
}

}  // namespace

std::string Matched::value(std::string_view name) const {
  const auto found = values.find(name);
  return found == values.end() ? std::string() : found->second;
}

Result<Matched> match(std::string_view method, std::string_view path) {
  const std::string_view asked = method == "HEAD" ? std::string_view("GET") : method;
  bool is_known = false;
  for (Matched& matched : all_at(path)) {
    if (matched.operation->method == asked) return std::move(matched);
    is_known = true;
  }
  if (is_known) {
    return mistake(fmt::format("{} has no meaning there", method),
                   fmt::format("use {}; for a person: `bascule --help`", methods_of(path)));
  }
  return fail(Error{ErrorCode::not_found, fmt::format("there is nothing at {}", path),
                    "GET /openapi.json lists what there is; for a person: `bascule --help`",
                    std::nullopt});
}

std::string methods_of(std::string_view path) {
  std::vector<std::string_view> methods;
  for (const Matched& matched : all_at(path)) {
    methods.push_back(matched.operation->method);
    if (matched.operation->method == "GET") methods.emplace_back("HEAD");
  }
  return fmt::format("{}", fmt::join(methods, ", "));
}

Result<void> check_query(const Operation& operation,
                         const std::vector<std::pair<std::string, std::string>>& query) {
  std::set<std::string_view> seen;
  for (const auto& [name, value] : query) {
    const auto known = std::ranges::find(operation.query, name, &Parameter::name);
    if (known == operation.query.end()) {
      return mistake(fmt::format("`{}` is not known in the query", name),
                     help_with(operation, known_names(operation.query)));
    }
    if (!seen.insert(known->name).second) {
      return mistake(fmt::format("`{}` is given twice in the query", name),
                     help_with(operation, "give it once"));
    }
    if (!is_written_as(value, known->type)) {
      return mistake(fmt::format("`{}` takes {}", name, words_for(known->type)),
                     help_with(operation, known->summary));
    }
  }
  return {};
}

Result<void> check_body(const Operation& operation, const Json& body) {
  if (!body.is_object()) {
    return mistake("the body is not a JSON object",
                   help_with(operation, known_names(operation.body)));
  }
  for (const auto& [name, value] : body.items()) {
    const auto known = std::ranges::find(operation.body, name, &Parameter::name);
    if (known == operation.body.end()) {
      return mistake(fmt::format("`{}` is not known in the body", name),
                     help_with(operation, known_names(operation.body)));
    }
    if (!value.is_null() && !fits(value, known->type)) {
      return mistake(fmt::format("`{}` takes {}", name, words_for(known->type)),
                     help_with(operation, known->summary));
    }
  }
  for (const Parameter& parameter : operation.body) {
    const auto given = body.find(parameter.name);
    const bool is_empty = given == body.end() || given->is_null() ||
                          (given->is_string() && given->get_ref<const std::string&>().empty());
    if (parameter.required && is_empty) {
      return mistake(fmt::format("`{}` is missing", parameter.name),
                     help_with(operation, parameter.summary));
    }
  }
  return {};
}

}  // namespace bascule::api
