#include "transcript.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <vector>

#include "engine/test_world.h"

namespace bascule::scenario {
namespace {

std::string in_brackets(const std::string& because) {
  return because.empty() ? std::string() : fmt::format("  ({})", because);
}

std::string texts(const Outputs& outputs) {
  std::string text;
  for (const auto& [name, value] : outputs) {
    if (value.is_number()) text += fmt::format(" {}={}", name, to_text(value));
  }
  return text;
}

template <typename Names>
std::string joined(const Names& names) {
  std::vector<std::string> list;
  list.reserve(names.size());
  for (const auto& name : names) list.push_back(name.text());
  return fmt::format("{}", fmt::join(list, ", "));
}

// The words of each record; what every reader knows (the group, the configuration) is left out.
struct Words {
  std::string operator()(const TermOpened& body) const {
    return fmt::format("by {}", body.observer);
  }
  std::string operator()(const ConfigurationLoaded& /*body*/) const { return ""; }
  std::string operator()(const ActiveSiteChanged& body) const {
    return fmt::format("{}{}", body.site, in_brackets(body.because));
  }
  std::string operator()(const VerdictChanged& body) const {
    return fmt::format("{} {} → {}{}{}", to_string(body.check), to_string(body.from),
                       to_string(body.to), body.down ? ", down" : "", in_brackets(body.because));
  }
  std::string operator()(const GroupStateChanged& body) const {
    return fmt::format("{} → {}{}", to_string(body.from), to_string(body.to),
                       in_brackets(body.because));
  }
  std::string operator()(const ProtectionChanged& body) const {
    return fmt::format("{}{}", to_string(body.to), in_brackets(body.because));
  }
  std::string operator()(const AutomationHeld& body) const {
    return fmt::format("{}{}", body.group.empty() ? "everything" : body.group.text(),
                       body.until ? " until " + moment_text(*body.until) : "");
  }
  std::string operator()(const AutomationReleased& body) const {
    return body.group.empty() ? "everything" : body.group.text();
  }
  std::string operator()(const MoveAcknowledged& body) const { return body.group.text(); }
  std::string operator()(const SiteAttested& body) const { return body.site.text(); }
  std::string operator()(const RunOpened& body) const {
    std::string text = fmt::format("{} {} {} → {}, {}", body.run, to_string(body.plan.move),
                                   body.plan.source, body.plan.target, to_string(body.trigger));
    if (body.first_sign_at) text += ", first sign " + moment_text(*body.first_sign_at);
    if (body.first_failed_at) text += ", first failed " + moment_text(*body.first_failed_at);
    if (body.verdict_at) text += ", verdict " + moment_text(*body.verdict_at);
    if (body.loss_bound) text += ", loss at most " + to_string(*body.loss_bound);
    if (body.loss_bound_bytes) text += fmt::format(" and {} bytes", *body.loss_bound_bytes);
    if (!body.overrides.empty()) text += fmt::format(", past {}", fmt::join(body.overrides, ", "));
    for (const std::string& exposure : body.plan.exposures) text += ", " + exposure;
    if (!body.supersedes.empty()) text += fmt::format(", instead of {}", body.supersedes);
    if (!body.way_back_of.empty()) text += fmt::format(", the way back of {}", body.way_back_of);
    if (body.wait && body.wait->what == WaitFor::moment) {
      text += ", begins at " + moment_text(body.wait->until);
    } else if (body.wait) {
      text += fmt::format(", waits for an approval until {}{}", moment_text(body.wait->until),
                          body.wait->proceeds ? ", then begins" : "");
    }
    return text;
  }
  std::string operator()(const RunBegun& body) const {
    std::string text = body.run.text();
    if (body.loss_bound) text += ", loss at most " + to_string(*body.loss_bound);
    if (body.loss_bound_bytes) text += fmt::format(" and {} bytes", *body.loss_bound_bytes);
    return text + in_brackets(body.because);
  }
  std::string operator()(const WouldHaveFailedOver& body) const {
    std::string text = fmt::format("{} → {}", body.source, body.target);
    if (body.first_failed_at) text += ", first failed " + moment_text(*body.first_failed_at);
    if (body.loss_bound) text += ", loss at most " + to_string(*body.loss_bound);
    return text + in_brackets(body.because);
  }
  std::string operator()(const StepStarted& body) const {
    const std::string again = body.attempt > 1 ? fmt::format(" again ({})", body.attempt) : "";
    return fmt::format("{} {}{}{}", body.run, body.step, again, in_brackets(body.change));
  }
  std::string operator()(const StepApplied& body) const {
    return fmt::format("{} {}{}", body.run, body.step, texts(body.outputs));
  }
  std::string operator()(const StepRetried& body) const {
    return fmt::format("{} {} {} at {}{}", body.run, body.step, to_string(body.code),
                       moment_text(body.next_at), in_brackets(body.because));
  }
  std::string operator()(const StepEnded& body) const {
    return fmt::format("{} {} {}{}{}", body.run, body.step, to_string(body.state),
                       body.code ? ", " + std::string(to_string(*body.code)) : "",
                       in_brackets(body.because));
  }
  std::string operator()(const RollbackBegun& body) const {
    return fmt::format("{}{}", body.run, in_brackets(body.because));
  }
  std::string operator()(const StepReverted& body) const {
    return fmt::format("{} {}{}{}", body.run, body.step, body.succeeded ? "" : " not",
                       in_brackets(body.because));
  }
  std::string operator()(const RunParked& body) const {
    return fmt::format("{}{}", body.run, in_brackets(body.because));
  }
  std::string operator()(const RunResumed& body) const {
    if (body.step.empty()) return body.run.text();
    return fmt::format("{} {} as {}", body.run, body.step, body.as);
  }
  std::string operator()(const RunEnded& body) const {
    std::string text = fmt::format("{} {}", body.run, to_string(body.state));
    if (body.outage_began_at && body.outage_ended_at) {
      text += ", outage " + to_string(*body.outage_ended_at - *body.outage_began_at);
    }
    if (body.declined) text += ", not proposed again";
    return text + in_brackets(body.because);
  }
  std::string operator()(const ObligationOpened& body) const {
    std::vector<StepId> steps;
    steps.reserve(body.steps.size());
    for (const Step& step : body.steps) steps.push_back(step.id);
    return fmt::format("{} {} of {}: {}{}", body.obligation, to_string(body.kind), body.site,
                       joined(steps), in_brackets(body.because));
  }
  std::string operator()(const ObligationRetried& body) const {
    return fmt::format("{} at {}{}", body.obligation, moment_text(body.next_at),
                       in_brackets(body.because));
  }
  std::string operator()(const ObligationEnded& body) const {
    return fmt::format("{}{}", body.obligation, in_brackets(body.because));
  }
  std::string operator()(const LossMeasured& body) const {
    return fmt::format("{} at {}: {} bytes, {} rows", body.run, body.site, body.bytes.value_or(-1),
                       body.rows.value_or(-1));
  }
  std::string operator()(const TwoWritersSeen& body) const {
    return joined(body.sites) + in_brackets(body.because);
  }
  std::string operator()(const TwoWritersEnded& body) const { return in_brackets(body.because); }
  std::string operator()(const RoleChangeSeen& body) const {
    std::string text = fmt::format("{}, timeline {}", body.site, body.timeline);
    if (body.missing_bytes) text += fmt::format(", {} bytes are missing", *body.missing_bytes);
    return text + in_brackets(body.because);
  }
  std::string operator()(const RoleChangeEnded& body) const { return in_brackets(body.because); }
  std::string operator()(const FrontDoorDrifted& body) const {
    return fmt::format("{}: {}, not {}{}", to_string(body.kind), body.found, body.expected,
                       in_brackets(body.because));
  }
  std::string operator()(const FrontDoorSilent& body) const {
    return fmt::format("since {}{}", moment_text(body.since), in_brackets(body.because));
  }
  std::string operator()(const FrontDoorRestored& body) const { return in_brackets(body.because); }
  std::string operator()(const HoldAlarmRaised& body) const {
    return fmt::format("{} is held since {}", body.group.empty() ? "everything" : body.group.text(),
                       moment_text(body.held_since));
  }
  std::string operator()(const HomeReadinessChanged& body) const {
    return fmt::format("{}{}", body.ready ? "ready" : "not ready", in_brackets(body.because));
  }
  std::string operator()(const PreflightChanged& body) const {
    return fmt::format("{} of {} is {}{}", body.item, body.site, body.ready ? "ready" : "not ready",
                       in_brackets(body.because));
  }
  std::string operator()(const DrillBegun& body) const {
    return fmt::format("{} at {}, back to {} at {}, deadline {}", body.run, body.site, body.home,
                       moment_text(body.back_at), moment_text(body.deadline));
  }
  std::string operator()(const DrillOverdue& body) const {
    return body.run.text() + in_brackets(body.because);
  }
  std::string operator()(const DrillEnded& body) const {
    return fmt::format("{} {}{}", body.run, body.succeeded ? "succeeded" : "failed",
                       in_brackets(body.because));
  }
  std::string operator()(const JournalImported& body) const {
    std::string text = fmt::format("of {}, up to {}", body.observer, body.head_seq);
    for (const ImportedGroup& group : body.groups) {
      text += fmt::format(", {} at generation {}", group.active, group.generation);
    }
    return text;
  }
};

Json json_of(const std::optional<Instant>& at) {
  return at ? Json(at->time_since_epoch().count()) : Json(nullptr);
}

Json json_of(const engine::Execution& execution) {
  Json steps = Json::object();
  for (const auto& [id, progress] : execution.progress) {
    steps[id.text()] = {to_string(progress.state),
                        progress.attempts,
                        progress.started_term,
                        json_of(progress.started_at),
                        json_of(progress.attempt_at),
                        json_of(progress.applied_at),
                        json_of(progress.ended_at),
                        json_of(progress.retry_at),
                        progress.prior,
                        progress.change,
                        Json(progress.outputs),
                        progress.because,
                        progress.code.has_value(),
                        progress.revert_failed,
                        progress.taken_over};
  }
  return {{"steps", steps},
          {"count", execution.steps.size()},
          {"began", json_of(execution.began_at)},
          {"went_on", json_of(execution.went_on_at)}};
}

Json json_of(const engine::Run& run) {
  return {
      {"plan", to_json(run.plan)},
      {"execution", json_of(run.execution)},
      {"state", to_string(run.state)},
      {"trigger", to_string(run.trigger)},
      {"who", {run.actor, run.reason, run.ticket, run.idempotency_key}},
      {"gates", run.gates},
      {"overrides", run.overrides},
      {"numbers", {run.term, run.generation}},
      {"times",
       {json_of(run.opened_at), json_of(run.ended_at), json_of(run.first_sign_at),
        json_of(run.first_failed_at), json_of(run.verdict_at), json_of(run.activated_at),
        json_of(run.outage_began_at), json_of(run.outage_ended_at),
        json_of(run.rollback_began_at)}},
      {"loss",
       {run.back_after.value_or(Duration(-1)).count(), run.deadline.value_or(Duration(-1)).count(),
        run.loss_bound ? run.loss_bound->count() : -1, run.loss_bound_bytes.value_or(-1),
        run.exact_bytes.value_or(-1), run.exact_rows.value_or(-1)}},
      {"flags", {run.rolling_back, run.past_no_return, run.parked_at_fence, run.forward_only}},
      {"wait",
       {run.wait ? to_string(run.wait->what) : "none",
        run.wait ? json_of(run.wait->until) : Json(nullptr), run.wait && run.wait->proceeds}},
      {"begun",
       {json_of(run.began_at), run.opened_seq, run.began_seq, run.begun_by, run.begun_because}},
      {"superseding", {run.supersedes.text(), run.superseded_by.text()}},
      {"because", run.because}};
}

Json json_of(const std::optional<engine::FrontDoorDrift>& drift) {
  if (!drift) return nullptr;
  return {to_string(drift->kind), json_of(drift->since), drift->expected, drift->found,
          drift->because};
}

Json json_of(const std::optional<engine::OpenDrill>& drill) {
  if (!drill) return nullptr;
  return {drill->run.text(),     drill->site.text(),      drill->home.text(),
          json_of(drill->since), json_of(drill->back_at), json_of(drill->deadline),
          Json(drill->overdue)};
}

Json json_of(const std::vector<Instant>& moments) {
  Json list = Json::array();
  for (const Instant at : moments) list.push_back(json_of(std::optional(at)));
  return list;
}

Json json_of(const engine::GroupStatus& group) {
  Json attested = Json::object();
  for (const auto& [site, at] : group.attested) attested[site.text()] = json_of(at);
  Json shadowed = Json::array();
  for (const engine::ShadowEpisode& episode : group.shadowed) {
    shadowed.push_back({json_of(episode.began_at), json_of(episode.ended_at), episode.source.text(),
                        episode.target.text(), episode.because});
  }
  return {
      {"active", group.active ? group.active->text() : ""},
      {"times",
       {json_of(group.active_since), json_of(group.state_since), json_of(group.last_automatic_at)}},
      {"state", {to_string(group.state), group.state_because}},
      {"protection", {to_string(group.protection), group.protection_because}},
      {"hold", group.hold ? Json{json_of(group.hold->until), json_of(group.hold->alarmed_at)}
                          : Json("none")},
      {"drift", json_of(group.drift)},
      {"silence", group.front_door_silence ? json_of(group.front_door_silence->since) : Json()},
      {"reassertions", json_of(group.reassertions)},
      {"home",
       {group.home_readiness.ready, json_of(group.home_readiness.since),
        group.home_readiness.because}},
      {"drill", json_of(group.drill)},
      {"last_drill", group.last_drill
                         ? Json{group.last_drill->run.text(), json_of(group.last_drill->ended_at),
                                group.last_drill->succeeded}
                         : Json()},
      {"last_good_drill", json_of(group.last_good_drill_at)},
      {"role_change", group.role_change ? group.role_change->text() : ""},
      {"numbers", {group.generation, group.flaps}},
      {"flags", {group.acknowledged, group.two_writers, group.has_shadowed}},
      {"tried", joined(group.tried)},
      {"declined", group.declined.text()},
      {"shadowed", shadowed},
      {"attested", attested},
      {"last_run", group.last_run.text()}};
}

}  // namespace

std::string moment_text(Instant at) {
  const std::int64_t milliseconds = (at - engine::test_world::at(0)).count();
  return fmt::format("{}.{:03}s", milliseconds / 1'000, milliseconds % 1'000);
}

std::string line_of(const Record& record) {
  const std::string words = std::visit(Words(), record.body);
  std::string line = fmt::format("{:>9} {}", moment_text(record.at), type_name(record.body));
  if (!words.empty()) line += (words.starts_with(" ") ? "" : " ") + words;
  if (record.actor != "bascule") {
    line += fmt::format("  by {}{}", record.actor,
                        record.reason.empty() ? "" : ", \"" + record.reason + "\"");
  }
  return line;
}

std::string line_of(const engine::Call& call) {
  switch (call.kind) {
    case engine::CallKind::inspect:
      return fmt::format("inspect {} of {}", call.step.id, call.run);
    case engine::CallKind::apply:
      return fmt::format("apply {} of {}", call.step.id, call.run);
    case engine::CallKind::revert:
      return fmt::format("revert {} of {}", call.step.id, call.run);
    case engine::CallKind::read_front_door:
      return "read the front door";
    case engine::CallKind::look_at_group:
      return fmt::format("look at everything for {}", call.run);
  }
  return "";
}

std::string lines_of(const engine::Answer& answer) {
  std::string lines = fmt::format("            {} {}\n", answer.accepted ? "✔" : "✘", answer.text);
  if (answer.error && !answer.error->what_to_do.empty()) {
    lines += fmt::format("              helps: {}\n", answer.error->what_to_do);
  }
  return lines;
}

std::string text_of(const engine::State& state) {
  Json json = {
      {"fingerprint", state.configuration_fingerprint},
      {"cluster", state.cluster},
      {"numbers", {state.seq, state.term, state.runs_opened, state.obligations_opened}},
      {"times", {json_of(state.term_began_at), json_of(state.last_at)}},
      {"hold", state.hold ? Json{json_of(state.hold->until), json_of(state.hold->alarmed_at)}
                          : Json("none")}};
  for (const auto& [name, group] : state.groups) json["groups"][name.text()] = json_of(group);
  for (const auto& [check, verdict] : state.verdicts) {
    json["verdicts"][to_string(check)] = {to_string(verdict.health), verdict.down,
                                          json_of(verdict.since), verdict.because};
  }
  for (const auto& [id, run] : state.runs) json["runs"][id.text()] = json_of(run);
  for (const auto& [id, owed] : state.obligations) {
    json["obligations"][id.text()] = {
        to_string(owed.kind), owed.site.text(),      owed.run.text(), owed.because,
        owed.tries,           json_of(owed.next_at), owed.last_error, json_of(owed.execution),
        owed.takes_over};
  }
  return to_pretty_text(json);
}

}  // namespace bascule::scenario
