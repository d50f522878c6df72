// The API over HTTP: checks the bearer token, parses the body, asks the routes. Loopback only;
// every local user could reach it, so the token lies in a file that only its owner can read.
#pragma once

#include <memory>
#include <string>

#include "api/routes.h"
#include "net/http_server.h"

namespace bascule::api {

class Server {
 public:
  Server(boost::asio::io_context& context, Clock& clock, net::Endpoint listen, std::string token,
         Routes& routes);

  Result<void> start() { return server_.start(); }
  [[nodiscard]] net::Endpoint endpoint() const { return server_.endpoint(); }
  awaitable<void> stop(Deadline deadline) { return server_.stop(deadline); }

 private:
  awaitable<net::ServerResponse> handle(net::ServerRequest request);
  [[nodiscard]] bool is_authorized(const net::ServerRequest& request) const;

  Routes& routes_;
  std::string token_;
  net::HttpServer server_;
};

}  // namespace bascule::api
