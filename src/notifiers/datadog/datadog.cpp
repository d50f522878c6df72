#include "notifiers/datadog/datadog.h"

#include <fmt/format.h>

#include <utility>

#include "net/json_post.h"

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
  DatadogNotifier(Json settings, Services& services, std::shared_ptr<net::HttpClient> client)
      : settings_(std::move(settings)),
        services_(services),
        client_(std::move(client)),
        endpoint_(text_or(settings_, "endpoint",
                          "https://api." + text_or(settings_, "site", "datadoghq.com"))),
        tags_(texts_or_empty(settings_, "tags")) {}

  awaitable<Result<void>> send(Message message, Deadline deadline) override {
    co_return co_await post("/api/v1/events", datadog_event(message, tags_), deadline);
  }
  awaitable<Result<void>> refresh(std::vector<Standing> groups, Deadline deadline) override {
    if (!boolean_or(settings_, "metrics", false) || groups.empty()) co_return Result<void>();
    co_return co_await post("/api/v2/series", datadog_series(groups, tags_), deadline);
  }
  // Datadog says whether a key is good without taking anything.
  awaitable<Result<void>> reach(Deadline deadline) override {
    auto made = request("GET", "/api/v1/validate");
    if (!made) co_return error_of(made);
    auto answer = co_await net::send_json(services_.clock, *client_, std::move(*made), deadline);
    if (!answer) co_return error_of(answer);
    co_return Result<void>();
  }

 private:
  [[nodiscard]] Result<net::Request> request(std::string method, const std::string& path) const {
    const Result<std::string> key = services_.secrets.reveal(settings_.at("api_key"));
    if (!key) return fail(in_context("api_key", key.error()));
    Result<net::Url> url = net::parse_url(endpoint_ + path);
    if (!url) return fail(in_context("endpoint", url.error()));
    net::Request made(std::move(method), std::move(*url));
    made.headers.set("DD-API-KEY", *key);
    return made;
  }
  awaitable<Result<void>> post(std::string path, Json body, Deadline deadline) {
    auto made = request("POST", path);
    if (!made) co_return error_of(made);
    made->body = to_text(body);
    auto sent = co_await net::send_json(services_.clock, *client_, std::move(*made), deadline);
    if (!sent) co_return error_of(sent);
    co_return Result<void>();
  }

  Json settings_;
  Services& services_;
  std::shared_ptr<net::HttpClient> client_;
  std::string endpoint_;
  std::vector<std::string> tags_;
};

}  // namespace

Json datadog_event(const Message& message, const std::vector<std::string>& tags) {
  Json event{{"title", message.title},
             {"text", message.text.substr(0, kLongestText)},
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
  NotifierKind datadog;
  datadog.kind.name = "datadog";
  datadog.kind.role = KindRole::notifier;
  datadog.kind.summary = "Sends each message as an event to Datadog, and if asked for, series.";
  Field tags{.name = "tags",
             .type = FieldType::list,
             .summary = "Added to every event and series.",
             .default_value = Json::array()};
  tags.items = {Field{.name = "tag"}};
  datadog.kind.fields = {
      Field{.name = "api_key", .summary = "An API key.", .required = true, .secret = true},
      Field{.name = "site", .summary = "Which Datadog.", .default_value = "datadoghq.com"},
      Field{.name = "metrics",
            .type = FieldType::boolean,
            .summary = "Also send state, protection and lag once a minute.",
            .default_value = false},
      tags,
      Field{.name = "endpoint", .summary = "Instead of the site's own address."},
      Field{.name = "ca", .summary = "PEM file of the authorities to trust."}};
  datadog.make = [&resolver](Json settings,
                             Services& services) -> Result<std::shared_ptr<Notifier>> {
    auto client = net::make_api_client(services.clock, resolver, text_or(settings, "ca"));
    if (!client) return fail(in_context("ca", client.error()));
    return std::make_shared<DatadogNotifier>(std::move(settings), services, std::move(*client));
  };
  return datadog;
}

}  // namespace bascule
