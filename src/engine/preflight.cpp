#include "engine/preflight.h"

#include <algorithm>
#include <utility>

#include "engine/plan/planner.h"

namespace bascule::engine {
namespace {

bool owes_something(const State& state, const GroupName& group, const SiteName& site) {
  return std::ranges::any_of(state.obligations, [&](const auto& entry) {
    const Obligation& owed = entry.second;
    return owed.group == group && owed.site == site && owed.kind != ObligationKind::front_door;
  });
}

}  // namespace

std::optional<std::string> complaint_of(const InspectionReading& reading) {
  if (reading.error) return reading.error->message;
  if (is_ready(*reading.inspection)) return std::nullopt;
  const std::string& because = reading.inspection->because;
  return because.empty() ? "it is not ready" : because;
}

bool asks_preflight(const GroupSpec& group, const SiteName& site, const std::string& item) {
  const SiteSpec* spec = group.find_site(site);
  return spec != nullptr && std::ranges::any_of(spec->preflight, [&](const PreflightSpec& asked) {
           return asked.item.name == item;
         });
}

void notice_preflight(Deliberation& deliberation, const PreflightRead& input) {
  const State& state = deliberation.state();
  const auto& preflights = deliberation.readings().preflights;
  const auto found = preflights.find({input.group, input.site, input.item});
  const auto status = state.groups.find(input.group);
  if (found == preflights.end() || status == state.groups.end()) return;
  if (!status->second.active || *status->second.active == input.site) return;
  const PreflightReading& reading = found->second;
  const bool was_ready = !status->second.unready.contains({input.site, input.item});
  const std::optional<std::string> complaint = complaint_of(reading.newest);
  if (!complaint) {
    if (was_ready) return;
    deliberation.propose(PreflightChanged{input.group, input.site, input.item, true,
                                          reading.newest.inspection->because});
    return;
  }
  if (!was_ready || deliberation.now() - *reading.failing_since < kPreflightFailsFor) return;
  const bool is_expected =
      state.open_run(input.group) != nullptr || owes_something(state, input.group, input.site);
  if (is_expected) return;
  deliberation.propose(PreflightChanged{input.group, input.site, input.item, false, *complaint});
}

}  // namespace bascule::engine
