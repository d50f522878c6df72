// From the opinions of all configured observers to one verdict. The number of votes needed never
// shrinks with the number of observers that are heard: whoever is silent counts as no.
#include <algorithm>
#include <array>

#include "engine/detect/detector.h"
#include "engine/lookups.h"

namespace bascule::engine {
namespace {

// What it takes to agree about one check.
struct Quorum {
  std::size_t votes = 1;
  std::size_t outside = 0;  // of these, from observers that do not share the site's fate
};

Quorum quorum_of(const State& state, const GroupSpec& group) {
  Quorum quorum{quorum_size(state, group), 0};
  if (group.policy.quorum.is_object()) {
    const std::int64_t outside = integer_or(group.policy.quorum, "outside_site", 1);
    quorum.outside = static_cast<std::size_t>(std::max<std::int64_t>(outside, 1));
  }
  return quorum;
}

struct Voices {
  const Quorum quorum;
  std::string place;  // of the check's site; empty for a check of the group
  std::vector<std::pair<const ObserverSpec*, const Opinion*>> fresh;

  template <typename Says>
  [[nodiscard]] bool agree(const Says& says) const {
    std::size_t votes = 0;
    std::size_t outside = 0;
    for (const auto& [observer, opinion] : fresh) {
      if (!says(*opinion)) continue;
      ++votes;
      if (place.empty() || observer->at != place) ++outside;
    }
    return votes >= quorum.votes && outside >= quorum.outside;
  }
};

Voices voices_about(const State& state, const Readings& readings, const GroupSpec& group,
                    const CheckReference& check, Instant now) {
  const SiteSpec* site = group.find_site(check.site);
  Voices voices{quorum_of(state, group), site == nullptr ? std::string() : place_of(*site), {}};
  for (const ObserverSpec& observer : state.configuration.observers) {
    const Opinion* opinion = fresh_opinion(readings, check, observer.name, now);
    if (opinion != nullptr) voices.fresh.emplace_back(&observer, opinion);
  }
  return voices;
}

Health agreed_health(const Voices& voices) {
  constexpr std::array kWorstFirst = {Health::failed, Health::critical, Health::degraded,
                                      Health::healthy};
  for (const Health health : kWorstFirst) {
    const bool agreed = voices.agree([&](const Opinion& opinion) {
      return opinion.health != Health::unknown && opinion.health >= health;
    });
    if (agreed) return health;
  }
  return Health::unknown;
}

// One observer speaks for itself; of several, the one whose opinion decided, and how many agreed.
std::string because_of(const Voices& voices, const CheckVerdict& verdict, std::size_t configured) {
  if (voices.fresh.empty()) return "no observer has a fresh look";
  const Opinion* speaker = nullptr;
  std::size_t agreeing = 0;
  for (const auto& [observer, opinion] : voices.fresh) {
    const bool agrees = verdict.down ? opinion->down : opinion->health == verdict.health;
    if (!agrees) continue;
    ++agreeing;
    if (speaker == nullptr) speaker = opinion;
  }
  if (speaker == nullptr) speaker = voices.fresh.front().second;
  if (configured == 1) return speaker->because;
  return fmt::format("{} of {} observers: {}", agreeing, configured, speaker->because);
}

}  // namespace

std::size_t quorum_size(const State& state, const GroupSpec& group) {
  const std::size_t configured = std::max<std::size_t>(state.configuration.observers.size(), 1);
  if (group.policy.quorum.is_number_integer()) {
    return static_cast<std::size_t>(
        std::max<std::int64_t>(group.policy.quorum.get<std::int64_t>(), 1));
  }
  return configured / 2 + 1;
}

CheckVerdict verdict_of(const State& state, const Readings& readings, const CheckReference& check,
                        Instant now) {
  CheckVerdict verdict;
  verdict.since = now;
  const GroupSpec* group = state.configuration.find_group(check.group);
  if (group == nullptr || find_check(state.configuration, check) == nullptr) {
    verdict.because = "there is no such check";
    return verdict;
  }
  const Voices voices = voices_about(state, readings, *group, check, now);
  verdict.health = agreed_health(voices);
  verdict.down = voices.agree([](const Opinion& opinion) { return opinion.down; });
  for (const auto& [observer, opinion] : voices.fresh) {
    if (!opinion->first_failed_at) continue;
    verdict.first_failed_at = std::min(verdict.first_failed_at.value_or(*opinion->first_failed_at),
                                       *opinion->first_failed_at);
  }
  verdict.because = because_of(voices, verdict, state.configuration.observers.size());
  const auto before = state.verdicts.find(check);
  if (before != state.verdicts.end() && before->second.health == verdict.health &&
      before->second.down == verdict.down) {
    verdict.since = before->second.since;
  }
  return verdict;
}

}  // namespace bascule::engine
