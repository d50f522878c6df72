// A server on a loopback address that behaves as badly as a test wants, and scripts for what is
// wanted most. Only for tests.
#pragma once

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <cerrno>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "async/scope.h"
#include "async/with_deadline.h"
#include "async/world_for_test.h"
#include "net/stream.h"
#include "net/tls.h"

namespace bascule::net {

// What happens on one accepted connection; `number` counts them from 1.
using Script = std::function<awaitable<void>(std::unique_ptr<Stream> client, int number)>;

class Loopback {
 public:
  Loopback(boost::asio::io_context& context, Clock& clock, Script script,
           Endpoint at = {boost::asio::ip::address_v4::loopback(), 0})
      : clock_(clock),
        script_(std::move(script)),
        acceptor_(context, {at.address, at.port}),
        scope_(context.get_executor(), nullptr) {
    scope_.spawn("accept", accept());
  }

  [[nodiscard]] std::uint16_t port() const { return acceptor_.local_endpoint().port(); }
  [[nodiscard]] Endpoint endpoint() const { return {acceptor_.local_endpoint().address(), port()}; }
  [[nodiscard]] std::string url(const std::string& target = "/",
                                const std::string& host = "127.0.0.1") const {
    return fmt::format("http://{}:{}{}", host, port(), target);
  }
  [[nodiscard]] int accepted() const { return accepted_; }
  // Connections that a script still holds.
  [[nodiscard]] std::size_t open() const { return scope_.running() - 1; }
  // From now on abort() of a connection is a reset, not an orderly end.
  void reset_connections() { resets_ = true; }

  awaitable<void> stop() {
    scope_.request_stop();
    co_await scope_.join();
  }

 private:
  awaitable<void> accept() {
    while (true) {
      boost::asio::ip::tcp::socket socket =
          co_await acceptor_.async_accept(boost::asio::use_awaitable);
      if (resets_) socket.set_option(boost::asio::socket_base::linger(true, 0));
      scope_.spawn("client", script_(make_stream(clock_, std::move(socket)), ++accepted_));
    }
  }

  Clock& clock_;
  Script script_;
  boost::asio::ip::tcp::acceptor acceptor_;
  int accepted_ = 0;
  bool resets_ = false;
  Scope scope_;
};

// Bytes from `stream` until `end` has been seen; what came until the end of the stream otherwise.
inline awaitable<std::string> read_until(Clock& clock, Stream* stream, std::string end) {
  std::string text;
  std::string buffer(4096, '\0');
  while (text.find(end) == std::string::npos) {
    const auto n = co_await stream->read_some(buffer, Deadline::in(clock, Duration{20'000}));
    if (!n || *n == 0) break;
    text.append(buffer, 0, *n);
  }
  co_return text;
}

// Holds the connection until the other side lets go.
inline awaitable<void> hold(Clock& clock, Stream* stream) {
  co_await read_until(clock, stream, "this never comes");
}

// The rest are scripts, and the coroutines that they are made of. A script refers to the clock
// only.

// Says nothing, and holds the connection.
inline awaitable<void> say_nothing(Clock& clock, std::unique_ptr<Stream> to) {
  co_await hold(clock, to.get());
}
inline Script silent(Clock& clock) {
  return [&clock](std::unique_ptr<Stream> client, int) {
    return say_nothing(clock, std::move(client));
  };
}

// Reads a request's header, writes `answer`, and closes.
inline awaitable<void> say(Clock& clock, std::unique_ptr<Stream> to, std::string answer) {
  co_await read_until(clock, to.get(), "\r\n\r\n");
  co_await to->write_all(answer, Deadline::in(clock, Duration{20'000}));
  co_await to->finish_sending(Deadline::held_outside());
  co_await hold(clock, to.get());
}
inline Script answering(Clock& clock, std::string answer) {
  return [&clock, answer = std::move(answer)](std::unique_ptr<Stream> client, int) {
    return say(clock, std::move(client), answer);
  };
}

// The same in pieces, each in a packet of its own; holds the connection at the end.
inline awaitable<void> say_pieces(Clock& clock, std::unique_ptr<Stream> to,
                                  std::vector<std::string> pieces) {
  co_await read_until(clock, to.get(), "\r\n\r\n");
  for (const std::string& piece : pieces) {
    if (!co_await to->write_all(piece, Deadline::in(clock, Duration{20'000}))) co_return;
    co_await wait_for(clock, Duration{2});
  }
  co_await hold(clock, to.get());
}
inline Script answering_in_pieces(Clock& clock, std::vector<std::string> pieces) {
  return [&clock, pieces = std::move(pieces)](std::unique_ptr<Stream> client, int) {
    return say_pieces(clock, std::move(client), pieces);
  };
}

// Writes `begin`, and `piece` again and again for as long as anybody takes it, with a pause
// between.
struct Flood {
  std::string begin;
  std::string piece;
  Duration pause{0};
  std::shared_ptr<std::size_t> taken = std::make_shared<std::size_t>(0);  // bytes
};
inline awaitable<void> say_without_end(Clock& clock, std::unique_ptr<Stream> to, Flood flood) {
  co_await read_until(clock, to.get(), "\r\n\r\n");
  bool written =
      (co_await to->write_all(flood.begin, Deadline::in(clock, Duration{20'000}))).has_value();
  while (written) {
    written =
        (co_await to->write_all(flood.piece, Deadline::in(clock, Duration{20'000}))).has_value();
    *flood.taken += flood.piece.size();
    if (flood.pause > Duration{0}) co_await wait_for(clock, flood.pause);
  }
}
inline Script flooding(Clock& clock, Flood flood) {
  return [&clock, flood = std::move(flood)](std::unique_ptr<Stream> client, int) {
    return say_without_end(clock, std::move(client), flood);
  };
}

// TLS in front of a script.
inline awaitable<void> say_securely(Clock& clock, std::unique_ptr<Stream> plain,
                                    std::shared_ptr<const TlsContext> context, Script script,
                                    int number) {
  auto secured = co_await accept_tls(clock, std::move(plain), std::move(context),
                                     Deadline::in(clock, Duration{20'000}));
  if (secured) co_await script(*std::move(secured), number);
}
inline Script secured(Clock& clock, std::shared_ptr<const TlsContext> context, Script script) {
  return [&clock, context = std::move(context), script = std::move(script)](
             std::unique_ptr<Stream> client, int number) {
    return say_securely(clock, std::move(client), context, script, number);
  };
}

// An address that swallows what is sent to it: its backlog is full and nobody accepts.
class Swallowing {
 public:
  Swallowing(boost::asio::io_context& context, Endpoint at)
      : acceptor_(context), filler_(context), second_(context) {
    acceptor_.open(at.address.is_v6() ? boost::asio::ip::tcp::v6() : boost::asio::ip::tcp::v4());
    acceptor_.set_option(boost::asio::socket_base::reuse_address(true));
    acceptor_.bind({at.address, at.port});
    acceptor_.listen(0);
    const boost::asio::ip::tcp::endpoint place = acceptor_.local_endpoint();
    filler_.connect(place);
    // This one waits in a queue that is full; so will everybody after it. Asio's own connect would
    // wait with it.
    second_.open(place.protocol());
    second_.native_non_blocking(true);
    const int begun =
        ::connect(second_.native_handle(), place.data(), static_cast<socklen_t>(place.size()));
    EXPECT_TRUE(begun == 0 || errno == EINPROGRESS);
  }

 private:
  boost::asio::ip::tcp::acceptor acceptor_;
  boost::asio::ip::tcp::socket filler_;
  boost::asio::ip::tcp::socket second_;
};

// A port of 127.0.0.1 on which nobody listens.
inline std::uint16_t closed_port(boost::asio::io_context& context) {
  boost::asio::ip::tcp::acceptor once(context, {boost::asio::ip::address_v4::loopback(), 0});
  return once.local_endpoint().port();
}

}  // namespace bascule::net
