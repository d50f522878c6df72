// `dns.resolves`, an item of the preflight: every name is answered with an address by every
// resolver, and, where `connect` names a port, something takes connections there. So the way that
// clients will take to a site is walked before they have to.
//
// The resolvers are asked themselves, anew each time: no hosts file, no cache of this machine. What
// a resolver remembers is its own; name the zone's servers in `servers` to go past that as well.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ports/action.h"
#include "ports/services.h"
#include "providers/dns/client.h"

namespace bascule::dns {

struct ResolvesSettings {
  std::vector<std::string> names;    // absolute
  std::vector<std::string> servers;  // empty: those that the resolver asks
  std::optional<std::uint16_t> connect;
};

class Resolves final : public Action {
 public:
  // Services and resolver outlive it.
  Resolves(Services& services, net::Resolver& resolver, ResolvesSettings settings);

  // `done`, or `blocked` with every failure and what to do about it.
  awaitable<Result<Inspection>> inspect(StepCall call) override;
  awaitable<Result<Outputs>> apply(StepCall call) override;
  awaitable<Result<void>> revert(StepCall call) override;

 private:
  // What one server says about one name.
  struct Lookup {
    std::string name;
    std::string server;
    std::vector<net::IpAddress> addresses;
    std::string complaint;  // empty: none
  };
  struct Connection {
    std::string name;
    net::Endpoint endpoint;
    std::string complaint;
  };

  awaitable<void> look_up(Deadline deadline, Lookup* lookup);
  awaitable<void> connect(Deadline deadline, Connection* connection);
  awaitable<std::vector<Lookup>> look_up_all(std::vector<std::string> servers, Deadline deadline);
  awaitable<std::vector<Connection>> connect_to_all(std::vector<Connection> connections,
                                                    Deadline deadline);

  Services& services_;
  net::Resolver& resolver_;
  Client client_;
  ResolvesSettings settings_;
};

}  // namespace bascule::dns
