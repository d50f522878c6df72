#include "net/api_client.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <ctime>
#include <memory>
#include <utility>

namespace bascule::net {
namespace {

constexpr std::size_t kShown = 200;
constexpr std::size_t kSearched = 8 * 1024;  // of an answer, for what must not be shown
constexpr std::size_t kShortestPart = 6;     // of an address, that may be a secret by itself
constexpr Duration kLongestWait{3'600'000};

// The beginning of what a server says, on one line and printable.
std::string shown(const std::string& body) {
  std::string text;
  for (const char letter : body.substr(0, kShown)) {
    const auto byte = static_cast<unsigned char>(letter);
    const bool printable = byte >= ' ' && byte < 0x7f;
    text += printable ? letter : ' ';
  }
  const std::size_t end = text.find_last_not_of(' ');
  text.resize(end == std::string::npos ? 0 : end + 1);
  return text.empty() ? std::string() : ": " + text;
}

ErrorCode code_of(int status) {
  if (status == 429) return ErrorCode::throttled;
  if (status == 401 || status == 403) return ErrorCode::denied;
  if (status == 408 || status >= 500) return ErrorCode::unavailable;
  return ErrorCode::invalid;
}

// The target of an address, and what stands between its marks.
std::vector<std::string> parts_of(const Url& url) {
  std::vector<std::string> parts;
  if (url.target.size() >= kShortestPart) parts.push_back(url.target);
  std::string part;
  for (const char letter : url.target + "/") {
    if (std::string_view("/?&=").find(letter) == std::string_view::npos) {
      part += letter;
      continue;
    }
    if (part.size() >= kShortestPart) parts.push_back(part);
    part.clear();
  }
  return parts;
}

Error moved(const std::string& host, const Response& response) {
  Error error;
  error.code = ErrorCode::invalid;
  std::string there;
  if (const auto location = response.headers.find("Location")) {
    const Result<Url> url = resolve_reference(response.url, *location);
    if (url) there = " to " + url->authority();
  }
  error.message = fmt::format(
      "{} answered {}: it has moved{}, and what is meant for one address is sent to no other", host,
      response.status, there);
  error.what_to_do = "name the address that it moved to in the configuration";
  return error;
}

}  // namespace

Field authority_field() {
  return Field{.name = "ca", .summary = "PEM file of the authorities to trust."};
}

Result<std::shared_ptr<ApiClient>> ApiClient::make(const Json& settings, Reveal reveal,
                                                   Clock& clock, Resolver& resolver) {
  ClientSettings client_settings;
  if (std::string file = text_or(settings, "ca"); !file.empty()) {
    TlsSettings tls;
    tls.authority_file = std::move(file);
    auto context = TlsContext::for_client(std::move(tls));
    if (!context) return fail(in_context("ca", context.error()));
    client_settings.tls = *std::move(context);
  }
  return std::shared_ptr<ApiClient>(
      new ApiClient(settings, std::move(reveal), clock, resolver, std::move(client_settings)));
}

ApiClient::ApiClient(Json settings, Reveal reveal, Clock& clock, Resolver& resolver,
                     ClientSettings client_settings)
    : settings_(std::move(settings)),
      reveal_(std::move(reveal)),
      clock_(clock),
      client_(clock, resolver, std::move(client_settings)) {}

Result<std::string> ApiClient::reveal(const std::string& name) {
  const auto setting = settings_.find(name);
  if (setting == settings_.end()) return fail(ErrorCode::invalid, "`{}` is missing", name);
  return reveal(name, *setting);
}

Result<std::string> ApiClient::reveal(const std::string& name, const Json& setting) {
  Result<std::string> text = reveal_(setting);
  if (!text) return fail(in_context(name, text.error()));
  if (setting.is_object()) conceal(name, {*text});
  return text;
}

Result<Request> ApiClient::request(std::string method, const std::string& name,
                                   const std::string& address) {
  Result<Url> url = parse_url(address);
  if (!url) return fail(in_context(name, url.error()));
  return Request(std::move(method), std::move(*url));
}

Result<Request> ApiClient::request_to_secret(std::string method, const std::string& name) {
  const Result<std::string> address = reveal(name);
  if (!address) return error_of(address);
  auto made = request(std::move(method), name, *address);
  if (made) conceal(name, parts_of(made->url));
  return made;
}

void ApiClient::conceal(const std::string& name, std::vector<std::string> parts) {
  std::erase_if(parts, [](const std::string& part) { return part.empty(); });
  secrets_[name] = std::move(parts);
}

std::string ApiClient::blotted(const std::string& text) const {
  std::vector<bool> is_secret(text.size());
  for (const auto& [name, parts] : secrets_) {
    for (const std::string& part : parts) {
      for (std::size_t at = text.find(part); at != std::string::npos;
           at = text.find(part, at + 1)) {
        std::fill_n(is_secret.begin() + static_cast<std::ptrdiff_t>(at), part.size(), true);
      }
    }
  }
  std::string shown;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (!is_secret[at]) {
      shown += text[at];
    } else if (at == 0 || !is_secret[at - 1]) {
      shown += "<secret>";
    }
  }
  return shown;
}

Error ApiClient::error_of_answer(const std::string& host, const Response& response) const {
  const int status = response.status;
  if (status >= 300 && status < 400) return moved(host, response);
  Error error;
  error.code = code_of(status);
  error.message = fmt::format("{} answered {} {}{}", host, status, reason_phrase(status),
                              shown(blotted(response.body.substr(0, kSearched))));
  if (const auto after = response.headers.find("Retry-After")) {
    error.retry_after = parse_retry_after(*after, clock_.now());
    if (error.retry_after && status == 503) error.code = ErrorCode::throttled;
  }
  return error;
}

awaitable<Result<Response>> ApiClient::ask(Request request, Deadline deadline) {
  const std::string host = request.url.authority();
  request.headers.set("Content-Type", "application/json");
  if (!request.headers.contains("Accept")) request.headers.set("Accept", "application/json");
  request.headers.set("User-Agent", "bascule");
  request.reuse_connection = true;
  Limits limits;
  limits.redirects = 0;
  limits.truncate_body = true;
  auto response = co_await client_.fetch(std::move(request), limits, deadline);
  if (!response) {
    Error error = in_context(host, response.error());
    error.message = blotted(error.message);
    co_return fail(std::move(error));
  }
  if (response->status >= 200 && response->status < 300) co_return response;
  co_return fail(error_of_answer(host, *response));
}

awaitable<Result<void>> ApiClient::tell(Request request, Deadline deadline) {
  auto answer = co_await ask(std::move(request), deadline);
  if (!answer) co_return error_of(answer);
  co_return Result<void>();
}

awaitable<Result<void>> ApiClient::find(Request request, Deadline deadline) {
  const std::string host = request.url.authority();
  Limits limits;
  limits.redirects = 0;
  limits.truncate_body = true;
  auto answer = co_await client_.fetch(std::move(request), limits, deadline);
  if (answer) co_return Result<void>();
  Error error = in_context(host, answer.error());
  error.message = blotted(error.message);
  co_return fail(std::move(error));
}

std::optional<Duration> parse_retry_after(std::string_view text, Instant now) {
  std::int64_t seconds = 0;
  const char* const begin = std::to_address(text.begin());
  const char* const end = begin + text.size();
  const auto [stopped, problem] = std::from_chars(begin, end, seconds);
  if (problem == std::errc{} && stopped == end && !text.empty()) {
    if (seconds < 0) return std::nullopt;
    constexpr std::int64_t kMost = kLongestWait.count() / 1'000;
    return Duration{std::min(seconds, kMost) * 1'000};
  }
  std::tm date{};
  const std::string written(text);
  const char* rest = ::strptime(written.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &date);
  if (rest == nullptr || *rest != '\0') return std::nullopt;
  const Instant then(Duration{static_cast<std::int64_t>(::timegm(&date)) * 1'000});
  return std::clamp<Duration>(then - now, Duration{0}, kLongestWait);
}

}  // namespace bascule::net
