// Asks one name server one question. Every role of DNS asks through this: the front door, the check
// `dns` and the action `dns.resolves`.
//
// One thread; outlives its calls; clock and resolver outlive it.
#pragma once

#include <string>
#include <vector>

#include "async/clock.h"
#include "net/resolver.h"
#include "providers/dns/message.h"

namespace bascule::dns {

class Client {
 public:
  Client(Clock& clock, net::Resolver& resolver) : clock_(clock), resolver_(resolver) {}

  // The answer of `server` ("HOST:PORT"; port 53 where it has none), whatever it says: UDP, then
  // TCP when it is truncated. Answers to anything else are ignored, for anybody can send them.
  // Errors name the server: timeout, unavailable (refused, failed, knows nothing of the name, sends
  // no DNS), not_found (no such server), invalid (neither a name nor a type).
  awaitable<Result<Answer>> ask(std::string server, Question question, Deadline deadline);

  // Where the server can be reached.
  awaitable<Result<std::vector<net::Endpoint>>> find(std::string server, Deadline deadline);

 private:
  awaitable<Result<Answer>> ask_at(net::Endpoint endpoint, Question question, Deadline deadline);

  Clock& clock_;
  net::Resolver& resolver_;
};

// Unpredictable, so that an answer cannot be forged by guessing (RFC 5452).
std::uint16_t unpredictable_id();

// Whether `server` can be asked: an address or a name, with a port or without.
Result<void> check_server(const std::string& server);

}  // namespace bascule::dns
