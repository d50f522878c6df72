// A server on 127.0.0.1 that behaves as badly as a test wants, and what else the tests of this room
// share. Only for tests.
#pragma once

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "async/clock.h"
#include "async/scope.h"
#include "async/with_deadline.h"
#include "async/world_for_test.h"
#include "net/stream.h"

namespace bascule::net {

// What happens on one accepted connection; `number` counts them from 1.
using Script = std::function<awaitable<void>(std::unique_ptr<Stream> client, int number)>;

class Loopback {
 public:
  Loopback(boost::asio::io_context& context, Clock& clock, Script script)
      : clock_(clock),
        script_(std::move(script)),
        acceptor_(context, {boost::asio::ip::address_v4::loopback(), 0}),
        scope_(context.get_executor(), nullptr) {
    scope_.spawn("accept", accept());
  }

  [[nodiscard]] std::uint16_t port() const { return acceptor_.local_endpoint().port(); }
  [[nodiscard]] Endpoint endpoint() const {
    return {boost::asio::ip::address_v4::loopback(), port()};
  }
  [[nodiscard]] std::string url(const std::string& target = "/",
                                const std::string& host = "127.0.0.1") const {
    return fmt::format("http://{}:{}{}", host, port(), target);
  }
  [[nodiscard]] int accepted() const { return accepted_; }

  awaitable<void> stop() {
    scope_.request_stop();
    co_await scope_.join();
  }

 private:
  awaitable<void> accept() {
    while (true) {
      boost::asio::ip::tcp::socket socket =
          co_await acceptor_.async_accept(boost::asio::use_awaitable);
      scope_.spawn("client", script_(make_stream(clock_, std::move(socket)), ++accepted_));
    }
  }

  Clock& clock_;
  Script script_;
  boost::asio::ip::tcp::acceptor acceptor_;
  int accepted_ = 0;
  Scope scope_;
};

// Bytes from `stream` until `end` has been seen; what came until the end of the stream otherwise.
inline awaitable<std::string> read_until(Clock& clock, Stream* stream, std::string end) {
  std::string text;
  std::string buffer(4096, '\0');
  while (text.find(end) == std::string::npos) {
    const auto n = co_await stream->read_some(buffer, Deadline::in(clock, std::chrono::seconds(5)));
    if (!n || *n == 0) break;
    text.append(buffer, 0, *n);
  }
  co_return text;
}

// Holds the connection until the other side lets go.
inline awaitable<void> hold(Clock& clock, Stream* stream) {
  co_await read_until(clock, stream, "this never comes");
}

// Reads a request's header, writes `answer`, and closes.
inline Script answering(Clock& clock, std::string answer) {
  return [&clock, answer](std::unique_ptr<Stream> client, int) -> awaitable<void> {
    struct Say {
      static awaitable<void> it(Clock& time, std::unique_ptr<Stream> to, std::string what) {
        co_await read_until(time, to.get(), "\r\n\r\n");
        co_await to->write_all(what, Deadline::in(time, std::chrono::seconds(5)));
        co_await to->finish_sending(Deadline::held_outside());
        co_await hold(time, to.get());
      }
    };
    return Say::it(clock, std::move(client), answer);
  };
}

// A port of 127.0.0.1 on which nobody listens.
inline std::uint16_t closed_port(boost::asio::io_context& context) {
  boost::asio::ip::tcp::acceptor once(context, {boost::asio::ip::address_v4::loopback(), 0});
  return once.local_endpoint().port();
}

}  // namespace bascule::net
