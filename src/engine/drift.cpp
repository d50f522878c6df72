#include "engine/drift.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "engine/execution.h"
#include "engine/lookups.h"
#include "engine/obligations.h"
#include "engine/phrases.h"
#include "engine/plan/planner.h"
#include "engine/steps.h"
#include "engine/watch.h"

namespace bascule::engine {
namespace {

// Shorter than this, a front door that cannot be read is a name server that restarts.
constexpr Duration kLeastSilence{60'000};

std::string shown(std::vector<std::string> addresses) {
  std::ranges::sort(addresses);  // name servers turn them around
  return addresses.empty() ? "nothing" : fmt::format("{}", fmt::join(addresses, ", "));
}

FrontDoorDrifted superseded_by(const State& state, const GroupName& group,
                               const std::optional<DoorLine>& line, const std::string& because) {
  const std::string found =
      line ? fmt::format("{} {} {} {}", line->generation, line->cluster, line->run, line->target)
           : because;
  return {group, Drift::superseded, std::to_string(state.groups.at(group).generation), found,
          because};
}

// One reading, beside what the journal knows.
class Comparison {
 public:
  Comparison(const GroupSpec& group, const GroupStatus& status, const Inspection& found,
             const Step& wanted, const State& state)
      : group_(group), status_(status), found_(found), wanted_(wanted), state_(state) {}

  // Nothing: it is as it was left.
  [[nodiscard]] std::optional<FrontDoorDrifted> drift() const {
    if (auto other = superseded()) return other;
    if (found_.finding != Finding::done) return elsewhere();
    return unclaimed();
  }

 private:
  [[nodiscard]] FrontDoorDrifted drifted(Drift kind, std::string expected, std::string found,
                                         std::string because) const {
    return {group_.name, kind, std::move(expected), std::move(found), std::move(because)};
  }
  [[nodiscard]] std::string record_name() const {
    return text_or(found_.facts, "record", "its record");
  }
  [[nodiscard]] Generation generation() const {
    return static_cast<Generation>(
        std::max<std::int64_t>(integer_or(found_.facts, "generation", 0), 0));
  }

  [[nodiscard]] std::optional<FrontDoorDrifted> superseded() const {
    const std::optional<DoorLine> line = line_in(found_.facts);
    if (!line || wrote_line(state_, group_.name, *line)) return std::nullopt;
    // An old line of this cluster: the zone was put back.
    if (line->cluster == state_.cluster && line->generation < status_.generation) {
      return std::nullopt;
    }
    return superseded_by(state_, group_.name, line, line_text(state_, group_.name, *line));
  }

  [[nodiscard]] FrontDoorDrifted elsewhere() const {
    const std::vector<std::string> addresses = texts_or_empty(found_.facts, "address");
    const std::string wanted = text_or(wanted_.settings, "address");
    std::string whose;
    for (const SiteSpec& site : group_.sites) {
      const auto step = front_door_step(state_, group_.name, site.name, "switch");
      const bool is_shown =
          step && addresses.size() == 1 && text_or(step->settings, "address") == addresses.front();
      if (is_shown) whose = fmt::format(" ({})", site.name);
    }
    return drifted(Drift::address, wanted, shown(addresses),
                   fmt::format("{} shows {}{}, not {} ({})", group_.front_door->name,
                               shown(addresses), whose, wanted, wanted_.site));
  }

  // What cannot hold a record does not say whether it found one.
  [[nodiscard]] std::optional<FrontDoorDrifted> unclaimed() const {
    const bool keeps_record = found_.facts.contains("found");
    if (!keeps_record || status_.generation == 0) return std::nullopt;
    const std::string expected = std::to_string(status_.generation);
    if (!boolean_or(found_.facts, "found")) {
      return drifted(Drift::claim, expected, "nothing",
                     fmt::format("its record {} is gone", record_name()));
    }
    if (generation() == status_.generation) return std::nullopt;
    return drifted(Drift::claim, expected, std::to_string(generation()),
                   fmt::format("its record {} says generation {}, not {}", record_name(),
                               generation(), expected));
  }

  const GroupSpec& group_;
  const GroupStatus& status_;
  const Inspection& found_;
  const Step& wanted_;
  const State& state_;
};

void record_drift(Deliberation& deliberation, FrontDoorDrifted drifted) {
  const GroupStatus& status = deliberation.state().groups.at(drifted.group);
  const auto& before = status.drift;
  const bool known = before && before->kind == drifted.kind && before->found == drifted.found &&
                     before->expected == drifted.expected && !status.front_door_silence;
  if (known) return;
  const bool is_new = !before || before->kind != drifted.kind || before->found != drifted.found;
  const GroupName group = drifted.group;
  const bool superseded = drifted.kind == Drift::superseded;
  const std::string because = drifted.because;
  deliberation.propose(std::move(drifted));
  if (superseded && is_new) hold_group(deliberation, group, because);
}

// Silence is no drift; it is said once it lasts.
void record_silence(Deliberation& deliberation, const GroupSpec& group,
                    const FrontDoorReading& reading) {
  const GroupStatus& status = deliberation.state().groups.at(group.name);
  if (status.front_door_silence || !reading.failing_since) return;
  const Duration patience = std::max(kLeastSilence, group.policy.detect.window);
  if (deliberation.now() - *reading.failing_since < patience) return;
  deliberation.propose(FrontDoorSilent{
      group.name, *reading.failing_since,
      fmt::format("{} cannot be read: {}", group.front_door->name, reading.newest.error->message)});
}

// Reassertions that count against a drift that began at `since`, or happened during it.
bool are_used_up(const GroupStatus& status, Instant since) {
  const auto recent = std::ranges::count_if(
      status.reassertions, [&](Instant at) { return at > since - kReassertionsWithin; });
  return recent >= static_cast<std::ptrdiff_t>(kReassertions);
}

// The claim and the switch, for the site that is active.
bool owe_front_door(Deliberation& deliberation, const GroupName& group, bool takes_over,
                    const std::string& because, const std::string& actor,
                    const std::string& reason) {
  const State& state = deliberation.state();
  const auto& active = state.groups.at(group).active;
  if (!active || owes_front_door(state, group) || state.open_run(group) != nullptr) return false;
  auto claim = front_door_step(state, group, *active, "claim");
  auto show = front_door_step(state, group, *active, "switch");
  if (!claim || !show) return false;
  ObligationOpened owed;
  owed.group = group;
  owed.kind = ObligationKind::front_door;
  owed.site = *active;
  owed.because = because;
  owed.steps = {*std::move(claim), *std::move(show)};
  owed.takes_over = takes_over;
  open_obligation(deliberation, std::move(owed), actor, reason);
  return true;
}

}  // namespace

void note_superseded(Deliberation& deliberation, const GroupName& group,
                     const std::optional<DoorLine>& line, const std::string& because) {
  const State& state = deliberation.state();
  const auto status = state.groups.find(group);
  if (status == state.groups.end()) return;
  // What is known already says more than an error.
  if (line || !is_taken(status->second)) {
    record_drift(deliberation, superseded_by(state, group, line, because));
  }
  hold_group(deliberation, group, because);
}

void notice_drift(Deliberation& deliberation, const GroupName& name) {
  const State& state = deliberation.state();
  const GroupSpec* group = state.configuration.find_group(name);
  const auto status = state.groups.find(name);
  if (group == nullptr || !group->front_door || status == state.groups.end()) return;
  // Whatever is read while something is about to be written says nothing.
  const auto& active = status->second.active;
  if (!active || state.open_run(name) != nullptr || owes_front_door(state, name)) return;
  const auto reading = deliberation.readings().front_doors.find(name);
  const auto wanted = front_door_step(state, name, *active, "switch");
  if (reading == deliberation.readings().front_doors.end() || !wanted) return;
  const InspectionReading& newest = reading->second.newest;
  if (newest.error && newest.error->code == ErrorCode::superseded) {
    record_drift(deliberation, {name, Drift::superseded, std::to_string(status->second.generation),
                                newest.error->message, newest.error->message});
    return;
  }
  if (newest.error) {
    record_silence(deliberation, *group, reading->second);
    return;
  }
  const Comparison comparison(*group, status->second, *newest.inspection, *wanted, state);
  if (auto drifted = comparison.drift()) {
    record_drift(deliberation, *std::move(drifted));
    return;
  }
  if (!status->second.drift && !status->second.front_door_silence) return;
  deliberation.propose(FrontDoorRestored{
      name, fmt::format("{} shows {}", group->front_door->name,
                        shown(texts_or_empty(newest.inspection->facts, "address")))});
}

std::string why_not_reasserted(const State& state, const GroupName& name, Instant now) {
  const auto found = state.groups.find(name);
  const bool stands = found != state.groups.end() && found->second.drift && found->second.active;
  if (!stands) return "";
  const GroupStatus& status = found->second;
  const Policy& policy = policy_of(state, name);
  if (status.drift->kind == Drift::superseded) return "what another Bascule holds is never written";
  if (!policy.reassert_front_door) return "the policy announces drift and does not undo it";
  if (policy.mode == Mode::shadow) return "the mode is shadow: nothing is written";
  if (is_in_force(state.hold, now)) return "everything is held";
  if (is_in_force(status.hold, now)) return fmt::format("{} is held", name);
  // Whoever leads clients away from a site that has failed may know better.
  const Failure failure = failure_of(state, *state.configuration.find_group(name), *status.active);
  if (failure.holds || failure.unknown) return failure.because;
  if (are_used_up(status, status.drift->since)) {
    return fmt::format("it was undone {} times within {}: somebody else keeps changing it",
                       kReassertions, span_text(kReassertionsWithin));
  }
  return "";
}

bool reassert_front_door(Deliberation& deliberation, const GroupName& name) {
  const State& state = deliberation.state();
  const auto& drift = state.groups.at(name).drift;
  if (!drift || !why_not_reasserted(state, name, deliberation.now()).empty()) return false;
  return owe_front_door(deliberation, name, false, drift->because, kAutomation, std::string());
}

bool take_front_door_back(Deliberation& deliberation, const GroupName& name,
                          const std::string& actor, const std::string& reason) {
  const auto& drift = deliberation.state().groups.at(name).drift;
  if (!drift) return false;
  const bool takes_over = drift->kind == Drift::superseded;
  return owe_front_door(deliberation, name, takes_over, drift->because, actor, reason);
}

}  // namespace bascule::engine
