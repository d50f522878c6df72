#include "engine/detect/detector.h"

#include <algorithm>

#include "engine/lookups.h"
#include "engine/phrases.h"

namespace bascule::engine {
namespace {

// Room for every look of a window at its fastest pace, and for as many again that were woken by a
// sign; bounded, because a window of a day would otherwise be kept whole.
std::size_t looks_kept(const DetectPolicy& policy) {
  const Duration pace =
      std::max(Duration(1), std::min(policy.interval, policy.confirm.value_or(policy.interval)));
  const std::int64_t expected = 2 * (policy.window / pace + policy.failures + policy.recoveries);
  return static_cast<std::size_t>(std::clamp<std::int64_t>(expected, 16, 4096));
}

bool counts(ActsOn acts_on, Health health) {
  if (health == Health::failed) return true;
  return health == Health::critical && acts_on == ActsOn::critical;
}

std::string reason_of(const Observation& observation) {
  if (observation.error) return observation.error->message;
  return observation.summary.empty() ? std::string(to_string(observation.health))
                                     : observation.summary;
}

std::string with_reason(std::string reason, const std::string& summary) {
  if (summary.empty()) return reason;
  return fmt::format("{} ({})", reason, summary);
}

}  // namespace

ExpectedRole expected_role(const State& state, const CheckReference& check) {
  const auto group = state.groups.find(check.group);
  if (check.site.empty() || group == state.groups.end() || !group->second.active) {
    return ExpectedRole::any;
  }
  const Run* run = state.open_run(check.group);
  if (run != nullptr && run->state == RunState::running &&
      (run->plan.source == check.site || run->plan.target == check.site)) {
    return ExpectedRole::any;
  }
  return *group->second.active == check.site ? ExpectedRole::primary : ExpectedRole::replica;
}

ExpectedRole home_role(const GroupSpec& group, const CheckReference& check) {
  if (check.site.empty() || group.sites.empty()) return ExpectedRole::any;
  return group.home().name == check.site ? ExpectedRole::primary : ExpectedRole::replica;
}

// expected | is                      | health at least
// ---------+-------------------------+----------------
// primary  | replica                 | critical
// primary  | primary, read-only      | critical
// replica  | primary                 | critical
// not primary | replica, not streaming | degraded
Observation judge(Observation observation, ExpectedRole expected) {
  if (!observation.database || observation.health == Health::failed ||
      observation.health == Health::unknown) {
    return observation;
  }
  const DatabaseFacts& facts = *observation.database;
  const bool is_primary = facts.role == DatabaseRole::primary;
  const auto at_least = [&](Health health, std::string reason) {
    observation.health = std::max(observation.health, health);
    observation.summary = with_reason(std::move(reason), observation.summary);
  };
  if (expected == ExpectedRole::primary && !is_primary) {
    at_least(Health::critical, "is a replica, expected the primary");
  } else if (expected == ExpectedRole::primary && !facts.accepts_writes) {
    at_least(Health::critical, "up, but read-only");
  } else if (expected == ExpectedRole::replica && is_primary) {
    at_least(Health::critical, "is a primary beside the active one");
  } else if (!is_primary && !facts.streaming) {
    at_least(Health::degraded, "its receiver does not stream");
  }
  return observation;
}

bool has_failed_long_enough(const DetectPolicy& policy, Instant first_failed_at, Instant now) {
  return now - first_failed_at >= policy.min_duration;
}

Detector::Detector(DetectPolicy policy, ActsOn acts_on)
    : policy_(policy), acts_on_(acts_on), looks_(looks_kept(policy)) {}

Opinion Detector::observe(const Observation& observation) {
  const bool counted = counts(acts_on_, observation.health);
  const Instant at = looks_.empty() ? observation.at : std::max(observation.at, looks_.newest().at);
  if (counted) {
    successes_in_a_row_ = 0;
    // Failures that have left the window without being cleared are another episode: what is lost
    // and how long it took is measured from the present one.
    const bool alone = std::ranges::none_of(
        looks_, [&](const Look& look) { return look.counts && look.at >= at - policy_.window; });
    if (!first_failed_at_ || alone) first_failed_at_ = at;
  } else if (observation.health == Health::healthy) {
    ++successes_in_a_row_;
  } else if (observation.health != Health::unknown) {
    successes_in_a_row_ = 0;  // an answer that is not well neither counts nor clears
  }
  const bool first_look = looks_.empty();
  looks_.push(Look{at, counted});
  if (first_failed_at_ && successes_in_a_row_ >= policy_.recoveries) {
    first_failed_at_.reset();
    looks_.clear();
    looks_.push(Look{at, counted});
  }
  const Tally tally = tally_at(at);
  const bool down = counted && tally.failures >= policy_.failures &&
                    has_failed_long_enough(policy_, *first_failed_at_, at);
  if (down) {
    since_ = *first_failed_at_;
  } else if (first_look || down_ || observation.health != last_health_) {
    since_ = at;
  }
  last_health_ = observation.health;
  down_ = down;

  Opinion opinion;
  opinion.check = observation.check;
  opinion.observer = observation.observer;
  opinion.health = observation.health;
  opinion.suspect = suspect();
  opinion.down = down_;
  opinion.since = since_;
  opinion.newest_at = at;
  opinion.expires_at = at + 2 * policy_.interval + policy_.timeout;
  opinion.first_failed_at = first_failed_at_;
  opinion.failures = tally.failures;
  opinion.looks = tally.looks;
  opinion.because = because(observation, tally, at);
  opinion.newest = observation;
  return opinion;
}

bool Detector::suspect() const {
  return first_failed_at_.has_value();
}

Detector::Tally Detector::tally_at(Instant at) const {
  Tally tally;
  std::int64_t looks_in_window = 0;
  for (const Look& look : looks_) {
    if (look.at < at - policy_.window) continue;
    ++looks_in_window;
    if (look.counts) {
      ++tally.failures;
      if (!tally.first) tally.first = look.at;
    }
    if (tally.first) ++tally.looks;
  }
  if (!tally.first) tally.looks = looks_in_window;
  return tally;
}

std::string Detector::because(const Observation& observation, const Tally& tally,
                              Instant at) const {
  if (!first_failed_at_) return reason_of(observation);
  if (!counts(acts_on_, observation.health)) {
    return fmt::format("{}; {} of {} successes since it failed", reason_of(observation),
                       successes_in_a_row_, policy_.recoveries);
  }
  const Duration span = at - tally.first.value_or(at);
  const std::string in = span > Duration(0) ? " in " + span_text(span) : std::string();
  return fmt::format("{} of {} looks failed{} ({})", tally.failures, tally.looks, in,
                     reason_of(observation));
}

}  // namespace bascule::engine
