#include "engine/replay/evidence.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "engine/detect/detector.h"
#include "engine/lookups.h"

namespace bascule::engine {
namespace {

// How long what is put together stays fresh: the gates are asked about one moment only.
constexpr Duration kFresh{1'000};
// A position for the target where its own was not recorded: only differences matter.
constexpr std::uint64_t kSomePosition = std::uint64_t{1} << 40;

const Json& evidence_in(const Json& answer) {
  static const Json kNone = Json::object();
  const auto found = answer.is_object() ? answer.find("evidence") : answer.end();
  return found != answer.end() && found->is_object() ? *found : kNone;
}

std::optional<std::int64_t> number_in(const Json& json, std::string_view key) {
  const auto found = json.find(key);
  if (found == json.end() || !found->is_number_integer()) return std::nullopt;
  return found->get<std::int64_t>();
}

std::optional<Instant> instant_in(const Json& json, std::string_view key) {
  const std::string text = text_or(json, key);
  return text.empty() ? std::nullopt : from_rfc3339(text);
}

class Witness {
 public:
  Witness(const State& then, const State& asked, const Proposal& proposal, const Json& gates,
          Instant at)
      : then_(then),
        asked_(asked),
        proposal_(proposal),
        gates_(gates),
        at_(at),
        group_(*asked.configuration.find_group(proposal.group)),
        group_then_(then.configuration.find_group(proposal.group)) {}

  Evidence recall() {
    recall_controller();
    recall_verdicts();
    check_detection();
    recall_target();
    recall_preflights();
    recall_loss();
    return std::move(evidence_);
  }

 private:
  void cannot_ask(GateName gate, std::string because) {
    evidence_.missing.try_emplace(gate, std::move(because));
  }

  // Gate 2.
  void recall_controller() {
    const Json& answer = recorded_answer(gates_, GateName::controller);
    const Json& seen = evidence_in(answer);
    if (!number_in(seen, "loop_late_ms")) {
      if (!answer.is_object()) cannot_ask(GateName::controller, "its answer was not recorded");
      return;
    }
    ControllerReading reading;
    reading.at = instant_in(answer, "since").value_or(at_);
    reading.loop_late = Duration{number_in(seen, "loop_late_ms").value_or(0)};
    reading.clock_steady = boolean_or(seen, "clock_steady");
    reading.unable = text_or(seen, "unable");
    reading.store_answers = boolean_or(seen, "store_answers");
    reading.store_latency = Microseconds{number_in(seen, "store_latency_us").value_or(0)};
    if (const std::string reference = text_or(seen, "reference"); !reference.empty())
      reading.reference = reference;
    evidence_.readings.controllers[asked_.configuration.observer.name] = reading;
  }

  // A verdict is what the observers agreed on: so each of them is taken to have said.
  void recall_verdicts() {
    const Json& answer = recorded_answer(gates_, GateName::verdict);
    const Json& seen = evidence_in(answer);
    if (!answer.is_object()) cannot_ask(GateName::verdict, "its answer was not recorded");
    if (boolean_or(seen, "contradicted"))
      cannot_ask(GateName::verdict, "what contradicted it was not recorded");
    if (asked_.configuration.observers.size() != then_.configuration.observers.size())
      cannot_ask(GateName::verdict, "what each of other observers would have seen is not known");
    static const Json kNone = Json::object();
    const auto checks = seen.find("checks");
    const Json& recorded = checks != seen.end() && checks->is_object() ? *checks : kNone;
    for (const CheckReference& check : all_checks(asked_.configuration)) {
      if (check.group != proposal_.group) continue;
      const auto verdict = then_.verdicts.find(check);
      const auto found = recorded.find(to_string(check));
      CheckVerdict heard = verdict == then_.verdicts.end() ? CheckVerdict() : verdict->second;
      if (found != recorded.end() && found->is_object()) {
        heard.health = parse_word<Health>(text_or(*found, "health")).value_or(Health::unknown);
        heard.down = boolean_or(*found, "down");
        heard.first_failed_at = instant_in(*found, "first_failed_at");
        heard.because = text_or(*found, "because");
      } else if (verdict == then_.verdicts.end()) {
        continue;
      }
      heard.down = heard.down && is_down_by_the_rules(heard);
      hear(check, heard);
    }
  }

  // As long as it had failed by then, and not sooner, it may be down.
  [[nodiscard]] bool is_down_by_the_rules(const CheckVerdict& verdict) const {
    return !verdict.first_failed_at ||
           has_failed_long_enough(group_.policy.detect, *verdict.first_failed_at, at_);
  }

  void hear(const CheckReference& check, const CheckVerdict& verdict) {
    for (const ObserverSpec& observer : asked_.configuration.observers) {
      Opinion opinion;
      opinion.check = check;
      opinion.observer = observer.name;
      opinion.health = verdict.health;
      opinion.down = verdict.down;
      opinion.suspect = verdict.first_failed_at.has_value();
      opinion.first_failed_at = verdict.first_failed_at;
      opinion.since = verdict.since;
      opinion.newest_at = at_;
      opinion.expires_at = at_ + kFresh;
      opinion.because = verdict.because;
      opinion.newest.check = check;
      opinion.newest.observer = observer.name;
      opinion.newest.at = at_;
      opinion.newest.health = verdict.health;
      evidence_.readings.opinions[check][observer.name] = std::move(opinion);
    }
  }

  // The looks themselves are not journaled: a rule that counts them can only be asked where it is
  // the same, or weaker.
  void check_detection() {
    if (group_then_ == nullptr) return;
    const DetectPolicy& now = group_.policy.detect;
    const DetectPolicy& before = group_then_->policy.detect;
    if (now.failures > before.failures || now.window < before.window)
      cannot_ask(GateName::verdict, "how many looks had failed was not recorded");
    for (const CheckReference& check : all_checks(asked_.configuration)) {
      if (check.group != proposal_.group) continue;
      const CheckSpec* spec = find_check(asked_.configuration, check);
      const CheckSpec* spec_then = find_check(then_.configuration, check);
      const bool is_stricter = spec_then != nullptr && spec_then->acts_on == ActsOn::critical &&
                               spec->acts_on == ActsOn::failed;
      if (is_stricter) {
        cannot_ask(GateName::verdict,
                   fmt::format("which looks at {} had failed, and which were only critical, was "
                               "not recorded",
                               to_string(check)));
      }
    }
  }

  DatabaseFacts facts_of(DatabaseRole role, const Json& seen, const char* system,
                         const char* timeline) const {
    DatabaseFacts facts;
    facts.role = role;
    facts.read_at = at_;
    facts.system_identifier = text_or(seen, system);
    facts.timeline = number_in(seen, timeline).value_or(0);
    return facts;
  }

  // Gate 6, of a group with databases.
  void recall_target() {
    const auto check = database_check(group_, proposal_.target);
    const Json& answer = recorded_answer(gates_, GateName::target);
    const Json& seen = evidence_in(answer);
    if (!answer.is_object()) cannot_ask(GateName::target, "its answer was not recorded");
    if (!check) return;
    const auto role = parse_word<DatabaseRole>(text_or(seen, "role"));
    if (!role) {
      cannot_ask(GateName::target, "what the target's database said was not recorded");
      return;
    }
    DatabaseFacts facts = facts_of(*role, seen, "system_identifier", "timeline");
    facts.position = position_in(seen);
    facts.read_at = instant_in(seen, "read_at").value_or(at_);
    facts.streaming = boolean_or(seen, "streamed");
    DatabaseFacts before = facts;
    before.read_at = instant_in(seen, "streamed_at").value_or(facts.read_at);
    DatabaseReading& target = evidence_.readings.databases[*check];
    target.newest = facts;
    target.before_failure = before;
    const auto source = database_check(group_, proposal_.source);
    if (!source || text_or(seen, "source_system_identifier").empty()) return;
    DatabaseFacts primary =
        facts_of(DatabaseRole::primary, seen, "source_system_identifier", "source_timeline");
    primary.read_at = before.read_at;
    primary.position = facts.position;
    evidence_.readings.databases[*source].recent.push(primary);
  }

  static std::uint64_t position_in(const Json& seen) {
    const auto found = seen.find("received_position");
    return found != seen.end() && found->is_number_integer() ? found->get<std::uint64_t>()
                                                             : kSomePosition;
  }

  // What held then was asked then, and well.
  void recall_preflights() {
    if (!boolean_or(recorded_answer(gates_, GateName::target), "holds")) return;
    const SiteSpec* site = group_.find_site(proposal_.target);
    const SiteSpec* site_then =
        group_then_ == nullptr ? nullptr : group_then_->find_site(proposal_.target);
    if (site == nullptr || site_then == nullptr) return;
    const bool planned = proposal_.move != Move::failover;
    for (const PreflightSpec& preflight : site->preflight) {
      const std::string& name = preflight.item.name;
      const auto before = std::ranges::find(
          site_then->preflight, name, [](const PreflightSpec& item) { return item.item.name; });
      const bool bound =
          before != site_then->preflight.end() &&
          (before->blocks == Blocks::always || (before->blocks == Blocks::planned && planned));
      const bool binds =
          preflight.blocks == Blocks::always || (preflight.blocks == Blocks::planned && planned);
      if (bound) {
        PreflightReading reading{{at_, Inspection(), std::nullopt}, std::nullopt};
        reading.newest.inspection->finding = Finding::done;
        evidence_.readings.preflights[{proposal_.group, site->name, name}] = reading;
      } else if (binds) {
        cannot_ask(GateName::target, fmt::format("preflight {} did not bind then", name));
      }
    }
  }

  // Gate 7: samples of the source that give the bound that was recorded.
  void recall_loss() {
    const Json& answer = recorded_answer(gates_, GateName::data_loss);
    if (!answer.is_object()) cannot_ask(GateName::data_loss, "its answer was not recorded");
    const auto source = database_check(group_, proposal_.source);
    const auto target = database_check(group_, proposal_.target);
    const auto bytes = number_in(evidence_in(answer), "bound_bytes");
    const auto time = number_in(evidence_in(answer), "bound_ms");
    if (!source || !target) return;
    DatabaseReading& samples = evidence_.readings.databases[*source];
    samples.recent = Ring<DatabaseFacts>(kRecentFacts);
    if (!bytes) {
      // The source was known, and its bound was not: without a sample it is unknown again.
      const Json& seen = evidence_in(recorded_answer(gates_, GateName::target));
      if (text_or(seen, "source_system_identifier").empty()) return;
      samples.newest =
          facts_of(DatabaseRole::primary, seen, "source_system_identifier", "source_timeline");
      return;
    }
    DatabaseReading& held = evidence_.readings.databases[*target];
    if (!held.newest) {
      held.newest = DatabaseFacts();
      held.newest->read_at = at_;
      held.newest->role = DatabaseRole::replica;
    }
    DatabaseFacts sample = source_sample(*held.newest);
    const auto verdict = verdict_of(asked_, evidence_.readings, *source, at_);
    const bool silent = verdict.down || verdict.health == Health::failed;
    const Instant end = silent ? verdict.first_failed_at.value_or(at_) : at_;
    if (time) {
      sample.position = held.newest->position;
      sample.read_at = end - Duration{*time};
      samples.recent.push(sample);
    }
    if (*bytes > 0 || !time) {
      sample.position = held.newest->position + static_cast<std::uint64_t>(*bytes);
      sample.read_at = end;
      samples.recent.push(sample);
    }
  }

  DatabaseFacts source_sample(const DatabaseFacts& target) const {
    const Json& seen = evidence_in(recorded_answer(gates_, GateName::target));
    DatabaseFacts sample =
        facts_of(DatabaseRole::primary, seen, "source_system_identifier", "source_timeline");
    if (sample.system_identifier.empty()) {
      sample.system_identifier = target.system_identifier;
      sample.timeline = target.timeline;
    }
    return sample;
  }

  const State& then_;
  const State& asked_;
  const Proposal& proposal_;
  const Json& gates_;
  Instant at_;
  const GroupSpec& group_;
  const GroupSpec* group_then_;
  Evidence evidence_;
};

}  // namespace

const Json& recorded_answer(const Json& gates, GateName name) {
  static const Json kNone = nullptr;
  if (!gates.is_array()) return kNone;
  const auto found = std::ranges::find_if(
      gates, [name](const Json& gate) { return text_or(gate, "name") == to_string(name); });
  return found == gates.end() ? kNone : *found;
}

Evidence evidence_of(const State& then, const State& asked, const Proposal& proposal,
                     const Json& gates, Instant at) {
  return Witness(then, asked, proposal, gates, at).recall();
}

}  // namespace bascule::engine
