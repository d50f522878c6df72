// What the daemon serves over HTTP: the API, the event stream, metrics, steering and health. Asks
// who it is, parses the body, hands over to those who know.
//
//   /healthz /readyz            anybody: is there a process, may it act
//   /steer/…  /metrics          anybody: what health checks and scrapers, which carry no token, ask
//   /api/v1/…                   by bearer token; see operations.h
//   /openapi.json               anybody: what there is
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "api/access.h"
#include "api/event_stream.h"
#include "api/metrics/metrics.h"
#include "api/routes.h"
#include "async/pool.h"
#include "net/http_server.h"

namespace bascule::api {

// Everything the server speaks for; outlives it.
struct ServerParts {
  Routes& routes;
  runtime::Supervisor& supervisor;
  Access& access;
  Metrics& metrics;
  EventStream& events;
  ObserverName observer;
};

// Where it is served, and with which certificate; null: plain.
struct Served {
  net::Endpoint listen;
  std::shared_ptr<const net::TlsContext> tls = nullptr;
};

class Server {
 public:
  Server(boost::asio::io_context& context, Clock& clock, Served served, ServerParts parts);

  Result<void> start() { return server_.start(); }
  // For the connections from now on. REQUIRES: served with TLS.
  void replace_tls(std::shared_ptr<const net::TlsContext> tls) {
    server_.replace_tls(std::move(tls));
  }
  [[nodiscard]] net::Endpoint endpoint() const { return server_.endpoint(); }
  awaitable<void> stop(Deadline deadline) { return server_.stop(deadline); }

 private:
  awaitable<net::ServerResponse> handle(net::ServerRequest request);
  awaitable<net::ServerResponse> dispatch(net::ServerRequest request);
  awaitable<net::ServerResponse> scrape();
  awaitable<net::ServerResponse> answer_api(net::ServerRequest request);
  [[nodiscard]] net::ServerResponse stream_events(const net::ServerRequest& request);
  [[nodiscard]] net::ServerResponse ready() const;
  [[nodiscard]] net::ServerResponse steer_to(std::string_view path) const;
  // Why what this process says may be old; empty: it is not.
  [[nodiscard]] std::string stale() const;

  ServerParts parts_;
  BlockingPool scraping_;
  net::HttpServer server_;
};

}  // namespace bascule::api
