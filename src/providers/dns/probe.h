// The check `dns`: asks every server for a name, all at once, and for the version of its zone.
#pragma once

#include <string>
#include <vector>

#include "ports/probe.h"
#include "ports/services.h"
#include "providers/dns/check.h"
#include "providers/dns/client.h"

namespace bascule::dns {

class DnsProbe final : public Probe {
 public:
  // `servers`: empty for those that `resolver` asks. Both services and resolver outlive it.
  DnsProbe(Services& services, net::Resolver& resolver, std::vector<std::string> servers,
           Question question, Expectation expectation);

  awaitable<Observation> look(Deadline deadline) override;
  awaitable<void> watch(Watcher& watcher) override;

 private:
  awaitable<void> ask(Deadline deadline, ServerAnswer* place);
  awaitable<void> read_version(Deadline deadline, std::string server,
                               std::optional<ZoneVersion>* place);

  Services& services_;
  net::Resolver& resolver_;
  Client client_;
  std::vector<std::string> servers_;
  Question question_;
  Expectation expectation_;
};

}  // namespace bascule::dns
