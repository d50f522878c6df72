#include "engine/watch.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "engine/adoption.h"
#include "engine/automation.h"
#include "engine/detect/detector.h"
#include "engine/execution.h"
#include "engine/lookups.h"
#include "engine/obligations.h"
#include "engine/phrases.h"

namespace bascule::engine {
namespace {

const CheckVerdict kNoVerdict;

const CheckVerdict& verdict_in(const State& state, const CheckReference& check) {
  const auto found = state.verdicts.find(check);
  return found == state.verdicts.end() ? kNoVerdict : found->second;
}

bool answers(const CheckVerdict& verdict) {
  return verdict.health != Health::failed && verdict.health != Health::unknown;
}

void update_verdict(Deliberation& deliberation, const CheckReference& check) {
  const CheckVerdict before = verdict_in(deliberation.state(), check);
  const CheckVerdict now =
      verdict_of(deliberation.state(), deliberation.readings(), check, deliberation.now());
  if (now.health == before.health && now.down == before.down) return;
  deliberation.propose(
      VerdictChanged{check, before.health, now.health, now.down, now.because, now.first_failed_at});
  if (check.site.empty()) return;
  const std::string because =
      fmt::format("{} is {}", to_string(check), now.down ? "down" : to_string(now.health));
  bring_forward(deliberation, check.group, check.site, because);
}

// A database that begins to answer one observer, before a quorum agrees that it does.
void notice_first_answer(Deliberation& deliberation, const Opinion& formed) {
  const CheckReference& check = formed.check;
  if (check.site.empty()) return;
  const CheckSpec* spec = find_check(deliberation.state().configuration, check);
  const Health health = formed.health;
  if (spec == nullptr || !spec->watches_database || health == Health::failed ||
      health == Health::unknown) {
    return;
  }
  if (verdict_in(deliberation.state(), check).health != Health::failed) return;
  bring_forward(deliberation, check.group, check.site, to_string(check) + " answers");
}

// Sites whose database accepts writes, by what was read since the moment given.
std::vector<SiteName> writing_sites(const Deliberation& deliberation, const GroupSpec& group,
                                    const std::optional<Instant>& since) {
  std::vector<SiteName> sites;
  for (const SiteSpec& site : group.sites) {
    if (!is_seen_writing(deliberation.state(), deliberation.readings(), group, site.name)) continue;
    const DatabaseFacts* facts = newest_facts(deliberation.readings(), group, site.name);
    if (!since || facts->read_at >= *since) sites.push_back(site.name);
  }
  return sites;
}

// The newest of what was read of a site's database while it had that role, since that moment.
const DatabaseFacts* newest_as(const Readings& readings, const GroupSpec& group,
                               const SiteName& site, DatabaseRole role, Instant since = Instant()) {
  const auto check = database_check(group, site);
  const auto found = check ? readings.databases.find(*check) : readings.databases.end();
  if (found == readings.databases.end()) return nullptr;
  const DatabaseFacts* newest = nullptr;
  for (const DatabaseFacts& facts : found->second.recent) {
    if (facts.role == role && facts.read_at >= since) newest = &facts;
  }
  return newest;
}

// Bascule has to do with what the site is: its last run was to promote it, or it is to be rebuilt.
bool is_of_our_making(const State& state, const GroupSpec& group, const SiteName& site) {
  const auto last = state.runs.find(state.groups.at(group.name).last_run);
  if (last != state.runs.end() && last->second.plan.target == site) return true;
  return std::ranges::any_of(state.obligations, [&](const auto& entry) {
    return entry.second.group == group.name && entry.second.site == site &&
           entry.second.kind != ObligationKind::front_door;
  });
}

// A primary on a later timeline than the active site's: that one was promoted after it. One that
// only comes back as what it was is on an earlier one.
std::optional<RoleChangeSeen> role_change_at(const Deliberation& deliberation,
                                             const GroupSpec& group, const SiteName& site,
                                             const SiteName& active) {
  const Readings& readings = deliberation.readings();
  if (is_of_our_making(deliberation.state(), group, site)) return std::nullopt;
  const auto check = database_check(group, site);
  const DatabaseFacts* now = newest_facts(readings, group, site);
  const DatabaseFacts* before = newest_as(readings, group, active, DatabaseRole::primary,
                                          deliberation.state().groups.at(group.name).active_since);
  if (!check || now == nullptr || before == nullptr || now->role != DatabaseRole::primary ||
      !answers(verdict_in(deliberation.state(), *check)) || now->timeline <= before->timeline) {
    return std::nullopt;
  }
  RoleChangeSeen seen{group.name, site, "", now->timeline, std::nullopt};
  seen.because =
      fmt::format("{} is a primary on timeline {}, after timeline {} of {}: no run has promoted it",
                  to_string(*check), now->timeline, before->timeline, active);
  const DatabaseFacts* held = newest_as(readings, group, site, DatabaseRole::replica);
  if (held == nullptr) return seen;
  seen.missing_bytes = before->position > held->position
                           ? static_cast<std::int64_t>(before->position - held->position)
                           : 0;
  seen.because += fmt::format("; of what {} was seen to have written, {} are not known to be there",
                              active, size_text(*seen.missing_bytes));
  return seen;
}

// Nobody has looked at some database lately: an alarm does not end for want of looking.
bool some_database_is_unknown(const State& state, const GroupSpec& group) {
  return std::ranges::any_of(group.sites, [&](const SiteSpec& site) {
    const auto check = database_check(group, site.name);
    return check && verdict_in(state, *check).health == Health::unknown;
  });
}

// The state of a group whose active site is known and which has no open run:
//
//   failover_when    checks of the active site    state
//   ---------------  ---------------------------  --------
//   a verdict lacks  any                          UNKNOWN
//   holds            any                          CRITICAL (no run: a gate forbids)
//   does not hold    not all healthy              DEGRADED
//   does not hold    all healthy                  HEALTHY
struct Judged {
  GroupState state = GroupState::unknown;
  std::string because;
};

Judged judge_active_site(const Deliberation& deliberation, const GroupSpec& group,
                         const SiteName& active) {
  const State& state = deliberation.state();
  const Failure failure = failure_of(state, group, active);
  if (failure.holds) {
    const GroupStatus& status = state.groups.at(group.name);
    // The sentence costs all nine gates: only where the state changes.
    if (status.state == GroupState::critical) return {GroupState::critical, status.state_because};
    return {GroupState::critical,
            fmt::format("{}; {}", failure.because, why_not_automatic(deliberation, group.name))};
  }
  if (failure.unknown) return {GroupState::unknown, failure.because};
  std::vector<std::string> ailing;
  for (const CheckSpec& check : group.find_site(active)->checks) {
    const CheckVerdict& verdict = verdict_in(state, {group.name, active, check.name});
    if (verdict.health == Health::healthy) continue;
    ailing.push_back(fmt::format("{} is {}", check.name, to_string(verdict.health)));
  }
  if (ailing.empty()) return {GroupState::healthy, fmt::format("{} is well", active)};
  return {GroupState::degraded, fmt::format("{}: {}", active, fmt::join(ailing, ", "))};
}

Judged judge_group(const Deliberation& deliberation, const GroupSpec& group) {
  const State& state = deliberation.state();
  if (const Run* run = state.open_run(group.name)) {
    return {GroupState::failover,
            fmt::format("{}: {} from {} to {}", run->id, to_string(run->plan.move),
                        run->plan.source, run->plan.target)};
  }
  const auto& active = state.groups.at(group.name).active;
  if (!active) return {GroupState::unknown, why_nobody_is_active(deliberation, group.name)};
  return judge_active_site(deliberation, group, *active);
}

struct Shelter {
  Protection protection = Protection::exposed;
  std::string because;
};

Shelter shelter_of(const Deliberation& deliberation, const GroupSpec& group,
                   const SiteName& active) {
  const State& state = deliberation.state();
  for (const auto& [id, owed] : state.obligations) {
    const bool concerned = owed.group == group.name && owed.kind == ObligationKind::standby;
    if (concerned) return {Protection::exposed, fmt::format("{} ({})", owed.because, id)};
  }
  std::string because = "no other site may take over";
  for (const SiteSpec& site : group.sites) {
    if (site.name == active || !site.can_be_target) continue;
    const auto check = database_check(group, site.name);
    if (!check) {
      const bool well = std::ranges::all_of(site.checks, [&](const CheckSpec& spec) {
        return answers(verdict_in(state, {group.name, site.name, spec.name}));
      });
      if (well) return {Protection::protected_, fmt::format("by {}", site.name)};
      because = fmt::format("{} does not answer", site.name);
      continue;
    }
    const DatabaseFacts* facts = newest_facts(deliberation.readings(), group, site.name);
    if (facts == nullptr || !answers(verdict_in(state, *check))) {
      because = fmt::format("{} does not answer", to_string(*check));
    } else if (facts->role != DatabaseRole::replica || !facts->streaming) {
      because = fmt::format("{} does not stream", to_string(*check));
    } else {
      return {Protection::protected_, fmt::format("by {}", site.name)};
    }
  }
  return {Protection::exposed, because};
}

}  // namespace

Failure failure_of(const State& state, const GroupSpec& group, const SiteName& site) {
  const auto reference = [&](const std::string& name) {
    return CheckReference{group.name, site, CheckName(name)};
  };
  Failure failure;
  std::vector<std::string> missing;
  for (const std::vector<std::string>& all : group.policy.failover_when) {
    bool every = !all.empty();
    for (const std::string& name : all) {
      const CheckVerdict& verdict = verdict_in(state, reference(name));
      every = every && verdict.down;
      if (verdict.health == Health::unknown) missing.push_back(name);
    }
    if (!every) continue;
    failure.holds = true;
    failure.check = reference(all.front());
    std::vector<std::string> sentences;
    for (const std::string& name : all) {
      const CheckVerdict& verdict = verdict_in(state, reference(name));
      sentences.push_back(fmt::format("{} is down: {}", name, verdict.because));
      failure.verdict_at = std::max(failure.verdict_at.value_or(verdict.since), verdict.since);
      if (!verdict.first_failed_at) continue;
      const Instant first = *verdict.first_failed_at;
      failure.first_failed_at = std::min(failure.first_failed_at.value_or(first), first);
    }
    failure.because = fmt::format("{}", fmt::join(sentences, ", "));
    return failure;
  }
  if (group.policy.failover_when.empty()) {
    for (const CheckSpec& check : group.find_site(site)->checks) {
      const CheckVerdict& verdict = verdict_in(state, reference(check.name.text()));
      if (verdict.health == Health::unknown) missing.push_back(check.name.text());
    }
  }
  failure.unknown = !missing.empty();
  if (failure.unknown) {
    failure.because = fmt::format("nothing is known of {}/{}", site, fmt::join(missing, ", "));
  }
  return failure;
}

bool has_recovered(const State& state, const GroupSpec& group, const SiteName& site) {
  const auto is_well = [&](const std::string& name) {
    const CheckReference check{group.name, site, CheckName(name)};
    const CheckSpec* spec = find_check(state.configuration, check);
    const CheckVerdict& verdict = verdict_in(state, check);
    const bool counts =
        spec != nullptr && spec->acts_on == ActsOn::critical && verdict.health == Health::critical;
    return !verdict.down && !counts && answers(verdict);
  };
  return std::ranges::all_of(group.policy.failover_when,
                             [&](const auto& all) { return std::ranges::any_of(all, is_well); });
}

void update_verdict(Deliberation& deliberation, const Opinion& formed) {
  if (find_check(deliberation.state().configuration, formed.check) == nullptr) return;
  notice_first_answer(deliberation, formed);
  update_verdict(deliberation, formed.check);
}

void update_verdicts(Deliberation& deliberation) {
  for (const CheckReference& check : all_checks(deliberation.state().configuration)) {
    update_verdict(deliberation, check);
  }
}

bool notice_two_writers(Deliberation& deliberation, const GroupName& name) {
  const State& state = deliberation.state();
  const GroupSpec& group = *state.configuration.find_group(name);
  const bool seen = state.groups.at(name).two_writers;
  if (!seen) {
    const auto since = roles_since(state, state.groups.at(name));
    const std::vector<SiteName> sites = writing_sites(deliberation, group, since);
    // A run that is under way changes the roles: what was read meanwhile may be of different
    // moments.
    const Run* open = state.open_run(name);
    if (sites.size() < 2 || (open != nullptr && open->state == RunState::running)) return false;
    std::vector<std::string> names;
    names.reserve(sites.size());
    for (const SiteName& site : sites) names.push_back(site.text());
    deliberation.propose(TwoWritersSeen{
        name, sites,
        fmt::format("the databases of {} accept writes at once", fmt::join(names, " and "))});
    return true;
  }
  const std::vector<SiteName> sites = writing_sites(deliberation, group, std::nullopt);
  if (sites.size() > 1 || some_database_is_unknown(state, group)) return false;
  deliberation.propose(
      TwoWritersEnded{name, sites.empty() ? "no site accepts writes"
                                          : fmt::format("only {} accepts writes", sites.front())});
  return true;
}

bool notice_role_change(Deliberation& deliberation, const GroupName& name) {
  const State& state = deliberation.state();
  const GroupSpec& group = *state.configuration.find_group(name);
  const GroupStatus& status = state.groups.at(name);
  if (const auto& changed = status.role_change) {
    const DatabaseFacts* facts = newest_facts(deliberation.readings(), group, *changed);
    const bool adopted = status.active == changed;
    const bool is_replica = facts != nullptr && facts->role == DatabaseRole::replica;
    if (!adopted && !is_replica && group.find_site(*changed) != nullptr) return false;
    deliberation.propose(RoleChangeEnded{
        name, fmt::format("{} is {}", *changed, adopted ? "the active site" : "no primary")});
    return true;
  }
  if (!status.active || state.open_run(name) != nullptr) return false;
  const std::vector<SiteName> writing =
      writing_sites(deliberation, group, roles_since(state, status));
  // Two at once are an alarm of their own.
  if (std::ranges::find(writing, *status.active) != writing.end()) return false;
  for (const SiteSpec& site : group.sites) {
    if (site.name == *status.active) continue;
    if (auto seen = role_change_at(deliberation, group, site.name, *status.active)) {
      deliberation.propose(*std::move(seen));
      return true;
    }
  }
  return false;
}

bool update_group_state(Deliberation& deliberation, const GroupName& name) {
  const GroupSpec& group = *deliberation.state().configuration.find_group(name);
  const GroupState before = deliberation.state().groups.at(name).state;
  Judged judged = judge_group(deliberation, group);
  if (judged.state == before) return false;
  deliberation.propose(GroupStateChanged{name, before, judged.state, std::move(judged.because)});
  return true;
}

bool update_protection(Deliberation& deliberation, const GroupName& name) {
  const State& state = deliberation.state();
  const GroupStatus& status = state.groups.at(name);
  // A run has its own story; who shelters whom is told when it is over.
  if (!status.active || state.open_run(name) != nullptr) return false;
  const GroupSpec& group = *state.configuration.find_group(name);
  Shelter shelter = shelter_of(deliberation, group, *status.active);
  if (shelter.protection == status.protection) return false;
  deliberation.propose(ProtectionChanged{name, shelter.protection, std::move(shelter.because)});
  return true;
}

}  // namespace bascule::engine
