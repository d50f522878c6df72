#include "api/views.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "api/follower_view.h"
#include "api/forms.h"
#include "api/standby_view.h"
#include "engine/execution.h"
#include "engine/notes.h"
#include "engine/runs.h"

namespace bascule::api {
namespace {

using engine::GroupStatus;
using engine::Obligation;
using engine::Run;
using engine::State;

const engine::CheckVerdict* find_verdict(const State& state, const CheckReference& check) {
  const auto found = state.verdicts.find(check);
  return found == state.verdicts.end() ? nullptr : &found->second;
}

// The newest opinion of any observer, for its detail.
const Opinion* newest_opinion(const engine::Readings& readings, const CheckReference& check) {
  const auto found = readings.opinions.find(check);
  if (found == readings.opinions.end()) return nullptr;
  const Opinion* newest = nullptr;
  for (const auto& [observer, opinion] : found->second) {
    if (newest == nullptr || opinion.newest_at > newest->newest_at) newest = &opinion;
  }
  return newest;
}

Json check_view(const State& state, const engine::Readings& readings,
                const CheckReference& reference, const CheckSpec& spec) {
  Json view{{"check", spec.name.text()},
            {"kind", spec.kind},
            {"health", word(Health::unknown)},
            {"down", false},
            {"latency_ms", nullptr},
            {"since", nullptr},
            {"detail", ""},
            {"at", nullptr}};
  if (const engine::CheckVerdict* verdict = find_verdict(state, reference)) {
    view["health"] = word(verdict->health);
    view["down"] = verdict->down;
    view["since"] = to_rfc3339(verdict->since);
  }
  if (const Opinion* opinion = newest_opinion(readings, reference)) {
    view["latency_ms"] = milliseconds(opinion->newest.latency);
    view["detail"] = opinion->newest.summary;
    view["at"] = to_rfc3339(opinion->newest_at);
  }
  return view;
}

Json hold_view(const std::optional<engine::Hold>& hold) {
  if (!hold) return nullptr;
  return Json{{"by", hold->actor},
              {"reason", hold->reason},
              {"since", to_rfc3339(hold->since)},
              {"until", instant(hold->until)}};
}

Json obligation_view(const Obligation& obligation) {
  return Json{
      {"id", obligation.id.text()},
      {"kind", word(obligation.kind)},
      {"site", obligation.site.text()},
      {"since", to_rfc3339(obligation.opened_at)},
      {"because", obligation.last_error.empty() ? obligation.because : obligation.last_error},
      {"tries", obligation.tries},
      {"standing", engine::is_standing(obligation)},
      {"next_at", instant(obligation.next_at)}};
}

const Run* last_ended_run(const State& state, const GroupName& group) {
  const Run* last = nullptr;
  for (const auto& [id, run] : state.runs) {
    if (run.plan.group == group && run.began_at && run.ended_at &&
        (last == nullptr || *run.ended_at > *last->ended_at))
      last = &run;
  }
  return last;
}

std::string automation_of(const State& state, const GroupSpec& group, const GroupStatus& status) {
  if (state.hold || status.hold) return "held";
  return word(group.policy.mode);
}

// The one command that helps with a run as it stands.
std::string next_command(const State& state, const Run& run) {
  switch (run.state) {
    case RunState::waiting:
      return fmt::format("bascule {} {} --reason TEXT",
                         run.wait->what == WaitFor::approval ? "approve" : "abort", run.id);
    case RunState::running:
      return fmt::format("bascule show {}", run.id);
    case RunState::parked:
      // Nothing but the fence is in the way: whoever knows that the source is off says so.
      if (run.parked_at_fence)
        return fmt::format("bascule attest {} --site {} --reason TEXT", run.plan.group,
                           run.plan.source);
      return fmt::format("bascule resume {} --reason TEXT", run.id);
    case RunState::done: {
      const auto group = state.groups.find(run.plan.group);
      const bool acknowledged = group == state.groups.end() || group->second.acknowledged;
      if (run.trigger == Trigger::automatic && !acknowledged)
        return fmt::format("bascule ack {} --reason TEXT", run.plan.group);
      return "bascule status";
    }
    case RunState::rolled_back:
    case RunState::aborted:
      return fmt::format("bascule explain {}", run.plan.group);
  }
  return "bascule status";
}

// Of a run that goes on: what is known of it by now.
Json outage_view(const Run& run) {
  engine::Outage outage{run.outage_began_at, run.outage_ended_at};
  if (run.began_at && !run.ended_at && !run.rolling_back) outage = engine::outage_of(run);
  Json view{{"began_at", instant(outage.began_at)},
            {"ended_at", instant(outage.ended_at)},
            {"measured_ms", nullptr},
            {"detection_ms", nullptr},
            {"decision_ms", nullptr},
            {"steps_ms", nullptr}};
  if (outage.began_at && outage.ended_at) {
    view["measured_ms"] = (*outage.ended_at - *outage.began_at).count();
    view["steps_ms"] = (*outage.ended_at - run.began_at.value_or(run.opened_at)).count();
  }
  if (outage.began_at && run.verdict_at) {
    view["detection_ms"] = (*run.verdict_at - *outage.began_at).count();
    view["decision_ms"] = (run.began_at.value_or(run.opened_at) - *run.verdict_at).count();
  }
  return view;
}

Json step_view(const Step& step, const engine::StepProgress& progress) {
  Json needs = Json::array();
  for (const StepId& need : step.needs) needs.push_back(need.text());
  return Json{{"id", step.id.text()},
              {"phase", word(step.phase)},
              {"name", step.name},
              {"uses", step.uses},
              {"site", text_or_null(step.site.text())},
              {"state", word(progress.state)},
              {"attempts", progress.attempts},
              {"started_at", instant(progress.started_at)},
              {"ended_at", instant(progress.ended_at)},
              {"change", progress.change},
              {"because", text_or_null(progress.because)},
              {"reversible", step.reversible},
              {"needs", std::move(needs)},
              {"request_ids", Json::array()}};
}

// Why the run did not begin when it was opened, and how that ended.
Json wait_view(const State& state, const Run& run) {
  if (!run.wait) return nullptr;
  const bool waits = run.state == RunState::waiting;
  const bool for_approval = run.wait->what == WaitFor::approval;
  const Instant until =
      waits && for_approval ? engine::approval_deadline(state, run) : run.wait->until;
  return Json{
      {"for", word(run.wait->what)},
      {"until", to_rfc3339(until)},
      {"on_timeout", for_approval ? Json(run.wait->proceeds ? "proceed" : "abort") : Json(nullptr)},
      {"begun_by", text_or_null(run.begun_by)},
      {"begun_because", text_or_null(run.begun_because)}};
}

Json run_head(const State& state, const Run& run) {
  Json view{{"run", run.id.text()},
            {"group", run.plan.group.text()},
            {"move", word(run.plan.move)},
            {"source", run.plan.source.text()},
            {"target", run.plan.target.text()},
            {"trigger", word(run.trigger)},
            {"actor", run.actor},
            {"reason", run.reason},
            {"ticket", text_or_null(run.ticket)},
            {"state", word(run.state)},
            {"rolling_back", run.rolling_back},
            {"past_no_return", run.past_no_return},
            {"because", text_or_null(run.because)},
            {"opened_at", to_rfc3339(run.opened_at)},
            {"started_at", instant(run.began_at)},
            {"wait", wait_view(state, run)},
            {"supersedes", text_or_null(run.supersedes.text())},
            {"superseded_by", text_or_null(run.superseded_by.text())},
            {"ended_at", instant(run.ended_at)},
            {"term", run.term},
            {"generation", run.generation == 0 ? Json(nullptr) : Json(run.generation)},
            {"outage", outage_view(run)},
            {"loss", Json{{"bound_ms", milliseconds(run.loss_bound)},
                          {"bound_bytes", number(run.loss_bound_bytes)},
                          {"exact_rows", number(run.exact_rows)},
                          {"exact_bytes", number(run.exact_bytes)}}},
            {"exposures", run.plan.exposures},
            {"next", next_command(state, run)}};
  Json obligations = Json::array();
  for (const auto& [id, obligation] : state.obligations) {
    if (obligation.run == run.id) obligations.push_back(obligation_view(obligation));
  }
  view["obligations"] = std::move(obligations);
  return view;
}

// What mode shadow would have done, newest first.
Json shadow_view(const GroupSpec& group, const GroupStatus& status, Instant now) {
  const auto report = engine::shadow_report(group, status, now);
  if (!report) return nullptr;
  Json episodes = Json::array();
  for (auto episode = status.shadowed.rbegin(); episode != status.shadowed.rend(); ++episode) {
    episodes.push_back(Json{{"began_at", to_rfc3339(episode->began_at)},
                            {"ended_at", instant(episode->ended_at)},
                            {"source", episode->source.text()},
                            {"target", episode->target.text()},
                            {"because", episode->because}});
  }
  return Json{{"times", report->times},
              {"longest_ms", report->longest.count()},
              {"sentence", report->sentence},
              {"episodes", std::move(episodes)}};
}

// Whether the checklist lets such a move through. What an item says can be passed over by name;
// what a step says cannot: the move would stop at it.
Json verdict_view(const runtime::Checklist& list, Move move, const std::optional<Error>& refused,
                  bool runtime::ChecklistItem::* stops) {
  std::vector<std::string> names;
  bool only_items = true;
  for (const runtime::ChecklistItem& item : list.items) {
    if (!(item.*stops)) continue;
    names.push_back(item.is_item ? item.step.name : item.step.id.text());
    only_items = only_items && item.is_item;
  }
  Json view{{"ready", !refused && names.empty()}, {"because", nullptr}, {"what_to_do", nullptr}};
  if (refused) {
    view["because"] = refused->message;
    view["what_to_do"] = text_or_null(refused->what_to_do);
  } else if (!names.empty()) {
    view["because"] = fmt::format("stopped by {}", fmt::join(names, ", "));
    if (only_items)
      view["what_to_do"] = fmt::format("bascule {} {} --to {} --override target --reason TEXT",
                                       word(move), list.group, list.target);
  }
  return view;
}

}  // namespace

Json group_view(const State& state, const engine::Readings& readings, const GroupName& name,
                Instant now) {
  const GroupSpec* spec = state.configuration.find_group(name);
  const auto found = state.groups.find(name);
  if (spec == nullptr || found == state.groups.end()) return nullptr;
  const GroupStatus& status = found->second;
  Json sites = Json::array();
  for (const SiteSpec& site : spec->sites) {
    Json checks = Json::array();
    for (const CheckSpec& check : site.checks) {
      checks.push_back(
          check_view(state, readings, CheckReference{name, site.name, check.name}, check));
    }
    sites.push_back(Json{{"site", site.name.text()},
                         {"at", site.at},
                         {"active", status.active == site.name},
                         {"checks", std::move(checks)}});
  }
  Json checks = Json::array();
  for (const CheckSpec& check : spec->checks) {
    checks.push_back(
        check_view(state, readings, CheckReference{name, SiteName(), check.name}, check));
  }
  Json obligations = Json::array();
  for (const auto& [id, obligation] : state.obligations) {
    if (obligation.group == name) obligations.push_back(obligation_view(obligation));
  }
  Json waiting = Json::array();
  for (const Run* run : state.waiting_runs(name)) {
    waiting.push_back(run_head(state, *run));
    waiting.back()["sentence"] = engine::wait_sentence(state, *run, now);
  }
  const Run* open = state.open_run(name);
  const Run* last = last_ended_run(state, name);
  Json view{{"group", name.text()},
            {"state", word(status.state)},
            {"because", status.state_because},
            {"since", to_rfc3339(status.state_since)},
            {"active", status.active ? Json(status.active->text()) : Json(nullptr)},
            {"protection", word(status.protection)},
            {"protection_because", status.protection_because},
            {"standby", standby_view(readings, *spec, status)},
            {"automation", automation_of(state, *spec, status)},
            {"hold", hold_view(status.hold)},
            {"generation", status.generation == 0 ? Json(nullptr) : Json(status.generation)},
            {"front_door", spec->front_door ? Json(spec->front_door->name) : Json(nullptr)},
            {"open_run", open != nullptr ? run_head(state, *open) : Json(nullptr)},
            {"waiting_runs", std::move(waiting)},
            {"shadow", shadow_view(*spec, status, now)},
            {"last_run", last != nullptr ? run_head(state, *last) : Json(nullptr)},
            {"obligations", std::move(obligations)},
            {"checks", std::move(checks)},
            {"sites", std::move(sites)}};
  add_followers(view, state, readings, name, now);
  return view;
}

Json status_head_view(const State& state, const Speaker& speaker, Instant now) {
  return Json{{"cluster", state.configuration.cluster},
              {"observer", speaker.observer.text()},
              {"leader", speaker.leads},
              {"trouble", speaker.trouble.empty() ? Json(nullptr) : Json(speaker.trouble)},
              {"term", state.term},
              {"seq", state.seq},
              {"now", to_rfc3339(now)},
              {"automation", state.hold ? "held" : "on"},
              {"hold", hold_view(state.hold)},
              {"groups", Json::array()}};
}

Json status_view(const State& state, const engine::Readings& readings, const Speaker& speaker,
                 Instant now) {
  Json view = status_head_view(state, speaker, now);
  for (const GroupSpec& group : state.configuration.groups) {
    view["groups"].push_back(group_view(state, readings, group.name, now));
  }
  return view;
}

Json runs_view(const State& state, std::size_t limit) {
  std::vector<const Run*> newest;
  newest.reserve(state.runs.size());
  for (const auto& [id, run] : state.runs) newest.push_back(&run);
  std::ranges::sort(newest, [](const Run* left, const Run* right) {
    return std::pair(left->opened_at, left->id) > std::pair(right->opened_at, right->id);
  });
  if (newest.size() > limit) newest.resize(limit);
  Json views = Json::array();
  for (const Run* run : newest) views.push_back(run_head(state, *run));
  return views;
}

Json run_view(const State& state, const Run& run) {
  Json view = run_head(state, run);
  view["gates"] = run.gates;
  view["overrides"] = run.overrides;
  Json steps = Json::array();
  for (const Step& step : run.execution.steps) {
    const auto progress = run.execution.progress.find(step.id);
    steps.push_back(step_view(step, progress == run.execution.progress.end()
                                        ? engine::StepProgress()
                                        : progress->second));
  }
  view["steps"] = std::move(steps);
  return view;
}

Json run_view(const State& state, const engine::Readings& readings, const Run& run) {
  Json view = run_view(state, run);
  for (Json& step : view["steps"]) {
    const auto seen = readings.inspections.find({run.id, StepId(text_or(step, "id"))});
    step["seen"] = nullptr;
    if (seen == readings.inspections.end()) continue;
    const engine::InspectionReading& reading = seen->second;
    const std::string& because =
        reading.error ? reading.error->message : reading.inspection->because;
    step["seen"] =
        Json{{"at", to_rfc3339(reading.at)},
             {"finding", reading.error ? Json(nullptr) : Json(word(reading.inspection->finding))},
             {"because", text_or_null(because)}};
  }
  return view;
}

Json checklist_view(const runtime::Checklist& list) {
  using runtime::ChecklistItem;
  Json items = Json::array();
  for (const ChecklistItem& item : list.items) {
    items.push_back(Json{{"item", item.is_item ? item.step.name : item.step.id.text()},
                         {"of", item.is_item ? "preflight" : "plan"},
                         {"uses", item.step.uses},
                         {"site", text_or_null(item.step.site.text())},
                         {"blocks", word(item.blocks)},
                         {"state", word(item.state)},
                         {"because", text_or_null(item.because)},
                         {"evidence", item.evidence},
                         {"what_to_do", text_or_null(item.what_to_do)},
                         {"stops_failover", item.stops_failover},
                         {"stops_planned", item.stops_planned},
                         {"took_ms", item.took.count()}});
  }
  return Json{{"group", list.group.text()},
              {"source", list.source.text()},
              {"target", list.target.text()},
              {"items", std::move(items)},
              {"verdict", Json{{"failover", verdict_view(list, Move::failover, list.no_failover,
                                                         &ChecklistItem::stops_failover)},
                               {"planned", verdict_view(list, Move::switchover, list.no_planned,
                                                        &ChecklistItem::stops_planned)}}}};
}

Json checks_view(const std::vector<Observation>& observations, const Configuration& configuration) {
  const auto kind_of = [&](const CheckReference& reference) -> std::string {
    const GroupSpec* group = configuration.find_group(reference.group);
    if (group == nullptr) return "";
    const SiteSpec* site = reference.site.empty() ? nullptr : group->find_site(reference.site);
    for (const CheckSpec& check : site != nullptr ? site->checks : group->checks) {
      if (check.name == reference.check) return check.kind;
    }
    return "";
  };
  Json views = Json::array();
  for (const Observation& seen : observations) {
    Json evidence = Json::object();
    if (seen.database) {
      const DatabaseFacts& facts = *seen.database;
      evidence = Json{{"role", word(facts.role)},
                      {"accepts_writes", facts.accepts_writes},
                      {"system_identifier", facts.system_identifier},
                      {"timeline", facts.timeline},
                      {"position", facts.position},
                      {"replayed", facts.replayed},
                      {"streaming", facts.streaming},
                      {"lag_ms", milliseconds(facts.lag)}};
    }
    std::string code = seen.code;
    if (code.empty() && seen.error) code = word(seen.error->code);
    Json error = nullptr;
    if (!code.empty()) {
      error = Json{{"code", code}, {"message", seen.error ? seen.error->message : seen.summary}};
    }
    views.push_back(Json{{"group", seen.check.group.text()},
                         {"site", text_or_null(seen.check.site.text())},
                         {"check", seen.check.check.text()},
                         {"kind", kind_of(seen.check)},
                         {"health", word(seen.health)},
                         {"summary", seen.summary},
                         {"latency_ms", milliseconds(seen.latency)},
                         {"timing_ms", Json{{"lookup", milliseconds(seen.timing.lookup)},
                                            {"connect", milliseconds(seen.timing.connect)},
                                            {"tls", milliseconds(seen.timing.tls)},
                                            {"first_byte", milliseconds(seen.timing.first_byte)}}},
                         {"at", to_rfc3339(seen.at)},
                         {"detail", seen.detail},
                         {"evidence", std::move(evidence)},
                         {"error", std::move(error)}});
  }
  return views;
}

Json answer_view(const engine::Answer& answer, const State& state) {
  Json view{
      {"accepted", answer.accepted},
      {"text", answer.text},
      {"refused_by", answer.refused_by ? Json(std::string(engine::to_string(*answer.refused_by)))
                                       : Json(nullptr)},
      {"error", nullptr},
      {"run", nullptr}};
  if (answer.error) view["error"] = error_view(*answer.error)["error"];
  const auto run = state.runs.find(answer.run);
  if (run != state.runs.end()) view["run"] = run_view(state, run->second);
  return view;
}

Json error_view(const Error& error) {
  return Json{{"error", Json{{"code", word(error.code)},
                             {"message", error.message},
                             {"what_to_do", text_or_null(error.what_to_do)}}}};
}

}  // namespace bascule::api
