#include "api/metrics/definitions.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/assert.h"

namespace bascule::api {
namespace {

using enum MetricType;

std::vector<MetricDefinition> of_the_installation() {
  return {
      {"bascule_build_info", gauge, "The running build; always 1", {"version", "observer"}},
      {"bascule_leader", gauge, "1 while this process may act: it holds the term"},
      {"bascule_term", gauge, "The term in which this process acts; it only grows"},
      {"bascule_journal_sequence", gauge, "Number of the newest record of the journal"},
      {"bascule_journal_answers", gauge, "1 while the journal can be written"},
      {"bascule_journal_append_seconds", gauge, "How long the newest append took to be durable"},
      {"bascule_loop_late_seconds", gauge, "Lateness of the loop at its newest self-check"},
      {"bascule_lateness_seconds", histogram,
       "Lateness of the loop and of its looks, the worst of each second"},
      {"bascule_clock_steady", gauge, "1 while the wall clock agrees with the monotonic one"},
      {"bascule_reference_answers", gauge,
       "1 while a reference shows that this observer is not the one that is cut off"},
      {"bascule_automation_held", gauge, "1 while automation of every group is held"},
      {"bascule_configuration_refused", gauge,
       "1 while the newest configuration that was read is not the one in force"},
      {"bascule_notifications_total",
       counter,
       "Messages to people, by channel and what became of them: sent, failed, dropped",
       {"channel", "result"}},
      {"bascule_notification_retries_total",
       counter,
       "Attempts to tell people that failed and are made again, by channel",
       {"channel"}},
      {"bascule_api_requests_total", counter, "Requests that the API answered", {"code"}},
      {"bascule_api_certificate_expiry_timestamp_seconds", gauge,
       "When the certificate that the API shows ends; absent without TLS"},
      {"bascule_event_stream_readers", gauge, "Readers of the event stream"},
      {"bascule_event_stream_dropped_total", counter,
       "Readers of the event stream that were too slow and were cut off"},
  };
}

// Under the names that every exporter gives them.
std::vector<MetricDefinition> of_the_process() {
  return {
      {"process_start_time_seconds", gauge, "When this process began"},
      {"process_cpu_seconds_total", counter, "Processor time of this process, user and system"},
      {"process_resident_memory_bytes", gauge, "Memory of this process that is in main memory"},
      {"process_open_fds", gauge, "Descriptors that are open"},
      {"process_max_fds", gauge, "Descriptors that may be open"},
  };
}

std::vector<MetricDefinition> of_checks() {
  return {
      {"bascule_check_up",
       gauge,
       "1 when the newest look found the check healthy or degraded",
       {"group", "site", "check"}},
      {"bascule_check_down",
       gauge,
       "1 while the observers agree that the check is down",
       {"group", "site", "check"}},
      {"bascule_check_unknown",
       gauge,
       "1 while nobody knows how the check is: it moves nothing then",
       {"group", "site", "check"}},
      {"bascule_check_looks_total", counter, "Looks at the check", {"group", "site", "check"}},
      {"bascule_check_failed_looks_total",
       counter,
       "Looks that found the check critical or failed",
       {"group", "site", "check"}},
      {"bascule_check_latency_seconds",
       gauge,
       "Latency of the newest look that was answered",
       {"group", "site", "check"}},
      {"bascule_check_look_timestamp_seconds",
       gauge,
       "When the newest look began",
       {"group", "site", "check"}},
      {"bascule_look_duration_seconds",
       histogram,
       "Latency of the looks that were answered, of all checks of a kind",
       {"kind"}},
  };
}

std::vector<MetricDefinition> of_groups() {
  return {
      {"bascule_group_state", gauge, "1 for the state the group is in", {"group", "state"}},
      {"bascule_group_active", gauge, "1 for the site that is active", {"group", "site"}},
      {"bascule_group_protected",
       gauge,
       "1 while another site could take over with what the policy allows to lose",
       {"group"}},
      {"bascule_group_held", gauge, "1 while automation of the group is held", {"group"}},
      {"bascule_group_automatic",
       gauge,
       "1 while Bascule may move the group by itself: its mode is automatic and nothing holds it",
       {"group"}},
      {"bascule_group_two_writers", gauge, "1 while two sites accept writes", {"group"}},
      {"bascule_front_door_drifted",
       gauge,
       "1 while the front door is not as Bascule left it, or cannot be read for long",
       {"group"}},
      {"bascule_drill_open",
       gauge,
       "1 from the arrival of a drill until the group is back",
       {"group"}},
      {"bascule_last_good_drill_timestamp_seconds",
       gauge,
       "When the group's last drill that succeeded ended; 0 before the first",
       {"group"}},
      {"bascule_replication_lag_seconds",
       gauge,
       "How far a replica's replay is behind, as it says itself",
       {"group", "site"}},
      {"bascule_replication_lag_bytes",
       gauge,
       "What the active site's database has written and the replica has not received",
       {"group", "site"}},
      {"bascule_loss_bound_seconds",
       gauge,
       "What would be lost at most if this site took over now; absent while that is not known",
       {"group", "site"}},
      {"bascule_loss_limit_seconds",
       gauge,
       "What the policy allows to lose; absent where it sets no limit in time",
       {"group"}},
      {"bascule_obligations",
       gauge,
       "What finished runs still owe, by kind: fence, standby, front_door",
       {"group", "kind"}},
  };
}

std::vector<MetricDefinition> of_runs() {
  return {
      {"bascule_runs_started_total", counter, "Runs that began", {"group", "move", "trigger"}},
      {"bascule_runs_ended_total",
       counter,
       "Runs that began and ended, by outcome: done, rolled_back, aborted",
       {"group", "move", "outcome"}},
      {"bascule_run_running", gauge, "1 while a run of the group is under way", {"group"}},
      {"bascule_run_awaits_approval",
       gauge,
       "1 while a run of the group waits for a person to approve it",
       {"group"}},
      {"bascule_run_parked",
       gauge,
       "1 while a run of the group waits until a person ends it",
       {"group"}},
      {"bascule_outage_seconds",
       histogram,
       "Outage of the runs that were done, from the first sign until the front door was switched",
       {"move"}},
      {"bascule_step_duration_seconds",
       histogram,
       "Time from a step's first start until it ended",
       {"phase"}},
      {"bascule_last_run_end_timestamp_seconds",
       gauge,
       "When the group's last run ended; 0 before the first",
       {"group"}},
  };
}

std::vector<MetricDefinition> all_definitions() {
  std::vector<MetricDefinition> all = of_the_installation();
  for (auto part : {of_checks(), of_groups(), of_runs(), of_the_process()}) {
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

}  // namespace

std::string_view to_string(MetricType type) {
  switch (type) {
    case counter:
      return "counter";
    case gauge:
      return "gauge";
    case histogram:
      return "histogram";
  }
  return "untyped";
}

const std::vector<MetricDefinition>& metric_definitions() {
  static const std::vector<MetricDefinition> kDefinitions = all_definitions();
  return kDefinitions;
}

const MetricDefinition& metric_definition(std::string_view name) {
  const auto& all = metric_definitions();
  const auto found = std::ranges::find(all, name, &MetricDefinition::name);
  BASCULE_ASSERT(found != all.end(), "a metric that is not in the table");
  return *found;
}

std::string metric_reference() {
  std::string text =
      "# Metrics\n\n"
      "`bascule serve` answers `GET /metrics` in Prometheus' text format. This page is made from\n"
      "`src/api/metrics/definitions.cpp`, and a test holds it to that. Counters count from the\n"
      "start of the process; every series that a configuration can have exists from the\n"
      "beginning, with 0.\n\n"
      "| metric | type | labels | what it is |\n| --- | --- | --- | --- |\n";
  for (const MetricDefinition& metric : metric_definitions()) {
    text += fmt::format("| `{}` | {} | {} | {} |\n", metric.name, to_string(metric.type),
                        fmt::join(metric.labels, ", "), metric.help);
  }
  return text;
}

}  // namespace bascule::api
