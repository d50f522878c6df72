// Every metric of Bascule as data: what /metrics serves, what docs/metrics.md lists and what alert
// rules and dashboards may name all come from this one table.
//
// Names follow Prometheus' rules: base units, `_total` for counters, moments as timestamps (never
// ages), labels whose values are bounded by the configuration: never a run, never an error's text.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace bascule::api {

enum class MetricType : std::uint8_t { counter, gauge, histogram };

std::string_view to_string(MetricType type);  // as Prometheus' text format says it

struct MetricDefinition {
  std::string name;
  MetricType type = MetricType::gauge;
  std::string help;                      // one sentence, without a full stop
  std::vector<std::string> labels = {};  // in the order in which they are given
};

const std::vector<MetricDefinition>& metric_definitions();
// REQUIRES: it is in the table.
const MetricDefinition& metric_definition(std::string_view name);

// docs/metrics.md.
std::string metric_reference();

}  // namespace bascule::api
