// Gate 3: has the active site failed, in the sense that `failover_when` gives to the word? Unknown
// is not failed, and a peer that still hears from a silent site shows that it is unreachable, not
// dead.
#include <algorithm>

#include "engine/detect/detector.h"
#include "engine/gates/ask.h"
#include "engine/lookups.h"
#include "engine/phrases.h"

namespace bascule::engine {
namespace {

struct Named {
  std::string name;
  CheckReference check;
  CheckVerdict verdict;
};

// A name means the check of the source; else the one of the group.
CheckReference resolve(const Question& question, const std::string& name) {
  CheckReference of_site{question.group.name, question.proposal.source, CheckName(name)};
  if (find_check(question.state.configuration, of_site) != nullptr) return of_site;
  return CheckReference{question.group.name, SiteName(), CheckName(name)};
}

std::vector<Named> verdicts_of(const Question& question, const std::vector<std::string>& names) {
  std::vector<Named> list;
  for (const std::string& name : names) {
    const CheckReference check = resolve(question, name);
    list.push_back(
        {name, check, verdict_of(question.state, question.readings, check, question.now)});
  }
  return list;
}

bool all_down(const std::vector<Named>& list) {
  // Checks of the group never start a move by themselves.
  const bool about_site =
      std::ranges::any_of(list, [](const Named& entry) { return !entry.check.site.empty(); });
  return about_site &&
         std::ranges::all_of(list, [](const Named& entry) { return entry.verdict.down; });
}

std::optional<Instant> earliest_failure(const std::vector<Named>& list) {
  std::optional<Instant> earliest;
  for (const Named& entry : list) {
    const auto& failed = entry.verdict.first_failed_at;
    if (failed) earliest = std::min(earliest.value_or(*failed), *failed);
  }
  return earliest;
}

bool is_failing(const CheckVerdict& verdict) {
  return verdict.first_failed_at &&
         (verdict.health == Health::failed || verdict.health == Health::critical);
}

// When a list could hold at the soonest, if what fails goes on failing.
std::optional<Instant> could_hold_at(const Question& question, const std::vector<Named>& list) {
  std::optional<Instant> latest;
  for (const Named& entry : list) {
    if (entry.verdict.down) continue;
    if (!is_failing(entry.verdict)) return std::nullopt;
    const Instant ripe = *entry.verdict.first_failed_at + question.group.policy.detect.min_duration;
    latest = std::max(latest.value_or(ripe), ripe);
  }
  if (latest && *latest <= question.now) return std::nullopt;
  return latest;
}

std::string describe(const Named& entry) {
  const std::string check = to_string(entry.check);
  const CheckVerdict& verdict = entry.verdict;
  if (verdict.down) return fmt::format("{} is down: {}", entry.name, verdict.because);
  if (verdict.health == Health::unknown) {
    return fmt::format("{} is unknown, and unknown is not failed: {}", check, verdict.because);
  }
  if (verdict.first_failed_at) {
    return fmt::format("{} is suspect: {}", check, verdict.because);
  }
  if (verdict.health == Health::healthy) return check + " is healthy";
  return fmt::format("{} is {}: {}", check, to_string(verdict.health), verdict.because);
}

std::string describe(const std::vector<Named>& list) {
  std::string text;
  for (const Named& entry : list) text += (text.empty() ? "" : "; ") + describe(entry);
  return text;
}

// A standby that is connected to the source and received something from it after its first failed
// look. One whose receiver has ended proves nothing: the source may have died in the middle of a
// look. Nor does any peer contradict a source that answers and says itself that it is ill.
std::optional<std::string> contradiction(const Question& question, const std::vector<Named>& list) {
  const auto watched = database_check(question.group, question.proposal.source);
  const auto entry =
      std::ranges::find_if(list, [&](const Named& named) { return watched == named.check; });
  if (entry == list.end() || !entry->verdict.first_failed_at) return std::nullopt;
  if (entry->verdict.health != Health::failed) return std::nullopt;
  for (const SiteSpec& site : question.group.sites) {
    if (site.name == question.proposal.source) continue;
    const DatabaseFacts* facts = newest_facts(question.readings, question.group, site.name);
    if (facts == nullptr || facts->role != DatabaseRole::replica || !facts->streaming ||
        !facts->last_received_at || *facts->last_received_at <= *entry->verdict.first_failed_at) {
      continue;
    }
    return fmt::format(
        "{} is unreachable, not dead: {} received from it {} after its first "
        "failed look",
        question.proposal.source, site.name,
        span_text(*facts->last_received_at - *entry->verdict.first_failed_at));
  }
  return std::nullopt;
}

Json evidence_of(const Named& entry) {
  return Json{{"health", std::string(to_string(entry.verdict.health))},
              {"down", entry.verdict.down},
              {"first_failed_at", moment(entry.verdict.first_failed_at)},
              {"because", entry.verdict.because}};
}

GateAnswer answer_when_down(const Question& question, const std::vector<Named>& list) {
  const std::optional<Instant> failed = earliest_failure(list);
  GateAnswer answer;
  if (const auto reason = contradiction(question, list)) {
    answer = it_refuses(*reason);
    answer.evidence["contradicted"] = true;
  } else {
    std::string because = describe(list);
    if (failed) because += ", since " + span_text(question.now - *failed);
    answer = it_holds(because);
  }
  answer.since = failed;
  return answer;
}

}  // namespace

GateAnswer ask_verdict(const Question& question) {
  const auto& lists = question.group.policy.failover_when;
  if (lists.empty()) return it_refuses("no failover_when is written: no failure moves this group");
  if (question.proposal.source.empty()) return it_refuses("it is not known which site is active");
  GateAnswer answer;
  std::string because;
  std::optional<Instant> until;
  Json checks = Json::object();
  bool down = false;
  for (const std::vector<std::string>& names : lists) {
    const std::vector<Named> list = verdicts_of(question, names);
    for (const Named& entry : list) checks[to_string(entry.check)] = evidence_of(entry);
    if (all_down(list) && !(down && answer.holds)) {
      answer = answer_when_down(question, list);
      down = true;
    }
    because += (because.empty() ? "" : "; ") + describe(list);
    const std::optional<Instant> ripe = could_hold_at(question, list);
    if (ripe) until = std::min(until.value_or(*ripe), *ripe);
  }
  if (!down) {
    answer = it_refuses(because);
    answer.until = until;
  }
  answer.evidence["checks"] = checks;
  return answer;
}

}  // namespace bascule::engine
