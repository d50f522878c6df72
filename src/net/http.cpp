#include "net/http.h"

#include <algorithm>
#include <array>

namespace bascule::net {

namespace {

constexpr std::size_t kLongestUrl = 8192;
constexpr std::size_t kLongestAuthority = 300;  // a name, brackets and a port
constexpr std::size_t kShownOfUrl = 100;

std::unexpected<Error> too_long() {
  return fail(ErrorCode::invalid, "the URL is too long");
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = lower(c);
  return result;
}

std::uint16_t default_port(std::string_view scheme) {
  return scheme == "https" ? 443 : 80;
}

bool is_unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// RFC 9110, 5.6.2.
bool is_token(std::string_view text) {
  static constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           kMarks.contains(c);
  });
}

Result<void> check_characters(std::string_view text) {
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte > 126) {
      return fail(ErrorCode::invalid,
                  "the URL holds bytes outside ASCII; write %XX, and names in their xn-- form");
    }
    if (byte <= 32) return fail(ErrorCode::invalid, "the URL holds a blank or control character");
  }
  return {};
}

// "." and ".." of RFC 3986, 5.2.4, as far as they are whole segments of a path.
std::string without_dots(std::string_view path) {
  std::vector<std::string_view> kept;
  bool folder = false;
  for (std::size_t at = 1; at <= path.size();) {
    const std::size_t slash = std::min(path.find('/', at), path.size());
    const std::string_view segment = path.substr(at, slash - at);
    folder = segment == "." || segment == "..";
    if (segment == ".." && !kept.empty()) kept.pop_back();
    if (!folder) kept.push_back(segment);
    at = slash + 1;
  }
  std::string result;
  for (const std::string_view segment : kept) result.append("/").append(segment);
  if (folder || result.empty()) result += '/';
  return result;
}

struct Phrase {
  int status;
  std::string_view text;
};
// RFC 9110, section 15, and RFC 6585; sorted.
constexpr std::array<Phrase, 34> kPhrases = {{
    {100, "Continue"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {415, "Unsupported Media Type"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {425, "Too Early"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
}};

}  // namespace

std::string_view Url::path() const {
  return std::string_view(target).substr(0, target.find('?'));
}

std::string_view Url::query() const {
  const std::size_t mark = target.find('?');
  return mark == std::string::npos ? std::string_view() : std::string_view(target).substr(mark + 1);
}

std::string Url::authority() const {
  const std::string name = host.contains(':') ? "[" + host + "]" : host;
  return port == default_port(scheme) ? name : fmt::format("{}:{}", name, port);
}

std::string Url::text() const {
  return scheme + "://" + authority() + target;
}

bool Url::same_origin(const Url& other) const {
  return scheme == other.scheme && host == other.host && port == other.port;
}

Result<Url> parse_url(std::string_view text) {
  if (text.size() > kLongestUrl) return too_long();
  if (const Result<void> plain = check_characters(text); !plain) return error_of(plain);
  const std::size_t colon = text.find("://");
  if (colon == std::string_view::npos) {
    return fail(ErrorCode::invalid, "\"{}\" has no scheme; write http://… or https://…",
                excerpt(text, kShownOfUrl));
  }
  Url url;
  url.scheme = lower(text.substr(0, colon));
  if (url.scheme != "http" && url.scheme != "https") {
    return fail(ErrorCode::invalid, "the scheme \"{}\" is not known; use http or https",
                excerpt(url.scheme));
  }
  std::string_view rest = text.substr(colon + 3);
  rest = rest.substr(0, rest.find('#'));
  const std::size_t end = std::min(rest.find_first_of("/?"), rest.size());
  const std::string_view authority = rest.substr(0, end);
  if (authority.contains('@')) {
    return fail(ErrorCode::invalid,
                "a URL may not hold a user or password; write an Authorization header");
  }
  if (authority.empty()) {
    return fail(ErrorCode::invalid, "\"{}\" names no host", excerpt(text, kShownOfUrl));
  }
  if (authority.size() > kLongestAuthority) return too_long();
  const Result<HostPort> place = parse_host_port(authority, default_port(url.scheme));
  if (!place) return error_of(place);
  url.host = lower(place->host);
  url.port = place->port;
  url.target = std::string(rest.substr(end));
  if (!url.target.starts_with('/')) url.target.insert(0, "/");
  return url;
}

Result<Url> resolve_reference(const Url& base, std::string_view reference) {
  const std::size_t colon = reference.find("://");
  if (colon != std::string_view::npos && colon < reference.find_first_of("/?#")) {
    return parse_url(reference);
  }
  if (reference.starts_with("//")) return parse_url(fmt::format("{}:{}", base.scheme, reference));
  if (const Result<void> plain = check_characters(reference); !plain) return error_of(plain);
  reference = reference.substr(0, reference.find('#'));
  Url url = base;
  if (reference.empty()) return url;
  if (reference.starts_with('?')) {
    url.target = std::string(base.path()) + std::string(reference);
    if (url.target.size() > kLongestUrl) return too_long();
    return url;
  }
  const std::size_t mark = std::min(reference.find('?'), reference.size());
  std::string path(reference.substr(0, mark));
  if (!path.starts_with('/')) {
    const std::string_view folder = base.path().substr(0, base.path().rfind('/') + 1);
    path = std::string(folder) + path;
  }
  url.target = without_dots(path) + std::string(reference.substr(mark));
  // Otherwise it could grow with every redirect.
  if (url.target.size() > kLongestUrl) return too_long();
  return url;
}

std::string percent_encode(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) {
    if (is_unreserved(c)) {
      text += c;
    } else {
      text += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return text;
}

std::optional<std::string> percent_decode(std::string_view text) {
  std::string bytes;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      bytes += text[i];
      continue;
    }
    if (i + 2 >= text.size()) return std::nullopt;
    const int high = hex_value(text[i + 1]);
    const int low = hex_value(text[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    bytes += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return bytes;
}

std::vector<std::pair<std::string, std::string>> parse_query(std::string_view query) {
  std::vector<std::pair<std::string, std::string>> pairs;
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    std::string part(query.substr(0, end));
    query.remove_prefix(std::min(end + 1, query.size()));
    std::replace(part.begin(), part.end(), '+', ' ');
    const std::size_t equals = std::min(part.find('='), part.size());
    auto name = percent_decode(std::string_view(part).substr(0, equals));
    auto value = percent_decode(equals < part.size() ? std::string_view(part).substr(equals + 1)
                                                     : std::string_view());
    if (name && value && !name->empty()) pairs.emplace_back(std::move(*name), std::move(*value));
  }
  return pairs;
}

bool equal_without_case(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(),
                                            [](char x, char y) { return lower(x) == lower(y); });
}

std::string excerpt(std::string_view bytes, std::size_t longest) {
  const std::string_view line = bytes.substr(0, bytes.find_first_of("\r\n"));
  std::string text(line.substr(0, longest));
  for (char& c : text) {
    if (c < 32 || c > 126) c = '?';
  }
  if (line.size() > longest) text += "...";
  return text;
}

void Headers::set(std::string_view name, std::string value) {
  remove(name);
  add(std::string(name), std::move(value));
}

void Headers::remove(std::string_view name) {
  std::erase_if(pairs_, [&](const Pair& pair) { return equal_without_case(pair.first, name); });
}

std::optional<std::string_view> Headers::find(std::string_view name) const {
  for (const auto& [key, value] : pairs_) {
    if (equal_without_case(key, name)) return value;
  }
  return std::nullopt;
}

Result<void> Headers::check() const {
  for (const auto& [name, value] : pairs_) {
    if (!is_token(name)) return fail(ErrorCode::invalid, "\"{}\" is no name of a header", name);
    const bool breaks_out = std::any_of(value.begin(), value.end(), [](char c) {
      return (static_cast<unsigned char>(c) < 32 && c != '\t') || c == 127;
    });
    if (breaks_out) {
      return fail(ErrorCode::invalid, "the header {} holds a line break or control character",
                  name);
    }
  }
  return {};
}

bool Request::is_safe_to_repeat() const {
  return safe_to_repeat.value_or(method == "GET" || method == "HEAD" || method == "OPTIONS");
}

std::string_view reason_phrase(int status) {
  const auto found =
      std::lower_bound(kPhrases.begin(), kPhrases.end(), status,
                       [](const Phrase& phrase, int wanted) { return phrase.status < wanted; });
  return found != kPhrases.end() && found->status == status ? found->text : "Unknown";
}

}  // namespace bascule::net
