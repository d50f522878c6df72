// A connection as a stream of bytes, over TCP or TLS. HTTP and whatever else talks over it sees
// only this interface, so that the costly library types stay in stream.cpp and tls.cpp.
//
// One thread. A stream outlives its calls. At most one read and one write at a time. After an
// error, a timeout or a cancellation only close() and abort() are allowed.
#pragma once

#include <boost/asio/ip/tcp.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "async/awaitable.h"
#include "async/clock.h"
#include "async/deadline.h"
#include "base/result.h"
#include "net/endpoint.h"

namespace bascule::net {

// What a TLS handshake agreed on.
struct TlsDetails {
  std::string protocol;  // "TLSv1.3"
  std::string cipher;
  bool verified = false;          // false only where verification was switched off
  std::string subject;            // of the peer's certificate, RFC 2253; empty without one
  std::optional<Instant> begins;  // the certificate's validity
  std::optional<Instant> expires;
};

class Stream {
 public:
  virtual ~Stream() = default;

  // Reads what is there, at least one byte; 0 at the end of the stream. REQUIRES: `into` is not
  // empty and stays valid until the call has ended. Errors: timeout, unavailable ("connection reset
  // by the other side", "connection was cut without a TLS goodbye"), canceled.
  virtual awaitable<Result<std::size_t>> read_some(std::span<char> into, Deadline deadline) = 0;

  // Writes all of it. REQUIRES: `bytes` stays valid until the call has ended. On an error some of
  // it may have arrived.
  virtual awaitable<Result<void>> write_all(std::string_view bytes, Deadline deadline) = 0;

  // No more writes will follow; reading goes on. The other side sees the end after the last byte.
  virtual awaitable<Result<void>> finish_sending(Deadline deadline) = 0;

  // Says goodbye where the protocol has one (for TLS; waits for no answer) and closes. The stream
  // is closed afterwards even if this failed.
  virtual awaitable<Result<void>> close(Deadline deadline) = 0;

  // Closes at once. Calls in flight end with an error.
  virtual void abort() = 0;

  // Whether an unused connection still looks alive: open, nothing to read, no end seen.
  [[nodiscard]] virtual bool is_idle() const = 0;

  // The other side; nothing if that cannot be told.
  [[nodiscard]] virtual std::optional<Endpoint> peer() const = 0;

  // Only for TLS.
  [[nodiscard]] virtual std::optional<TlsDetails> tls() const { return std::nullopt; }
};

// A TCP connection, without delay for small writes. Errors: unavailable ("connection refused", "no
// route to host", …), timeout ("ADDRESS:PORT gave no answer within Nms"), canceled.
awaitable<Result<std::unique_ptr<Stream>>> connect(Clock& clock, Endpoint endpoint,
                                                   Deadline deadline);

// The first of several addresses that takes the connection: the next one is tried as soon as one
// fails, and after `stagger` beside it (as RFC 8305 has it), or after a quarter of the time that is
// left when that is less: an address that swallows packets must not eat a short deadline. All fail:
// the error of the first.
// REQUIRES: `addresses` is not empty.
awaitable<Result<std::unique_ptr<Stream>>> connect_any(Clock& clock,
                                                       std::vector<IpAddress> addresses,
                                                       std::uint16_t port, Deadline deadline,
                                                       Duration stagger = Duration{250});

// A connection that a server accepted.
std::unique_ptr<Stream> make_stream(Clock& clock, boost::asio::ip::tcp::socket socket);

}  // namespace bascule::net
