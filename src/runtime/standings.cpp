#include "runtime/standings.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/lookups.h"

namespace bascule::runtime {
namespace {

// Of the standby that is least behind.
std::optional<Duration> best_lag(const Loop& loop, const GroupSpec& group, const SiteName& active) {
  std::optional<Duration> best;
  for (const SiteSpec& site : group.sites) {
    if (site.name == active) continue;
    const DatabaseFacts* facts = engine::newest_facts(loop.readings(), group, site.name);
    if (facts == nullptr || !facts->lag) continue;
    best = best ? std::min(*best, *facts->lag) : *facts->lag;
  }
  return best;
}

}  // namespace

std::string incident_name(const std::string& cluster, const GroupName& group,
                          const engine::Incident& incident) {
  return fmt::format("bascule/{}/{}/{}", cluster, group, incident.opened_by);
}

std::vector<Standing> standings(const Loop& loop) {
  const engine::State& state = loop.state();
  std::vector<Standing> all;
  for (const GroupSpec& group : state.configuration.groups) {
    const auto found = state.groups.find(group.name);
    if (found == state.groups.end()) continue;
    const engine::GroupStatus& status = found->second;
    Standing standing;
    standing.cluster = state.cluster;
    standing.group = group.name;
    standing.at = loop.now();
    standing.state = to_string(status.state);
    standing.is_protected = status.protection == Protection::protected_;
    standing.summary = status.state_because;
    if (status.active) {
      standing.active = status.active->text();
      standing.lag = best_lag(loop, group, *status.active);
    }
    if (status.incident && !status.incident->resolved_by) {
      standing.incident = incident_name(state.cluster, group.name, *status.incident);
      standing.incident_since = status.incident->opened_at;
    }
    all.push_back(std::move(standing));
  }
  return all;
}

}  // namespace bascule::runtime
