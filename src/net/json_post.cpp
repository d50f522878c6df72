#include "net/json_post.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <ctime>
#include <utility>

namespace bascule::net {
namespace {

constexpr std::size_t kShown = 200;
constexpr Duration kLongestWait{3'600'000};

// The beginning of what a server says, on one line and printable.
std::string excerpt(const std::string& body) {
  std::string shown;
  for (const char letter : body.substr(0, kShown)) {
    const auto byte = static_cast<unsigned char>(letter);
    const bool printable = byte >= ' ' && byte < 0x7f;
    shown += printable ? letter : ' ';
  }
  const std::size_t end = shown.find_last_not_of(' ');
  shown.resize(end == std::string::npos ? 0 : end + 1);
  return shown.empty() ? std::string() : ": " + shown;
}

ErrorCode code_of(int status) {
  if (status == 429) return ErrorCode::throttled;
  if (status == 401 || status == 403) return ErrorCode::denied;
  if (status == 408 || status >= 500) return ErrorCode::unavailable;
  return ErrorCode::invalid;
}

}  // namespace

Result<std::shared_ptr<HttpClient>> make_api_client(Clock& clock, Resolver& resolver,
                                                    std::string authority_file) {
  ClientSettings settings;
  if (!authority_file.empty()) {
    TlsSettings tls;
    tls.authority_file = std::move(authority_file);
    auto context = TlsContext::for_client(std::move(tls));
    if (!context) return error_of(context);
    settings.tls = *std::move(context);
  }
  return std::make_shared<HttpClient>(clock, resolver, std::move(settings));
}

std::optional<Duration> parse_retry_after(std::string_view text, Instant now) {
  std::int64_t seconds = 0;
  const char* const end = text.data() + text.size();
  const auto [stopped, problem] = std::from_chars(text.data(), end, seconds);
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

awaitable<Result<Response>> send_json(Clock& clock, HttpClient& client, Request request,
                                      Deadline deadline) {
  const std::string host = request.url.authority();
  request.headers.set("Content-Type", "application/json");
  if (!request.headers.contains("Accept")) request.headers.set("Accept", "application/json");
  request.headers.set("User-Agent", "bascule");
  request.reuse_connection = true;
  Limits limits;
  limits.redirects = 0;
  limits.truncate_body = true;
  auto response = co_await client.fetch(std::move(request), limits, deadline);
  if (!response) co_return fail(in_context(host, response.error()));
  const int status = response->status;
  if (status >= 200 && status < 300) co_return response;
  Error error{code_of(status),
              fmt::format("{} answered {} {}{}", host, status, reason_phrase(status),
                          excerpt(response->body)),
              "", std::nullopt};
  if (status >= 300 && status < 400) {
    error.message =
        fmt::format("{} answered {}: it has moved, and what is sent there is secret", host, status);
    error.what_to_do = "name the address that it moved to";
  }
  if (const auto after = response->headers.find("Retry-After")) {
    error.retry_after = parse_retry_after(*after, clock.now());
    if (error.retry_after && status == 503) error.code = ErrorCode::throttled;
  }
  co_return fail(std::move(error));
}

}  // namespace bascule::net
