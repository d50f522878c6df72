// Asks and updates the authoritative servers of one zone. The first of them is the primary: updates
// go only there, for a compare-and-set needs one place that compares.
//
// One thread; outlives its calls; clock and resolver outlive it. Each question and each update has
// a limit of its own inside the caller's deadline, so that a silent server leaves time to try
// again.
#pragma once

#include <string>
#include <vector>

#include "async/clock.h"
#include "providers/dns/client.h"

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
  // then TCP when the answer is truncated. Errors: timeout, unavailable (refused, failed, not
  // authoritative), not_found (no such server), invalid (the name is an alias).
  awaitable<Result<std::optional<RecordSet>>> ask(std::size_t server, std::string name,
                                                  std::string type, Deadline deadline);
  // Sends an update to the primary, over TCP, once: a lost answer is `outcome_unknown`. The other
  // errors are those of read_update_answer, and unavailable or timeout while connecting.
  awaitable<Result<Outcome>> update(Update update, Deadline deadline);

 private:
  Clock& clock_;
  Client client_;
  std::string zone_;
  std::vector<std::string> servers_;
  Key key_;
};

}  // namespace bascule::dns
