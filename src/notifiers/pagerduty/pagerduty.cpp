#include "notifiers/pagerduty/pagerduty.h"

#include <fmt/format.h>

#include <utility>

#include "base/text.h"
#include "notifiers/vendor.h"

namespace bascule {
namespace {

constexpr std::size_t kLongestSummary = 1'024;  // characters; bytes are never fewer
constexpr const char* kEvents = "https://events.pagerduty.com";
constexpr const char* kRest = "https://api.pagerduty.com";
constexpr const char* kRestFormat = "application/vnd.pagerduty+json;version=2";

std::string summary_of(const Message& message) {
  return shortened(message.title, kLongestSummary);
}

std::string source_of(const Message& message) {
  return message.group.empty() ? message.cluster
                               : fmt::format("{}/{}", message.cluster, message.group);
}

Json details_of(const Message& message) {
  return Json{{"text", message.text},
              {"run", message.run.empty() ? Json(nullptr) : Json(message.run.text())},
              {"seq", message.seq},
              {"data", message.data}};
}

// What both ways share: where to, and how it is found.
class Paging : public Notifier {
 protected:
  Paging(std::shared_ptr<net::ApiClient> api, const char* endpoint)
      : api_(std::move(api)), endpoint_(text_or(api_->settings(), "endpoint", endpoint)) {}

  [[nodiscard]] Result<net::Request> request(std::string method, const std::string& path) const {
    return net::ApiClient::request(std::move(method), "endpoint", endpoint_ + path);
  }
  awaitable<Result<void>> reach(Deadline deadline) override {
    auto asked = request("GET", "/");
    if (!asked) co_return error_of(asked);
    co_return co_await api_->find(std::move(*asked), deadline);
  }

  std::shared_ptr<net::ApiClient> api_;
  std::string endpoint_;
};

class EventsNotifier final : public Paging {
 public:
  explicit EventsNotifier(std::shared_ptr<net::ApiClient> api) : Paging(std::move(api), kEvents) {}

  awaitable<Result<void>> send(Message message, Deadline deadline) override {
    const PageAction action = page_action(message);
    if (action == PageAction::nothing) co_return Result<void>();
    const Result<std::string> key = api_->reveal("routing_key");
    if (!key) co_return error_of(key);
    const bool is_change = action == PageAction::change;
    auto made = request("POST", is_change ? "/v2/change/enqueue" : "/v2/enqueue");
    if (!made) co_return error_of(made);
    made->body = to_text(is_change ? change_event(message, *key) : page_event(message, *key));
    made->safe_to_repeat = true;  // the same dedup_key
    co_return co_await api_->tell(std::move(*made), deadline);
  }
};

class RestNotifier final : public Paging {
 public:
  explicit RestNotifier(std::shared_ptr<net::ApiClient> api) : Paging(std::move(api), kRest) {}

  awaitable<Result<void>> send(Message message, Deadline deadline) override {
    switch (page_action(message)) {
      case PageAction::trigger:
        co_return co_await open(std::move(message), deadline);
      case PageAction::acknowledge:
        co_return co_await change(std::move(message), "acknowledged", deadline);
      case PageAction::resolve:
        co_return co_await change(std::move(message), "resolved", deadline);
      case PageAction::nothing:
      case PageAction::change:
        break;
    }
    if (!boolean_or(message.data, "test", false)) co_return Result<void>();
    auto allowed = co_await find("test", deadline);
    if (!allowed) co_return error_of(allowed);
    co_return Result<void>();
  }

 private:
  awaitable<Result<net::Response>> call(std::string method, std::string path, Json body,
                                        Deadline deadline) {
    const Result<std::string> token = api_->reveal("api_token");
    if (!token) co_return error_of(token);
    auto made = request(std::move(method), path);
    if (!made) co_return error_of(made);
    made->headers.set("Authorization", "Token token=" + *token);
    made->headers.set("Accept", kRestFormat);
    made->headers.set("From", text_or(api_->settings(), "from"));
    if (!body.is_null()) made->body = to_text(body);
    co_return co_await api_->ask(std::move(*made), deadline);
  }

  // The incident of that key that is not resolved; empty: there is none.
  awaitable<Result<std::string>> find(std::string key, Deadline deadline) {
    const std::string path = fmt::format(
        "/incidents?incident_key={}&statuses%5B%5D=triggered&statuses%5B%5D=acknowledged",
        net::percent_encode(key));
    auto found = co_await call("GET", path, nullptr, deadline);
    if (!found) co_return error_of(found);
    const Json answer = parse_json(found->body).value_or(Json());
    if (!answer.is_object() || !answer.contains("incidents") || !answer["incidents"].is_array()) {
      co_return fail(ErrorCode::unavailable, "{} answered with no list of incidents", endpoint_);
    }
    const Json& incidents = answer["incidents"];
    co_return incidents.empty() ? std::string() : text_or(incidents.front(), "id");
  }

  // An incident with the key that is open already would be refused: it is the same one.
  awaitable<Result<void>> open(Message message, Deadline deadline) {
    auto id = co_await find(message.incident, deadline);
    if (!id) co_return error_of(id);
    if (!id->empty()) co_return Result<void>();
    auto opened =
        co_await call("POST", "/incidents",
                      rest_incident(message, text_or(api_->settings(), "service")), deadline);
    if (!opened) co_return error_of(opened);
    co_return Result<void>();
  }

  awaitable<Result<void>> change(Message message, std::string status, Deadline deadline) {
    auto id = co_await find(message.incident, deadline);
    if (!id) co_return error_of(id);
    if (id->empty()) co_return Result<void>();  // a person resolved it there
    const Json incident{{"type", "incident_reference"}, {"status", std::move(status)}};
    const Json body{{"incident", incident}};
    auto changed = co_await call("PUT", "/incidents/" + net::percent_encode(*id), body, deadline);
    if (!changed) co_return error_of(changed);
    co_return Result<void>();
  }
};

std::vector<Field> pagerduty_fields() {
  return {Field{.name = "routing_key",
                .summary = "The integration key of an Events API v2 integration.",
                .secret = true},
          Field{.name = "api_token",
                .summary = "Instead of routing_key: a REST API token; needs service and from.",
                .secret = true},
          Field{.name = "service", .summary = "The id of the service, for api_token."},
          Field{.name = "from", .summary = "The e-mail address of a user, for api_token."},
          Field{.name = "endpoint", .summary = "Instead of PagerDuty's own address."}};
}

// The configuration has seen to it that it is one of the two.
Result<std::shared_ptr<Notifier>> make_paging(std::shared_ptr<net::ApiClient> api) {
  if (api->settings().contains("routing_key")) {
    return make_notifier<EventsNotifier>(std::move(api));
  }
  return make_notifier<RestNotifier>(std::move(api));
}

}  // namespace

PageAction page_action(const Message& message) {
  switch (message.stage) {
    case IncidentStage::triggered:
      return PageAction::trigger;
    case IncidentStage::acknowledged:
      return PageAction::acknowledge;
    case IncidentStage::resolved:
      return PageAction::resolve;
    case IncidentStage::ongoing:  // adds to what is open, under the same key
      return message.severity == Severity::critical ? PageAction::trigger : PageAction::nothing;
    case IncidentStage::none:
      break;
  }
  const std::string type = text_or(message.data, "type");
  // A test shows that the key is good, and wakes nobody.
  const bool begins_or_ends = type == "RunOpened" || type == "RunBegun" || type == "RunEnded" ||
                              boolean_or(message.data, "test", false);
  return begins_or_ends ? PageAction::change : PageAction::nothing;
}

Json page_event(const Message& message, const std::string& routing_key) {
  Json event{{"routing_key", routing_key}, {"dedup_key", message.incident}, {"client", "Bascule"}};
  switch (page_action(message)) {
    case PageAction::acknowledge:
      event["event_action"] = "acknowledge";
      return event;
    case PageAction::resolve:
      event["event_action"] = "resolve";
      return event;
    default:
      event["event_action"] = "trigger";
  }
  // What opens an incident is worth a page, whatever the record by itself would be.
  event["payload"] = Json{{"summary", summary_of(message)},
                          {"source", source_of(message)},
                          {"severity", "critical"},
                          {"timestamp", to_rfc3339(message.at)},
                          {"component", message.cluster},
                          {"group", message.group.text()},
                          {"class", text_or(message.data, "type")},
                          {"custom_details", details_of(message)}};
  return event;
}

Json change_event(const Message& message, const std::string& routing_key) {
  return Json{{"routing_key", routing_key},
              {"payload", Json{{"summary", summary_of(message)},
                               {"source", source_of(message)},
                               {"timestamp", to_rfc3339(message.at)},
                               {"custom_details", details_of(message)}}}};
}

Json rest_incident(const Message& message, const std::string& service) {
  const Json reference{{"id", service}, {"type", "service_reference"}};
  const Json body{{"type", "incident_body"}, {"details", message.text}};
  return Json{{"incident", Json{{"type", "incident"},
                                {"title", summary_of(message)},
                                {"service", reference},
                                {"urgency", "high"},
                                {"incident_key", message.incident},
                                {"body", body}}}};
}

NotifierKind pagerduty_notifier(net::Resolver& resolver) {
  NotifierKind pagerduty =
      vendor_kind(resolver, "pagerduty",
                  "Pages people: one incident from the first critical record until all is well.",
                  pagerduty_fields(), make_paging);
  pagerduty.kind.ways = {{"routing_key"}, {"api_token", "service", "from"}};
  return pagerduty;
}

}  // namespace bascule
