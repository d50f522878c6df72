#include "config/reading.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "model/template.h"

namespace bascule::config {
namespace {

constexpr std::string_view kEnvironment = "${env:";
constexpr std::string_view kFile = "${file:";
constexpr std::size_t kSecretFileMax = std::size_t{64} << 10;
constexpr std::size_t kNameMax = 63;

bool is_letter(char c) {
  return std::isalpha(static_cast<unsigned char>(c)) != 0;
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_variable_name(std::string_view name) {
  return !name.empty() && (is_letter(name.front()) || name.front() == '_') &&
         std::ranges::all_of(name, [](char c) { return is_letter(c) || is_digit(c) || c == '_'; });
}

// One `${env:NAME}` or `${env:NAME:-default}` at the beginning of `text`.
struct Variable {
  std::string name;
  std::optional<std::string> otherwise;
  std::size_t length = 0;
};

std::optional<Variable> variable_at(std::string_view text) {
  const std::size_t close = text.find('}');
  if (close == std::string_view::npos) return std::nullopt;
  std::string_view inside = text.substr(kEnvironment.size(), close - kEnvironment.size());
  Variable variable;
  variable.length = close + 1;
  if (const auto mark = inside.find(":-"); mark != std::string_view::npos) {
    variable.otherwise = std::string(inside.substr(mark + 2));
    inside = inside.substr(0, mark);
  }
  variable.name = std::string(inside);
  if (!is_variable_name(variable.name)) return std::nullopt;
  return variable;
}

// The part of a scalar, as precisely as its notation allows.
Span span_within(const Problems& problems, const TreeNode& node, std::size_t offset,
                 std::string_view part) {
  const std::size_t at = node.span.offset + (node.kind == NodeKind::quoted ? 1 : 0) + offset;
  if (node.kind != NodeKind::block && problems.source().text().compare(at, part.size(), part) == 0)
    return {at, part.size()};
  return node.span;
}

class TextReader {
 public:
  TextReader(Reading& reading, const TreeNode& node, std::string_view what, bool secret)
      : reading_(reading), node_(node), what_(what), secret_(secret) {}

  std::optional<TextValue> read() {
    if (!node_.is_scalar()) {
      report_type(reading_, node_, what_, "a text");
      return std::nullopt;
    }
    if (node_.text.find('\0') != std::string::npos) {
      reading_.problems.error("not_text", node_.span,
                              fmt::format("{} holds a zero character", what_));
      return std::nullopt;
    }
    if (!replace_variables()) return std::nullopt;
    if (node_.text.starts_with(kFile)) return read_file();
    const std::size_t file = value_.text.find(kFile);
    if (file != std::string::npos && (file == 0 || value_.text[file - 1] != '$')) {
      reading_.problems.error("file_reference", node_.span,
                              "`${file:PATH}` must be the whole value",
                              "put the whole text into the file");
      return std::nullopt;
    }
    return std::move(value_);
  }

 private:
  bool replace_variables() {
    const std::string& text = node_.text;
    std::size_t from = 0;
    for (std::size_t at = 0; (at = text.find(kEnvironment, at)) != std::string::npos;) {
      if (at > 0 && text[at - 1] == '$') {  // `$${env:` means the text itself
        value_.text.append(text, from, at - 1 - from);
        from = at;
        at += kEnvironment.size();
        continue;
      }
      const auto variable = variable_at(std::string_view(text).substr(at));
      if (!variable) {
        reading_.problems.error(
            "environment_reference", span_within(reading_.problems, node_, at, kEnvironment),
            "`${env:` does not name a variable", "write ${env:NAME} or ${env:NAME:-default}");
        return false;
      }
      value_.text.append(text, from, at - from);
      if (!replace(*variable, at)) return false;
      at += variable->length;
      from = at;
    }
    value_.text.append(text, from);
    return true;
  }

  bool replace(const Variable& variable, std::size_t at) {
    const auto found = reading_.environment.variable(variable.name);
    const bool usable = found && (!found->empty() || !variable.otherwise);
    if (!usable && !variable.otherwise) {
      const std::string_view written = std::string_view(node_.text).substr(at, variable.length);
      reading_.problems.error(
          "missing_environment", span_within(reading_.problems, node_, at, written),
          fmt::format("the environment has no variable `{}`", variable.name),
          fmt::format("export {}=…, or write ${{env:{}:-default}}", variable.name, variable.name));
      return false;
    }
    if (usable && found->find('\0') != std::string::npos) return false;
    value_.text += usable ? *found : *variable.otherwise;
    value_.replaced = true;
    if (secret_ && usable && at == 0 && variable.length == node_.text.size()) {
      value_.secret = "env:" + variable.name;
    }
    return true;
  }

  std::optional<TextValue> read_file() {
    const std::string& text = value_.text;
    const bool whole = text.starts_with(kFile) && text.find('}') == text.size() - 1;
    const std::string path =
        whole ? text.substr(kFile.size(), text.size() - kFile.size() - 1) : std::string();
    if (path.empty()) {
      reading_.problems.error("file_reference", node_.span,
                              "`${file:PATH}` must be the whole value and name a file");
      return std::nullopt;
    }
    const std::string full =
        path.starts_with('/') ? path : reading_.problems.source().folder() + path;
    const auto content = reading_.environment.read_file(full, kSecretFileMax);
    if (!content) {
      reading_.problems.error(
          "missing_file", node_.span,
          fmt::format("file {} cannot be read: {}", quote(full), content.error().message),
          content.error().what_to_do);
      return std::nullopt;
    }
    if (content->find_first_not_of("\r\n") == std::string::npos) {
      reading_.problems.error("missing_file", node_.span,
                              fmt::format("file {} is empty", quote(full)));
      return std::nullopt;
    }
    value_.secret = "file:" + full;
    value_.text.clear();
    return std::move(value_);
  }

  Reading& reading_;
  const TreeNode& node_;
  std::string_view what_;
  bool secret_;
  TextValue value_;
};

}  // namespace

std::optional<TextValue> read_text(Reading& reading, const TreeNode& node, std::string_view what,
                                   bool secret) {
  return TextReader(reading, node, what, secret).read();
}

std::optional<std::vector<TemplateUse>> find_templates(Reading& reading, const TreeNode& node,
                                                       const std::string& text) {
  const auto references = template_references(text);
  if (!references) {
    reading.problems.error("template", node.span, references.error().message,
                           references.error().what_to_do);
    return std::nullopt;
  }
  std::vector<TemplateUse> uses;
  for (const TemplateReference& reference : *references) {
    const std::size_t close = text.find("}}", reference.offset);
    const std::string_view written =
        std::string_view(text).substr(reference.offset, close + 2 - reference.offset);
    uses.push_back(
        {reference.path, span_within(reading.problems, node, reference.offset, written)});
  }
  return uses;
}

std::optional<std::string> read_plain_text(Reading& reading, const TreeNode& node,
                                           std::string_view what) {
  auto value = read_text(reading, node, what, false);
  if (!value) return std::nullopt;
  if (value->secret) {
    reading.problems.error("secret_here", node.span,
                           fmt::format("{} is printed and logged: it cannot be a secret", what));
    return std::nullopt;
  }
  if (value->text.find("${{") != std::string::npos) {
    reading.problems.error("template", node.span, fmt::format("{} takes no templates", what));
    return std::nullopt;
  }
  if (value->text.empty()) {
    reading.problems.error("missing_value", node.span, fmt::format("{} is empty", what));
    return std::nullopt;
  }
  return std::move(value->text);
}

std::optional<std::string> read_name(Reading& reading, const TreeNode& node, std::string_view what,
                                     bool dots) {
  auto name = read_plain_text(reading, node, what);
  if (!name) return std::nullopt;
  const bool good =
      name->size() <= kNameMax && (is_letter(name->front()) || is_digit(name->front())) &&
      std::ranges::all_of(*name, [&](char c) {
        return is_letter(c) || is_digit(c) || c == '-' || c == '_' || (dots && c == '.');
      });
  if (!good) {
    reading.problems.error(
        "bad_name", node.span, fmt::format("{} cannot be {}", what, quote(*name)),
        fmt::format("letters, digits, - and _{}, at most {}, beginning with a letter or digit",
                    dots ? " and dots" : "", kNameMax));
    return std::nullopt;
  }
  return name;
}

bool expect_mapping(Reading& reading, const TreeNode& node, std::string_view what) {
  if (node.kind == NodeKind::mapping) return true;
  report_type(reading, node, what, "a mapping");
  return false;
}

bool expect_list(Reading& reading, const TreeNode& node, std::string_view what) {
  if (node.kind == NodeKind::sequence) return true;
  report_type(reading, node, what, "a list");
  return false;
}

void report_type(Reading& reading, const TreeNode& node, std::string_view what,
                 std::string_view expected) {
  if (node.kind == NodeKind::null) {
    const std::string_view none = expected == "a list"      ? ", or [] for none"
                                  : expected == "a mapping" ? ", or {} for none"
                                                            : "";
    reading.problems.error("missing_value", node.span, fmt::format("{} has no value", what),
                           fmt::format("write {}{}, or leave the key out", expected, none));
    return;
  }
  reading.problems.error("wrong_type", node.span,
                         fmt::format("{} takes {}, not {}", what, expected, describe(node.kind)));
}

}  // namespace bascule::config
