#include "runtime/messages.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "base/text.h"
#include "engine/drift.h"
#include "runtime/standings.h"

namespace bascule::runtime {
namespace {

// record                         severity   who is told what
// -----------------------------  ---------  -----------------------------------------------------
// RunOpened, automatic           critical   a move started by itself, or waits for an approval
// RunOpened, by a person         info       drills too, and moves that are set for later
// RunBegun                       critical   of a run that was approved; of a person's move: info
// WouldHaveFailedOver            warning    mode shadow
// StepStarted, irreversible      critical   a promotion started
// StepEnded                      info       each step's end; a failure: warning
// RollbackBegun                  warning    what follows is in RunEnded
// RunEnded                       critical   done or rolled back; aborted: info, or warning where
//                                           nobody aborted a move that waited
// RunParked                      critical   a person must act
// DrillBegun                     info       and when the way back is due
// DrillOverdue                   critical   the group is not back
// DrillEnded                     info       failed: warning
// RoleChangeSeen                 critical   and info when it ended
// FrontDoorDrifted               warning    another Bascule's: critical; restored: info
// FrontDoorSilent                warning
// HoldAlarmRaised                warning    a hold that may have been forgotten
// HomeReadinessChanged           info
// PreflightChanged               warning    an item began to fail; it is ready again: info
// TwoWritersSeen                 critical   and info when it ended
// AutomationHeld                 critical   released: info
// GroupStateChanged              warning    to DEGRADED or CRITICAL; otherwise info
// ProtectionChanged              warning    to exposed; otherwise info
// ObligationOpened               warning    a fence or a standby is owed; ended: info
// MoveAcknowledged, SiteAttested, JournalImported info
// LossMeasured                   info       (critical would be too late to help)

// What a person wrote, or a server answered, may be of any length; a message is read on a phone.
constexpr std::size_t kLongestTitle = 600;
constexpr std::size_t kLongestText = 4'000;

struct Text {
  Severity severity;
  GroupName group;
  RunId run;
  std::string title;
  std::string more;
  std::string command = {};  // that shows more; empty: the usual one
};
using MaybeText = std::optional<Text>;

const engine::Run* find_run(const engine::State& state, const RunId& id) {
  const auto found = state.runs.find(id);
  return found == state.runs.end() ? nullptr : &found->second;
}

std::string route(const engine::Run& run) {
  return fmt::format("{} of {}: {} → {}", to_string(run.plan.move), run.plan.group, run.plan.source,
                     run.plan.target);
}

std::string scope_of(const GroupName& group) {
  return group.empty() ? "every group" : group.text();
}

std::string how_to_release(const GroupName& group) {
  return fmt::format("`bascule release {}{}--reason TEXT` ends it", group,
                     group.empty() ? "" : " ");
}

std::string usual_command(const Text& text) {
  if (!text.run.empty()) return fmt::format("bascule show {}", text.run);
  if (!text.group.empty()) return fmt::format("bascule explain {}", text.group);
  return "bascule status";
}

struct Writer {
  const Record& record;
  const engine::State& state;

  MaybeText of_run(Severity severity, const RunId& id, std::string title,
                   std::string more = "") const {
    const engine::Run* run = find_run(state, id);
    if (run == nullptr) return std::nullopt;
    return Text{severity, run->plan.group, id, std::move(title), std::move(more)};
  }

  MaybeText of_wait(const RunOpened& opened) const {
    const std::string until = to_rfc3339(opened.wait->until);
    if (opened.wait->what == WaitFor::moment) {
      return of_run(Severity::info, opened.run,
                    fmt::format("{} begins at {}, as {} asked", opened.run, until, record.actor),
                    record.reason);
    }
    return of_run(Severity::critical, opened.run,
                  fmt::format("{} waits for an approval until {}; then it {}", opened.run, until,
                              opened.wait->proceeds ? "begins by itself" : "is aborted"),
                  fmt::format("{}; `bascule approve {} --reason TEXT`", record.reason, opened.run));
  }
  MaybeText operator()(const RunBegun& begun) const {
    const engine::Run* run = find_run(state, begun.run);
    const bool automatic = run != nullptr && run->trigger == Trigger::automatic;
    return of_run(
        automatic ? Severity::critical : Severity::info, begun.run,
        fmt::format("{} begins: {}", begun.run,
                    begun.because == "approved" ? "approved by " + record.actor : begun.because),
        record.reason);
  }
  MaybeText operator()(const WouldHaveFailedOver& would) const {
    return Text{Severity::warning, would.group, RunId(),
                fmt::format("{} would have failed over: {} → {} (mode shadow)", would.group,
                            would.source, would.target),
                would.because};
  }
  MaybeText operator()(const RunOpened& opened) const {
    const bool automatic = opened.trigger == Trigger::automatic;
    if (opened.wait) return of_wait(opened);
    return of_run(automatic ? Severity::critical : Severity::info, opened.run,
                  fmt::format("{} started {}", opened.run,
                              automatic ? std::string("by itself") : "by " + record.actor),
                  record.reason);
  }
  MaybeText operator()(const StepStarted& started) const {
    const engine::Run* run = find_run(state, started.run);
    const Step* step = run == nullptr ? nullptr : run->plan.find(started.step);
    if (step == nullptr || step->reversible || started.attempt > 1) return std::nullopt;
    return of_run(Severity::critical, started.run,
                  fmt::format("{} started: no way back from here", started.step), started.change);
  }
  MaybeText operator()(const StepEnded& ended) const {
    const bool failed = ended.state == StepState::failed;
    std::string change = ended.because;
    if (const engine::Run* run = find_run(state, ended.run); run != nullptr && change.empty()) {
      const auto progress = run->execution.progress.find(ended.step);
      if (progress != run->execution.progress.end()) change = progress->second.change;
    }
    return of_run(failed ? Severity::warning : Severity::info, ended.run,
                  fmt::format("{} {}", ended.step, to_string(ended.state)), change);
  }
  MaybeText operator()(const RollbackBegun& begun) const {
    return of_run(Severity::warning, begun.run, fmt::format("{} goes back", begun.run),
                  begun.because);
  }
  // A move that somebody counts on did not begin.
  Severity severity_of_end(const RunEnded& ended) const {
    if (ended.state != RunState::aborted) return Severity::critical;
    const engine::Run* run = find_run(state, ended.run);
    const bool waited = run != nullptr && run->wait && !run->began_at;
    return waited && record.actor == engine::kAutomation ? Severity::warning : Severity::info;
  }
  MaybeText operator()(const RunEnded& ended) const {
    const Severity severity = severity_of_end(ended);
    std::string more = ended.because;
    if (ended.outage_began_at && ended.outage_ended_at) {
      more += fmt::format("{}outage {}", more.empty() ? "" : "; ",
                          to_rough(*ended.outage_ended_at - *ended.outage_began_at));
    }
    std::string state_word(to_string(ended.state));
    std::ranges::replace(state_word, '_', ' ');
    return of_run(severity, ended.run, fmt::format("{} is {}", ended.run, state_word), more);
  }
  MaybeText operator()(const RunParked& parked) const {
    return of_run(Severity::critical, parked.run,
                  fmt::format("{} is parked: a person must act", parked.run), parked.because);
  }
  MaybeText operator()(const RunResumed& resumed) const {
    return of_run(Severity::info, resumed.run, fmt::format("{} goes on", resumed.run),
                  record.reason);
  }
  MaybeText operator()(const TwoWritersSeen& seen) const {
    std::vector<std::string> sites;
    sites.reserve(seen.sites.size());
    for (const SiteName& site : seen.sites) sites.push_back(site.text());
    return Text{Severity::critical, seen.group, RunId(),
                fmt::format("{}: two writers at once: {}", seen.group, fmt::join(sites, " and ")),
                seen.because};
  }
  MaybeText operator()(const TwoWritersEnded& ended) const {
    return Text{Severity::info, ended.group, RunId(),
                fmt::format("{}: one writer again", ended.group), ended.because};
  }
  MaybeText operator()(const JournalImported& imported) const {
    std::vector<std::string> active;
    active.reserve(imported.groups.size());
    for (const ImportedGroup& group : imported.groups) {
      active.push_back(fmt::format("{} at {}", group.group, group.active));
    }
    return Text{Severity::info, imported.groups.empty() ? GroupName() : imported.groups[0].group,
                RunId(),
                fmt::format("{} imported the journal of {}: {}", record.actor, imported.observer,
                            fmt::join(active, ", ")),
                record.reason};
  }
  MaybeText operator()(const AutomationHeld& held) const {
    return Text{Severity::critical, held.group, RunId(),
                fmt::format("automation of {} is held by {}", scope_of(held.group), record.actor),
                fmt::format("{}{}{}", record.reason, record.reason.empty() ? "" : "; ",
                            how_to_release(held.group))};
  }
  MaybeText operator()(const AutomationReleased& released) const {
    return Text{
        Severity::info, released.group, RunId(),
        fmt::format("automation of {} is released by {}", scope_of(released.group), record.actor),
        record.reason};
  }
  MaybeText operator()(const GroupStateChanged& changed) const {
    const bool bad = changed.to == GroupState::degraded || changed.to == GroupState::critical;
    return Text{bad ? Severity::warning : Severity::info, changed.group, RunId(),
                fmt::format("{} is {} (was {})", changed.group, to_string(changed.to),
                            to_string(changed.from)),
                changed.because};
  }
  MaybeText operator()(const ProtectionChanged& changed) const {
    const bool exposed = changed.to == Protection::exposed;
    return Text{exposed ? Severity::warning : Severity::info, changed.group, RunId(),
                fmt::format("{} is {}", changed.group, to_string(changed.to)), changed.because};
  }
  MaybeText operator()(const ObligationOpened& opened) const {
    return Text{Severity::warning, opened.group, opened.run,
                fmt::format("{}: {} owes a {}", opened.group, opened.site, to_string(opened.kind)),
                opened.because};
  }
  MaybeText operator()(const LossMeasured& measured) const {
    const std::string rows = measured.rows ? fmt::format("{} rows", *measured.rows) : std::string();
    const std::string bytes =
        measured.bytes ? fmt::format("{} bytes of log", *measured.bytes) : std::string();
    return of_run(Severity::info, measured.run,
                  fmt::format("{} lost {}", measured.run, rows.empty() ? bytes : rows));
  }
  MaybeText operator()(const MoveAcknowledged& acknowledged) const {
    return Text{
        Severity::info, acknowledged.group, RunId(),
        fmt::format("{}: the last move was acknowledged by {}", acknowledged.group, record.actor),
        record.reason};
  }
  MaybeText operator()(const SiteAttested& attested) const {
    return Text{Severity::info, attested.group, RunId(),
                fmt::format("{}: {} attests that {} is stopped", attested.group, record.actor,
                            attested.site),
                record.reason};
  }
  MaybeText operator()(const ActiveSiteChanged& changed) const {
    return Text{Severity::info, changed.group, changed.run,
                fmt::format("{} is active at {}", changed.group, changed.site), changed.because};
  }
  MaybeText operator()(const RoleChangeSeen& seen) const {
    return Text{Severity::critical, seen.group, RunId(),
                fmt::format("{}: {} was promoted, and not by Bascule", seen.group, seen.site),
                seen.because};
  }
  MaybeText operator()(const RoleChangeEnded& ended) const {
    return Text{Severity::info, ended.group, RunId(),
                fmt::format("{}: the roles are as they should be again", ended.group),
                ended.because};
  }
  MaybeText operator()(const FrontDoorDrifted& drifted) const {
    const bool superseded = drifted.kind == Drift::superseded;
    const std::string left = engine::why_not_reasserted(state, drifted.group, record.at);
    return Text{superseded ? Severity::critical : Severity::warning, drifted.group, RunId(),
                fmt::format("{}: the front door {}", drifted.group,
                            superseded ? "is held by somebody else" : "was changed"),
                fmt::format("{}{}", drifted.because,
                            left.empty() ? "; it is set back" : "; left as it is: " + left)};
  }
  MaybeText operator()(const FrontDoorSilent& silent) const {
    return Text{Severity::warning, silent.group, RunId(),
                fmt::format("{}: the front door cannot be read since {}", silent.group,
                            to_rfc3339(silent.since)),
                silent.because};
  }
  MaybeText operator()(const FrontDoorRestored& restored) const {
    return Text{Severity::info, restored.group, RunId(),
                fmt::format("{}: the front door is as it should be again", restored.group),
                restored.because};
  }
  MaybeText operator()(const HoldAlarmRaised& alarm) const {
    const auto group = state.groups.find(alarm.group);
    const auto& hold = group == state.groups.end() ? state.hold : group->second.hold;
    std::string by;
    if (hold) {
      by = fmt::format("by {}{}; ", hold->actor, hold->reason.empty() ? "" : ": " + hold->reason);
    }
    return Text{Severity::warning, alarm.group, RunId(),
                fmt::format("automation of {} is held for {} already", scope_of(alarm.group),
                            to_rough(record.at - alarm.held_since)),
                by + how_to_release(alarm.group)};
  }
  MaybeText operator()(const HomeReadinessChanged& changed) const {
    return Text{Severity::info, changed.group, RunId(),
                fmt::format("{}: {}", changed.group,
                            changed.ready ? "the way home is open" : "the way home is not open"),
                changed.because};
  }
  MaybeText operator()(const DrillBegun& begun) const {
    return of_run(Severity::info, begun.run,
                  fmt::format("drill at {}: back to {} at {}", begun.site, begun.home,
                              to_rfc3339(begun.back_at)));
  }
  MaybeText operator()(const DrillOverdue& overdue) const {
    return of_run(Severity::critical, overdue.run, "the drill is overdue: the group is not back",
                  overdue.because);
  }
  MaybeText operator()(const DrillEnded& ended) const {
    return of_run(ended.succeeded ? Severity::info : Severity::warning, ended.run,
                  ended.succeeded ? "the drill succeeded" : "the drill failed", ended.because);
  }
  MaybeText operator()(const TermOpened&) const { return std::nullopt; }
  MaybeText operator()(const ConfigurationLoaded&) const { return std::nullopt; }
  MaybeText operator()(const VerdictChanged&) const { return std::nullopt; }
  MaybeText operator()(const StepApplied&) const { return std::nullopt; }
  MaybeText operator()(const StepRetried&) const { return std::nullopt; }
  MaybeText operator()(const StepReverted& reverted) const {
    return of_run(reverted.succeeded ? Severity::info : Severity::warning, reverted.run,
                  fmt::format("{} {}", reverted.step,
                              reverted.succeeded ? "taken back" : "could not be taken back"),
                  reverted.because);
  }
  MaybeText operator()(const ObligationRetried&) const { return std::nullopt; }
  MaybeText operator()(const ObligationEnded& ended) const {
    std::string title = fmt::format("{} is settled", ended.obligation);
    if (!ended.group.empty()) {
      title =
          fmt::format("{}: {} owes no {} any more", ended.group, ended.site, to_string(ended.kind));
    }
    return Text{Severity::info, ended.group, RunId(), std::move(title), ended.because};
  }
  MaybeText operator()(const PreflightChanged& changed) const {
    return Text{
        changed.ready ? Severity::info : Severity::warning,
        changed.group,
        RunId(),
        fmt::format("{}: preflight {} of {} {}", changed.group, changed.item, changed.site,
                    changed.ready ? "is well again" : "fails: it may not be able to take over"),
        changed.because,
        fmt::format("bascule preflight {} --to {}", changed.group, changed.site)};
  }
};

// What the record meant for the incident of its group.
void tell_incident(Message& message, const engine::State& state) {
  const auto status = state.groups.find(message.group);
  if (status == state.groups.end() || !status->second.incident) return;
  const engine::Incident& incident = *status->second.incident;
  if (incident.resolved_by && *incident.resolved_by != message.seq) return;
  message.incident = incident_name(message.cluster, message.group, incident);
  message.stage = IncidentStage::ongoing;
  if (incident.opened_by == message.seq) message.stage = IncidentStage::triggered;
  if (incident.acknowledged_by == message.seq) message.stage = IncidentStage::acknowledged;
  if (incident.resolved_by == message.seq) message.stage = IncidentStage::resolved;
}

// When what the record ends began, and whether a person wanted it.
void tell_run(Message& message, const Record& record, const engine::State& state) {
  const engine::Run* run = find_run(state, message.run);
  if (run == nullptr) return;
  message.planned = run->trigger == Trigger::manual && run->plan.move != Move::failover;
  if (std::holds_alternative<RunEnded>(record.body)) {
    message.began_at = run->began_at.value_or(record.at);
  }
}

}  // namespace

std::optional<Message> message_for(const Record& record, const engine::State& state) {
  MaybeText text = std::visit(Writer{record, state}, record.body);
  if (!text) return std::nullopt;
  Message message;
  message.severity = text->severity;
  message.group = text->group;
  message.run = text->run;
  message.seq = record.seq;
  message.at = record.at;
  message.began_at = record.at;
  message.cluster = state.cluster;
  tell_incident(message, state);
  tell_run(message, record, state);
  message.delivery = fmt::format("{}/{}/{}", state.cluster, state.journal, record.seq);
  message.title = text->title;
  const engine::Run* run = find_run(state, text->run);
  if (run != nullptr) message.title += fmt::format(" ({})", route(*run));
  message.title = shortened(std::move(message.title), kLongestTitle);
  message.text =
      fmt::format("{}{}{}", shortened(text->more, kLongestText), text->more.empty() ? "" : " — ",
                  text->command.empty() ? usual_command(*text) : text->command);
  message.data = {{"type", std::string(type_name(record.body))},
                  {"actor", record.actor},
                  {"reason", shortened(record.reason, kLongestText)},
                  {"run", text->run.empty() ? Json(nullptr) : Json(text->run.text())},
                  {"move", nullptr},
                  {"source", nullptr},
                  {"target", nullptr}};
  if (run != nullptr) {
    message.data["move"] = std::string(to_string(run->plan.move));
    message.data["source"] = run->plan.source.text();
    message.data["target"] = run->plan.target.text();
  }
  return message;
}

}  // namespace bascule::runtime
