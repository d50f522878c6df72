#include "notifiers/datadog/datadog.h"

#include <fmt/format.h>

#include <utility>

#include "base/text.h"
#include "notifiers/vendor.h"

namespace bascule {
namespace {

constexpr std::size_t kLongestText = 4'000;
constexpr std::size_t kLongestKey = 100;
constexpr int kGauge = 3;
constexpr double kMillisecondsPerSecond = 1'000.0;

std::int64_t seconds_since_1970(Instant at) {
  return at.time_since_epoch().count() / 1'000;
}

std::string alert_type_of(const Message& message) {
  if (message.stage == IncidentStage::resolved) return "success";
  switch (message.severity) {
    case Severity::info:
      return "info";
    case Severity::warning:
      return "warning";
    case Severity::critical:
      return "error";
  }
  return "info";
}

std::vector<std::string> tags_of(const std::string& cluster, const GroupName& group,
                                 std::vector<std::string> tags) {
  tags.push_back("cluster:" + cluster);
  if (!group.empty()) tags.push_back("group:" + group.text());
  return tags;
}

class DatadogNotifier final : public Notifier {
 public:
  explicit DatadogNotifier(std::shared_ptr<net::ApiClient> api)
      : api_(std::move(api)),
        endpoint_(text_or(api_->settings(), "endpoint",
                          "https://api." + text_or(api_->settings(), "site", "datadoghq.com"))),
        tags_(texts_or_empty(api_->settings(), "tags")) {}

  awaitable<Result<void>> send(Message message, Deadline deadline) override {
    co_return co_await call("POST", "/api/v1/events", datadog_event(message, tags_), deadline);
  }
  awaitable<Result<void>> refresh(std::vector<Standing> groups, Deadline deadline) override {
    if (!boolean_or(api_->settings(), "metrics", false) || groups.empty()) {
      co_return Result<void>();
    }
    co_return co_await call("POST", "/api/v2/series", datadog_series(groups, tags_), deadline);
  }
  // Datadog says whether a key is good without taking anything.
  awaitable<Result<void>> reach(Deadline deadline) override {
    co_return co_await call("GET", "/api/v1/validate", nullptr, deadline);
  }

 private:
  awaitable<Result<void>> call(std::string method, std::string path, Json body, Deadline deadline) {
    const Result<std::string> key = api_->reveal("api_key");
    if (!key) co_return error_of(key);
    auto made = net::ApiClient::request(std::move(method), "endpoint", endpoint_ + path);
    if (!made) co_return error_of(made);
    made->headers.set("DD-API-KEY", *key);
    if (!body.is_null()) made->body = to_text(body);
    co_return co_await api_->tell(std::move(*made), deadline);
  }

  std::shared_ptr<net::ApiClient> api_;
  std::string endpoint_;
  std::vector<std::string> tags_;
};

}  // namespace

Json datadog_event(const Message& message, const std::vector<std::string>& tags) {
  Json event{{"title", message.title},
             {"text", shortened(message.text, kLongestText)},
             {"alert_type", alert_type_of(message)},
             {"priority", message.severity == Severity::info ? "low" : "normal"},
             {"source_type_name", "bascule"},
             {"date_happened", seconds_since_1970(message.at)},
             {"tags", tags_of(message.cluster, message.group, tags)}};
  const std::string& key = message.incident.empty() ? message.run.text() : message.incident;
  if (!key.empty()) event["aggregation_key"] = key.substr(0, kLongestKey);
  return event;
}

Json datadog_series(const std::vector<Standing>& groups, const std::vector<std::string>& tags) {
  Json series = Json::array();
  for (const Standing& group : groups) {
    const std::vector<std::string> of_group = tags_of(group.cluster, group.group, tags);
    const auto add = [&](const char* name, double value) {
      const Json point{{"timestamp", seconds_since_1970(group.at)}, {"value", value}};
      series.push_back(Json{{"metric", name},
                            {"type", kGauge},
                            {"points", Json::array({point})},
                            {"tags", of_group}});
    };
    add("bascule.group.healthy", group.state == "HEALTHY" ? 1 : 0);
    add("bascule.group.protected", group.is_protected ? 1 : 0);
    add("bascule.group.incident", group.incident.empty() ? 0 : 1);
    if (group.lag) {
      add("bascule.replication.lag",
          static_cast<double>(group.lag->count()) / kMillisecondsPerSecond);
    }
  }
  return Json{{"series", std::move(series)}};
}

NotifierKind datadog_notifier(net::Resolver& resolver) {
  return vendor_kind(
      resolver, "datadog", "Sends each message as an event to Datadog, and if asked for, series.",
      {Field{.name = "api_key", .summary = "An API key.", .required = true, .secret = true},
       Field{.name = "site", .summary = "Which Datadog.", .default_value = "datadoghq.com"},
       Field{.name = "metrics",
             .type = FieldType::boolean,
             .summary = "Also send state, protection and lag once a minute.",
             .default_value = false},
       text_list("tags", "tag", "Added to every event and series."),
       Field{.name = "endpoint", .summary = "Instead of the site's own address."}},
      make_notifier<DatadogNotifier>);
}

}  // namespace bascule
