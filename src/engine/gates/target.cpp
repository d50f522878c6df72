// Gate 6: is the target what it should be? What depends on the source, which may be gone, is judged
// as it stood at the source's last good reading.
#include <algorithm>
#include <array>

#include "engine/detect/detector.h"
#include "engine/gates/ask.h"
#include "engine/lookups.h"
#include "engine/phrases.h"
#include "engine/preflight.h"

namespace bascule::engine {
namespace {

using Refusal = std::optional<std::string>;

Refusal refused_by_description(const Question& question, const SiteSpec* spec) {
  const Proposal& proposal = question.proposal;
  if (spec == nullptr) return fmt::format("there is no site {}", proposal.target);
  if (proposal.target == proposal.source) {
    return fmt::format("{} is the source itself", proposal.target);
  }
  if (!spec->can_be_target) return fmt::format("{} may not be a target (roles)", proposal.target);
  return std::nullopt;
}

Refusal refused_by_debt(const Question& question) {
  const SiteName& target = question.proposal.target;
  for (const auto& [id, obligation] : question.state.obligations) {
    if (obligation.group != question.group.name || obligation.site != target) continue;
    if (obligation.kind == ObligationKind::front_door) continue;
    return fmt::format("{} owes a {}: refused until {} streams from {}", target,
                       to_string(obligation.kind), target, question.proposal.source);
  }
  return std::nullopt;
}

// A site that a person vouched to be stopped has to be seen as a standby since.
Refusal refused_by_attestation(const Question& question, const DatabaseFacts& link) {
  const SiteName& target = question.proposal.target;
  const auto attested = question.status.attested.find(target);
  if (attested == question.status.attested.end() || link.read_at > attested->second) {
    return std::nullopt;
  }
  return fmt::format("{} is stopped, as a person attested {}, and was not seen as a standby since",
                     target, ago(attested->second, question.now));
}

// A site that neither is given up nor is to take over, and writes: it would go on beside the
// target.
Refusal refused_by_another_writer(const Question& question) {
  const Proposal& proposal = question.proposal;
  const auto since = roles_since(question.state, question.status);
  for (const SiteSpec& site : question.group.sites) {
    if (site.name == proposal.source || site.name == proposal.target) continue;
    if (!is_seen_writing(question.state, question.readings, question.group, site.name)) continue;
    const DatabaseFacts* facts = newest_facts(question.readings, question.group, site.name);
    if (since && facts->read_at < *since) continue;
    return fmt::format("{} accepts writes, and {} would do so beside it: stop {} first", site.name,
                       proposal.target, site.name);
  }
  return std::nullopt;
}

Refusal refused_by_silence(const Question& question, const CheckReference& check) {
  const CheckVerdict verdict = verdict_of(question.state, question.readings, check, question.now);
  if (verdict.health == Health::unknown) {
    return fmt::format("{} is unknown: {}", to_string(check), verdict.because);
  }
  if (verdict.down || verdict.health == Health::failed) {
    return fmt::format("{} does not answer: {}", to_string(check), verdict.because);
  }
  return std::nullopt;
}

// The newest facts of the source while it was the primary, whatever it says now.
const DatabaseFacts* source_facts(const Question& question) {
  const auto check = database_check(question.group, question.proposal.source);
  if (!check) return nullptr;
  const auto reading = question.readings.databases.find(*check);
  if (reading == question.readings.databases.end()) return nullptr;
  const DatabaseFacts* newest = nullptr;
  for (const DatabaseFacts& facts : reading->second.recent) {
    if (facts.role == DatabaseRole::primary) newest = &facts;
  }
  if (newest == nullptr && reading->second.newest) newest = &*reading->second.newest;
  return newest;
}

// The facts by which the target's link to its source is judged: in a planned move as it is now.
const DatabaseFacts* link_facts(const Question& question, const DatabaseReading& target) {
  if (question.proposal.move == Move::failover && target.before_failure) {
    return &*target.before_failure;
  }
  return &*target.newest;
}

Json evidence_of(const DatabaseFacts& target, const DatabaseFacts* source,
                 const DatabaseFacts& link) {
  Json evidence = {{"role", std::string(to_string(target.role))},
                   {"system_identifier", target.system_identifier},
                   {"timeline", target.timeline},
                   {"received_position", target.position},
                   {"read_at", to_rfc3339(target.read_at)},
                   {"streamed", link.streaming},
                   {"streamed_at", to_rfc3339(link.read_at)}};
  evidence["source_system_identifier"] =
      source == nullptr ? Json(nullptr) : Json(source->system_identifier);
  evidence["source_timeline"] = source == nullptr ? Json(nullptr) : Json(source->timeline);
  return evidence;
}

Refusal refused_by_identity(const Question& question, const DatabaseFacts& target,
                            const DatabaseFacts* source) {
  const SiteName& name = question.proposal.target;
  if (target.role == DatabaseRole::primary) {
    return fmt::format("{} is a primary, not in recovery", name);
  }
  if (source == nullptr) return std::nullopt;
  if (target.system_identifier != source->system_identifier) {
    return fmt::format("{} is another system than {} ({}, not {})", name, question.proposal.source,
                       target.system_identifier, source->system_identifier);
  }
  if (target.timeline != source->timeline) {
    return fmt::format("{} is on timeline {}, {} on timeline {}", name, target.timeline,
                       question.proposal.source, source->timeline);
  }
  return std::nullopt;
}

GateAnswer ask_database(const Question& question, const CheckReference& check) {
  const SiteName& name = question.proposal.target;
  const auto reading = question.readings.databases.find(check);
  if (reading == question.readings.databases.end() || !reading->second.newest) {
    return it_refuses(fmt::format("nothing is known about the database of {}", name));
  }
  const DatabaseFacts& target = *reading->second.newest;
  const DatabaseFacts* source = source_facts(question);
  const DatabaseFacts& link = *link_facts(question, reading->second);
  const bool planned = question.proposal.move != Move::failover;
  GateAnswer answer;
  if (const Refusal stopped = refused_by_attestation(question, link)) {
    answer = it_refuses(*stopped);
  } else if (const Refusal refusal = refused_by_identity(question, target, source)) {
    answer = it_refuses(*refusal);
  } else if (source == nullptr && !planned) {
    // This process never saw the source alive: what would be lost is unknown, and gate 7 says so.
    answer = it_holds(fmt::format("{}: in recovery, timeline {}; {} was never seen by this process",
                                  name, target.timeline, question.proposal.source));
  } else if (!link.streaming) {
    answer = it_refuses(
        planned ? fmt::format("{} does not stream from {}", name, question.proposal.source)
                : fmt::format("{} did not stream when {} was last seen well", name,
                              question.proposal.source));
  } else {
    const std::string streamed =
        planned ? "streams" : "streamed until " + ago(link.read_at, question.now);
    answer = it_holds(fmt::format("{}: in recovery, same system, timeline {}, {}", name,
                                  target.timeline, streamed));
  }
  answer.evidence = evidence_of(target, source, link);
  return answer;
}

// A group without a database: the checks that would bring the target down must be well there.
GateAnswer ask_checks(const Question& question) {
  Json evidence = Json::object();
  Refusal refusal;
  for (const std::vector<std::string>& names : question.group.policy.failover_when) {
    for (const std::string& name : names) {
      const CheckReference check{question.group.name, question.proposal.target, CheckName(name)};
      if (find_check(question.state.configuration, check) == nullptr) continue;
      const CheckVerdict verdict =
          verdict_of(question.state, question.readings, check, question.now);
      evidence[to_string(check)] = std::string(to_string(verdict.health));
      if (!refusal) refusal = refused_by_silence(question, check);
    }
  }
  GateAnswer answer = refusal ? it_refuses(*refusal)
                              : it_holds(fmt::format("{} answers", question.proposal.target));
  answer.evidence["checks"] = evidence;
  return answer;
}

// Older answers say nothing about now.
constexpr Duration kPreflightFresh{180'000};

// What the target's preflight items say. One that always blocks must have been asked and be well;
// one that blocks planned moves stops only those, and is a warning in a failover.
GateAnswer with_preflight(const Question& question, GateAnswer answer) {
  const SiteSpec& site = *question.group.find_site(question.proposal.target);
  const bool planned = question.proposal.move != Move::failover;
  for (const PreflightSpec& preflight : site.preflight) {
    if (preflight.blocks == Blocks::never) continue;
    const bool always = preflight.blocks == Blocks::always;
    const std::string& name = preflight.item.name;
    const auto found = question.readings.preflights.find({question.group.name, site.name, name});
    const bool fresh = found != question.readings.preflights.end() &&
                       question.now - found->second.newest.at <= kPreflightFresh;
    Refusal complaint;
    if (!fresh) {
      if (always) complaint = fmt::format("preflight {} was not asked yet", name);
    } else if (const auto why = complaint_of(found->second.newest)) {
      complaint = fmt::format("preflight {}: {}", name, *why);
    }
    if (!complaint) continue;
    if (always || planned) return it_refuses(fmt::format("{}: {}", site.name, *complaint));
    answer.because += "; warning: " + *complaint;
  }
  return answer;
}

bool may_be_tried(const GroupStatus& status, const SiteName& site, Trigger trigger) {
  return trigger == Trigger::manual || std::ranges::find(status.tried, site) == status.tried.end();
}

}  // namespace

GateAnswer ask_target(const Question& question) {
  const Proposal& proposal = question.proposal;
  if (proposal.target.empty()) return it_refuses("no site can take over");
  if (const Refusal refusal =
          refused_by_description(question, question.group.find_site(proposal.target))) {
    return it_refuses(*refusal);
  }
  if (const Refusal refusal = refused_by_debt(question)) return it_refuses(*refusal);
  if (const Refusal refusal = refused_by_another_writer(question)) return it_refuses(*refusal);
  const auto database = database_check(question.group, proposal.target);
  if (!database) {
    GateAnswer answer = ask_checks(question);
    return answer.holds ? with_preflight(question, std::move(answer)) : answer;
  }
  if (const Refusal refusal = refused_by_silence(question, *database)) {
    return it_refuses(*refusal);
  }
  GateAnswer answer = ask_database(question, *database);
  return answer.holds ? with_preflight(question, std::move(answer)) : answer;
}

std::optional<SiteName> choose_target(const State& state, const Readings& readings,
                                      const GroupName& group, Move move, Trigger trigger,
                                      Instant now) {
  const GroupSpec* spec = state.configuration.find_group(group);
  const auto status = state.groups.find(group);
  if (spec == nullptr || status == state.groups.end() || !status->second.active) {
    return std::nullopt;
  }
  const SiteName& active = *status->second.active;
  for (const SiteSpec& site : spec->sites) {
    if (site.name == active || !site.can_be_target) continue;
    if (move == Move::failback && site.name != spec->home().name) continue;
    if (!may_be_tried(status->second, site.name, trigger)) continue;
    const Proposal proposal{group, move, active, site.name, trigger};
    if (ask_gate(GateName::target, state, readings, proposal, now).holds) return site.name;
  }
  return std::nullopt;
}

}  // namespace bascule::engine
