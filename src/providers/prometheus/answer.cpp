#include "providers/prometheus/answer.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <tuple>

#include "model/json.h"
#include "model/number.h"

namespace bascule::prometheus {
namespace {

constexpr std::size_t kShown = 120;
constexpr std::size_t kWarningsKept = 3;

ErrorCode code_of(int status, const std::string& kind) {
  if (kind == "timeout") return ErrorCode::timeout;
  if (kind == "bad_data" || kind == "execution") return ErrorCode::invalid;
  if (status == 401 || status == 403) return ErrorCode::denied;
  if (status == 429) return ErrorCode::throttled;
  return ErrorCode::unavailable;
}

std::unexpected<Error> refused(int status, const Json& body) {
  const std::string kind = text_or(body, "errorType");
  const std::string why = net::excerpt(text_or(body, "error", "no reason given"), kShown);
  const ErrorCode code = code_of(status, kind);
  if (code == ErrorCode::invalid) return fail(code, "the query is refused: {}", why);
  return fail(code, "Prometheus reports an error: {}", why);
}

// Not an answer of Prometheus's own: a proxy's page, another server.
std::unexpected<Error> not_prometheus(const net::Response& response) {
  if (response.status != 200) {
    return fail(code_of(response.status, ""), "{} {}", response.status,
                net::reason_phrase(response.status));
  }
  return fail(ErrorCode::unavailable, "the answer is not Prometheus's: \"{}\"",
              net::excerpt(response.body));
}

std::string series_of(const Json& metric) {
  std::string labels;
  for (const auto& [name, value] : metric.items()) {
    if (name == "__name__" || !value.is_string()) continue;
    labels += fmt::format("{}{}=\"{}\"", labels.empty() ? "" : ",", name,
                          value.get_ref<const std::string&>());
    if (labels.size() > kShown) break;
  }
  const std::string name = text_or(metric, "__name__");
  return net::excerpt(labels.empty() ? name : name + "{" + labels + "}", kShown);
}

std::optional<double> number_of(const std::string& text) {
  if (text == "NaN") return std::numeric_limits<double>::quiet_NaN();
  if (text == "+Inf") return std::numeric_limits<double>::infinity();
  if (text == "-Inf") return -std::numeric_limits<double>::infinity();
  return parse_number(text);
}

// [TIME, "NUMBER"]
std::optional<Sample> sample_of(const Json& pair, std::string series) {
  const bool is_pair = pair.is_array() && pair.size() == 2 && pair[1].is_string();
  if (!is_pair) return std::nullopt;
  const auto& text = pair[1].get_ref<const std::string&>();
  const std::optional<double> value = number_of(text);
  if (!value) return std::nullopt;
  return Sample{std::move(series), *value, text};
}

// A series without a value has a histogram, which is no number.
std::optional<Sample> sample_of_series(const Json& series) {
  if (!series.is_object()) return std::nullopt;
  const auto metric = series.find("metric");
  std::string name = metric != series.end() && metric->is_object() ? series_of(*metric) : "";
  const auto value = series.find("value");
  if (value != series.end()) return sample_of(*value, std::move(name));
  if (!series.contains("histogram")) return std::nullopt;
  return Sample{std::move(name), std::numeric_limits<double>::quiet_NaN(), "a histogram"};
}

Result<std::vector<Sample>> samples_of(const Json& data) {
  const std::string type = text_or(data, "resultType");
  const auto result = data.find("result");
  std::vector<Sample> samples;
  bool understood = result != data.end() && result->is_array();
  if (understood && type == "scalar") {
    const std::optional<Sample> sample = sample_of(*result, "");
    understood = sample.has_value();
    if (sample) samples.push_back(*sample);
  } else if (understood && type == "vector") {
    for (const Json& series : *result) {
      std::optional<Sample> sample = sample_of_series(series);
      understood = understood && sample.has_value();
      if (sample) samples.push_back(*std::move(sample));
    }
  } else if (type == "matrix" || type == "string") {
    return fail(ErrorCode::invalid, "the query gives {} instead of numbers",
                type == "matrix" ? "ranges of values" : "a text");
  } else {
    understood = false;
  }
  if (!understood) return fail(ErrorCode::unavailable, "the answer's result is malformed");
  std::ranges::sort(samples, [](const Sample& a, const Sample& b) {
    return std::tie(a.series, a.text) < std::tie(b.series, b.text);
  });
  return samples;
}

}  // namespace

Result<Answer> read_answer(const net::Response& response) {
  const Result<Json> body = parse_json(response.body);
  const std::string status = body ? text_or(*body, "status") : "";
  if (status == "error") return refused(response.status, *body);
  const bool succeeded = status == "success" && response.status == 200;
  if (!succeeded || !body->contains("data") || !(*body)["data"].is_object()) {
    return not_prometheus(response);
  }
  Result<std::vector<Sample>> samples = samples_of((*body)["data"]);
  if (!samples) return error_of(samples);
  Answer answer{*std::move(samples), {}};
  for (const std::string& warning : texts_or_empty(*body, "warnings")) {
    if (answer.warnings.size() == kWarningsKept) break;
    answer.warnings.push_back(net::excerpt(warning, kShown));
  }
  return answer;
}

}  // namespace bascule::prometheus
