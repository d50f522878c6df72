// `dns.record` as an action: claim and switch, each inspectable, repeatable and revertible.
//
// What is written, with G the generation that this journal knows:
//   claim          requires: the addresses and the TXT as found     writes: TXT generation
//   max(found, G) + 1 switch         requires: the addresses as found, TXT of the claim  writes:
//   the new address, the same TXT revert         requires: what is there now writes: the old
//   addresses, TXT generation G + 1
// So a write that comes late always meets a TXT that it does not know.
#pragma once

#include <memory>
#include <string>

#include "ports/action.h"
#include "providers/dns/ownership.h"
#include "providers/dns/zone_client.h"

namespace bascule::dns {

struct FrontDoorSettings {
  std::string zone;
  std::string name;
  std::string type = "A";
  std::uint32_t ttl_seconds = 60;
  std::string address;  // what a switch shows
  std::string cluster;
};

class FrontDoor final : public Action {
 public:
  FrontDoor(FrontDoorSettings settings, std::unique_ptr<ZoneClient> zone);

  awaitable<Result<Inspection>> inspect(StepCall call) override;
  awaitable<Result<Outputs>> apply(StepCall call) override;
  awaitable<Result<void>> revert(StepCall call) override;

 private:
  // What the primary shows.
  struct View {
    std::optional<RecordSet> addresses;
    std::optional<RecordSet> text;
    std::optional<Ownership> owner;
  };
  awaitable<Result<View>> look(Deadline deadline);
  awaitable<Result<Inspection>> inspect_claim(StepCall call, View view);
  awaitable<Result<Inspection>> inspect_switch(StepCall call, View view);
  awaitable<Result<Outputs>> claim(StepCall call);
  awaitable<Result<Outputs>> show(StepCall call);
  // The first server that does not show the wanted address yet, in words; empty when all do.
  awaitable<Result<std::string>> lagging(Deadline deadline);
  awaitable<Result<Outcome>> replace(View now, std::vector<std::string> addresses, Ownership owner,
                                     Deadline deadline);

  [[nodiscard]] std::string text_name() const { return "_bascule." + settings_.name; }
  [[nodiscard]] RecordSet address_set(std::vector<std::string> values) const;
  [[nodiscard]] RecordSet text_set(std::vector<std::string> values) const;
  [[nodiscard]] bool is_ours(const View& view, const StepCall& call,
                             std::uint64_t generation) const;
  [[nodiscard]] Json facts_of(const View& view) const;
  [[nodiscard]] Error superseded(const View& view) const;

  FrontDoorSettings settings_;
  std::unique_ptr<ZoneClient> zone_;
};

}  // namespace bascule::dns
