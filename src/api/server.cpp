#include "api/server.h"

#include <openssl/crypto.h>

#include <utility>

namespace bascule::api {
namespace {

constexpr std::size_t kBodyLimit = 256 * 1024;

net::ServerResponse respond(int status, const Json& body) {
  net::ServerResponse response(status, to_text(body) + "\n", "application/json");
  response.headers.set("Cache-Control", "no-store");
  return response;
}

net::ServerSettings settings_for(net::Endpoint listen) {
  net::ServerSettings settings;
  settings.listen = std::move(listen);
  settings.body_limit = kBodyLimit;
  return settings;
}

}  // namespace

Server::Server(boost::asio::io_context& context, Clock& clock, net::Endpoint listen,
               std::string token, Routes& routes)
    : routes_(routes),
      token_(std::move(token)),
      server_(context, clock, settings_for(std::move(listen)),
              [this](net::ServerRequest request) { return handle(std::move(request)); }) {}

bool Server::is_authorized(const net::ServerRequest& request) const {
  constexpr std::string_view scheme = "Bearer ";
  const auto header = request.headers.find("Authorization");
  if (!header || !header->starts_with(scheme)) return false;
  const std::string_view given = header->substr(scheme.size());
  // In constant time, so that the token cannot be guessed letter by letter.
  return given.size() == token_.size() &&
         CRYPTO_memcmp(given.data(), token_.data(), token_.size()) == 0;
}

awaitable<net::ServerResponse> Server::handle(net::ServerRequest request) {
  if (request.path == "/healthz") co_return net::ServerResponse(200, "ok\n", "text/plain");
  if (!is_authorized(request)) {
    net::ServerResponse refused = respond(
        401,
        error_view(Error{ErrorCode::denied, "the bearer token is missing or wrong",
                         "read it from the file beside the store: STORE.token", std::nullopt}));
    refused.headers.set("WWW-Authenticate", "Bearer");
    co_return refused;
  }
  Json body = Json::object();
  if (!request.body.empty()) {
    Result<Json> parsed = parse_json(request.body, kBodyLimit);
    if (!parsed) co_return respond(400, error_view(in_context("the body", parsed.error())));
    body = std::move(*parsed);
  }
  Reply reply = co_await routes_.answer(request.method, request.target, std::move(body));
  co_return respond(reply.status, reply.body);
}

}  // namespace bascule::api
