#include "net/datagram.h"

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <array>
#include <span>
#include <string_view>
#include <utility>

#include "async/with_deadline.h"
#include "net/network_error.h"
#include "net/stream.h"

namespace bascule::net {

namespace asio = boost::asio;
using asio::ip::udp;
using boost::system::error_code;

namespace {

constexpr std::size_t kLargest = 65535;

Error not_twice(Error error, bool sent, Repeat repeat) {
  const bool open = error.code == ErrorCode::timeout || error.code == ErrorCode::unavailable;
  if (sent && open && repeat == Repeat::never) error.code = ErrorCode::outcome_unknown;
  return error;
}

Result<void> check_size(const Bytes& message) {
  if (message.size() <= kLargest) return {};
  return fail(ErrorCode::invalid, "the message has {} bytes, more than {}", message.size(),
              kLargest);
}

awaitable<Result<void>> send(udp::socket* socket, const Bytes* message) {
  error_code failed;
  co_await socket->async_send(asio::buffer(*message),
                              asio::redirect_error(asio::use_awaitable, failed));
  if (failed) co_return fail(network_error(failed));
  co_return Result<void>();
}

awaitable<Result<Bytes>> receive(udp::socket* socket, const Accept* accept) {
  Bytes buffer(kLargest);
  while (true) {
    error_code failed;
    const std::size_t n = co_await socket->async_receive(
        asio::buffer(buffer), asio::redirect_error(asio::use_awaitable, failed));
    if (failed) co_return fail(network_error(failed));
    Bytes answer(buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(n));
    if (!*accept || (*accept)(answer)) co_return answer;
  }
}

Result<udp::socket> open_socket(const asio::any_io_executor& executor, const Endpoint& endpoint) {
  udp::socket socket(executor);
  error_code failed;
  const udp::endpoint remote(endpoint.address, endpoint.port);
  socket.open(remote.protocol(), failed);
  // Connected, so that only datagrams of this endpoint arrive, and its refusals too.
  if (!failed) socket.connect(remote, failed);
  if (failed) return fail(network_error(failed));
  return socket;
}

std::string_view as_text(const Bytes& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

awaitable<Result<void>> read_exactly(Stream* stream, std::span<char> into) {
  while (!into.empty()) {
    const Result<std::size_t> n = co_await stream->read_some(into, Deadline::held_outside());
    if (!n) co_return error_of(n);
    if (*n == 0) {
      co_return fail(ErrorCode::unavailable, "connection was closed before the answer was whole");
    }
    into = into.subspan(*n);
  }
  co_return Result<void>();
}

awaitable<Result<Bytes>> exchange_framed(Clock& clock, Endpoint endpoint, Bytes message,
                                         bool* sent) {
  Result<std::unique_ptr<Stream>> stream =
      co_await connect(clock, endpoint, Deadline::held_outside());
  if (!stream) co_return error_of(stream);
  const auto size = static_cast<std::uint16_t>(message.size());
  Bytes framed = {static_cast<std::uint8_t>(size >> 8), static_cast<std::uint8_t>(size & 0xFF)};
  framed.insert(framed.end(), message.begin(), message.end());
  *sent = true;
  const Result<void> written =
      co_await (*stream)->write_all(as_text(framed), Deadline::held_outside());
  if (!written) co_return error_of(written);

  std::array<char, 2> length{};
  Result<void> read = co_await read_exactly(stream->get(), length);
  if (!read) co_return error_of(read);
  const std::size_t expected = static_cast<std::size_t>(static_cast<unsigned char>(length[0]))
                                   << 8 |
                               static_cast<unsigned char>(length[1]);
  Bytes answer(expected);
  read = co_await read_exactly(stream->get(),
                               std::span(reinterpret_cast<char*>(answer.data()), answer.size()));
  if (!read) co_return error_of(read);
  co_return answer;
}

}  // namespace

awaitable<Result<Bytes>> exchange_udp(Clock& clock, Endpoint endpoint, Bytes message,
                                      Deadline deadline, Accept accept, Repeat repeat) {
  if (const Result<void> fits = check_size(message); !fits) co_return error_of(fits);
  Result<udp::socket> socket = open_socket(co_await asio::this_coro::executor, endpoint);
  if (!socket) co_return error_of(socket);
  const std::string name = to_string(endpoint);
  const Duration allowed = deadline.left(clock);
  const int sends = repeat == Repeat::safe_to_repeat ? 3 : 1;
  for (int turn = 1; turn <= sends; ++turn) {
    const Result<void> sent =
        co_await with_deadline(clock, deadline, name, send(&*socket, &message));
    if (!sent) co_return error_of(sent);
    const Deadline until =
        turn == sends ? deadline : earlier_of(deadline, Deadline::in(clock, allowed / sends));
    Result<Bytes> answer = co_await with_deadline(clock, until, name, receive(&*socket, &accept));
    if (answer) co_return answer;
    if (answer.error().code != ErrorCode::timeout) co_return answer;
  }
  const Error silence =
      fail(ErrorCode::timeout, "{} gave no answer within {}ms", name, allowed.count()).error();
  co_return fail(not_twice(silence, true, repeat));
}

awaitable<Result<Bytes>> exchange_tcp_dns(Clock& clock, Endpoint endpoint, Bytes message,
                                          Deadline deadline, Repeat repeat) {
  if (const Result<void> fits = check_size(message); !fits) co_return error_of(fits);
  bool sent = false;
  Result<Bytes> answer =
      co_await with_deadline(clock, deadline, to_string(endpoint),
                             exchange_framed(clock, endpoint, std::move(message), &sent));
  if (!answer) co_return fail(not_twice(answer.error(), sent, repeat));
  co_return answer;
}

}  // namespace bascule::net
