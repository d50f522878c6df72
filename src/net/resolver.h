// Names to addresses, by c-ares. Never Asio's resolver: it looks up one name at a time in a thread
// that cannot be interrupted, so that one dead name server would stall every check.
//
// Each lookup has its own sockets and its own time: lookups run side by side, none waits for
// another, and a canceled one is gone at once. Nothing is cached.
#pragma once

#include <boost/asio/io_context.hpp>

#include <memory>
#include <string>
#include <vector>

#include "async/awaitable.h"
#include "async/clock.h"
#include "async/deadline.h"
#include "base/result.h"
#include "net/endpoint.h"

namespace bascule::net {

enum class Family { any, v4, v6 };

// Outlives its lookups. One thread.
class Resolver {
 public:
  // `servers`: "127.0.0.1:5300", "[::1]:53" or an address alone (port 53), asked in this order, and
  // nothing else is asked: no hosts file, no search list. Empty: what /etc/resolv.conf, /etc/hosts
  // and /etc/nsswitch.conf say at the time of each lookup.
  static Result<std::unique_ptr<Resolver>> make(boost::asio::io_context& context, Clock& clock,
                                                std::vector<std::string> servers);
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  // Whom lookups ask: "127.0.0.1:5300", in the order of asking. Those it was made with, else what
  // the system's files name now. Errors: unavailable (they cannot be read, or name none).
  [[nodiscard]] Result<std::vector<std::string>> servers() const;

  // At least one address, in the order of the answer, IPv6 and IPv4 alternating where there are
  // both. An address is answered at once, without a question. "localhost" and names below it are
  // the loopback addresses (RFC 6761).
  //
  // Errors: not_found ("NAME does not exist", "NAME has no address"), timeout ("no name server
  // answered within Nms"), unavailable (servers refuse or fail), invalid (not a name), canceled.
  awaitable<Result<std::vector<IpAddress>>> resolve(std::string host, Family family,
                                                    Deadline deadline);

 private:
  struct Settings;
  explicit Resolver(std::unique_ptr<Settings> settings);

  std::unique_ptr<Settings> settings_;
};

}  // namespace bascule::net
