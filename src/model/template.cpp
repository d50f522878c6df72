#include "model/template.h"

#include <algorithm>

namespace bascule {
namespace {

constexpr std::string_view kOpening = "${{";
constexpr std::string_view kEscaped = "$${{";
constexpr std::string_view kClosing = "}}";

// A piece of a text: a reference, or literal text (an escaped opening included, as written).
struct Piece {
  std::string_view text;  // as written
  std::string_view path;  // of a reference; else empty
  std::size_t offset = 0;
};

std::string_view trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const auto first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

bool is_path(std::string_view text) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
  };
  return !text.empty() && text.front() != '.' && text.back() != '.' &&
         text.find("..") == std::string_view::npos && std::ranges::all_of(text, allowed);
}

Result<Piece> read_reference(std::string_view text, std::size_t offset) {
  const std::size_t from = offset + kOpening.size();
  const std::size_t closing = text.find(kClosing, from);
  if (closing == std::string_view::npos || text.find(kOpening, from) < closing) {
    return fail(Error{ErrorCode::invalid, "`${{` without `}}`",
                      "close it, or write `$${{` where the text itself is meant", std::nullopt});
  }
  const std::string_view path = trim(text.substr(from, closing - from));
  const std::string_view written = text.substr(offset, closing + kClosing.size() - offset);
  if (!is_path(path)) {
    return fail(Error{ErrorCode::invalid, fmt::format("`{}` does not name anything", written),
                      "between the braces stands one name, like `site.address`", std::nullopt});
  }
  return Piece{written, path, offset};
}

Result<std::vector<Piece>> pieces_of(std::string_view text) {
  std::vector<Piece> pieces;
  std::size_t literal_from = 0, at = 0;
  const auto end_literal = [&](std::size_t end) {
    if (end > literal_from)
      pieces.push_back({text.substr(literal_from, end - literal_from), {}, literal_from});
  };
  while ((at = text.find('$', at)) != std::string_view::npos) {
    const std::string_view rest = text.substr(at);
    if (rest.starts_with(kEscaped)) {
      at += kEscaped.size();
    } else if (rest.starts_with(kOpening)) {
      const Result<Piece> reference = read_reference(text, at);
      if (!reference) return error_of(reference);
      end_literal(at);
      pieces.push_back(*reference);
      at += reference->text.size();
      literal_from = at;
    } else {
      ++at;
    }
  }
  end_literal(text.size());
  return pieces;
}

std::string replace_all(std::string_view text, std::string_view what, std::string_view by) {
  std::string replaced;
  std::size_t from = 0;
  for (std::size_t at = 0; (at = text.find(what, from)) != std::string_view::npos;) {
    replaced.append(text.substr(from, at - from)).append(by);
    from = at + what.size();
  }
  return replaced.append(text.substr(from));
}

bool is_secret(const Json& value) {
  return value.is_object() && value.size() == 1 && value.contains("$secret");
}

// Calls `visit(text) → Result<std::string>` for every text inside, and puts its answer there.
template <typename Visit>
Result<Json> transform(const Json& value, const Visit& visit) {
  if (value.is_string()) {
    Result<std::string> text = visit(value.get_ref<const std::string&>());
    if (!text) return error_of(text);
    return Json(*std::move(text));
  }
  if (is_secret(value) || !value.is_structured()) return value;
  Json result = value.is_array() ? Json::array() : Json::object();
  for (const auto& [key, item] : value.items()) {
    Result<Json> inner = transform(item, visit);
    if (!inner) return fail(in_context(key, inner.error()));
    if (value.is_array()) {
      result.push_back(*std::move(inner));
    } else {
      result[key] = *std::move(inner);
    }
  }
  return result;
}

}  // namespace

Result<std::vector<TemplateReference>> template_references(std::string_view text) {
  const auto pieces = pieces_of(text);
  if (!pieces) return error_of(pieces);
  std::vector<TemplateReference> references;
  for (const Piece& piece : *pieces) {
    if (!piece.path.empty()) references.push_back({std::string(piece.path), piece.offset});
  }
  return references;
}

Result<std::string> render_text(std::string_view text, const TemplateLookup& lookup) {
  const auto pieces = pieces_of(text);
  if (!pieces) return error_of(pieces);
  std::string rendered;
  std::vector<std::string_view> left;
  for (const Piece& piece : *pieces) {
    if (piece.path.empty()) {
      rendered += piece.text;
      continue;
    }
    const auto value = lookup(piece.path);
    if (!value) return error_of(value);
    if (*value) {
      rendered += escape_template(**value);
    } else {
      rendered += piece.text;
      left.push_back(piece.path);
    }
  }
  // A value that ends in `$` beside braces would make, or unmake, a reference.
  const auto remaining = template_references(rendered);
  const bool same = remaining && std::ranges::equal(*remaining, left, {}, &TemplateReference::path);
  if (!same) {
    return fail(ErrorCode::invalid, "`{}` does not keep its meaning with the values filled in",
                text);
  }
  return rendered;
}

Result<Json> render_settings(const Json& settings, const TemplateLookup& lookup) {
  return transform(settings, [&](const std::string& text) { return render_text(text, lookup); });
}

std::vector<std::string> settings_references(const Json& settings) {
  std::vector<std::string> paths;
  const auto collect = [&](const std::string& text) -> Result<std::string> {
    if (const auto references = template_references(text)) {
      for (const TemplateReference& reference : *references) paths.push_back(reference.path);
    }
    return std::string();
  };
  static_cast<void>(transform(settings, collect));
  return paths;
}

std::string escape_template(std::string_view text) {
  return replace_all(text, kOpening, kEscaped);
}

Json without_escapes(const Json& settings) {
  const auto unescape = [](const std::string& text) -> Result<std::string> {
    return replace_all(text, kEscaped, kOpening);
  };
  return transform(settings, unescape).value_or(settings);
}

}  // namespace bascule
