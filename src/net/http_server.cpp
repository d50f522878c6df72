// Connections as coroutines, requests through Beast's parser fed by hand, responses written as
// text.
#include "net/http_server.h"

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <array>
#include <map>
#include <utility>

#include "async/event.h"
#include "async/scope.h"
#include "async/with_deadline.h"
#include "base/assert.h"
#include "net/http_conversation.h"
#include "net/network_error.h"

namespace bascule::net {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr Duration kLinger{1000};      // for a goodbye
constexpr Duration kAcceptPause{100};  // when there are no descriptors left

}  // namespace

struct HttpServer::State : std::enable_shared_from_this<HttpServer::State> {
  struct Connection {
    bool busy = false;         // inside a request that should be answered
    Stream* stream = nullptr;  // once requests can come
  };

  State(asio::io_context& context, Clock& time, ServerSettings chosen, Handler answers)
      : clock(time),
        settings(std::move(chosen)),
        handler(std::move(answers)),
        acceptor(context),
        scope(context.get_executor(), nullptr) {}

  Clock& clock;
  ServerSettings settings;
  Handler handler;
  tcp::acceptor acceptor;
  Endpoint bound;
  bool started = false;
  bool stopping = false;
  std::map<std::uint64_t, Connection*> connections;
  std::uint64_t last_connection = 0;
  Event changed;
  Scope scope;

  awaitable<void> accept_loop();
  awaitable<void> serve(tcp::socket socket);
  void refuse(tcp::socket socket);
};

namespace {

// A body in chunks. The producer may keep the writer longer than the connection lives.
class ChunkWriter final : public BodyWriter {
 public:
  explicit ChunkWriter(Conversation* conversation) : conversation_(conversation) {}

  awaitable<Result<void>> write(std::string bytes) override {
    if (conversation_ == nullptr) {
      co_return fail(ErrorCode::unavailable, "the client has gone");
    }
    if (bytes.empty()) co_return Result<void>();  // an empty chunk would be the end
    const std::string chunk = fmt::format("{:x}\r\n{}\r\n", bytes.size(), bytes);
    Result<void> written = co_await conversation_->write(chunk);
    if (!written) conversation_ = nullptr;
    co_return written;
  }

  void detach() { conversation_ = nullptr; }
  [[nodiscard]] bool attached() const { return conversation_ != nullptr; }

 private:
  Conversation* conversation_;
};

using Producer = std::function<awaitable<void>(std::shared_ptr<BodyWriter>)>;

// A producer and, beside it, somebody who notices that the client has gone.
struct Streaming {
  explicit Streaming(const asio::any_io_executor& executor) : scope(executor, nullptr) {}

  bool over = false;
  bool completed = false;
  Event changed;
  Scope scope;

  void end() {
    over = true;
    changed.notify_all();
  }
};

struct EndsStreaming {
  explicit EndsStreaming(Streaming* what) : streaming(what) {}
  ~EndsStreaming() { streaming->end(); }
  EndsStreaming(const EndsStreaming&) = delete;
  EndsStreaming& operator=(const EndsStreaming&) = delete;
  Streaming* streaming;
};

awaitable<void> produce(Streaming* streaming, const Producer* producer,
                        std::shared_ptr<BodyWriter> writer) {
  const EndsStreaming ends(streaming);
  co_await (*producer)(std::move(writer));
  streaming->completed = true;
}

awaitable<void> watch_client(Streaming* streaming, Stream* stream) {
  const EndsStreaming ends(streaming);
  std::array<char, 1024> ignored{};
  while (true) {
    const Result<std::size_t> n = co_await stream->read_some(ignored, Deadline::held_outside());
    if (!n || *n == 0) co_return;
  }
}

awaitable<Result<void>> wait_until_over(Streaming* streaming) {
  while (!streaming->over) co_await streaming->changed.wait();
  co_return Result<void>();
}

awaitable<void> stream_body(Clock& clock, Conversation* conversation, ServerResponse response) {
  const std::string head = response_head(response.status, response.headers,
                                         "Transfer-Encoding: chunked\r\n", true, clock.now());
  if (!co_await conversation->write(head)) co_return;
  auto writer = std::make_shared<ChunkWriter>(conversation);
  Streaming streaming(co_await asio::this_coro::executor);
  streaming.scope.spawn("body", produce(&streaming, &response.producer, writer));
  streaming.scope.spawn("client", watch_client(&streaming, &conversation->stream()));
  co_await with_deadline(clock, Deadline::held_outside(), "body", wait_until_over(&streaming));
  const bool whole = streaming.completed && writer->attached();

  const bool throws = co_await asio::this_coro::throw_if_cancelled();
  co_await asio::this_coro::throw_if_cancelled(false);
  streaming.scope.request_stop();
  co_await streaming.scope.join();
  writer->detach();
  co_await asio::this_coro::throw_if_cancelled(throws);
  if (whole) co_await conversation->write("0\r\n\r\n");
}

// Also what a handler throws before its first co_await ends here.
awaitable<Result<ServerResponse>> handle(const Handler* handler, ServerRequest request) {
  co_return co_await (*handler)(std::move(request));
}

template <typename Connections>
awaitable<Result<void>> wait_until_empty(const Connections* connections, Event* changed) {
  while (!connections->empty()) co_await changed->wait();
  co_return Result<void>();
}

ServerResponse response_for(const Error& error) {
  const int status = error.code == ErrorCode::timeout ? 503 : 500;
  const char* text = status == 503 ? "no answer in time\n" : "internal error\n";
  return ServerResponse(status, text, "text/plain; charset=utf-8");
}

}  // namespace

awaitable<void> HttpServer::State::serve(tcp::socket socket) {
  const auto self = shared_from_this();
  Connection connection;
  const std::uint64_t id = ++last_connection;
  connections.emplace(id, &connection);
  struct Leaves {
    State* state;
    std::uint64_t id;
    ~Leaves() {
      state->connections.erase(id);
      state->changed.notify_all();
    }
  };
  const Leaves leaves{this, id};

  std::unique_ptr<Stream> stream = make_stream(clock, std::move(socket));
  if (settings.tls) {
    const Deadline deadline = Deadline::in(clock, settings.read_timeout);
    Result<std::unique_ptr<Stream>> secured =
        co_await accept_tls(clock, std::move(stream), settings.tls, deadline);
    if (!secured) co_return;
    stream = std::move(*secured);
  }
  Conversation conversation(clock, settings, std::move(stream));
  connection.stream = &conversation.stream();
  while (!stopping && co_await conversation.wait_for_request()) {
    connection.busy = true;
    std::expected<ServerRequest, Refusal> request = co_await conversation.read_request();
    if (!request) {
      co_await conversation.refuse(request.error());
      break;
    }
    const bool head_only = request->method == "HEAD";
    Result<ServerResponse> response =
        co_await with_deadline(clock, Deadline::in(clock, settings.handle_timeout), "handler",
                               handle(&handler, std::move(*request)));
    if (!response && response.error().code == ErrorCode::canceled) break;
    if (!response || !response->headers.check()) {
      response = response_for(response ? Error() : response.error());
    }
    if (stopping) conversation.close_after_this();
    if (response->producer && !head_only) {
      connection.busy = false;
      if (!stopping) co_await stream_body(clock, &conversation, std::move(*response));
      break;
    }
    const Result<void> written = co_await conversation.respond(std::move(*response), head_only);
    connection.busy = false;
    if (!written || !conversation.keeps_connection()) break;
  }
  co_await conversation.stream().close(Deadline::in(clock, kLinger));
}

// One too many: a short answer into the empty socket buffer, without waiting.
void HttpServer::State::refuse(tcp::socket socket) {
  error_code ignored;
  socket.non_blocking(true, ignored);
  const Headers headers{{"Retry-After", "1"}};
  const std::string bytes = response_head(503, headers, "Content-Length: 0\r\n", true, clock.now());
  socket.write_some(asio::buffer(bytes), ignored);
  socket.shutdown(tcp::socket::shutdown_send, ignored);
}

awaitable<void> HttpServer::State::accept_loop() {
  const auto self = shared_from_this();
  while (!stopping) {
    error_code failed;
    tcp::socket socket =
        co_await acceptor.async_accept(asio::redirect_error(asio::use_awaitable, failed));
    if (stopping || failed == asio::error::operation_aborted) co_return;
    if (failed) {
      co_await wait_for(clock, kAcceptPause);
    } else if (scope.running() > settings.max_connections) {  // one of them is this loop
      refuse(std::move(socket));
    } else {
      scope.spawn("connection", serve(std::move(socket)));
    }
  }
}

HttpServer::HttpServer(asio::io_context& context, Clock& clock, ServerSettings settings,
                       Handler handler)
    : state_(std::make_shared<State>(context, clock, std::move(settings), std::move(handler))) {}

HttpServer::~HttpServer() {
  BASCULE_ASSERT(state_->scope.running() == 0, "a server is stopped before it goes");
}

Result<void> HttpServer::start() {
  BASCULE_ASSERT(!state_->started, "a server is started once");
  const Endpoint& wanted = state_->settings.listen;
  const tcp::endpoint local(wanted.address, wanted.port);
  tcp::acceptor& acceptor = state_->acceptor;
  error_code failed;
  acceptor.open(local.protocol(), failed);
  if (!failed) acceptor.set_option(tcp::acceptor::reuse_address(true), failed);
  if (!failed) acceptor.bind(local, failed);
  if (!failed) acceptor.listen(asio::socket_base::max_listen_connections, failed);
  if (failed) {
    error_code ignored;
    acceptor.close(ignored);
    const std::string place = to_string(wanted);
    if (failed == asio::error::address_in_use) {
      return fail(ErrorCode::conflict, "{} is in use", place);
    }
    if (failed == asio::error::access_denied) {
      return fail(ErrorCode::denied, "listening on {} is not permitted", place);
    }
    return fail(ErrorCode::invalid, "cannot listen on {}: {}", place, failed.message());
  }
  const tcp::endpoint bound = acceptor.local_endpoint(failed);
  state_->bound = Endpoint{bound.address(), bound.port()};
  state_->started = true;
  state_->scope.spawn("accept", state_->accept_loop());
  return {};
}

awaitable<void> HttpServer::stop(Deadline deadline) {
  const std::shared_ptr<State> state = state_;
  state->stopping = true;
  error_code ignored;
  state->acceptor.close(ignored);
  for (const auto& [id, connection] : state->connections) {
    if (!connection->busy && connection->stream != nullptr) connection->stream->abort();
  }
  co_await with_deadline(state->clock, deadline, "stop",
                         wait_until_empty(&state->connections, &state->changed));
  const bool throws = co_await asio::this_coro::throw_if_cancelled();
  co_await asio::this_coro::throw_if_cancelled(false);
  state->scope.request_stop();
  co_await state->scope.join();
  co_await asio::this_coro::throw_if_cancelled(throws);
}

void HttpServer::replace_tls(std::shared_ptr<const TlsContext> tls) {
  BASCULE_ASSERT(state_->settings.tls && tls, "who speaks TLS goes on to");
  state_->settings.tls = std::move(tls);
}

Endpoint HttpServer::endpoint() const {
  return state_->bound;
}
std::size_t HttpServer::connections() const {
  return state_->connections.size();
}

}  // namespace bascule::net
