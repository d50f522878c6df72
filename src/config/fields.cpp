#include "config/fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "base/assert.h"
#include "base/time.h"
#include "config/size.h"
#include "config/suggest.h"
#include "model/template.h"

namespace bascule::config {
namespace {

// Puts a step into the path of a subject for as long as its value is read.
class PathStep {
 public:
  PathStep(Subject& subject, std::string_view name)
      : subject_(subject), length_(subject.path.size()) {
    if (!subject_.path.empty()) subject_.path += '.';
    subject_.path += name;
  }
  ~PathStep() { subject_.path.resize(length_); }
  PathStep(const PathStep&) = delete;
  PathStep& operator=(const PathStep&) = delete;

 private:
  Subject& subject_;
  std::size_t length_;
};

const Field* find_field(const std::vector<Field>& fields, std::string_view name) {
  const auto found = std::ranges::find(fields, name, &Field::name);
  return found == fields.end() ? nullptr : &*found;
}

bool sounds_secret(std::string_view key) {
  std::string lower(key);
  std::ranges::transform(lower, lower.begin(), [](char c) {
    return static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
  });
  constexpr std::array<std::string_view, 4> kWords{"pass", "secret", "token", "key"};
  return std::ranges::any_of(
      kWords, [&](std::string_view word) { return lower.find(word) != std::string::npos; });
}

std::string expected(FieldType type) {
  switch (type) {
    case FieldType::text:
      return "a text";
    case FieldType::integer:
      return "a whole number";
    case FieldType::boolean:
      return "true or false";
    case FieldType::duration:
      return "a duration";
    case FieldType::size:
      return "a size";
    case FieldType::word:
      return "a word";
    case FieldType::check:
      return "the name of a check";
    case FieldType::list:
      return "a list";
    case FieldType::map:
    case FieldType::object:
      return "a mapping";
  }
  return "a value";
}

std::string number_text(FieldType type, std::int64_t value) {
  if (type == FieldType::duration) return to_string(Duration{value});
  if (type == FieldType::size) return size_text(value);
  return fmt::format("{}", value);
}

// `${env:NAME}` or `${file:PATH}` alone: where a secret is, not the secret.
bool is_reference(std::string_view text) {
  const bool known = text.starts_with("${env:") || text.starts_with("${file:");
  return known && text.find('}') == text.size() - 1 && text.find(":-") == std::string_view::npos;
}

bool is_whole_number(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

// "`routing_key`, or `api_token`, `service` and `from`"
std::string text_of_ways(const Kind& kind) {
  std::string text;
  for (const std::vector<std::string>& way : kind.ways) {
    if (!text.empty()) text += ", or ";
    for (std::size_t i = 0; i < way.size(); ++i) {
      if (i > 0) text += i + 1 == way.size() ? " and " : ", ";
      text += quote(way[i]);
    }
  }
  return text;
}

// Exactly one of the ways is written, and in full.
void expect_one_way(Reading& reading, const TreeNode& node, const Kind& kind) {
  const auto written = [&](const std::string& name) { return node.find(name) != nullptr; };
  const auto begun = [&](const auto& way) { return std::ranges::any_of(way, written); };
  const auto whole = [&](const auto& way) { return std::ranges::all_of(way, written); };
  const bool is_one = std::ranges::count_if(kind.ways, begun) == 1;
  if (kind.ways.empty() || (is_one && std::ranges::any_of(kind.ways, whole))) return;
  reading.problems.error("one_way", node.span,
                         fmt::format("{} takes {}", quote(kind.name), text_of_ways(kind)));
}

TreeNode text_node(const TreeNode& like, std::string text, NodeKind kind) {
  TreeNode node;
  node.kind = kind;
  node.span = like.span;
  node.text = std::move(text);
  return node;
}

}  // namespace

void report_unknown_key(Reading& reading, const Entry& entry, std::string_view where,
                        const std::vector<std::string>& known) {
  if (sounds_secret(entry.key) || sounds_secret(closest(entry.key, known).value_or(""))) {
    reading.problems.hide(entry.value.span);
  }
  reading.problems.error("unknown_key", entry.key_span,
                         fmt::format("unknown key {} in {}", quote(entry.key), where),
                         suggestion(entry.key, known));
}

void report_unavailable(Reading& reading, Span where, std::string_view what,
                        std::string_view hint) {
  reading.problems.error("not_available", where,
                         fmt::format("{} is not available in this build", what), std::string(hint));
}

Json FieldReader::read_fields(const TreeNode& node, const std::vector<Field>& fields,
                              std::string_view where, const std::vector<std::string>& others,
                              const std::vector<std::string>& known) {
  Json settings = Json::object();
  std::vector<std::string> misspelt;  // what unknown keys seem to mean: not missing as well
  for (const Entry& entry : node.entries) {
    if (const Field* field = find_field(fields, entry.key)) {
      const PathStep step(subject_, entry.key);
      if (auto value = read(entry.value, *field)) settings[entry.key] = *std::move(value);
    } else if (std::ranges::find(others, entry.key) == others.end()) {
      if (reading_.problems.full()) continue;
      const std::vector<std::string> words = known.empty() ? names_of(fields) : known;
      report_unknown_key(reading_, entry, where, words);
      if (auto meant = closest(entry.key, words)) misspelt.push_back(*std::move(meant));
    }
  }
  for (const Field& field : fields) {
    if (node.find(field.name) != nullptr) continue;
    if (field.required && std::ranges::find(misspelt, field.name) == misspelt.end()) {
      reading_.problems.error("missing_key", node.span,
                              fmt::format("`{}` is missing in {}", field.name, where),
                              field.summary);
    } else if (auto otherwise = default_of(field)) {
      settings[field.name] = *std::move(otherwise);
    }
  }
  return settings;
}

Json FieldReader::read_kind(const TreeNode& node, const Kind& kind) {
  if (!node.is_scalar()) {
    if (!expect_mapping(reading_, node, quote(kind.name))) return Json::object();
    expect_one_way(reading_, node, kind);
    return read_fields(node, kind.fields, kind.name);
  }
  std::vector<const Field*> required;
  for (const Field& field : kind.fields) {
    if (field.required) required.push_back(&field);
  }
  TreeNode settings;
  settings.kind = NodeKind::mapping;
  settings.span = node.span;
  const auto add = [&](const std::string& name, TreeNode value) {
    settings.entries.push_back(Entry{name, node.span, std::move(value)});
  };
  const bool one = required.size() == 1 && required.front()->type == FieldType::text;
  const bool endpoint = required.size() == 2 && find_field(kind.fields, "host") != nullptr &&
                        find_field(kind.fields, "port") != nullptr;
  const std::size_t colon = node.text.rfind(':');
  if (one) {
    add(required.front()->name, node);
  } else if (endpoint && colon != std::string::npos) {
    std::string host = node.text.substr(0, colon);
    if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
      host = host.substr(1, host.size() - 2);
    }
    add("host", text_node(node, host, NodeKind::quoted));
    add("port", text_node(node, node.text.substr(colon + 1), NodeKind::plain));
  } else {
    reading_.problems.error("wrong_type", node.span,
                            fmt::format("{} takes {}, not a text", quote(kind.name),
                                        endpoint ? "HOST:PORT or a mapping" : "a mapping"));
    return Json::object();
  }
  return read_fields(settings, kind.fields, kind.name);
}

std::optional<Json> FieldReader::read(const TreeNode& node, const Field& field) {
  if (node.kind == NodeKind::null) {
    report_type(reading_, node, quote(field.name), expected(field.type));
    return std::nullopt;
  }
  auto value = read_value(node, field);
  if (value && field.required && value->is_string() &&
      value->get_ref<const std::string&>().empty()) {
    reading_.problems.error("missing_value", node.span,
                            fmt::format("{} is empty", quote(field.name)));
    return std::nullopt;
  }
  return value;
}

std::optional<Json> FieldReader::read_value(const TreeNode& node, const Field& field) {
  switch (field.type) {
    case FieldType::text:
      return field.secret ? read_secret(node, field) : read_as_text(node, field);
    case FieldType::integer:
      return read_integer(node, field);
    case FieldType::boolean:
      return read_boolean(node, field);
    case FieldType::duration:
    case FieldType::size:
      return read_with_unit(node, field);
    case FieldType::word:
      return read_word(node, field);
    case FieldType::check:
      return read_check(node, field);
    case FieldType::list:
      return read_list(node, field);
    case FieldType::map:
      return read_map(node, field);
    case FieldType::object:
      if (!expect_mapping(reading_, node, quote(field.name))) return std::nullopt;
      return read_fields(node, field.fields, field.name);
  }
  return std::nullopt;
}

std::optional<Json> FieldReader::read_as_text(const TreeNode& node, const Field& field) {
  auto value = read_text(reading_, node, quote(field.name), false);
  if (!value) return std::nullopt;
  if (value->secret) return Json{{"$secret", *value->secret}};
  auto templates = find_templates(reading_, node, value->text);
  if (!templates) return std::nullopt;
  subject_.templates.insert(subject_.templates.end(), templates->begin(), templates->end());
  if (!field.names.empty() && templates->empty()) check_named(node, field, value->text);
  return Json(std::move(value->text));
}

void FieldReader::check_named(const TreeNode& node, const Field& field, const std::string& name) {
  const std::vector<std::string>& known = reading_.tables[field.names];
  if (std::ranges::find(known, name) != known.end()) return;
  const std::string hint =
      known.empty() ? fmt::format("write it under `{}:`", field.names) : suggestion(name, known);
  reading_.problems.error(
      "unknown_name", node.span,
      fmt::format("{}: `{}` has no {}", quote(field.name), field.names, quote(name)), hint);
}

std::optional<Json> FieldReader::read_secret(const TreeNode& node, const Field& field) {
  if (!is_reference(node.text)) reading_.problems.hide(node.span);
  auto value = read_text(reading_, node, quote(field.name), true);
  if (!value) return std::nullopt;
  if (value->secret) return Json{{"$secret", *value->secret}};
  if (value->text.find("${{") != std::string::npos) {
    reading_.problems.error(
        "template", node.span,
        fmt::format("{} is a secret: it takes no templates", quote(field.name)));
    return std::nullopt;
  }
  if (value->text.empty()) {
    reading_.problems.error("missing_value", node.span,
                            fmt::format("{} is empty", quote(field.name)));
    return std::nullopt;
  }
  reading_.inline_secrets[subject_.path] = std::move(value->text);
  return Json{{"$secret", "inline:" + subject_.path}};
}

std::optional<FieldReader::Literal> FieldReader::read_literal(const TreeNode& node,
                                                              const Field& field) {
  if (!node.is_scalar()) {
    report_type(reading_, node, quote(field.name), expected(field.type));
    return std::nullopt;
  }
  auto value = read_text(reading_, node, quote(field.name), false);
  if (!value) return std::nullopt;
  if (value->secret) {
    reading_.problems.error(
        "secret_here", node.span,
        fmt::format("{} takes {}: it cannot be a secret", quote(field.name), expected(field.type)));
    return std::nullopt;
  }
  Literal literal{std::move(value->text), {}, node.kind == NodeKind::plain || value->replaced};
  if (literal.text.find("${{") != std::string::npos) {
    const auto lookup = [&](std::string_view path) -> Result<std::optional<std::string>> {
      constexpr std::string_view kSite = "site.";
      if (subject_.site_values != nullptr && path.starts_with(kSite)) {
        const auto found = subject_.site_values->find(std::string(path.substr(kSite.size())));
        if (found != subject_.site_values->end()) return found->second;
      }
      return fail(ErrorCode::invalid, "`{}` is not known here: {} takes {}", path,
                  quote(field.name), expected(field.type));
    };
    auto rendered = render_text(literal.text, lookup);
    if (!rendered) {
      reading_.problems.error("template", node.span, rendered.error().message,
                              rendered.error().what_to_do);
      return std::nullopt;
    }
    literal.text = *std::move(rendered);
    literal.bare = true;
  }
  literal.shown = quote(value->replaced ? node.text : literal.text);
  return literal;
}

std::optional<Json> FieldReader::read_boolean(const TreeNode& node, const Field& field) {
  const auto literal = read_literal(node, field);
  if (!literal) return std::nullopt;
  if (literal->bare && literal->text == "true") return true;
  if (literal->bare && literal->text == "false") return false;
  reading_.problems.error("wrong_type", node.span,
                          fmt::format("{} takes true or false, not {}", quote(field.name),
                                      literal->bare ? literal->shown : "a text in quotes"),
                          "write true or false");
  return std::nullopt;
}

std::optional<Json> FieldReader::read_integer(const TreeNode& node, const Field& field) {
  const auto literal = read_literal(node, field);
  if (!literal) return std::nullopt;
  const std::string& text = literal->text;
  if (!literal->bare) {
    reading_.problems.error(
        "wrong_type", node.span,
        fmt::format("{} takes a whole number, not a text in quotes", quote(field.name)),
        is_whole_number(text) ? fmt::format("write {}", text) : "");
    return std::nullopt;
  }
  const std::string_view digits = std::string_view(text).substr(text.starts_with('-') ? 1 : 0);
  const bool leading_zero = digits.size() > 1 && digits.front() == '0';
  if (!is_whole_number(text) || leading_zero) {
    reading_.problems.error(
        "wrong_type", node.span,
        fmt::format("{} takes a whole number, not {}", quote(field.name), literal->shown),
        leading_zero ? "write it without the leading zero" : "");
    return std::nullopt;
  }
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) {
    reading_.problems.error(
        "out_of_range", node.span,
        fmt::format("{} is too large for {}", literal->shown, quote(field.name)));
    return std::nullopt;
  }
  return within_range(node, field, number, literal->shown);
}

std::optional<Json> FieldReader::read_with_unit(const TreeNode& node, const Field& field) {
  const auto literal = read_literal(node, field);
  if (!literal) return std::nullopt;
  const bool duration = field.type == FieldType::duration;
  std::optional<std::int64_t> number;
  if (duration) {
    if (const auto parsed = parse_duration(literal->text)) number = parsed->count();
  } else {
    number = parse_size(literal->text);
  }
  if (number) return within_range(node, field, *number, literal->shown);
  const std::string hint = duration ? "write 30s, 500ms or 5m" : "write 16MiB, 512KiB or 1GiB";
  if (is_whole_number(literal->text) && !literal->text.starts_with('-')) {
    reading_.problems.error("no_unit", node.span, fmt::format("{} has no unit", literal->shown),
                            hint);
  } else {
    reading_.problems.error("wrong_type", node.span,
                            fmt::format("{} is not {}", literal->shown, expected(field.type)),
                            hint);
  }
  return std::nullopt;
}

std::optional<Json> FieldReader::within_range(const TreeNode& node, const Field& field,
                                              std::int64_t value, const std::string& shown) {
  if (field.minimum && value < *field.minimum) {
    reading_.problems.error(
        "out_of_range", node.span,
        fmt::format("{} is too small for {}: at least {}", shown, quote(field.name),
                    number_text(field.type, *field.minimum)));
    return std::nullopt;
  }
  if (field.maximum && value > *field.maximum) {
    reading_.problems.error(
        "out_of_range", node.span,
        fmt::format("{} is too large for {}: at most {}", shown, quote(field.name),
                    number_text(field.type, *field.maximum)));
    return std::nullopt;
  }
  return Json(value);
}

std::optional<Json> FieldReader::read_word(const TreeNode& node, const Field& field) {
  auto literal = read_literal(node, field);
  if (!literal) return std::nullopt;
  if (std::ranges::find(field.words, literal->text) != field.words.end()) {
    return Json(std::move(literal->text));
  }
  reading_.problems.error("unknown_word", node.span,
                          fmt::format("{} cannot be {}", quote(field.name), literal->shown),
                          suggestion(literal->text, field.words));
  return std::nullopt;
}

std::optional<Json> FieldReader::read_check(const TreeNode& node, const Field& field) {
  auto literal = read_literal(node, field);
  if (!literal) return std::nullopt;
  if (subject_.checks == nullptr) {
    reading_.problems.error("unknown_check", node.span, "no check can be named here");
    return std::nullopt;
  }
  const auto found = subject_.checks->find(literal->text);
  if (found == subject_.checks->end()) {
    reading_.problems.error("unknown_check", node.span,
                            fmt::format("the site has no check {}", literal->shown),
                            suggestion(literal->text, keys_of(*subject_.checks)));
    return std::nullopt;
  }
  // A check whose kind is not known has its own error.
  if (!field.check_kind.empty() && !found->second.empty() && found->second != field.check_kind) {
    reading_.problems.error(
        "wrong_check", node.span,
        fmt::format("check {} is of kind {}; {} takes one of kind {}", literal->shown,
                    found->second, quote(field.name), field.check_kind));
    return std::nullopt;
  }
  return Json(std::move(literal->text));
}

std::optional<Json> FieldReader::read_list(const TreeNode& node, const Field& field) {
  BASCULE_ASSERT(field.items.size() == 1, "a list says what its items are");
  if (!expect_list(reading_, node, quote(field.name))) return std::nullopt;
  Field item = field.items.front();
  item.name = field.name;
  Json list = Json::array();
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    const PathStep step(subject_, fmt::format("{}", i));
    if (auto value = read(node.items[i], item)) list.push_back(*std::move(value));
  }
  if (field.required && node.items.empty()) {
    reading_.problems.error("missing_value", node.span,
                            fmt::format("{} is empty", quote(field.name)));
    return std::nullopt;
  }
  return list;
}

std::optional<Json> FieldReader::read_map(const TreeNode& node, const Field& field) {
  BASCULE_ASSERT(field.items.size() == 1, "a map says what its values are");
  if (!expect_mapping(reading_, node, quote(field.name))) return std::nullopt;
  Json map = Json::object();
  for (const Entry& entry : node.entries) {
    Field item = field.items.front();
    item.name = entry.key;
    const PathStep step(subject_, entry.key);
    if (auto value = read(entry.value, item)) map[entry.key] = *std::move(value);
  }
  return map;
}

}  // namespace bascule::config
