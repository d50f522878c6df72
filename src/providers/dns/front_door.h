// `dns.record` as an action: claim and switch, each inspectable, repeatable and revertible.
//
// What is written, with P the generation found and G the one that this journal knows (of a switch
// and after the claim: the run's):
//
//   claim   requires: the addresses and the TXT as found              writes: TXT max(P, G) + 1
//   switch  requires: the addresses as claimed, the TXT of the claim  writes: the new address
//   revert  requires: what is there now, which must be ours or as     writes: the old addresses (of
//           it was before                                             a switch), TXT max(P, G) + 1
//
// So a write that comes late always meets a TXT that it does not know. An answer is never made
// empty. What is found and neither ours nor known is `superseded`; an address that was edited by
// hand under our own claim is a `conflict`. Nothing here decides; nothing is written twice.
//
// RUN is the run's number and the mark of the term that opened it (StepCall::claimant), so that two
// journals whose runs have the same number cannot take each other's line for their own.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "ports/action.h"
#include "providers/dns/ownership.h"
#include "providers/dns/zone_client.h"

namespace bascule::dns {

struct FrontDoorSettings {
  std::string zone;
  std::string name;
  std::string type = "A";
  std::uint32_t ttl_seconds = 60;
  std::string address;  // what a switch shows, in canonical form
  std::string cluster;
};

class FrontDoor final : public Action {
 public:
  FrontDoor(Clock& clock, FrontDoorSettings settings, std::unique_ptr<ZoneClient> zone);

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
  // Whether the other servers follow.
  struct Followers {
    std::string behind;  // the first that answers something else, in words; empty: none
    std::string silent;  // the first that gives no answer; clients pass it over as well
  };

  awaitable<Result<View>> look(Deadline deadline);
  awaitable<Followers> follow(Deadline deadline);
  awaitable<Result<Inspection>> inspect_switch(StepCall call, View view);
  awaitable<Result<Outputs>> claim(StepCall call);
  awaitable<Result<Outputs>> show(StepCall call);
  awaitable<Result<Outcome>> take_back(StepCall call, View now);
  awaitable<Result<Outcome>> replace(View now, std::vector<std::string> addresses, Ownership owner,
                                     Deadline deadline);

  [[nodiscard]] Result<Inspection> inspect_claim(const StepCall& call, const View& view) const;
  [[nodiscard]] Inspection describe(const View& view) const;
  [[nodiscard]] View view_of(const std::vector<std::string>& addresses,
                             const std::vector<std::string>& text) const;
  [[nodiscard]] std::string name_for_people() const;
  [[nodiscard]] std::string text_name() const { return "_bascule." + settings_.name; }
  [[nodiscard]] RecordSet address_set(std::vector<std::string> values) const;
  [[nodiscard]] RecordSet text_set(std::vector<std::string> values) const;
  [[nodiscard]] Ownership ownership(const StepCall& call, std::uint64_t generation,
                                    const SiteName& target) const;
  [[nodiscard]] bool is_of_run(const View& view, const StepCall& call) const;
  [[nodiscard]] bool is_ours(const View& view, const StepCall& call,
                             std::uint64_t generation) const;
  [[nodiscard]] Json facts_of(const View& view) const;
  [[nodiscard]] Error superseded(const View& view, const StepCall& call) const;
  [[nodiscard]] Error edited(const View& view) const;

  Clock& clock_;
  FrontDoorSettings settings_;
  std::unique_ptr<ZoneClient> zone_;
};

}  // namespace bascule::dns
