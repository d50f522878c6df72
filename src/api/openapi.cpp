#include "api/openapi.h"

#include <fmt/format.h>

#include <string>

#include "api/operations.h"

namespace bascule::api {
namespace {

Json reference(std::string_view name) {
  return Json{{"$ref", fmt::format("#/components/schemas/{}", name)}};
}

Json shape_of(ValueType type) {
  switch (type) {
    case ValueType::text:
      return Json{{"type", "string"}};
    case ValueType::integer:
      return Json{{"type", "integer"}, {"minimum", 0}};
    case ValueType::boolean:
      return Json{{"type", "boolean"}};
    case ValueType::time:
      return Json{{"type", "string"}, {"format", "date-time"}};
    case ValueType::texts:
      return Json{{"type", "array"}, {"items", Json{{"type", "string"}}}};
    case ValueType::object:
      return Json{{"type", "object"}};
  }
  return Json::object();
}

Json parameters_of(const Operation& operation) {
  Json parameters = Json::array();
  for (const std::string_view name : {"group", "run"}) {
    if (!operation.path.contains(fmt::format("{{{}}}", name))) continue;
    parameters.push_back(Json{{"name", name},
                              {"in", "path"},
                              {"required", true},
                              {"description", fmt::format("The name of the {}.", name)},
                              {"schema", Json{{"type", "string"}}}});
  }
  for (const Parameter& parameter : operation.query) {
    parameters.push_back(Json{{"name", parameter.name},
                              {"in", "query"},
                              {"required", parameter.required},
                              {"description", parameter.summary},
                              {"schema", shape_of(parameter.type)}});
  }
  return parameters;
}

Json body_of(const Operation& operation) {
  Json properties = Json::object();
  Json required = Json::array();
  for (const Parameter& parameter : operation.body) {
    Json shape = shape_of(parameter.type);
    // Absent and null are the same, except for what must be there.
    if (!parameter.required) shape["type"] = Json::array({shape["type"], "null"});
    if (parameter.required && parameter.type == ValueType::text) shape["minLength"] = 1;
    shape["description"] = parameter.summary;
    properties[std::string(parameter.name)] = std::move(shape);
    if (parameter.required) required.push_back(parameter.name);
  }
  const Json shape{{"type", "object"},
                   {"properties", std::move(properties)},
                   {"required", std::move(required)},
                   {"additionalProperties", false}};
  return Json{{"required", true}, {"content", Json{{"application/json", Json{{"schema", shape}}}}}};
}

Json answer(std::string_view description, std::string_view type, Json shape) {
  return Json{{"description", description},
              {"content", Json{{std::string(type), Json{{"schema", std::move(shape)}}}}}};
}

Json error_answer(std::string_view description) {
  return answer(description, "application/json", reference("Error"));
}

Json answers_of(const Operation& operation) {
  Json answers{{"401", error_answer("The token is missing, not known, or has expired.")},
               {"403", error_answer("The token is of another role.")},
               {"429", error_answer("Too many wrong tokens came from this address.")},
               {"503", error_answer("It does not lead, or is about to stop.")}};
  if (operation.id == OperationId::events) {
    answers["200"] = answer("Events, for as long as the reader stays.", "text/event-stream",
                            Json{{"type", "string"}});
  } else {
    answers["200"] = answer("What was asked for.", "application/json", reference(operation.answer));
  }
  const bool takes_something = !operation.query.empty() || !operation.body.empty();
  if (takes_something) answers["400"] = error_answer("Something in the request is wrong.");
  const bool names_something = operation.path.contains('{');
  if (names_something) answers["404"] = error_answer("There is no such group or run.");
  if (operation.method == "POST") {
    Json either{{"anyOf", Json::array({reference("Answer"), reference("Error")})}};
    for (const char* status : {"400", "404"}) {
      if (answers.contains(status))
        answers[status]["content"]["application/json"]["schema"] = either;
    }
    answers["409"] =
        answer("Refused: `refused_by` names the gate.", "application/json", reference("Answer"));
    answers["504"] = error_answer("Whether it was done is not known.");
  }
  return answers;
}

Json operation_of(const Operation& operation) {
  Json described{
      {"operationId", operation.name},
      {"summary", operation.summary},
      {"description", fmt::format("Needs a token of a role {} or above. As a command: `{}`.",
                                  to_string(operation.role), operation.command)},
      {"parameters", parameters_of(operation)},
      {"responses", answers_of(operation)}};
  if (operation.method == "POST") described["requestBody"] = body_of(operation);
  return described;
}

Json plain_answer(std::string_view description) {
  return answer(description, "text/plain", Json{{"type", "string"}});
}

Json open_operation(std::string_view name, std::string_view summary, Json answers) {
  return Json{{"get", Json{{"operationId", name},
                           {"summary", summary},
                           {"security", Json::array()},
                           {"responses", std::move(answers)}}}};
}

Json steering_operation(std::string_view name, std::string_view summary) {
  Json described = open_operation(name, summary,
                                  Json{{"200", plain_answer("Yes.")},
                                       {"404", plain_answer("There is no such group or site.")},
                                       {"503", plain_answer("No, or it is not known.")}});
  Json parameters = Json::array();
  for (const char* part : {"group", "site"}) {
    parameters.push_back(Json{
        {"name", part}, {"in", "path"}, {"required", true}, {"schema", Json{{"type", "string"}}}});
  }
  described["get"]["parameters"] = std::move(parameters);
  return described;
}

// What health checks, scrapers and load balancers ask, which carry no token.
Json open_paths() {
  return Json{
      {"/healthz", open_operation("isAlive", "Whether the process lives.",
                                  Json{{"200", plain_answer("Yes.")}})},
      {"/readyz",
       open_operation("isReady", "Whether it may act: it leads and can write its journal.",
                      Json{{"200", plain_answer("Yes.")}, {"503", plain_answer("No, and why.")}})},
      {"/metrics", open_operation("scrape", "Metrics in Prometheus' text format.",
                                  Json{{"200", plain_answer("The metrics.")}})},
      {"/openapi.json", open_operation("describe", "This description.",
                                       Json{{"200", answer("The description.", "application/json",
                                                           Json{{"type", "object"}})}})},
      {"/steer/{group}/{site}",
       steering_operation("shouldGetTraffic", "Whether the site should get traffic.")},
      {"/steer/{group}/{site}/stop",
       steering_operation("mustBeDrained", "Whether the site must be drained.")}};
}

Json describe() {
  Json paths = open_paths();
  for (const Operation& operation : operations()) {
    const std::string method = operation.method == "GET" ? "get" : "post";
    paths[std::string(kApiPrefix) + std::string(operation.path)][method] = operation_of(operation);
  }
  const Json bearer{{"type", "http"},
                    {"scheme", "bearer"},
                    {"description", "Made by `bascule token create`; see docs/api.md."}};
  return Json{
      {"openapi", "3.1.0"},
      {"info", Json{{"title", "Bascule"},
                    {"version", "1"},
                    {"summary", "The failover control plane: what is watched, decided and done."},
                    {"license", Json{{"name", "Apache-2.0"}, {"identifier", "Apache-2.0"}}}}},
      {"servers", Json::array({Json{{"url", "/"}}})},
      {"security", Json::array({Json{{"bearer", Json::array()}}})},
      {"paths", std::move(paths)},
      {"components",
       Json{{"securitySchemes", Json{{"bearer", bearer}}}, {"schemas", answer_shapes()}}}};
}

}  // namespace

const Json& openapi() {
  static const Json kDescription = describe();
  return kDescription;
}

}  // namespace bascule::api
