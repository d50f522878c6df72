// The series of one metric, found by the values of its labels, in the order of the table.
//
// prometheus-cpp keeps the numbers and may gather them from another thread; this side, which adds
// and removes series, belongs to one thread.
#pragma once

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "api/metrics/definitions.h"
#include "base/assert.h"

namespace bascule::api {

using LabelValues = std::vector<std::string>;

template <typename Metric>
class Labelled {
 public:
  // `boundaries`: of the buckets of a histogram.
  Labelled(prometheus::Registry& registry, std::string_view name,
           std::vector<double> boundaries = {})
      : definition_(metric_definition(name)),
        family_(register_in(registry, definition_)),
        boundaries_(std::move(boundaries)) {}

  // Made with 0 when it does not exist.
  Metric& at(const LabelValues& values = {}) {
    const auto found = series_.find(values);
    if (found != series_.end()) return *found->second;
    BASCULE_ASSERT(values.size() == definition_.labels.size(), "one value for each label");
    prometheus::Labels labels;
    for (std::size_t i = 0; i < values.size(); ++i) labels[definition_.labels[i]] = values[i];
    Metric* made = nullptr;
    if constexpr (std::is_same_v<Metric, prometheus::Histogram>) {
      made = &family_.Add(labels, boundaries_);
    } else {
      made = &family_.Add(labels);
    }
    series_.emplace(values, made);
    return *made;
  }

  void remove(const LabelValues& values) {
    const auto found = series_.find(values);
    if (found == series_.end()) return;
    family_.Remove(found->second);
    series_.erase(found);
  }

  void retain(const std::function<bool(const LabelValues&)>& wanted) {
    for (auto at = series_.begin(); at != series_.end();) {
      if (wanted(at->first)) {
        ++at;
        continue;
      }
      family_.Remove(at->second);
      at = series_.erase(at);
    }
  }

 private:
  static prometheus::Family<Metric>& register_in(prometheus::Registry& registry,
                                                 const MetricDefinition& definition) {
    if constexpr (std::is_same_v<Metric, prometheus::Counter>) {
      BASCULE_ASSERT(definition.type == MetricType::counter, "the table calls it a counter");
      return prometheus::BuildCounter()
          .Name(definition.name)
          .Help(definition.help)
          .Register(registry);
    } else if constexpr (std::is_same_v<Metric, prometheus::Gauge>) {
      BASCULE_ASSERT(definition.type == MetricType::gauge, "the table calls it a gauge");
      return prometheus::BuildGauge()
          .Name(definition.name)
          .Help(definition.help)
          .Register(registry);
    } else {
      BASCULE_ASSERT(definition.type == MetricType::histogram, "the table calls it a histogram");
      return prometheus::BuildHistogram()
          .Name(definition.name)
          .Help(definition.help)
          .Register(registry);
    }
  }

  const MetricDefinition& definition_;
  prometheus::Family<Metric>& family_;
  std::vector<double> boundaries_;
  std::map<LabelValues, Metric*> series_;
};

}  // namespace bascule::api
