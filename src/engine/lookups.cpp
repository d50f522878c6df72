#include "engine/lookups.h"

#include <algorithm>
#include <variant>

namespace bascule::engine {

const CheckSpec* find_check(const Configuration& configuration, const CheckReference& check) {
  const GroupSpec* group = configuration.find_group(check.group);
  if (group == nullptr) return nullptr;
  const std::vector<CheckSpec>* checks = &group->checks;
  if (!check.site.empty()) {
    const SiteSpec* site = group->find_site(check.site);
    if (site == nullptr) return nullptr;
    checks = &site->checks;
  }
  const auto found = std::ranges::find(*checks, check.check, &CheckSpec::name);
  return found == checks->end() ? nullptr : &*found;
}

std::vector<CheckReference> all_checks(const Configuration& configuration) {
  std::vector<CheckReference> checks;
  for (const GroupSpec& group : configuration.groups) {
    for (const CheckSpec& check : group.checks) {
      checks.push_back({group.name, SiteName(), check.name});
    }
    for (const SiteSpec& site : group.sites) {
      for (const CheckSpec& check : site.checks) {
        checks.push_back({group.name, site.name, check.name});
      }
    }
  }
  return checks;
}

std::optional<CheckReference> database_check(const GroupSpec& group, const SiteName& site) {
  const SiteSpec* spec = group.find_site(site);
  if (spec == nullptr) return std::nullopt;
  const auto found = std::ranges::find_if(spec->checks, &CheckSpec::watches_database);
  if (found == spec->checks.end()) return std::nullopt;
  return CheckReference{group.name, site, found->name};
}

bool watches_database(const GroupSpec& group) {
  return std::ranges::any_of(group.sites, [&](const SiteSpec& site) {
    return database_check(group, site.name).has_value();
  });
}

bool is_in_force(const std::optional<Hold>& hold, Instant now) {
  return hold && (!hold->until || *hold->until > now);
}

bool automation_is_held(const State& state, const GroupName& group, Instant now) {
  if (is_in_force(state.hold, now)) return true;
  const auto status = state.groups.find(group);
  return status != state.groups.end() && is_in_force(status->second.hold, now);
}

std::string place_of(const SiteSpec& site) {
  return site.at.empty() ? site.name.text() : site.at;
}

const Opinion* fresh_opinion(const Readings& readings, const CheckReference& check,
                             const ObserverName& observer, Instant now) {
  const auto opinions = readings.opinions.find(check);
  if (opinions == readings.opinions.end()) return nullptr;
  const auto found = opinions->second.find(observer);
  if (found == opinions->second.end() || found->second.expires_at < now) return nullptr;
  return &found->second;
}

bool answered(const Observation& observation) {
  switch (observation.health) {
    case Health::healthy:
    case Health::degraded:
    case Health::critical:
      return true;
    case Health::failed:  // a refusal for lack of slots is an answer too
      return observation.latency.has_value() || observation.code == "no_new_sessions";
    case Health::unknown:
      return false;
  }
  return false;
}

const DatabaseFacts* newest_facts(const Readings& readings, const GroupSpec& group,
                                  const SiteName& site) {
  const auto check = database_check(group, site);
  if (!check) return nullptr;
  const auto found = readings.databases.find(*check);
  if (found == readings.databases.end() || !found->second.newest) return nullptr;
  return &*found->second.newest;
}

bool is_seen_writing(const State& state, const Readings& readings, const GroupSpec& group,
                     const SiteName& site) {
  const auto check = database_check(group, site);
  const DatabaseFacts* facts = newest_facts(readings, group, site);
  if (!check || facts == nullptr) return false;
  const auto verdict = state.verdicts.find(*check);
  const bool answers = verdict != state.verdicts.end() &&
                       verdict->second.health != Health::failed &&
                       verdict->second.health != Health::unknown;
  return answers && facts->role == DatabaseRole::primary && facts->accepts_writes;
}

std::optional<Instant> roles_since(const State& state, const GroupStatus& status) {
  const auto run = state.runs.find(status.last_run);
  if (run == state.runs.end()) return std::nullopt;
  return run->second.state == RunState::parked ? run->second.parked_at : run->second.ended_at;
}

namespace {

GroupName group_of_work(const State& state, const RunId& id) {
  const auto run = state.runs.find(id);
  if (run != state.runs.end()) return run->second.plan.group;
  const auto owed = state.obligations.find(id);
  return owed == state.obligations.end() ? GroupName() : owed->second.group;
}

}  // namespace

GroupName group_of(const RecordBody& body, const State& state) {
  return std::visit(
      [&](const auto& record) {
        if constexpr (requires { record.group; }) {
          return record.group;
        } else if constexpr (requires { record.check; }) {
          return record.check.group;
        } else if constexpr (requires { record.plan; }) {
          return record.plan.group;
        } else if constexpr (requires { record.run; }) {
          return group_of_work(state, record.run);
        } else if constexpr (requires { record.obligation; }) {
          return group_of_work(state, record.obligation);
        } else {
          return GroupName();
        }
      },
      body);
}

const Run* run_of(const RecordBody& body, const State& state) {
  return std::visit(
      [&](const auto& record) -> const Run* {
        if constexpr (requires { record.run; }) {
          const auto found = state.runs.find(record.run);
          return found == state.runs.end() ? nullptr : &found->second;
        } else {
          return nullptr;
        }
      },
      body);
}

}  // namespace bascule::engine
