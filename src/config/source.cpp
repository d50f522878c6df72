#include "config/source.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdint>
#include <optional>

namespace bascule::config {
namespace {

constexpr std::size_t kExcerptColumns = 90;
constexpr std::size_t kColumnsBeforeCaret = 50;
constexpr std::size_t kBytesAround = 1'000;
constexpr std::size_t kQuotedColumns = 60;
constexpr std::string_view kHidden = "<secret>";
constexpr std::string_view kEllipsis = "…";

bool is_continuation(char byte) {
  return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80U;
}

// The bytes of the code point at `offset`; 1 for a byte that begins none.
std::size_t width_at(std::string_view text, std::size_t offset) {
  std::size_t end = offset + 1;
  while (end < text.size() && is_continuation(text[end])) ++end;
  return end - offset;
}

// The length of the well-formed sequence at `offset` (RFC 3629), or nothing.
std::optional<std::size_t> well_formed(std::string_view text, std::size_t offset) {
  const auto byte = [&](std::size_t at) -> unsigned {
    return offset + at < text.size() ? static_cast<unsigned char>(text[offset + at]) : 0U;
  };
  const unsigned first = byte(0);
  if (first < 0x80U) return 1;
  if (first < 0xC2U || first > 0xF4U) return std::nullopt;
  const std::size_t length = first < 0xE0U ? 2 : first < 0xF0U ? 3 : 4;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0U) != 0x80U) return std::nullopt;
  }
  const unsigned second = byte(1);
  const bool overlong = (first == 0xE0U && second < 0xA0U) || (first == 0xF0U && second < 0x90U);
  const bool surrogate = first == 0xEDU && second > 0x9FU;
  const bool above_unicode = first == 0xF4U && second > 0x8FU;
  if (overlong || surrogate || above_unicode) return std::nullopt;
  return length;
}

bool is_control(std::string_view text, std::size_t offset) {
  const auto first = static_cast<unsigned char>(text[offset]);
  if (first < 0x20U || first == 0x7FU) return true;
  // U+0080 to U+009F: some terminals obey them.
  return first == 0xC2U && offset + 1 < text.size() &&
         static_cast<unsigned char>(text[offset + 1]) < 0xA0U;
}

// `${…}` at the beginning, without a default: where a secret is, not the secret.
bool is_reference(std::string_view text) {
  if (!text.starts_with("${")) return false;
  return text.substr(0, text.find('}')).find(":-") == std::string_view::npos;
}

struct Hidden {
  std::string text;
  Span caret;  // in code points of `text`
};

// The line with every secret replaced, and where the caret stands then.
// `secrets` are sorted.
Hidden hide(std::string_view text, Span line, Span where, const std::vector<Span>& secrets) {
  Hidden result;
  std::size_t columns = 0;
  bool caret_set = false;
  auto secret = secrets.begin();
  const std::size_t end = line.offset + line.length;
  const std::size_t where_end = std::min(where.offset + where.length, end);
  for (std::size_t at = line.offset; at < end;) {
    while (secret != secrets.end() && secret->offset + secret->length <= at) ++secret;
    if (!caret_set && at >= where.offset) {
      result.caret.offset = columns;
      caret_set = true;
    }
    if (secret != secrets.end() && secret->offset <= at) {
      result.text += kHidden;
      columns += kHidden.size();
      at = secret->offset + secret->length;
    } else {
      const std::size_t width = width_at(text, at);
      const bool shown = well_formed(text.substr(0, end), at).has_value() &&
                         (text[at] == '\t' || !is_control(text, at));
      result.text += shown ? text.substr(at, width) : std::string_view("?");
      ++columns;
      at += width;
    }
    if (caret_set && at <= where_end) result.caret.length = columns - result.caret.offset;
  }
  if (!caret_set) result.caret.offset = columns;
  result.caret.length = std::max<std::size_t>(result.caret.length, 1);
  return result;
}

std::vector<std::string_view> code_points(std::string_view text) {
  std::vector<std::string_view> points;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t width = width_at(text, at);
    points.push_back(text.substr(at, width));
    at += width;
  }
  return points;
}

}  // namespace

Source::Source(std::string file_name, std::string text)
    : file_name_(std::move(file_name)), text_(std::move(text)), line_starts_{0} {
  for (std::size_t at = 0; at < text_.size(); ++at) {
    if (text_[at] == '\n') line_starts_.push_back(at + 1);
  }
}

std::string Source::folder() const {
  const auto slash = file_name_.rfind('/');
  return slash == std::string::npos ? std::string() : file_name_.substr(0, slash + 1);
}

Location Source::locate(std::size_t offset) const {
  offset = std::min(offset, text_.size());
  const auto next = std::ranges::upper_bound(line_starts_, offset);
  const auto line = static_cast<std::size_t>(next - line_starts_.begin());
  const std::size_t start = line_starts_[line - 1];
  return {line, count_code_points(std::string_view(text_).substr(start, offset - start)) + 1};
}

Span Source::line_at(std::size_t offset) const {
  offset = std::min(offset, text_.size());
  const auto next = std::ranges::upper_bound(line_starts_, offset);
  const std::size_t start = *(next - 1);
  const std::size_t end = next == line_starts_.end() ? text_.size() : *next - 1;
  return {start, end - start};
}

std::vector<Span> Source::guess_secrets(Span line) const {
  constexpr std::array<std::string_view, 5> kWords{"password", "secret", "token", "passphrase",
                                                   "api_key"};
  std::string lower = text_.substr(line.offset, line.length);
  std::ranges::transform(lower, lower.begin(), [](char c) {
    return static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  });
  std::vector<Span> found;
  for (const std::string_view word : kWords) {
    for (std::size_t at = 0; (at = lower.find(word, at)) != std::string::npos;) {
      at += word.size();
      std::size_t from = lower.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_-\"' ", at);
      if (from == std::string::npos || lower[from] != ':') continue;
      from = lower.find_first_not_of(" \"'", from + 1);
      if (from == std::string::npos || lower[from] == '{') continue;
      if (is_reference(std::string_view(lower).substr(from))) continue;
      const std::size_t end = std::min(lower.find_first_of(",}\"'", from), lower.size());
      found.push_back({line.offset + from, end - from});
      at = end;
    }
  }
  return found;
}

Excerpt Source::excerpt(Span where, const std::vector<Span>& secrets) const {
  Span line = line_at(where.offset);
  // Of a very long line only what can be shown is looked at.
  const std::size_t end =
      std::min(line.offset + line.length, where.offset + where.length + kBytesAround);
  std::size_t begin = line.offset;
  if (where.offset > begin + kBytesAround) begin = where.offset - kBytesAround;
  while (begin < end && is_continuation(text_[begin])) ++begin;
  const bool cut = begin > line.offset;
  line = {begin, end - begin};
  std::vector<Span> here;
  for (const Span& secret : secrets) {
    const bool overlaps = secret.offset < end && secret.offset + secret.length > begin;
    if (overlaps) here.push_back(secret);
  }
  const Hidden hidden = hide(text_, line, where, here);
  const auto points = code_points(hidden.text);
  std::size_t from = 0;
  std::size_t to = points.size();
  if (to > kExcerptColumns) {
    from =
        hidden.caret.offset > kColumnsBeforeCaret ? hidden.caret.offset - kColumnsBeforeCaret : 0;
    to = std::min(from + kExcerptColumns, points.size());
  }
  Excerpt excerpt;
  const bool ellipsis = cut || from > 0;
  if (ellipsis) excerpt.text += kEllipsis;
  for (std::size_t i = from; i < to; ++i) excerpt.text += points[i];
  if (to < points.size()) excerpt.text += kEllipsis;
  if (ellipsis) excerpt.indent += ' ';
  for (std::size_t i = from; i < hidden.caret.offset; ++i) {
    excerpt.indent += i < points.size() && points[i] == "\t" ? '\t' : ' ';
  }
  const std::size_t room = to > hidden.caret.offset ? to - hidden.caret.offset : 1;
  excerpt.length = std::min(hidden.caret.length, room);
  return excerpt;
}

std::string normalise(std::string_view text) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  std::string result;
  result.reserve(text.size());
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '\r' && at + 1 < text.size() && text[at + 1] == '\n') continue;
    result += text[at];
  }
  return result;
}

std::size_t find_invalid(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const auto length = well_formed(text, at);
    if (!length) return at;
    if (text[at] != '\n' && text[at] != '\t' && is_control(text, at)) return at;
    at += *length;
  }
  return std::string_view::npos;
}

std::size_t count_code_points(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char byte) { return !is_continuation(byte); }));
}

std::string quote(std::string_view text) {
  std::string result = "`";
  std::size_t columns = 0;
  for (std::size_t at = 0; at < text.size(); ++columns) {
    if (columns == kQuotedColumns) {
      result += kEllipsis;
      break;
    }
    const auto length = well_formed(text, at);
    if (!length || is_control(text, at)) {
      result += fmt::format("\\x{:02x}", static_cast<unsigned char>(text[at]));
      ++at;
    } else {
      result += text.substr(at, *length);
      at += *length;
    }
  }
  return result + "`";
}

}  // namespace bascule::config
