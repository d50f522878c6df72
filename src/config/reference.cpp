#include "config/reference.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <string_view>
#include <vector>

#include "config/keys.h"
#include "config/size.h"

namespace bascule::config {
namespace {

constexpr std::string_view kHead =
    "| key | value | default | meaning |\n| --- | --- | --- | --- |\n";

// A cell of a table: a bar would end it.
std::string cell(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '|') result += '\\';
    result += c;
  }
  return result;
}

std::string code(std::string_view text) {
  return text.empty() ? "" : fmt::format("`{}`", cell(text));
}

std::string limit(const Field& field, std::int64_t value) {
  if (field.type == FieldType::duration) return to_string(Duration{value});
  if (field.type == FieldType::size) return size_text(value);
  return fmt::format("{}", value);
}

std::string range(const Field& field) {
  if (field.minimum && field.maximum) {
    return fmt::format(", {} to {}", limit(field, *field.minimum), limit(field, *field.maximum));
  }
  if (field.minimum) return fmt::format(", at least {}", limit(field, *field.minimum));
  if (field.maximum) return fmt::format(", at most {}", limit(field, *field.maximum));
  return {};
}

std::string value_of(const Field& field) {
  switch (field.type) {
    case FieldType::text:
      return field.secret ? "secret" : "text";
    case FieldType::integer:
      return "number" + range(field);
    case FieldType::boolean:
      return "true or false";
    case FieldType::duration:
      return "duration" + range(field);
    case FieldType::size:
      return "size" + range(field);
    case FieldType::word:
      return cell(fmt::format("`{}`", fmt::join(field.words, "` | `")));
    case FieldType::check:
      return field.check_kind.empty() ? "check of the site"
                                      : fmt::format("{} check of the site", field.check_kind);
    case FieldType::list:
      return "list of " + value_of(field.items.front());
    case FieldType::map:
      return "mapping to " + value_of(field.items.front());
    case FieldType::object:
      return "mapping";
  }
  return {};
}

std::string default_of(const Field& field) {
  if (field.required) return "required";
  if (field.default_value.is_null()) return "";
  const Json& value = field.default_value;
  if (value.is_structured() && value.empty() && field.type == FieldType::object) return "";
  return code(value.is_string() ? value.get<std::string>() : bascule::to_text(value));
}

void add_field(std::string& text, const Field& field, const std::string& before) {
  const std::string name = before + field.name;
  text += fmt::format("| `{}` | {} | {} | {} |\n", name, value_of(field), default_of(field),
                      cell(field.summary));
  for (const Field& inner : field.fields) add_field(text, inner, name + ".");
}

void add_table(std::string& text, std::string_view title, const KeyTable& table) {
  text += fmt::format("## {}\n\n{}\n\n{}", title, table.summary, kHead);
  for (const Key& key : table.keys) {
    if (key.form.empty() && key.otherwise.empty()) {
      add_field(text, key.field, "");
      continue;
    }
    const std::string value = key.form.empty() ? value_of(key.field) : code(key.form);
    const std::string otherwise = key.field.required ? "required" : key.otherwise;
    text += fmt::format("| `{}` | {} | {} | {} |\n", key.field.name, value, cell(otherwise),
                        cell(key.field.summary));
  }
  if (!table.planned.empty()) {
    text += fmt::format("\nNot in this build: `{}`.\n", fmt::join(table.planned, "`, `"));
  }
  text += "\n";
}

std::string places(const Kind& kind) {
  std::vector<std::string> names;
  if (kind.preflight) names.emplace_back("preflight");
  for (const Phase phase : kind.phases) names.emplace_back(to_string(phase));
  if (kind.phases.empty() && !kind.only_preflight) names.emplace_back("any phase");
  return fmt::format("Stands in: {}.", fmt::join(names, ", "));
}

void add_kinds(std::string& text, std::string_view title, const std::vector<Kind>& kinds) {
  text += fmt::format("## {}\n\n", title);
  for (const Kind& kind : kinds) {
    text += fmt::format("### `{}`\n\n{}\n\n", kind.name, kind.summary);
    if (kind.role == KindRole::action) text += places(kind) + "\n";
    if (kind.rung != Rung::none) text += fmt::format("Reaches rung `{}`.\n", to_string(kind.rung));
    if (!kind.reversible) text += "A move cannot be taken back once this has started.\n";
    if (kind.last_writer_wins) text += "Cannot compare and set: the last writer wins.\n";
    if (!kind.permissions.empty()) {
      text += fmt::format("Needs: {}.\n", fmt::join(kind.permissions, ", "));
    }
    if (!text.ends_with("\n\n")) text += "\n";
    if (!kind.fields.empty()) {
      text += kHead;
      for (const Field& field : kind.fields) add_field(text, field, "");
      text += "\n";
    }
    if (kind.outputs.empty()) continue;
    text += "| output | meaning |\n| --- | --- |\n";
    for (const Field& output : kind.outputs) {
      text += fmt::format("| `{}` | {} |\n", output.name, cell(output.summary));
    }
    text += "\n";
  }
}

}  // namespace

std::string reference_markdown(const Kinds& kinds) {
  std::string text =
      "# Configuration\n\nGenerated from the tables by which the configuration is read.\n\n"
      "Durations carry a unit: `500ms`, `30s`, `5m`, `1h`, `1d`; so do sizes: `64B`, `512KiB`, "
      "`16MiB`, `1GiB`.\n`${env:NAME}`, `${env:NAME:-default}` and `${file:PATH}` are replaced "
      "when the file is loaded, `${{ … }}` when a plan is computed or a step runs; `$$` before "
      "either keeps it as it is.\n\n";
  add_table(text, "The file", root_keys());
  add_table(text, "A group", group_keys());
  add_table(text, "Its policy", policy_keys());
  add_table(text, "A site", site_keys());
  add_table(text, "A check", check_keys());
  add_table(text, "A step", step_keys());
  add_table(text, "A preflight item", preflight_keys());
  add_kinds(text, "Kinds of checks", kinds.probes);
  add_kinds(text, "Kinds of steps", kinds.actions);
  add_kinds(text, "Kinds of front doors", kinds.front_doors);
  add_kinds(text, "Kinds of notifiers", kinds.notifiers);
  add_kinds(text, "Kinds of stores", kinds.stores);
  add_kinds(text, "Kinds of places for reports", kinds.reports);
  return text;
}

}  // namespace bascule::config
