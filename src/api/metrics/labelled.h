// The series of one metric, found by the values of its labels, and written as text in the order of
// those values.
//
// prometheus-cpp keeps the numbers, which may be read from another thread while they change; its
// serializer copies every label of every series for each scrape, which takes several times as long
// for tens of thousands of them. This side, which adds and removes series, belongs to one thread,
// the loop's; write() may be called from another one beside it, and makes it wait for one metric at
// most where a series comes or goes.
#pragma once

#include <fmt/format.h>
#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "api/metrics/definitions.h"
#include "base/assert.h"

namespace bascule::api {

using LabelValues = std::vector<std::string>;

// Something that Metrics writes.
class Family {
 public:
  virtual ~Family() = default;
  virtual void write(std::string& text) = 0;
};
// In the order in which they are written; each puts itself in.
using Families = std::vector<Family*>;

inline void write_number(std::string& text, double number) {
  if (std::isfinite(number)) {
    fmt::format_to(std::back_inserter(text), "{}", number);
  } else {
    text += std::isnan(number) ? "NaN" : number > 0 ? "+Inf" : "-Inf";
  }
}

template <typename Metric>
class Labelled final : public Family {
 public:
  static constexpr bool kIsHistogram = std::is_same_v<Metric, prometheus::Histogram>;

  // `boundaries`: of the buckets of a histogram. Goes with `families`, and is not moved.
  Labelled(Families& families, std::string_view name, std::vector<double> boundaries = {})
      : definition_(metric_definition(name)), boundaries_(std::move(boundaries)) {
    constexpr MetricType kType = kIsHistogram ? MetricType::histogram
                                 : std::is_same_v<Metric, prometheus::Counter> ? MetricType::counter
                                                                               : MetricType::gauge;
    BASCULE_ASSERT(definition_.type == kType, "the table says of which type it is");
    families.push_back(this);
  }
  Labelled(const Labelled&) = delete;
  Labelled& operator=(const Labelled&) = delete;

  // Made with 0 when it does not exist.
  Metric& at(const LabelValues& values = {}) {
    const auto found = series_.find(values);
    if (found != series_.end()) return found->second.metric;
    BASCULE_ASSERT(values.size() == definition_.labels.size(), "one value for each label");
    const std::lock_guard lock(changing_);
    if constexpr (kIsHistogram) {
      return series_.try_emplace(values, labels_text(values), boundaries_).first->second.metric;
    } else {
      return series_.try_emplace(values, labels_text(values)).first->second.metric;
    }
  }

  void remove(const LabelValues& values) {
    if (!series_.contains(values)) return;
    const std::lock_guard lock(changing_);
    series_.erase(values);
  }

  void retain(const std::function<bool(const LabelValues&)>& wanted) {
    const std::lock_guard lock(changing_);
    std::erase_if(series_, [&](const auto& one) { return !wanted(one.first); });
  }

  void write(std::string& text) override {
    const std::lock_guard lock(changing_);
    if (series_.empty()) return;
    fmt::format_to(std::back_inserter(text), "# HELP {} {}\n# TYPE {} {}\n", definition_.name,
                   definition_.help, definition_.name, to_string(definition_.type));
    for (auto& [values, one] : series_) {
      if constexpr (kIsHistogram) {
        write_histogram(text, one.labels, one.metric.Collect().histogram);
      } else {
        write_line(text, "", one.labels, "", one.metric.Value());
      }
    }
  }

 private:
  struct Series {
    explicit Series(std::string labels_value) : labels(std::move(labels_value)) {}
    Series(std::string labels_value, const std::vector<double>& boundaries)
        : labels(std::move(labels_value)), metric(boundaries) {}
    std::string labels;  // a="x",b="y", by name
    Metric metric;
  };

  [[nodiscard]] std::string labels_text(const LabelValues& values) const {
    std::map<std::string_view, std::string_view> by_name;
    for (std::size_t i = 0; i < values.size(); ++i) by_name[definition_.labels[i]] = values[i];
    std::string text;
    for (const auto& [name, value] : by_name) {
      fmt::format_to(std::back_inserter(text), "{}{}=\"", text.empty() ? "" : ",", name);
      for (const char letter : value) {
        if (letter == '\\' || letter == '"') text += '\\';
        text += letter == '\n' ? std::string_view("\\n") : std::string_view(&letter, 1);
      }
      text += '"';
    }
    return text;
  }

  // NAME_ENDING{LABELS,MORE} NUMBER
  void write_line(std::string& text, std::string_view ending, std::string_view labels,
                  std::string_view more, double number) const {
    text += definition_.name;
    text += ending;
    if (!labels.empty() || !more.empty()) {
      text += '{';
      text += labels;
      if (!labels.empty() && !more.empty()) text += ',';
      text += more;
      text += '}';
    }
    text += ' ';
    write_number(text, number);
    text += '\n';
  }

  void write_histogram(std::string& text, std::string_view labels,
                       const prometheus::ClientMetric::Histogram& histogram) const {
    for (const auto& bucket : histogram.bucket) {
      std::string bound = "le=\"";
      write_number(bound, bucket.upper_bound);
      bound += '"';
      write_line(text, "_bucket", labels, bound, static_cast<double>(bucket.cumulative_count));
    }
    write_line(text, "_sum", labels, "", histogram.sample_sum);
    write_line(text, "_count", labels, "", static_cast<double>(histogram.sample_count));
  }

  const MetricDefinition& definition_;
  std::vector<double> boundaries_;
  std::mutex changing_;
  std::map<LabelValues, Series> series_;
};

}  // namespace bascule::api
