// The HTTP client of probes, actions, journals and notifiers: one request, one answer, everything
// bounded: time, header, body, redirects, connections.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "async/awaitable.h"
#include "async/clock.h"
#include "async/deadline.h"
#include "base/result.h"
#include "net/http.h"
#include "net/resolver.h"
#include "net/tls.h"

namespace bascule::net {

struct Limits {
  std::size_t header = 16 * 1024;
  std::size_t body = 1024 * 1024;
  // A larger body: false, an error; true, cut there and marked in the Response.
  bool truncate_body = false;
  int redirects = 10;  // 0: a redirect is an answer like any other
};

struct ClientSettings {
  // Null: the system's authorities, verified.
  std::shared_ptr<const TlsContext> tls;
  Family family = Family::any;
  // Idle connections kept for requests that allow reuse.
  std::size_t idle_per_host = 4;
  std::size_t idle_in_all = 64;
  Duration idle_for{30'000};
};

// One TLS configuration, one pool. Cheap; outlives its fetches. One thread; any number of fetches
// at the same time. Clock and resolver outlive it.
class HttpClient {
 public:
  HttpClient(Clock& clock, Resolver& resolver, ClientSettings settings = ClientSettings());
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // Any complete answer is a Response, whatever its status; 1xx are skipped. `deadline` covers all
  // of lookup, connect, TLS, headers, body and redirects. Redirects: 303 (and 301, 302 after a
  // POST) become GET; never from https to http; a circle and too many are errors; Authorization,
  // Cookie and Proxy-Authorization stay behind when the origin changes.
  //
  // Errors, short and plain: timeout "no answer within 900ms (connecting)" ((looking up the name),
  // (TLS handshake), (waiting for the answer), (reading the answer)); not_found "NAME does not
  // exist"; unavailable "connection refused", "answer is not HTTP: …", "answer's header is larger
  // than 16 KiB", those of start_tls; invalid for a request that cannot be written; canceled.
  // When the request is not safe to repeat and some of it was sent, timeout and unavailable become
  // outcome_unknown, with the same message. A request that is safe to repeat is sent once more,
  // over a fresh connection, when a reused one turns out to be closed.
  awaitable<Result<Response>> fetch(Request request, Limits limits, Deadline deadline);

  // Closes the idle connections.
  void drop_idle();
  [[nodiscard]] std::size_t idle() const;

 private:
  class Exchange;
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace bascule::net
