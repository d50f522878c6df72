// TCP as a Stream, and how connections are made.
#include "net/stream.h"

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "async/event.h"
#include "async/scope.h"
#include "async/with_deadline.h"
#include "base/assert.h"
#include "net/network_error.h"

namespace bascule::net {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

Error network_error(const error_code& code) {
  const auto error = [](ErrorCode kind, std::string message) {
    return Error{kind, std::move(message), "", std::nullopt};
  };
  if (code == asio::error::operation_aborted) return error(ErrorCode::canceled, "canceled");
  if (code == asio::error::connection_refused) {
    return error(ErrorCode::unavailable, "connection refused");
  }
  if (code == asio::error::connection_reset || code == asio::error::broken_pipe ||
      code == asio::error::connection_aborted) {
    return error(ErrorCode::unavailable, "connection reset by the other side");
  }
  if (code == asio::error::host_unreachable) {
    return error(ErrorCode::unavailable, "no route to host");
  }
  if (code == asio::error::network_unreachable) {
    return error(ErrorCode::unavailable, "network is unreachable");
  }
  if (code == asio::error::timed_out) {
    return error(ErrorCode::timeout, "the other side stopped answering");
  }
  if (lacks_resources(code.value())) return error(ErrorCode::unable, code.message());
  return error(ErrorCode::unavailable, code.message());
}

namespace {

constexpr Duration kShortestStagger{10};  // RFC 8305, section 5

// A socket for both families shows ::ffff:192.0.2.7 where 192.0.2.7 is meant.
IpAddress plain_form(const IpAddress& address) {
  if (!address.is_v6() || !address.to_v6().is_v4_mapped()) return address;
  return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6());
}

class TcpStream final : public Stream {
 public:
  TcpStream(Clock& clock, tcp::socket socket) : clock_(clock), socket_(std::move(socket)) {
    error_code ignored;
    socket_.set_option(tcp::no_delay(true), ignored);
    const tcp::endpoint remote = socket_.remote_endpoint(ignored);
    if (!ignored) peer_ = Endpoint{plain_form(remote.address()), remote.port()};
  }

  awaitable<Result<std::size_t>> read_some(std::span<char> into, Deadline deadline) override {
    BASCULE_ASSERT(!into.empty(), "a read into nothing looks like the end");
    if (deadline.is_held_outside()) co_return co_await read(into);
    co_return co_await with_deadline(clock_, deadline, name(), read(into));
  }

  awaitable<Result<void>> write_all(std::string_view bytes, Deadline deadline) override {
    if (deadline.is_held_outside()) co_return co_await write(bytes);
    co_return co_await with_deadline(clock_, deadline, name(), write(bytes));
  }

  awaitable<Result<void>> finish_sending(Deadline) override {
    error_code failed;
    socket_.shutdown(tcp::socket::shutdown_send, failed);
    if (failed) co_return fail(network_error(failed));
    co_return Result<void>();
  }

  awaitable<Result<void>> close(Deadline) override {
    abort();
    co_return Result<void>();
  }

  void abort() override {
    error_code ignored;
    socket_.close(ignored);
  }

  [[nodiscard]] bool is_idle() const override {
    if (!socket_.is_open()) return false;
    char byte = 0;
    const auto fd = const_cast<tcp::socket&>(socket_).native_handle();
    const ssize_t n = ::recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
  }

  [[nodiscard]] std::optional<Endpoint> peer() const override { return peer_; }

 private:
  [[nodiscard]] std::string name() const {
    return peer_ ? to_string(*peer_) : std::string("the other side");
  }

  awaitable<Result<std::size_t>> read(std::span<char> into) {
    error_code failed;
    const std::size_t n = co_await socket_.async_read_some(
        asio::buffer(into.data(), into.size()), asio::redirect_error(asio::use_awaitable, failed));
    if (failed == asio::error::eof) co_return std::size_t{0};
    if (failed) co_return fail(network_error(failed));
    co_return n;
  }

  awaitable<Result<void>> write(std::string_view bytes) {
    error_code failed;
    co_await asio::async_write(socket_, asio::buffer(bytes.data(), bytes.size()),
                               asio::redirect_error(asio::use_awaitable, failed));
    if (failed) co_return fail(network_error(failed));
    co_return Result<void>();
  }

  Clock& clock_;
  tcp::socket socket_;
  std::optional<Endpoint> peer_;
};

awaitable<Result<std::unique_ptr<Stream>>> connect_now(Clock& clock, Endpoint endpoint) {
  tcp::socket socket(co_await asio::this_coro::executor);
  error_code failed;
  const tcp::endpoint remote(endpoint.address, endpoint.port);
  co_await socket.async_connect(remote, asio::redirect_error(asio::use_awaitable, failed));
  if (failed) co_return fail(network_error(failed));
  co_return make_stream(clock, std::move(socket));
}

// Several connections being tried at once; the first wins.
struct Attempts {
  explicit Attempts(const asio::any_io_executor& executor) : scope(executor, nullptr) {}

  Event changed;
  std::unique_ptr<Stream> winner;
  std::optional<Error> first_error;
  std::size_t failures = 0;
  Scope scope;
};

awaitable<void> attempt(Clock& clock, Endpoint endpoint, Attempts* attempts) {
  Result<std::unique_ptr<Stream>> stream = co_await connect_now(clock, endpoint);
  if (!stream) {
    ++attempts->failures;
    // One address that was asked tells more than one that could not be.
    const bool says_nothing =
        !attempts->first_error || attempts->first_error->code == ErrorCode::unable;
    if (says_nothing) attempts->first_error = stream.error();
  } else if (!attempts->winner) {
    attempts->winner = std::move(*stream);
  }
  attempts->changed.notify_all();
}

awaitable<Result<std::unique_ptr<Stream>>> race(Clock& clock, std::vector<IpAddress> addresses,
                                                std::uint16_t port, Duration stagger,
                                                Attempts* attempts) {
  for (const IpAddress& address : addresses) {
    const Endpoint endpoint{address, port};
    attempts->scope.spawn("connect " + to_string(endpoint), attempt(clock, endpoint, attempts));
    const std::size_t failed_before = attempts->failures;
    const Deadline next = Deadline::in(clock, stagger);
    while (!attempts->winner && attempts->failures == failed_before) {
      if (!co_await attempts->changed.wait(clock, next)) break;
    }
    if (attempts->winner) break;
  }
  while (!attempts->winner && attempts->failures < addresses.size()) {
    co_await attempts->changed.wait();
  }
  if (attempts->winner) co_return std::move(attempts->winner);
  co_return fail(*attempts->first_error);
}

}  // namespace

awaitable<Result<std::unique_ptr<Stream>>> connect(Clock& clock, Endpoint endpoint,
                                                   Deadline deadline) {
  co_return co_await with_deadline(clock, deadline, to_string(endpoint),
                                   connect_now(clock, endpoint));
}

awaitable<Result<std::unique_ptr<Stream>>> connect_any(Clock& clock,
                                                       std::vector<IpAddress> addresses,
                                                       std::uint16_t port, Deadline deadline,
                                                       Duration stagger) {
  BASCULE_ASSERT(!addresses.empty(), "there must be an address to connect to");
  const Endpoint first{addresses.front(), port};
  stagger = std::min(stagger, std::max(deadline.left(clock) / 4, kShortestStagger));
  if (addresses.size() == 1) co_return co_await connect(clock, first, deadline);

  Attempts attempts(co_await asio::this_coro::executor);
  Result<std::unique_ptr<Stream>> stream =
      co_await with_deadline(clock, deadline, to_string(first),
                             race(clock, std::move(addresses), port, stagger, &attempts));
  // The losers end before we do, also when we were canceled.
  const bool throws = co_await asio::this_coro::throw_if_cancelled();
  co_await asio::this_coro::throw_if_cancelled(false);
  attempts.scope.request_stop();
  co_await attempts.scope.join();
  co_await asio::this_coro::throw_if_cancelled(throws);
  co_return stream;
}

std::unique_ptr<Stream> make_stream(Clock& clock, tcp::socket socket) {
  return std::make_unique<TcpStream>(clock, std::move(socket));
}

}  // namespace bascule::net
