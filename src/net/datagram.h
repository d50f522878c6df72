// One question, one answer over UDP or over TCP with a length in front, as DNS does it. The
// messages are built, signed and checked elsewhere; here are only bytes.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "async/awaitable.h"
#include "async/clock.h"
#include "async/deadline.h"
#include "base/result.h"
#include "net/endpoint.h"

namespace bascule::net {

using Bytes = std::vector<std::uint8_t>;

// Whether a datagram is the answer that is waited for (identifier, question, signature). Others are
// ignored: anybody can send one.
using Accept = std::function<bool(const Bytes&)>;

enum class Repeat {
  never,           // doing it twice could do harm
  safe_to_repeat,  // sent again after a third and two thirds of the time
};

// The first accepted answer from `endpoint`. Errors: unavailable ("connection refused": nobody
// listens there), timeout, canceled; with Repeat::never a timeout is outcome_unknown, for the
// message may have been acted on. At most 65535 bytes either way.
awaitable<Result<Bytes>> exchange_udp(Clock& clock, Endpoint endpoint, Bytes message,
                                      Deadline deadline, Accept accept,
                                      Repeat repeat = Repeat::never);

// The same over a fresh TCP connection, each message behind its length in two bytes (RFC 7766).
// Once the message was sent, with Repeat::never any failure is outcome_unknown; nothing is sent
// twice here. Error invalid: a message above 65535 bytes.
awaitable<Result<Bytes>> exchange_tcp_dns(Clock& clock, Endpoint endpoint, Bytes message,
                                          Deadline deadline, Repeat repeat = Repeat::never);

}  // namespace bascule::net
