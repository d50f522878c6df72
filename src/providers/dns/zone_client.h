// Asks and updates the authoritative servers of one zone. The first of them is the primary: updates
// go only there, for a compare-and-set needs one place that compares.
#pragma once

#include <string>
#include <vector>

#include "async/clock.h"
#include "net/resolver.h"
#include "providers/dns/message.h"

namespace bascule::dns {

class ZoneClient {
 public:
  ZoneClient(Clock& clock, net::Resolver& resolver, std::string zone,
             std::vector<std::string> servers, Key key);

  [[nodiscard]] std::size_t servers() const { return servers_.size(); }
  [[nodiscard]] const std::string& server_name(std::size_t server) const {
    return servers_[server];
  }

  // One record set as a server answers it authoritatively; nothing when it does not exist. UDP,
  // then TCP when the answer is truncated.
  awaitable<Result<std::optional<RecordSet>>> ask(std::size_t server, std::string name,
                                                  std::string type, Deadline deadline);
  // Sends an update to the primary, over TCP, once: a lost answer is `outcome_unknown`.
  awaitable<Result<Outcome>> update(Update update, Deadline deadline);

 private:
  awaitable<Result<net::Endpoint>> find_server(std::size_t server, Deadline deadline);

  Clock& clock_;
  net::Resolver& resolver_;
  std::string zone_;
  std::vector<std::string> servers_;
  Key key_;
};

}  // namespace bascule::dns
