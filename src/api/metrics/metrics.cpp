#include "api/metrics/metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "api/metrics/labelled.h"
#include "api/metrics/process_figures.h"
#include "engine/gates/gate.h"
#include "engine/lookups.h"
#include "runtime/notifications.h"

namespace bascule::api {
namespace {

using engine::State;
using prometheus::Counter;
using prometheus::Gauge;
using prometheus::Histogram;

constexpr double kMillisecondsPerSecond = 1'000.0;
constexpr double kMicrosecondsPerSecond = 1'000'000.0;

// What the API answers with.
constexpr int kStatuses[] = {200, 400, 401, 403, 404, 409, 413, 429, 500, 503, 504};

std::vector<double> look_buckets() {
  return {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10};
}
std::vector<double> lateness_buckets() {
  return {0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5};
}
std::vector<double> work_buckets() {
  return {0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3'600};
}

double seconds(Duration duration) {
  return static_cast<double>(duration.count()) / kMillisecondsPerSecond;
}
double seconds(Microseconds duration) {
  return static_cast<double>(duration.count()) / kMicrosecondsPerSecond;
}
double seconds_since_1970(Instant instant) {
  return static_cast<double>(instant.time_since_epoch().count()) / kMillisecondsPerSecond;
}
double number(bool truth) {
  return truth ? 1 : 0;
}
std::string word(auto value) {
  return std::string(to_string(value));
}

LabelValues labels_of(const CheckReference& check) {
  return {check.group.text(), check.site.text(), check.check.text()};
}

const engine::Execution* execution_of(const State& state, const RunId& id) {
  const auto run = state.runs.find(id);
  if (run != state.runs.end()) return &run->second.execution;
  const auto owed = state.obligations.find(id);
  return owed == state.obligations.end() ? nullptr : &owed->second.execution;
}

}  // namespace

struct Metrics::Series {
  Families families;
  std::size_t written = 0;  // room for the next text

  Labelled<Gauge> build_info{families, "bascule_build_info"};
  Labelled<Gauge> leader{families, "bascule_leader"};
  Labelled<Gauge> term{families, "bascule_term"};
  Labelled<Gauge> sequence{families, "bascule_journal_sequence"};
  Labelled<Gauge> journal_answers{families, "bascule_journal_answers"};
  Labelled<Gauge> append{families, "bascule_journal_append_seconds"};
  Labelled<Gauge> late{families, "bascule_loop_late_seconds"};
  Labelled<Histogram> lateness{families, "bascule_lateness_seconds", lateness_buckets()};
  Labelled<Gauge> steady{families, "bascule_clock_steady"};
  Labelled<Gauge> reference{families, "bascule_reference_answers"};
  Labelled<Gauge> all_held{families, "bascule_automation_held"};
  Labelled<Gauge> refused{families, "bascule_configuration_refused"};
  Labelled<Counter> notifications{families, "bascule_notifications_total"};
  Labelled<Counter> retries{families, "bascule_notification_retries_total"};
  Labelled<Counter> requests{families, "bascule_api_requests_total"};
  Labelled<Gauge> certificate_ends{families, "bascule_api_certificate_expiry_timestamp_seconds"};
  Labelled<Gauge> readers{families, "bascule_event_stream_readers"};
  Labelled<Counter> readers_dropped{families, "bascule_event_stream_dropped_total"};

  Labelled<Gauge> up{families, "bascule_check_up"};
  Labelled<Gauge> down{families, "bascule_check_down"};
  Labelled<Gauge> unknown{families, "bascule_check_unknown"};
  Labelled<Counter> looks{families, "bascule_check_looks_total"};
  Labelled<Counter> failed_looks{families, "bascule_check_failed_looks_total"};
  Labelled<Gauge> latency{families, "bascule_check_latency_seconds"};
  Labelled<Gauge> looked_at{families, "bascule_check_look_timestamp_seconds"};
  Labelled<Histogram> look_duration{families, "bascule_look_duration_seconds", look_buckets()};

  Labelled<Gauge> group_state{families, "bascule_group_state"};
  Labelled<Gauge> active{families, "bascule_group_active"};
  Labelled<Gauge> is_protected{families, "bascule_group_protected"};
  Labelled<Gauge> held{families, "bascule_group_held"};
  Labelled<Gauge> automatic{families, "bascule_group_automatic"};
  Labelled<Gauge> two_writers{families, "bascule_group_two_writers"};
  Labelled<Gauge> drifted{families, "bascule_front_door_drifted"};
  Labelled<Gauge> drill_open{families, "bascule_drill_open"};
  Labelled<Gauge> last_good_drill{families, "bascule_last_good_drill_timestamp_seconds"};
  Labelled<Gauge> lag{families, "bascule_replication_lag_seconds"};
  Labelled<Gauge> lag_bytes{families, "bascule_replication_lag_bytes"};
  Labelled<Gauge> loss_bound{families, "bascule_loss_bound_seconds"};
  Labelled<Gauge> loss_limit{families, "bascule_loss_limit_seconds"};
  Labelled<Gauge> obligations{families, "bascule_obligations"};

  Labelled<Counter> runs_started{families, "bascule_runs_started_total"};
  Labelled<Counter> runs_ended{families, "bascule_runs_ended_total"};
  Labelled<Gauge> running{families, "bascule_run_running"};
  Labelled<Gauge> awaits_approval{families, "bascule_run_awaits_approval"};
  Labelled<Gauge> parked{families, "bascule_run_parked"};
  Labelled<Histogram> outage{families, "bascule_outage_seconds", work_buckets()};
  Labelled<Histogram> step{families, "bascule_step_duration_seconds", work_buckets()};
  Labelled<Gauge> last_run_end{families, "bascule_last_run_end_timestamp_seconds"};

  Labelled<Gauge> began_at{families, "process_start_time_seconds"};
  Labelled<Counter> processor{families, "process_cpu_seconds_total"};
  Labelled<Gauge> memory{families, "process_resident_memory_bytes"};
  Labelled<Gauge> open_files{families, "process_open_fds"};
  Labelled<Gauge> open_files_max{families, "process_max_fds"};

  // What the configuration can name exists with 0; what it does not name any more is gone.
  void follow(const Configuration& configuration);
  void show_group(const State& state, const GroupSpec& group);
  void show_everything(const State& state);
  void count(const Record& record, const State& state);
  void show_verdict(const CheckReference& check, Health health, bool is_down);
  void show_lag(const State& state, const engine::Readings& readings, const GroupSpec& group);
  void show_loss(const runtime::Loop& loop, const GroupSpec& group);
  void show_process();

 private:
  void add_check(const CheckReference& check);
  void add_channels(const Configuration& configuration);
  void add_group(const GroupSpec& group);
  void forget_others(const std::set<LabelValues>& checks, const std::set<LabelValues>& sites,
                     const std::set<std::string>& groups);
};

void Metrics::Series::add_check(const CheckReference& check) {
  const LabelValues values = labels_of(check);
  for (Labelled<Gauge>* gauge : {&up, &down, &unknown, &latency, &looked_at}) gauge->at(values);
  for (Labelled<Counter>* counter : {&looks, &failed_looks}) counter->at(values);
}

void Metrics::Series::add_channels(const Configuration& configuration) {
  for (const std::string& channel : runtime::channel_names(configuration)) {
    for (const char* result : {"sent", "failed", "dropped"}) notifications.at({channel, result});
    retries.at({channel});
  }
}

void Metrics::Series::add_group(const GroupSpec& group) {
  const std::string& name = group.name.text();
  for (const auto& state : words<GroupState>()) group_state.at({name, std::string(state.text)});
  for (const SiteSpec& site : group.sites) active.at({name, site.name.text()});
  for (Labelled<Gauge>* gauge :
       {&is_protected, &held, &automatic, &two_writers, &drifted, &drill_open, &last_good_drill,
        &running, &awaits_approval, &parked, &last_run_end}) {
    gauge->at({name});
  }
  if (const auto limit = group.policy.max_data_loss_time) {
    loss_limit.at({name}).Set(seconds(*limit));
  } else {
    loss_limit.remove({name});
  }
  for (const auto& kind : words<ObligationKind>()) obligations.at({name, std::string(kind.text)});
  for (const auto& move : words<Move>()) {
    const std::string text(move.text);
    for (const auto& trigger : words<Trigger>()) {
      runs_started.at({name, text, std::string(trigger.text)});
    }
    for (const RunState outcome : {RunState::done, RunState::rolled_back, RunState::aborted}) {
      runs_ended.at({name, text, word(outcome)});
    }
  }
}

void Metrics::Series::forget_others(const std::set<LabelValues>& checks,
                                    const std::set<LabelValues>& sites,
                                    const std::set<std::string>& groups) {
  const auto of_check = [&](const LabelValues& values) { return checks.contains(values); };
  const auto of_site = [&](const LabelValues& values) { return sites.contains(values); };
  const auto of_group = [&](const LabelValues& values) { return groups.contains(values.front()); };
  for (Labelled<Gauge>* gauge : {&up, &down, &unknown, &latency, &looked_at}) {
    gauge->retain(of_check);
  }
  for (Labelled<Counter>* counter : {&looks, &failed_looks}) counter->retain(of_check);
  for (Labelled<Gauge>* gauge : {&active, &lag, &lag_bytes, &loss_bound}) gauge->retain(of_site);
  for (Labelled<Gauge>* gauge : {&group_state, &is_protected, &held, &automatic, &two_writers,
                                 &drifted, &drill_open, &last_good_drill, &loss_limit, &obligations,
                                 &running, &awaits_approval, &parked, &last_run_end}) {
    gauge->retain(of_group);
  }
  for (Labelled<Counter>* counter : {&runs_started, &runs_ended}) counter->retain(of_group);
}

void Metrics::Series::follow(const Configuration& configuration) {
  std::set<LabelValues> checks;
  std::set<LabelValues> sites;
  std::set<std::string> groups;
  for (const CheckReference& check : engine::all_checks(configuration)) {
    add_check(check);
    checks.insert(labels_of(check));
  }
  for (const GroupSpec& group : configuration.groups) {
    add_group(group);
    groups.insert(group.name.text());
    for (const SiteSpec& site : group.sites) {
      sites.insert({group.name.text(), site.name.text()});
    }
  }
  for (const CheckReference& check : engine::all_checks(configuration)) {
    look_duration.at({engine::find_check(configuration, check)->kind});
  }
  add_channels(configuration);
  for (const auto& move : words<Move>()) outage.at({std::string(move.text)});
  for (const auto& phase : words<Phase>()) step.at({std::string(phase.text)});
  forget_others(checks, sites, groups);
}

void Metrics::Series::show_group(const State& state, const GroupSpec& group) {
  const auto found = state.groups.find(group.name);
  if (found == state.groups.end()) return;
  const engine::GroupStatus& status = found->second;
  const std::string& name = group.name.text();
  for (const auto& word_of_state : words<GroupState>()) {
    group_state.at({name, std::string(word_of_state.text)})
        .Set(number(status.state == word_of_state.value));
  }
  for (const SiteSpec& site : group.sites) {
    active.at({name, site.name.text()}).Set(number(status.active == site.name));
  }
  const bool is_held = status.hold.has_value() || state.hold.has_value();
  is_protected.at({name}).Set(number(status.protection == Protection::protected_));
  held.at({name}).Set(number(is_held));
  automatic.at({name}).Set(number(group.policy.mode == Mode::automatic && !is_held));
  two_writers.at({name}).Set(number(status.two_writers));
  drifted.at({name}).Set(number(status.drift || status.front_door_silence));
  drill_open.at({name}).Set(number(status.drill.has_value()));
  if (status.last_good_drill_at)
    last_good_drill.at({name}).Set(seconds_since_1970(*status.last_good_drill_at));
  bool is_running = false;
  bool is_parked = false;
  bool is_proposed = false;
  for (const auto& [id, run] : state.runs) {
    if (run.plan.group != group.name) continue;
    is_running = is_running || run.state == RunState::running;
    is_parked = is_parked || run.state == RunState::parked;
    is_proposed = is_proposed || (run.state == RunState::waiting && run.wait &&
                                  run.wait->what == WaitFor::approval);
  }
  running.at({name}).Set(number(is_running));
  awaits_approval.at({name}).Set(number(is_proposed));
  parked.at({name}).Set(number(is_parked));
  for (const auto& kind : words<ObligationKind>()) {
    const auto owed = std::ranges::count_if(state.obligations, [&](const auto& entry) {
      return entry.second.group == group.name && entry.second.kind == kind.value;
    });
    obligations.at({name, std::string(kind.text)}).Set(static_cast<double>(owed));
  }
}

void Metrics::Series::show_everything(const State& state) {
  follow(state.configuration);
  for (const GroupSpec& group : state.configuration.groups) show_group(state, group);
  for (const CheckReference& check : engine::all_checks(state.configuration)) {
    const auto verdict = state.verdicts.find(check);
    const bool is_known = verdict != state.verdicts.end();
    show_verdict(check, is_known ? verdict->second.health : Health::unknown,
                 is_known && verdict->second.down);
  }
}

void Metrics::Series::show_verdict(const CheckReference& check, Health health, bool is_down) {
  down.at(labels_of(check)).Set(number(is_down));
  unknown.at(labels_of(check)).Set(number(health == Health::unknown));
}

// What happens once and is counted.
void Metrics::Series::count(const Record& record, const State& state) {
  if (const auto* changed = std::get_if<VerdictChanged>(&record.body)) {
    show_verdict(changed->check, changed->to, changed->down);
  }
  const auto* opened = std::get_if<RunOpened>(&record.body);
  const bool begins = std::holds_alternative<RunBegun>(record.body) || (opened && !opened->wait);
  if (const engine::Run* run = begins ? engine::run_of(record.body, state) : nullptr) {
    runs_started.at({run->plan.group.text(), word(run->plan.move), word(run->trigger)}).Increment();
  }
  if (const auto* ended = std::get_if<StepEnded>(&record.body)) {
    const engine::Execution* execution = execution_of(state, ended->run);
    if (execution == nullptr) return;
    const auto progress = execution->progress.find(ended->step);
    const auto at = std::ranges::find(execution->steps, ended->step, &Step::id);
    if (progress == execution->progress.end() || at == execution->steps.end()) return;
    if (!progress->second.started_at) return;
    step.at({word(at->phase)}).Observe(seconds(record.at - *progress->second.started_at));
  }
  if (const auto* ended = std::get_if<RunEnded>(&record.body)) {
    const auto run = state.runs.find(ended->run);
    if (run == state.runs.end() || !run->second.began_at) return;
    const Plan& plan = run->second.plan;
    runs_ended.at({plan.group.text(), word(plan.move), word(ended->state)}).Increment();
    last_run_end.at({plan.group.text()}).Set(seconds_since_1970(record.at));
    const bool measured = ended->state == RunState::done && ended->outage_began_at.has_value() &&
                          ended->outage_ended_at.has_value();
    if (!measured) return;
    outage.at({word(plan.move)})
        .Observe(seconds(*ended->outage_ended_at - *ended->outage_began_at));
  }
}

void Metrics::Series::show_lag(const State& state, const engine::Readings& readings,
                               const GroupSpec& group) {
  const auto status = state.groups.find(group.name);
  if (status == state.groups.end() || !status->second.active) return;
  const DatabaseFacts* source = engine::newest_facts(readings, group, *status->second.active);
  for (const SiteSpec& site : group.sites) {
    const LabelValues values{group.name.text(), site.name.text()};
    const DatabaseFacts* facts = engine::newest_facts(readings, group, site.name);
    if (facts == nullptr || facts->role != DatabaseRole::replica) {
      lag.remove(values);
      lag_bytes.remove(values);
      continue;
    }
    if (facts->lag) lag.at(values).Set(seconds(*facts->lag));
    if (source == nullptr) continue;
    const std::uint64_t behind =
        source->position > facts->position ? source->position - facts->position : 0;
    lag_bytes.at(values).Set(static_cast<double>(behind));
  }
}

void Metrics::Series::show_loss(const runtime::Loop& loop, const GroupSpec& group) {
  const State& state = loop.state();
  const auto status = state.groups.find(group.name);
  const bool has_active = status != state.groups.end() && status->second.active;
  for (const SiteSpec& site : group.sites) {
    std::optional<Duration> bound;
    if (has_active && *status->second.active != site.name) {
      const engine::Proposal move{group.name, Move::failover, *status->second.active, site.name};
      bound = engine::loss_bound(state, loop.readings(), move, loop.now()).time;
    }
    const LabelValues values{group.name.text(), site.name.text()};
    if (bound) {
      loss_bound.at(values).Set(seconds(*bound));
    } else {
      loss_bound.remove(values);
    }
  }
}

// Beside the loop's thread, so without making a series: these were made with the others.
void Metrics::Series::show_process() {
  const ProcessFigures figures = read_process_figures();
  if (figures.began_at) began_at.at().Set(*figures.began_at);
  if (figures.processor) {
    Counter& used = processor.at();
    used.Increment(std::max(0.0, *figures.processor - used.Value()));
  }
  if (figures.resident_memory) memory.at().Set(*figures.resident_memory);
  if (figures.open_files) open_files.at().Set(*figures.open_files);
  if (figures.open_files_max) open_files_max.at().Set(*figures.open_files_max);
}

Metrics::Metrics(std::string version, ObserverName observer) : series_(std::make_unique<Series>()) {
  series_->build_info.at({std::move(version), observer.text()}).Set(1);
  for (Labelled<Gauge>* gauge :
       {&series_->leader, &series_->term, &series_->sequence, &series_->journal_answers,
        &series_->append, &series_->late, &series_->steady, &series_->reference, &series_->all_held,
        &series_->refused, &series_->readers, &series_->began_at, &series_->memory,
        &series_->open_files, &series_->open_files_max}) {
    gauge->at();
  }
  series_->lateness.at();
  series_->readers_dropped.at();
  series_->processor.at();
  for (const int status : kStatuses) series_->requests.at({fmt::format("{}", status)});
}

Metrics::~Metrics() = default;

void Metrics::recorded(const Record& record, const State& state) {
  const bool everything = std::holds_alternative<TermOpened>(record.body) ||
                          std::holds_alternative<ConfigurationLoaded>(record.body);
  series_->term.at().Set(static_cast<double>(state.term));
  series_->sequence.at().Set(static_cast<double>(record.seq));
  series_->all_held.at().Set(number(state.hold.has_value()));
  series_->count(record, state);
  if (everything) {
    series_->show_everything(state);
    return;
  }
  const GroupName group = engine::group_of(record.body, state);
  for (const GroupSpec& spec : state.configuration.groups) {
    if (group.empty() || spec.name == group) series_->show_group(state, spec);
  }
}

void Metrics::observed(const Observation& judged, const CheckSpec& check) {
  const LabelValues values = labels_of(judged.check);
  const bool up = judged.health == Health::healthy || judged.health == Health::degraded;
  const bool failed = judged.health == Health::critical || judged.health == Health::failed;
  series_->up.at(values).Set(number(up));
  series_->looks.at(values).Increment();
  if (failed) series_->failed_looks.at(values).Increment();
  series_->looked_at.at(values).Set(seconds_since_1970(judged.at));
  if (!judged.latency) return;
  series_->latency.at(values).Set(seconds(*judged.latency));
  series_->look_duration.at({check.kind}).Observe(seconds(*judged.latency));
}

void Metrics::looked_at_itself(const engine::ControllerReading& reading) {
  series_->lateness.at().Observe(seconds(reading.loop_late));
}

void Metrics::look_at(const runtime::Loop* open, const ObserverName& observer) {
  series_->leader.at().Set(number(open != nullptr));
  if (open == nullptr) return;
  const runtime::Loop& loop = *open;
  const State& state = loop.state();
  series_->journal_answers.at().Set(number(loop.store_answers()));
  series_->append.at().Set(seconds(loop.store_latency()));
  const auto reading = loop.readings().controllers.find(observer);
  if (reading != loop.readings().controllers.end()) {
    const engine::ControllerReading& controller = reading->second;
    series_->late.at().Set(seconds(controller.loop_late));
    series_->steady.at().Set(number(controller.clock_steady));
    const bool answers = !controller.references_configured || controller.reference.has_value();
    series_->reference.at().Set(number(answers));
  }
  for (const GroupSpec& group : state.configuration.groups) {
    series_->show_lag(state, loop.readings(), group);
    series_->show_loss(loop, group);
  }
}

void Metrics::answered(int status) {
  series_->requests.at({fmt::format("{}", status)}).Increment();
}

void Metrics::certificate_ends(Instant when) {
  series_->certificate_ends.at().Set(seconds(when.time_since_epoch()));
}

void Metrics::event_reader_came() {
  series_->readers.at().Increment();
}

void Metrics::event_reader_went() {
  series_->readers.at().Decrement();
}

void Metrics::event_reader_dropped() {
  series_->readers_dropped.at().Increment();
}

void Metrics::notified(const std::string& channel, const std::string& result) {
  if (result == "retried") {
    series_->retries.at({channel}).Increment();
  } else {
    series_->notifications.at({channel, result}).Increment();
  }
}

void Metrics::configuration_read(bool is_taken) {
  series_->refused.at().Set(number(!is_taken));
}

std::string Metrics::text() {
  series_->show_process();
  std::string text;
  text.reserve(series_->written);
  for (Family* family : series_->families) family->write(text);
  series_->written = text.size() + text.size() / 8;
  return text;
}

}  // namespace bascule::api
