#include "config/schema.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "config/keys.h"
#include "config/size.h"

namespace bascule::config {
namespace {

// Of a kind: probes and notifiers, say, may share a name.
std::string definition_of(const Kind& kind) {
  switch (kind.role) {
    case KindRole::probe:
      return "check." + kind.name;
    case KindRole::action:
      return "step." + kind.name;
    case KindRole::front_door:
      return "front_door." + kind.name;
    case KindRole::notifier:
      return "notifier." + kind.name;
    case KindRole::store:
      return "store." + kind.name;
    case KindRole::report:
      return "report." + kind.name;
  }
  return kind.name;
}

// `${env:NAME}` and `${{ site.NAME }}` may stand for a value of any type.
constexpr const char* kReplaced = R"(\$\{)";

Json reference(const std::string& name) {
  return Json{{"$ref", "#/$defs/" + name}};
}

Json or_replaced(Json schema) {
  return Json{{"anyOf", Json::array({std::move(schema), reference("replaced")})}};
}

Json array_of(Json items) {
  return Json{{"type", "array"}, {"items", std::move(items)}};
}

// A text may be written without quotes, whatever it looks like then.
Json any_text() {
  return Json{{"type", Json::array({"string", "number", "boolean"})}};
}

Json closed_object(Json properties, const std::vector<std::string>& required = {}) {
  Json schema{
      {"type", "object"}, {"properties", std::move(properties)}, {"additionalProperties", false}};
  if (!required.empty()) schema["required"] = required;
  return schema;
}

Json with_unit(const Field& field) {
  const bool is_duration = field.type == FieldType::duration;
  return Json{
      {"type", "string"},
      {"pattern", fmt::format("^[0-9]+({})$|{}", is_duration ? "ms|s|m|h|d" : "B|KiB|MiB|GiB|TiB",
                              kReplaced)}};
}

Json integer_schema(const Field& field) {
  Json schema{{"type", "integer"}};
  if (field.minimum) schema["minimum"] = *field.minimum;
  if (field.maximum) schema["maximum"] = *field.maximum;
  return or_replaced(std::move(schema));
}

Json fields_schema(const std::vector<Field>& fields);

Json value_schema(const Field& field) {
  switch (field.type) {
    case FieldType::text:
      return any_text();
    case FieldType::check:
      return Json{{"type", "string"}};
    case FieldType::integer:
      return integer_schema(field);
    case FieldType::boolean:
      return or_replaced(Json{{"type", "boolean"}});
    case FieldType::duration:
    case FieldType::size:
      return with_unit(field);
    case FieldType::word:
      return or_replaced(Json{{"enum", field.words}});
    case FieldType::list:
      return array_of(value_schema(field.items.front()));
    case FieldType::map:
      return Json{{"type", "object"}, {"additionalProperties", value_schema(field.items.front())}};
    case FieldType::object:
      return fields_schema(field.fields);
  }
  return Json::object();
}

Json described(Json schema, const std::string& summary, const Json& otherwise) {
  if (!summary.empty()) schema["description"] = summary;
  const bool says_something =
      !otherwise.is_null() && !(otherwise.is_structured() && otherwise.empty());
  if (says_something) schema["default"] = otherwise;
  return schema;
}

Json field_schema(const Field& field) {
  return described(value_schema(field), field.summary, field.default_value);
}

Json fields_schema(const std::vector<Field>& fields) {
  Json properties = Json::object();
  std::vector<std::string> required;
  for (const Field& field : fields) {
    properties[field.name] = field_schema(field);
    if (field.required) required.push_back(field.name);
  }
  return closed_object(std::move(properties), required);
}

// A kind that one text is enough to say may be written so: `sqlite: PATH`, `tcp: HOST:PORT`.
bool may_be_text(const Kind& kind) {
  std::vector<std::string> required;
  bool only_texts = true;
  for (const Field& field : kind.fields) {
    if (!field.required) continue;
    required.push_back(field.name);
    only_texts = only_texts && field.type == FieldType::text;
  }
  std::ranges::sort(required);
  return (required.size() == 1 && only_texts) ||
         required == std::vector<std::string>{"host", "port"};
}

Json kind_schema(const Kind& kind) {
  Json schema = fields_schema(kind.fields);
  for (const std::vector<std::string>& way : kind.ways) {
    schema["oneOf"].push_back(Json{{"required", way}});
  }
  if (may_be_text(kind)) {
    schema = Json{{"anyOf", Json::array({std::move(schema), Json{{"type", "string"}}})}};
  }
  return described(std::move(schema), kind.summary, nullptr);
}

// What is of one kind, written `KIND: {settings}` among the keys of `properties`.
Json one_of_kinds(Json properties, const std::vector<Kind>& kinds,
                  const std::vector<std::string>& planned,
                  const std::vector<std::string>& required = {}) {
  Json choices = Json::array();
  for (const Kind& kind : kinds) {
    properties[kind.name] = reference(definition_of(kind));
    choices.push_back(Json{{"required", Json::array({kind.name})}});
  }
  for (const std::string& name : planned) {
    if (properties.contains(name)) continue;
    properties[name] = reference("planned");
    choices.push_back(Json{{"required", Json::array({name})}});
  }
  Json schema = closed_object(std::move(properties), required);
  schema["oneOf"] = std::move(choices);
  return schema;
}

// The keys that are written in one way; those with a notation of their own are in `forms`, and what
// has none there may be anything.
Json table_properties(const KeyTable& table, const Json& forms) {
  Json properties = Json::object();
  for (const Key& key : table.keys) {
    const std::string& name = key.field.name;
    const bool has_form = !key.form.empty();
    Json schema = has_form ? forms.value(name, Json::object()) : value_schema(key.field);
    std::string summary = key.field.summary;
    if (has_form) summary += fmt::format(" Written {}.", key.form);
    if (!key.otherwise.empty()) summary += fmt::format(" Default: {}.", key.otherwise);
    properties[name] =
        described(std::move(schema), summary, has_form ? Json(nullptr) : key.field.default_value);
  }
  for (const std::string& name : table.planned) properties[name] = reference("planned");
  return properties;
}

std::vector<std::string> required_of(const KeyTable& table) {
  std::vector<std::string> required;
  for (const Key& key : table.keys) {
    if (key.field.required) required.push_back(key.field.name);
  }
  return required;
}

Json table_schema(const KeyTable& table, const Json& forms) {
  Json schema = closed_object(table_properties(table, forms), required_of(table));
  schema["description"] = table.summary;
  return schema;
}

Json policy_schema() {
  const Json text = any_text();
  const Json after{{"type", "string"}, {"pattern", "^[0-9]+(ms|s|m|h|d)$"}};
  return table_schema(
      policy_keys(),
      Json{
          {"failover_when", array_of(Json{{"anyOf", Json::array({text, array_of(text)})}})},
          {"quorum",
           Json{
               {"anyOf",
                Json::array({Json{{"const", "majority"}}, Json{{"type", "integer"}, {"minimum", 1}},
                             closed_object(Json{{"outside_site", Json{{"type", "integer"}}}},
                                           {"outside_site"}),
                             reference("replaced")})}}},
          {"failback",
           Json{{"anyOf",
                 Json::array({Json{{"const", "manual"}},
                              closed_object(Json{{"automatic", closed_object(Json{{"after", after}},
                                                                             {"after"})}},
                                            {"automatic"})})}}}});
}

// The settings depend on the kind that `uses` names.
Json step_schema(const KeyTable& table, const std::vector<Kind>& actions,
                 const std::vector<std::string>& planned, bool preflight) {
  Json names = Json::array();
  Json settings = Json::array();
  for (const Kind& kind : actions) {
    if (preflight ? !kind.preflight : kind.only_preflight) continue;
    names.push_back(kind.name);
    settings.push_back(
        Json{{"if", Json{{"properties", Json{{"uses", Json{{"const", kind.name}}}}}}},
             {"then", Json{{"properties", Json{{"with", reference(definition_of(kind))}}}}}});
  }
  for (const std::string& name : planned) names.push_back(name);
  Json schema = table_schema(table, Json{{"name", any_text()},
                                         {"uses", Json{{"enum", std::move(names)}}},
                                         {"with", Json{{"type", "object"}}},
                                         {"needs", array_of(any_text())}});
  schema["allOf"] = std::move(settings);
  return schema;
}

Json site_schema() {
  const Json steps = array_of(reference("step"));
  Json schema = table_schema(
      site_keys(),
      Json{{"name", any_text()},
           {"roles", array_of(Json{{"enum", Json::array({"source", "target", "standby"})}})},
           {"at", any_text()},
           {"vars", Json{{"type", "object"}, {"additionalProperties", any_text()}}},
           {"address", any_text()},
           {"checks", array_of(reference("check"))},
           {"preflight", array_of(reference("preflight_item"))},
           {"fence", steps},
           {"activate", steps},
           {"verify", steps},
           {"protect", steps}});
  for (const std::string& name : site_variables()) schema["properties"][name] = any_text();
  return schema;
}

// With what is planned beside a kubeconfig.
Json kubernetes_schema() {
  Json schema = value_schema(kubernetes_field());
  Json& context = schema["properties"]["contexts"]["additionalProperties"];
  for (const std::string& cloud : kubernetes_clouds()) {
    context["properties"][cloud] = reference("planned");
  }
  return schema;
}

Json root_forms(const Kinds& kinds) {
  const Json observer = closed_object(Json{{"name", any_text()}, {"at", any_text()}});
  std::vector<Kind> references;
  for (const Kind& kind : kinds.probes) {
    if (kind.name == "tcp" || kind.name == "http") references.push_back(kind);
  }
  const Json store = one_of_kinds(Json::object(), kinds.stores, kinds.planned);
  return Json{{"version", Json{{"const", 1}}},
              {"cluster", any_text()},
              {"observer", observer},
              {"observers", array_of(observer)},
              {"store", Json{{"anyOf", Json::array({Json{{"type", "string"}}, store})}}},
              {"listen", Json{{"type", "string"}}},
              {"access", value_schema(access_field())},
              {"references",
               array_of(one_of_kinds(table_properties(reference_keys(), Json{{"at", any_text()}}),
                                     references, {}))},
              {"resolvers", array_of(Json{{"type", "string"}})},
              {"kubernetes", kubernetes_schema()},
              {"notify", array_of(one_of_kinds(Json::object(), kinds.notifiers, kinds.planned))},
              {"groups", array_of(reference("group"))}};
}

Json definitions(const Kinds& kinds) {
  Json definitions{
      {"replaced", Json{{"type", "string"}, {"pattern", kReplaced}}},
      {"planned",
       Json{{"type", Json::array({"object", "array"})}, {"description", "Not in this build."}}},
      {"policy", policy_schema()},
      {"site", site_schema()},
      {"check", one_of_kinds(table_properties(check_keys(), Json{{"name", any_text()}}),
                             kinds.probes, kinds.planned, required_of(check_keys()))},
      {"step", step_schema(step_keys(), kinds.actions, kinds.planned, false)},
      {"preflight_item", step_schema(preflight_keys(), kinds.actions, kinds.planned, true)},
      {"group",
       table_schema(
           group_keys(),
           Json{
               {"name", any_text()},
               {"policy", reference("policy")},
               {"checks", array_of(reference("check"))},
               {"front_door", one_of_kinds(Json::object(), kinds.front_doors, kinds.planned)},
               {"sites", array_of(reference("site"))},
               {"report", array_of(one_of_kinds(Json::object(), kinds.reports, kinds.planned))}})}};
  for (const auto* list : {&kinds.probes, &kinds.actions, &kinds.front_doors, &kinds.notifiers,
                           &kinds.stores, &kinds.reports}) {
    for (const Kind& kind : *list) definitions[definition_of(kind)] = kind_schema(kind);
  }
  return definitions;
}

}  // namespace

Json json_schema(const Kinds& kinds) {
  Json schema = table_schema(root_keys(), root_forms(kinds));
  schema["$schema"] = "https://json-schema.org/draft/2020-12/schema";
  schema["title"] = "A configuration of Bascule";
  schema["$defs"] = definitions(kinds);
  return schema;
}

}  // namespace bascule::config
