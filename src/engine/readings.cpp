// Takes what an input carries into the readings: the newest word on everything, nothing about what
// is not configured, nothing that is old news already.
#include "engine/readings.h"

#include <algorithm>

#include "engine/engine.h"
#include "engine/lookups.h"
#include "engine/preflight.h"

namespace bascule::engine {
namespace {

bool is_observer(const Configuration& configuration, const ObserverName& name) {
  if (configuration.observer.name == name) return true;
  return std::ranges::find(configuration.observers, name, &ObserverSpec::name) !=
         configuration.observers.end();
}

// The newest of what was read no later than `moment`.
const DatabaseFacts* newest_until(const Ring<DatabaseFacts>& recent, Instant moment) {
  const DatabaseFacts* newest = nullptr;
  for (const DatabaseFacts& facts : recent) {
    if (facts.read_at <= moment && (newest == nullptr || facts.read_at >= newest->read_at)) {
      newest = &facts;
    }
  }
  return newest;
}

// A good reading of the active site's database: the other sites' databases are from now on judged
// as they stood then, should no other good reading follow.
void mark_before_failure(Readings& readings, const GroupSpec& group, const SiteName& active,
                         Instant read_at) {
  for (const SiteSpec& site : group.sites) {
    const auto check = database_check(group, site.name);
    if (site.name == active || !check) continue;
    const auto reading = readings.databases.find(*check);
    if (reading == readings.databases.end()) continue;
    const DatabaseFacts* facts = newest_until(reading->second.recent, read_at);
    if (facts != nullptr) reading->second.before_failure = *facts;
  }
}

void take_facts(Readings& readings, const State& state, const CheckReference& check,
                const DatabaseFacts& facts) {
  const CheckSpec* spec = find_check(state.configuration, check);
  if (spec == nullptr || !spec->watches_database) return;
  DatabaseReading& reading = readings.databases[check];
  if (reading.newest && facts.read_at < reading.newest->read_at) return;
  reading.newest = facts;
  reading.recent.push(facts);
  const auto status = state.groups.find(check.group);
  if (status == state.groups.end() || status->second.active != check.site) return;
  if (facts.role != DatabaseRole::primary) return;
  mark_before_failure(readings, *state.configuration.find_group(check.group), check.site,
                      facts.read_at);
}

// An observation that comes late by more than its timeout is dropped: a process that was stopped
// must not act on old news. A look may take its timeout by itself.
bool is_old_news(const Configuration& configuration, const Opinion& opinion, Instant now) {
  const DetectPolicy& detect = configuration.find_group(opinion.check.group)->policy.detect;
  return now > opinion.newest_at + 2 * detect.timeout || now > opinion.expires_at;
}

void take_opinion(Readings& readings, const State& state, const Opinion& opinion, Instant now) {
  if (find_check(state.configuration, opinion.check) == nullptr) return;
  if (!is_observer(state.configuration, opinion.observer)) return;
  if (is_old_news(state.configuration, opinion, now)) return;
  auto& opinions = readings.opinions[opinion.check];
  const auto before = opinions.find(opinion.observer);
  if (before != opinions.end() && opinion.newest_at < before->second.newest_at) return;
  opinions[opinion.observer] = opinion;
  if (opinion.newest.database) {
    take_facts(readings, state, opinion.check, *opinion.newest.database);
  }
}

bool is_open(const State& state, const RunId& id) {
  if (state.obligations.contains(id)) return true;
  const auto run = state.runs.find(id);
  if (run == state.runs.end()) return false;
  return run->second.state == RunState::running || run->second.state == RunState::parked;
}

bool waits(const State& state, const RunId& id) {
  const auto run = state.runs.find(id);
  return run != state.runs.end() && run->second.state == RunState::waiting;
}

InspectionReading reading_of(const Result<Inspection>& result, Instant now) {
  InspectionReading reading;
  reading.at = now;
  if (result) {
    reading.inspection = *result;
  } else {
    reading.error = result.error();
  }
  return reading;
}

// What a new configuration does not name any more is forgotten.
void forget_unnamed(Readings& readings, const Configuration& configuration) {
  const auto unnamed = [&](const auto& entry) {
    return find_check(configuration, entry.first) == nullptr;
  };
  std::erase_if(readings.opinions, unnamed);
  std::erase_if(readings.databases, unnamed);
  std::erase_if(readings.signs, unnamed);
  const auto gone = [&](const auto& entry) { return !is_observer(configuration, entry.first); };
  std::erase_if(readings.controllers, gone);
  for (auto& [check, opinions] : readings.opinions) std::erase_if(opinions, gone);
  std::erase_if(readings.front_doors, [&](const auto& entry) {
    return configuration.find_group(entry.first) == nullptr;
  });
  std::erase_if(readings.preflights, [&](const auto& entry) {
    const auto& [name, site, item] = entry.first;
    const GroupSpec* group = configuration.find_group(name);
    return group == nullptr || !asks_preflight(*group, site, item);
  });
}

struct Taker {
  Readings& readings;
  const State& state;
  Instant now;

  void operator()(const TimePassed& /*input*/) const {}
  void operator()(const TermBegan& /*input*/) const {}
  void operator()(const ConfigurationRead& input) const {
    forget_unnamed(readings, input.configuration);
  }
  void operator()(const OpinionFormed& input) const {
    take_opinion(readings, state, input.opinion, now);
  }
  void operator()(const OpinionsFormed& input) const {
    for (const Opinion& opinion : input.opinions) take_opinion(readings, state, opinion, now);
  }
  void operator()(const PositionsRead& input) const {
    take_facts(readings, state, input.check, input.facts);
  }
  void operator()(const SignSeen& input) const {
    if (find_check(state.configuration, input.check) != nullptr) {
      readings.signs[input.check] = input.sign;
    }
  }
  void operator()(const ControllerChecked& input) const {
    if (is_observer(state.configuration, input.observer)) {
      readings.controllers[input.observer] = input.reading;
    }
  }
  void operator()(const FrontDoorRead& input) const {
    if (state.configuration.find_group(input.group) == nullptr) return;
    FrontDoorReading& reading = readings.front_doors[input.group];
    reading.newest = reading_of(input.result, now);
    if (input.result) {
      reading.failing_since.reset();
    } else if (!reading.failing_since) {
      reading.failing_since = now;
    }
  }
  void operator()(const PreflightRead& input) const {
    const GroupSpec* group = state.configuration.find_group(input.group);
    if (group == nullptr || !asks_preflight(*group, input.site, input.item)) return;
    PreflightReading& reading = readings.preflights[{input.group, input.site, input.item}];
    reading.newest = reading_of(input.result, now);
    if (!complaint_of(reading.newest)) {
      reading.failing_since.reset();
    } else if (!reading.failing_since) {
      reading.failing_since = now;
    }
  }
  void operator()(const GroupLookedAt& input) const {
    std::erase_if(readings.looks, [&](const auto& entry) { return !waits(state, entry.first); });
    if (waits(state, input.run)) readings.looks[input.run] = now;
  }
  void operator()(const StepInspected& input) const {
    std::erase_if(readings.inspections,
                  [&](const auto& entry) { return !is_open(state, entry.first.first); });
    if (is_open(state, input.run)) {
      readings.inspections[{input.run, input.step}] = reading_of(input.result, now);
    }
  }
  void operator()(const StepFinished& /*input*/) const {}
  void operator()(const Command& /*input*/) const {}
};

}  // namespace

void take(Readings& readings, const State& state, const Input& input, Instant now) {
  std::visit(Taker{readings, state, now}, input);
}

}  // namespace bascule::engine
