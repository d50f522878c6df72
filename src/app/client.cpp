#include "app/client.h"

#include <fmt/format.h>

#include <utility>

namespace bascule::app {
namespace {

constexpr std::size_t kBodyMax = std::size_t{32} << 20;
constexpr const char* kStartOne = "start one: bascule serve -c FILE, or use --local";
constexpr const char* kPerhapsTls = "; if it serves TLS: --server https://…, or -c FILE";
constexpr const char* kNameToken = "name it: -c FILE, --token-file FILE or BASCULE_TOKEN";

}  // namespace

Result<net::Url> parse_server(std::string_view text) {
  std::string whole(text);
  if (text.find("://") == std::string_view::npos) {
    const auto place = net::parse_host_port(text, std::uint16_t{8420});
    if (!place) return fail(in_context(fmt::format("server `{}`", text), place.error()));
    whole = fmt::format("http://{}", net::to_string(*place));
  }
  auto url = net::parse_url(whole);
  if (!url) return fail(in_context(fmt::format("server `{}`", text), url.error()));
  if (url->target != "/") {
    return fail(ErrorCode::invalid, "server `{}`: only an address, without a path", text);
  }
  return url;
}

Result<std::unique_ptr<DaemonClient>> DaemonClient::make(boost::asio::io_context& io, Clock& clock,
                                                         Daemon daemon) {
  auto resolver = net::Resolver::make(io, clock, {});
  if (!resolver) return error_of(resolver);
  net::ClientSettings settings;
  if (daemon.base.secure()) {
    auto tls = net::TlsContext::for_client(daemon.tls);
    if (!tls) return error_of(tls);
    settings.tls = std::move(*tls);
  }
  return std::unique_ptr<DaemonClient>(
      new DaemonClient(clock, std::move(daemon), std::move(*resolver), std::move(settings)));
}

DaemonClient::DaemonClient(Clock& clock, Daemon daemon, std::unique_ptr<net::Resolver> resolver,
                           net::ClientSettings settings)
    : clock_(clock),
      daemon_(std::move(daemon)),
      resolver_(std::move(resolver)),
      http_(clock, *resolver_, std::move(settings)) {}

awaitable<Result<Reply>> DaemonClient::ask(std::string method, std::string target, Json body) {
  net::Url url = daemon_.base;
  url.target = std::move(target);
  net::Request request(std::move(method), std::move(url));
  request.headers.set("Accept", "application/json");
  if (!daemon_.token.empty()) request.headers.set("Authorization", "Bearer " + daemon_.token);
  if (request.method != "GET") {
    request.headers.set("Content-Type", "application/json");
    request.body = to_text(body);
  }
  request.reuse_connection = true;
  net::Limits limits;
  limits.body = kBodyMax;
  limits.redirects = 0;
  const auto response =
      co_await http_.fetch(std::move(request), limits, Deadline::in(clock_, timeout_));
  if (!response) co_return fail(explain(response.error()));
  co_return read(*response);
}

Error DaemonClient::explain(Error error) const {
  const std::string where = daemon_.base.authority();
  switch (error.code) {
    case ErrorCode::unavailable:
    case ErrorCode::not_found: {  // the name of the host
      const bool refused = error.message == "connection refused";
      error.code = ErrorCode::unavailable;
      error.message = refused ? fmt::format("no Bascule answers at {}", where)
                              : fmt::format("no Bascule answers at {}: {}", where, error.message);
      error.what_to_do = kStartOne;
      // Somebody is there; a server of TLS closes on whoever speaks plain text.
      if (!refused && !daemon_.base.secure()) error.what_to_do += kPerhapsTls;
      return error;
    }
    case ErrorCode::timeout:
      error.message = fmt::format("Bascule at {}: {}", where, error.message);
      return error;
    case ErrorCode::outcome_unknown:
      error.message =
          fmt::format("whether Bascule at {} did it is not known: {}", where, error.message);
      error.what_to_do = "look: bascule status, bascule runs";
      return error;
    default:
      return in_context(where, std::move(error));
  }
}

Result<Reply> DaemonClient::read(const net::Response& response) const {
  const std::string where = daemon_.base.authority();
  auto body = parse_json(response.body, kBodyMax);
  if (response.status == 401 || response.status == 403) {
    Error error{ErrorCode::denied, fmt::format("Bascule at {} refuses this token", where),
                kNameToken, std::nullopt};
    // Why, where it is Bascule that answers: the role, or the end of the token's time.
    const bool tells = body && body->is_object() && body->contains("error");
    const std::string because = tells ? text_or((*body)["error"], "message") : "";
    if (!because.empty()) error.message += ": " + because;
    if (daemon_.token.empty()) {
      error.message = fmt::format("Bascule at {} wants its token", where);
      if (!daemon_.no_token_since.empty())
        error.message += fmt::format(", and {}", daemon_.no_token_since);
    }
    return fail(std::move(error));
  }
  if (!body || !(body->is_object() || body->is_array())) {
    return fail(
        Error{ErrorCode::unavailable,
              fmt::format("what answers at {} is not Bascule (HTTP {})", where, response.status),
              "name the daemon: --server ADDRESS, or -c FILE", std::nullopt});
  }
  return Reply{response.status, std::move(*body)};
}

}  // namespace bascule::app
