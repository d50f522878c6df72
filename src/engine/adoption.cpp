#include "engine/adoption.h"

#include <optional>
#include <vector>

#include "engine/front_door.h"
#include "engine/lookups.h"
#include "engine/obligations.h"
#include "engine/plan/planner.h"

namespace bascule::engine {
namespace {

// Either the site that all evidence names, or why none is.
struct Evidence {
  std::optional<SiteName> site;
  std::string because;
};

std::string without_final_dot(std::string name) {
  if (name.size() > 1 && name.back() == '.') name.pop_back();
  return name;
}

Evidence by_databases(const Deliberation& deliberation, const GroupSpec& group) {
  std::vector<SiteName> primaries;
  for (const SiteSpec& site : group.sites) {
    if (!database_check(group, site.name)) continue;
    const DatabaseFacts* facts = newest_facts(deliberation.readings(), group, site.name);
    if (facts == nullptr) {
      return {std::nullopt, fmt::format("the database of {} has not answered yet", site.name)};
    }
    if (facts->role == DatabaseRole::primary) primaries.push_back(site.name);
  }
  if (primaries.empty()) return {std::nullopt, "no site's database is primary"};
  if (primaries.size() > 1) {
    return {std::nullopt,
            fmt::format("the databases of {} and {} are both primary", primaries[0], primaries[1])};
  }
  return {primaries.front(), fmt::format("its database alone is primary")};
}

Evidence by_front_door(const Deliberation& deliberation, const GroupSpec& group) {
  const std::string& name = group.front_door->name;
  const auto found = deliberation.readings().front_doors.find(group.name);
  if (found == deliberation.readings().front_doors.end()) {
    return {std::nullopt, fmt::format("{} has not been read yet", name)};
  }
  const InspectionReading& newest = found->second.newest;
  if (newest.error) {
    return {std::nullopt, fmt::format("{} cannot be read: {}", name, newest.error->message)};
  }
  const std::vector<std::string> shown = texts_or_empty(newest.inspection->facts, "address");
  if (shown.size() != 1) {
    return {std::nullopt, fmt::format("{} shows {} addresses", name, shown.size())};
  }
  std::optional<SiteName> pointed;
  for (const SiteSpec& site : group.sites) {
    const auto step = front_door_step(deliberation.state(), group.name, site.name, "switch");
    if (!step) continue;
    const std::string address = text_or(step->settings, "address");
    if (without_final_dot(address) != without_final_dot(shown.front())) continue;
    if (pointed) {
      return {std::nullopt, fmt::format("{} shows {}, the address of two sites", name, address)};
    }
    pointed = site.name;
  }
  if (!pointed) {
    return {std::nullopt, fmt::format("{} shows {}, the address of no site", name, shown.front())};
  }
  const std::optional<DoorLine> line = line_in(newest.inspection->facts);
  if (line && !wrote_line(deliberation.state(), group.name, *line) &&
      (line->cluster != deliberation.state().cluster || line->target != *pointed)) {
    return {std::nullopt,
            fmt::format("{} points to {}, but {}: it may be under way", name, *pointed,
                        line_text(deliberation.state(), group.name, *line))};
  }
  return {pointed, fmt::format("{} points to it", name)};
}

Evidence evidence_of(const Deliberation& deliberation, const GroupSpec& group) {
  const bool with_databases = watches_database(group);
  if (!group.front_door && !with_databases) {
    return {std::nullopt, "neither a front door nor a database says who is active"};
  }
  if (!group.front_door) return by_databases(deliberation, group);
  Evidence door = by_front_door(deliberation, group);
  if (!with_databases || !door.site) return door;
  Evidence databases = by_databases(deliberation, group);
  if (!databases.site) return databases;
  if (databases.site != door.site) {
    return {std::nullopt, fmt::format("{} points to {}, but the database of {} is primary",
                                      group.front_door->name, *door.site, *databases.site)};
  }
  return {door.site, fmt::format("{}, and {}", door.because, databases.because)};
}

}  // namespace

bool adopt_by_itself(Deliberation& deliberation, const GroupName& name) {
  const State& state = deliberation.state();
  if (state.groups.at(name).active || state.open_run(name) != nullptr) return false;
  const Evidence evidence = evidence_of(deliberation, *state.configuration.find_group(name));
  if (!evidence.site) return false;
  adopt(deliberation, name, *evidence.site, evidence.because, kAutomation, std::string());
  return true;
}

void adopt(Deliberation& deliberation, const GroupName& group, const SiteName& site,
           const std::string& because, const std::string& actor, const std::string& reason) {
  deliberation.propose(ActiveSiteChanged{group, site, RunId(), because}, actor, reason);
  // From now on any other Bascule can see that this one looks after the front door.
  auto claim = front_door_step(deliberation.state(), group, site, "claim");
  // What was owed to the site that was active before is not wanted any more.
  end_front_door_obligations(deliberation, group, fmt::format("{} is active now", site));
  if (!claim) return;
  ObligationOpened owed;
  owed.group = group;
  owed.kind = ObligationKind::front_door;
  owed.site = site;
  owed.because = "the front door has to be claimed";
  owed.steps = {*std::move(claim)};
  owed.takes_over = true;
  open_obligation(deliberation, std::move(owed), actor, reason);
}

std::string why_nobody_is_active(const Deliberation& deliberation, const GroupName& group) {
  const GroupSpec& spec = *deliberation.state().configuration.find_group(group);
  return fmt::format("who is active is not known: {}", evidence_of(deliberation, spec).because);
}

}  // namespace bascule::engine
