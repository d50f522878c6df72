#include "notifiers/alertmanager/alertmanager.h"

#include <utility>

#include "notifiers/vendor.h"

namespace bascule {
namespace {

// Two that are lost do no harm: they come every minute.
constexpr Duration kFiringFor{5 * 60'000};

Json alert(const std::string& cluster, const GroupName& group, const AlertLabels& more,
           const std::string& summary, const std::string& description, Instant since,
           Instant ends) {
  Json labels{{"alertname", "BasculeIncident"},
              {"severity", "critical"},
              {"cluster", cluster},
              {"group", group.text()}};
  for (const auto& [name, value] : more) labels[name] = value;
  return Json{{"labels", std::move(labels)},
              {"annotations", Json{{"summary", summary}, {"description", description}}},
              {"startsAt", to_rfc3339(since)},
              {"endsAt", to_rfc3339(ends)}};
}

class AlertmanagerNotifier final : public Notifier {
 public:
  explicit AlertmanagerNotifier(std::shared_ptr<net::ApiClient> api)
      : api_(std::move(api)), urls_(texts_or_empty(api_->settings(), "urls")) {
    const Json labels = api_->settings().value("labels", Json::object());
    for (const auto& [name, value] : labels.items()) {
      if (value.is_string()) labels_[name] = value.get<std::string>();
    }
  }

  awaitable<Result<void>> send(Message message, Deadline deadline) override {
    if (boolean_or(message.data, "test", false)) co_return co_await reach(deadline);
    if (message.stage == IncidentStage::none) co_return Result<void>();
    if (message.stage == IncidentStage::triggered) began_[message.group] = message.at;
    const auto began = began_.find(message.group);
    const Instant since = began == began_.end() ? message.at : began->second;
    const Json alerts = Json::array({alert_of(message, labels_, since)});
    Result<void> told = co_await tell_all(alerts, deadline);
    if (told && message.stage == IncidentStage::resolved) began_.erase(message.group);
    co_return told;
  }

  awaitable<Result<void>> refresh(std::vector<Standing> groups, Deadline deadline) override {
    Json alerts = Json::array();
    for (const Standing& group : groups) {
      if (group.incident.empty()) continue;
      began_[group.group] = group.incident_since;
      alerts.push_back(alert_of(group, labels_));
    }
    if (alerts.empty()) co_return Result<void>();
    co_return co_await tell_all(std::move(alerts), deadline);
  }

  awaitable<Result<void>> reach(Deadline deadline) override {
    co_return co_await ask_all("GET", "/-/ready", "", deadline);
  }

 private:
  awaitable<Result<void>> tell_all(Json alerts, Deadline deadline) {
    co_return co_await ask_all("POST", "/api/v2/alerts", to_text(alerts), deadline);
  }

  // Each has its share of the time, so that a dead one does not take what the others need.
  awaitable<Result<void>> ask_all(std::string method, std::string path, std::string body,
                                  Deadline deadline) {
    Result<void> first = fail(ErrorCode::invalid, "`urls` names no Alertmanager");
    bool told = false;
    std::size_t left = urls_.size();
    for (std::string address : urls_) {
      while (address.ends_with('/')) address.pop_back();
      auto request = net::ApiClient::request(method, "urls", address + path);
      if (!request) co_return error_of(request);
      request->body = body;
      request->safe_to_repeat = true;
      const Duration share = deadline.left(api_->clock()) / static_cast<int>(left--);
      const Deadline limit = earlier_of(deadline, Deadline::in(api_->clock(), share));
      const Result<void> sent = co_await api_->tell(std::move(*request), limit);
      if (sent) told = true;
      if (!sent) first = sent;
    }
    co_return told ? Result<void>() : first;
  }

  std::shared_ptr<net::ApiClient> api_;
  std::vector<std::string> urls_;
  AlertLabels labels_;
  std::map<GroupName, Instant> began_;
};

}  // namespace

Json alert_of(const Message& message, const AlertLabels& labels, Instant incident_since) {
  const bool over = message.stage == IncidentStage::resolved;
  return alert(message.cluster, message.group, labels, message.title, message.text, incident_since,
               over ? message.at : message.at + kFiringFor);
}

Json alert_of(const Standing& standing, const AlertLabels& labels) {
  const std::string summary = standing.group.text() + " is " + standing.state;
  return alert(standing.cluster, standing.group, labels, summary, standing.summary,
               standing.incident_since, standing.at + kFiringFor);
}

NotifierKind alertmanager_notifier(net::Resolver& resolver) {
  Field urls = text_list("urls", "url", "Addresses of all Alertmanagers of one cluster.");
  urls.required = true;
  urls.default_value = nullptr;
  Field labels{.name = "labels",
               .type = FieldType::map,
               .summary = "Added to each alert; they are part of its identity.",
               .default_value = Json::object()};
  labels.items = {Field{.name = "value"}};
  return vendor_kind(resolver, "alertmanager",
                     "Keeps an alert firing in Alertmanager while an incident is open.",
                     {urls, labels}, make_notifier<AlertmanagerNotifier>);
}

}  // namespace bascule
