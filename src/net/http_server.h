// A small HTTP/1.1 server for the API, steering, metrics and the event stream. Every connection is
// bounded in time and size; a bad request is answered, a slow client cut off, and neither harms the
// others. It knows nothing of routes, tokens or formats.
#pragma once

#include <boost/asio/io_context.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "async/awaitable.h"
#include "async/clock.h"
#include "async/deadline.h"
#include "base/result.h"
#include "net/http.h"
#include "net/tls.h"

namespace bascule::net {

struct ServerSettings {
  Endpoint listen;                    // port 0: any free one, see HttpServer::endpoint()
  std::size_t max_connections = 256;  // one more is answered 503 and closed
  std::size_t header_limit = 16 * 1024;
  std::size_t body_limit = 1024 * 1024;
  Duration read_timeout{10'000};          // from the first byte of a request to its last
  Duration idle_timeout{60'000};          // between requests
  Duration handle_timeout{60'000};        // for a handler to return; then 503
  Duration write_timeout{10'000};         // for each write
  std::shared_ptr<const TlsContext> tls;  // null: plain
};

struct ServerRequest {
  std::string method;
  std::string target;  // as it came: path and query
  std::string path;    // decoded; a target that cannot be decoded is answered 400
  std::string query;   // as it came, without '?'
  Headers headers;
  std::string body;
  Endpoint peer;
};

// Where the producer of a streamed body writes.
class BodyWriter {
 public:
  virtual ~BodyWriter() = default;
  // One chunk, on its way when this returns. Errors: timeout (a client that does not read),
  // unavailable (gone); after one, return.
  virtual awaitable<Result<void>> write(std::string bytes) = 0;
};

struct ServerResponse {
  ServerResponse() = default;
  ServerResponse(int code, std::string text, std::string content_type)
      : status(code), body(std::move(text)) {
    if (!content_type.empty()) headers.set("Content-Type", std::move(content_type));
  }

  int status = 200;
  Headers headers;  // Content-Length, Transfer-Encoding, Connection and Date are the server's
  std::string body;
  // When set, the body is what this writes, in chunks, for as long as it likes: it is canceled when
  // the client goes away or the server stops. The connection closes after it.
  std::function<awaitable<void>(std::shared_ptr<BodyWriter>)> producer;
};

// Called once per well-formed request, several at a time (one per connection). An exception is
// answered 500. Canceled when the server stops or handle_timeout passes.
using Handler = std::function<awaitable<ServerResponse>(ServerRequest)>;

// Answers by itself: 400 malformed, 405 methods other than GET HEAD POST PUT PATCH DELETE OPTIONS,
// 408 a request that began and did not end in time, 413 body too large, 431 header too large,
// 417 an unknown expectation, 500 and 503 as above.
class HttpServer {
 public:
  HttpServer(boost::asio::io_context& context, Clock& clock, ServerSettings settings,
             Handler handler);
  // Asserts that it was stopped if it was started.
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // Binds (SO_REUSEADDR) and begins to accept. Errors: conflict "ADDRESS:PORT is in use", denied,
  // invalid (not an address of this machine).
  Result<void> start();

  // For the connections from now on; those that are open keep what they were opened with.
  // REQUIRES: the server was made with TLS.
  void replace_tls(std::shared_ptr<const TlsContext> tls);

  // The address in use, once started.
  [[nodiscard]] Endpoint endpoint() const;
  [[nodiscard]] std::size_t connections() const;

  // Accepts no more, closes idle connections, lets requests end until `deadline`, then cancels
  // them; streamed bodies are canceled at once. Returns when no handler is running.
  awaitable<void> stop(Deadline deadline);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace bascule::net
