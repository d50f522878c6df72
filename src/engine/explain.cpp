// `explain`: what would be done now, and why something or nothing is being done. It asks the same
// gates that decide asks, and adds only words; it decides nothing.
#include <algorithm>

#include "engine/automation.h"
#include "engine/detect/detector.h"
#include "engine/drift.h"
#include "engine/drills.h"
#include "engine/engine.h"
#include "engine/execution.h"
#include "engine/failback.h"
#include "engine/front_door.h"
#include "engine/lookups.h"
#include "engine/notes.h"
#include "engine/phrases.h"
#include "engine/run_story.h"

namespace bascule::engine {
namespace {

// The move that the gates are asked about: the one that is under way, else the failover that
// automation would do. Where no candidate passes, the first one, so that its refusal is told.
Proposal proposal_for(const State& state, const Readings& readings, const GroupSpec& group,
                      const SiteName& active, Instant now) {
  if (const Run* run = state.open_run(group.name)) {
    return Proposal{group.name,       run->plan.move, run->plan.source,
                    run->plan.target, run->trigger,   RunId()};
  }
  Proposal proposal{group.name, Move::failover, active, SiteName(), Trigger::automatic};
  for (const Trigger trigger : {Trigger::automatic, Trigger::manual}) {
    const auto target = choose_target(state, readings, group.name, Move::failover, trigger, now);
    if (target) {
      proposal.target = *target;
      return proposal;
    }
  }
  for (const SiteSpec& site : group.sites) {
    if (site.name != active && site.can_be_target) {
      proposal.target = site.name;
      break;
    }
  }
  return proposal;
}

const GateAnswer& answer_of(const std::vector<GateAnswer>& gates, GateName name) {
  return gates.at(static_cast<std::size_t>(name) - 1);
}

// The first refusal among the gates that do not depend on the verdict.
const GateAnswer* first_refusal(const std::vector<GateAnswer>& gates) {
  const auto found = std::ranges::find_if(
      gates, [](const GateAnswer& gate) { return !gate.holds && gate.name != GateName::verdict; });
  return found == gates.end() ? nullptr : &*found;
}

bool is_contradicted(const GateAnswer& verdict) {
  return boolean_or(verdict.evidence, "contradicted");
}

// For people who read a sentence, not a table: what a gate's clause is about.
std::string refusal_text(const GateAnswer& gate) {
  switch (gate.name) {
    case GateName::fence:
      return "the source cannot be fenced: " + gate.because;
    case GateName::data_loss:
      return gate.because.starts_with("at most") ? "too much could be lost, " + gate.because
                                                 : gate.because;
    default:
      return gate.because;
  }
}

std::string run_sentence(const GroupName& group, GroupState state, const Run& run) {
  if (run.state == RunState::parked) {
    return fmt::format("{} is {} and {} is parked: {}; a person must act", group, to_string(state),
                       run.id, run.because);
  }
  return fmt::format("{} is {}: {} ({} by {}) {} {}", group, to_string(state), run.id,
                     to_string(run.plan.move), run.actor,
                     run.rolling_back ? "is being taken back to" : "is moving it to",
                     run.rolling_back ? run.plan.source : run.plan.target);
}

// verdict      | others refuse | sentence
// -------------+---------------+---------------------------------------------
// holds        | no            | … would fail over to TARGET now: WHY
// holds        | yes           | … and nothing is being done: REFUSAL
// contradicted | any           | … and nothing is being done: UNREACHABLE
// soon         | no            | … WHY; would fail over to TARGET in 4s
// soon         | yes           | … WHY; nothing would be done: REFUSAL
// no           | any           | … nothing to do (and why it is not healthy)
// In mode approve a run may wait for a person; in mode shadow gate 1 alone may refuse.
std::string idle_sentence(const Explanation& explanation, const State& state,
                          const GroupStatus& status, const Proposal& proposal, Instant now) {
  const GateAnswer& verdict = answer_of(explanation.gates, GateName::verdict);
  const GateAnswer* refusal = first_refusal(explanation.gates);
  const Run* proposed = proposed_run(state, explanation.group);
  const bool only_shadows = policy_of(state, explanation.group).mode == Mode::shadow &&
                            !automation_is_held(state, explanation.group, now) &&
                            refusal_beyond_mode(explanation.gates) == nullptr;
  const std::string group =
      fmt::format("{} is {}", explanation.group, to_string(explanation.state));
  if (is_contradicted(verdict)) {
    return fmt::format("{} and nothing is being done: {}", group, verdict.because);
  }
  if (verdict.holds) {
    if (proposed != nullptr) {
      return fmt::format("{}, and {} (failover to {}) waits for an approval: {}", group,
                         proposed->id, proposed->plan.target, verdict.because);
    }
    if (only_shadows) {
      return fmt::format("{} and would fail over to {} now, but the mode is shadow: {}", group,
                         proposal.target, verdict.because);
    }
    if (refusal != nullptr) {
      return fmt::format("{} and nothing is being done: {}", group, refusal_text(*refusal));
    }
    return fmt::format("{} and would fail over to {} now: {}", group, proposal.target,
                       verdict.because);
  }
  if (verdict.until) {
    if (refusal != nullptr) {
      return fmt::format("{}: {}; nothing would be done: {}", group, verdict.because,
                         refusal_text(*refusal));
    }
    return fmt::format("{}: {}; would fail over to {} in {}", group, verdict.because,
                       proposal.target, span_text(*verdict.until - now));
  }
  switch (explanation.state) {
    case GroupState::healthy:
      return group + "; nothing to do";
    case GroupState::unknown:
      return fmt::format("{} and nothing is being done: {}", group, verdict.because);
    default:
      return fmt::format("{} and nothing is being done: {}; {}", group,
                         status.state_because.empty() ? "it has not failed" : status.state_because,
                         verdict.because);
  }
}

constexpr const char* kReason = R"(--reason "…")";

// The same move by a person, who passes by name the gates that bind a person too.
std::string failover_command(const Explanation& explanation, const Proposal& proposal) {
  std::string overrides;
  for (const GateAnswer& gate : explanation.gates) {
    if (gate.holds || !gate.binds_everyone || gate.name == GateName::fence) continue;
    overrides += fmt::format(" --override {}", to_string(gate.name));
  }
  return fmt::format("bascule failover {} --to {}{} {}", proposal.group, proposal.target, overrides,
                     kReason);
}

// What changes the answers of the gates that refuse, most particular first.
std::vector<std::string> help_for_refusals(const State& state, const GroupStatus& status,
                                           const Explanation& explanation, const Proposal& proposal,
                                           Instant now) {
  const auto refuses = [&](GateName name) { return !answer_of(explanation.gates, name).holds; };
  if (is_taken(status)) {
    return {fmt::format("bascule import FILE {}", kReason),
            fmt::format("bascule adopt {} --active SITE {}", proposal.group, kReason)};
  }
  if (const ForeignLine* foreign = unfenced_claim(status, proposal.target)) {
    return {
        fmt::format("bascule import FILE {}", kReason),
        fmt::format("bascule attest {} --site {} {}", proposal.group, foreign->target, kReason)};
  }
  if (refuses(GateName::one_at_a_time)) return {"bascule runs"};
  std::vector<std::string> help;
  if (const Run* run = proposed_run(state, proposal.group)) {
    return {fmt::format("bascule approve {} {}", run->id, kReason),
            fmt::format("bascule abort {} {}", run->id, kReason)};
  }
  if (is_in_force(state.hold, now)) help.push_back(fmt::format("bascule release {}", kReason));
  if (is_in_force(status.hold, now)) {
    help.push_back(fmt::format("bascule release {} {}", proposal.group, kReason));
  }
  if (refuses(GateName::cooldown) && !status.acknowledged) {
    help.push_back(fmt::format("bascule ack {} {}", proposal.group, kReason));
  }
  if (refuses(GateName::fence)) {
    help.push_back(
        fmt::format("bascule attest {} --site {} {}", proposal.group, proposal.source, kReason));
  }
  const bool only_fence = std::ranges::none_of(explanation.gates, [](const GateAnswer& gate) {
    return !gate.holds && gate.name != GateName::fence;
  });
  if (!proposal.target.empty() && !only_fence) {
    help.push_back(failover_command(explanation, proposal));
  }
  return help;
}

std::vector<std::string> help_for_run(const Run& run, const GroupName& group,
                                      const GateAnswer& fence) {
  if (run.state != RunState::parked) {
    return {fmt::format("bascule show {}", run.id)};
  }
  std::vector<std::string> help;
  if (!fence.holds && !run.past_no_return) {
    help.push_back(fmt::format("bascule attest {} --site {} {}", group, run.plan.source, kReason));
  }
  help.push_back(fmt::format("bascule resume {} {}", run.id, kReason));
  help.push_back(fmt::format("bascule abort {} {}", run.id, kReason));
  help.push_back(fmt::format("bascule show {}", run.id));
  return help;
}

// What the gates do not tell: the front door, roles that changed, the way home.
std::vector<std::string> notes_of(const State& state, const Readings& readings,
                                  const GroupName& group, const GroupStatus& status, Instant now) {
  std::vector<std::string> notes;
  if (status.drift) {
    const std::string left = why_not_reasserted(state, group, now);
    notes.push_back(fmt::format("the front door drifted {}: {}; {}", ago(status.drift->since, now),
                                status.drift->because,
                                left.empty() ? "it is set back" : "left as it is: " + left));
  }
  if (status.front_door_silence) {
    notes.push_back(fmt::format("{}, since {}", status.front_door_silence->because,
                                clock_time(status.front_door_silence->since)));
  }
  if (status.role_change) {
    notes.push_back(fmt::format("{} was promoted, and not by Bascule", *status.role_change));
  }
  for (std::string drill : {drill_sentence(state, group, now), last_drill_sentence(status, now)}) {
    if (!drill.empty()) notes.push_back(std::move(drill));
  }
  const Homecoming coming = homecoming_of(state, readings, group, now);
  if (coming.applies) notes.push_back(coming.because);
  return notes;
}

// The front door, where nobody sets it back by itself.
void help_with_drift(const State& state, const GroupStatus& status, Explanation& explanation,
                     Instant now) {
  if (!status.drift || !status.active) return;
  if (why_not_reasserted(state, explanation.group, now).empty()) return;
  explanation.what_helps.push_back(
      fmt::format("bascule adopt {} --active {} {}", explanation.group, *status.active, kReason));
}

void explain_without_active(const GroupSpec& group, Explanation& explanation) {
  explanation.sentence =
      fmt::format("{} is {} and nothing is being done: nobody has said yet which site is active",
                  group.name, to_string(explanation.state));
  for (const SiteSpec& site : group.sites) {
    explanation.what_helps.push_back(
        fmt::format("bascule adopt {} --active {} {}", group.name, site.name, kReason));
  }
}

}  // namespace

Explanation explain(const State& state, const Readings& readings, const GroupName& group,
                    Instant now) {
  Explanation explanation;
  explanation.group = group;
  const GroupSpec* spec = state.configuration.find_group(group);
  if (spec == nullptr) {
    explanation.sentence = fmt::format("there is no group {}", group);
    return explanation;
  }
  GroupStatus status;
  if (const auto found = state.groups.find(group); found != state.groups.end()) {
    status = found->second;
  }
  explanation.active = status.active;
  explanation.state = status.state;
  explanation.protection = status.protection;
  explanation.automation_on = spec->policy.mode == Mode::automatic &&
                              !is_in_force(state.hold, now) && !is_in_force(status.hold, now);
  const Proposal proposal =
      proposal_for(state, readings, *spec, status.active.value_or(SiteName()), now);
  explanation.gates = ask_gates(state, readings, proposal, now);
  if (const auto last = state.runs.find(status.last_run); last != state.runs.end()) {
    explanation.last_move = story_of(state, last->second, now);
  }
  explanation.notes = notes_of(state, readings, group, status, now);
  for (std::string& note : wait_notes(state, group, now)) {
    explanation.notes.push_back(std::move(note));
  }
  if (const Run* run = state.open_run(group)) {
    explanation.would = proposal;
    explanation.sentence = run_sentence(group, status.state, *run);
    explanation.what_helps =
        help_for_run(*run, group, answer_of(explanation.gates, GateName::fence));
    return explanation;
  }
  if (!status.active) {
    explain_without_active(*spec, explanation);
    return explanation;
  }
  const GateAnswer& verdict = answer_of(explanation.gates, GateName::verdict);
  const bool all_hold = std::ranges::all_of(explanation.gates, &GateAnswer::holds);
  if (all_hold) explanation.would = proposal;
  explanation.sentence = idle_sentence(explanation, state, status, proposal, now);
  const bool nothing_failed = !verdict.holds && !verdict.until && !is_contradicted(verdict);
  const bool would_act = all_hold || (verdict.until && first_refusal(explanation.gates) == nullptr);
  if (!nothing_failed && !would_act) {
    explanation.what_helps = help_for_refusals(state, status, explanation, proposal, now);
  }
  if (status.role_change) {
    explanation.what_helps.push_back(
        fmt::format("bascule adopt {} --active {} {}", group, *status.role_change, kReason));
  }
  help_with_drift(state, status, explanation, now);
  return explanation;
}

Json to_json(const Explanation& explanation) {
  Json would = "nothing";
  if (explanation.would) {
    would = Json{{"move", std::string(to_string(explanation.would->move))},
                 {"target", explanation.would->target.text()}};
  }
  Json gates = Json::array();
  for (const GateAnswer& gate : explanation.gates) gates.push_back(to_json(gate));
  return Json{{"group", explanation.group.text()},
              {"active", explanation.active ? Json(explanation.active->text()) : Json(nullptr)},
              {"state", std::string(to_string(explanation.state))},
              {"protection", std::string(to_string(explanation.protection))},
              {"automation", explanation.automation_on ? "on" : "held"},
              {"would", would},
              {"sentence", explanation.sentence},
              {"gates", gates},
              {"last_move", explanation.last_move},
              {"notes", explanation.notes},
              {"what_helps", explanation.what_helps}};
}

}  // namespace bascule::engine
