// Every operation of the API as data: how it is reached, whose token it asks for, what it takes and
// what it gives. Requests are matched and checked by this table, roles follow it, and openapi.json
// is written from it, so that what is served, permitted and described is the same.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/access.h"
#include "base/result.h"
#include "model/json.h"

namespace bascule::api {

inline constexpr std::string_view kApiPrefix = "/api/v1";

enum class OperationId : std::uint8_t {
  status,
  groups,
  group,
  explain,
  plan,
  preflight,
  runs,
  run,
  report,
  journal,
  events,
  move,
  hold_group,
  release_group,
  acknowledge,
  attest,
  adopt,
  hold_all,
  release_all,
  approve,
  abort,
  resume,
  import,
};

enum class ValueType : std::uint8_t { text, integer, boolean, time, texts, object };

struct Parameter {
  std::string_view name;
  ValueType type = ValueType::text;
  std::string_view summary;
  bool required = false;
};

struct Operation {
  OperationId id;
  std::string_view name;    // "explainGroup"
  std::string_view method;  // GET or POST
  std::string_view path;    // below the prefix: "/groups/{group}/explain"
  Role role;                // what the token must be of, at least
  std::string_view summary;
  std::vector<Parameter> query;
  std::vector<Parameter> body;  // of a POST; unknown members are refused
  std::string_view answer;      // a schema of openapi.json
  std::string_view command;     // the same for a person: "bascule explain GROUP"
};

const std::vector<Operation>& operations();

struct Matched {
  const Operation* operation = nullptr;
  std::map<std::string, std::string, std::less<>> values;  // of {group} and {run}, decoded

  [[nodiscard]] std::string value(std::string_view name) const;
};

// The operation of a path as it goes over the wire, without its query. HEAD is a GET.
// Errors: not_found; invalid where the path is known and the method is not.
Result<Matched> match(std::string_view method, std::string_view path);
// What can be done at a path: "GET, HEAD"; empty: there is nothing.
std::string methods_of(std::string_view path);

// What is wrong with the query: an unknown name, one that is given twice, a value of the wrong
// type.
Result<void> check_query(const Operation& operation,
                         const std::vector<std::pair<std::string, std::string>>& query);
// What is wrong with the body of a POST: no object, a member that is missing, unknown, or of the
// wrong type. A member that is null is absent.
Result<void> check_body(const Operation& operation, const Json& body);

}  // namespace bascule::api
