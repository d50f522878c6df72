#include "notifiers/pagerduty/pagerduty.h"

#include <fmt/format.h>

#include <utility>

#include "net/json_post.h"

namespace bascule {
namespace {

constexpr std::size_t kLongestSummary = 1'024;  // characters; bytes are never fewer
constexpr const char* kEvents = "https://events.pagerduty.com";
constexpr const char* kRest = "https://api.pagerduty.com";
constexpr const char* kRestFormat = "application/vnd.pagerduty+json;version=2";

std::string summary_of(const Message& message) {
  std::string summary = message.title;
  if (summary.size() <= kLongestSummary) return summary;
  summary.resize(kLongestSummary - 3);
  return summary + "...";
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

// What both ways share: where to, and how a request is sent.
class Paging : public Notifier {
 protected:
  Paging(Json settings, Services& services, std::shared_ptr<net::HttpClient> client,
         const char* endpoint)
      : settings_(std::move(settings)),
        services_(services),
        client_(std::move(client)),
        endpoint_(text_or(settings_, "endpoint", endpoint)) {}

  [[nodiscard]] Result<std::string> secret(const char* name) const {
    Result<std::string> text = services_.secrets.reveal(settings_.at(name));
    if (!text) return fail(in_context(name, text.error()));
    return text;
  }
  [[nodiscard]] Result<net::Request> request(std::string method, const std::string& path) const {
    Result<net::Url> url = net::parse_url(endpoint_ + path);
    if (!url) return fail(in_context("endpoint", url.error()));
    return net::Request(std::move(method), std::move(*url));
  }
  awaitable<Result<net::Response>> send_request(net::Request request, Deadline deadline) {
    co_return co_await net::send_json(services_.clock, *client_, std::move(request), deadline);
  }
  awaitable<Result<void>> reach(Deadline deadline) override {
    auto asked = request("GET", "/");
    if (!asked) co_return error_of(asked);
    net::Limits limits;
    limits.redirects = 0;
    auto answer = co_await client_->fetch(std::move(*asked), limits, deadline);
    if (!answer) co_return error_of(answer);
    co_return Result<void>();
  }

  Json settings_;
  Services& services_;
  std::shared_ptr<net::HttpClient> client_;
  std::string endpoint_;
};

class EventsNotifier final : public Paging {
 public:
  EventsNotifier(Json settings, Services& services, std::shared_ptr<net::HttpClient> client)
      : Paging(std::move(settings), services, std::move(client), kEvents) {}

  awaitable<Result<void>> send(Message message, Deadline deadline) override {
    const PageAction action = page_action(message);
    if (action == PageAction::nothing) co_return Result<void>();
    const Result<std::string> key = secret("routing_key");
    if (!key) co_return error_of(key);
    const bool is_change = action == PageAction::change;
    auto made = request("POST", is_change ? "/v2/change/enqueue" : "/v2/enqueue");
    if (!made) co_return error_of(made);
    made->body = to_text(is_change ? change_event(message, *key) : page_event(message, *key));
    made->safe_to_repeat = true;  // the same dedup_key
    auto sent = co_await send_request(std::move(*made), deadline);
    if (!sent) co_return error_of(sent);
    co_return Result<void>();
  }
};

class RestNotifier final : public Paging {
 public:
  RestNotifier(Json settings, Services& services, std::shared_ptr<net::HttpClient> client)
      : Paging(std::move(settings), services, std::move(client), kRest) {}

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
    const Result<std::string> token = secret("api_token");
    if (!token) co_return error_of(token);
    auto made = request(std::move(method), path);
    if (!made) co_return error_of(made);
    made->headers.set("Authorization", "Token token=" + *token);
    made->headers.set("Accept", kRestFormat);
    made->headers.set("From", text_or(settings_, "from"));
    if (!body.is_null()) made->body = to_text(body);
    co_return co_await send_request(std::move(*made), deadline);
  }

  // The incident of that key that is not resolved; empty: there is none.
  awaitable<Result<std::string>> find(std::string key, Deadline deadline) {
    const std::string path = fmt::format(
        "/incidents?incident_key={}&statuses%5B%5D=triggered&statuses%5B%5D=acknowledged",
        net::percent_encode(key));
    auto found = co_await call("GET", path, nullptr, deadline);
    if (!found) co_return error_of(found);
    const Result<Json> answer = parse_json(found->body);
    if (!answer) co_return fail(in_context("PagerDuty's incidents", answer.error()));
    const Json incidents = answer->value("incidents", Json::array());
    co_return incidents.empty() ? std::string() : text_or(incidents.front(), "id");
  }

  // An incident with the key that is open already would be refused: it is the same one.
  awaitable<Result<void>> open(Message message, Deadline deadline) {
    auto id = co_await find(message.incident, deadline);
    if (!id) co_return error_of(id);
    if (!id->empty()) co_return Result<void>();
    auto opened = co_await call("POST", "/incidents",
                                rest_incident(message, text_or(settings_, "service")), deadline);
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
          Field{.name = "endpoint", .summary = "Instead of PagerDuty's own address."},
          Field{.name = "ca", .summary = "PEM file of the authorities to trust."}};
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
  NotifierKind pagerduty;
  pagerduty.kind.name = "pagerduty";
  pagerduty.kind.role = KindRole::notifier;
  pagerduty.kind.summary =
      "Pages people: one incident from the first critical record until all is well.";
  pagerduty.kind.fields = pagerduty_fields();
  pagerduty.make = [&resolver](Json settings,
                               Services& services) -> Result<std::shared_ptr<Notifier>> {
    const bool by_events = settings.contains("routing_key");
    const bool by_rest = settings.contains("api_token");
    if (by_events == by_rest) {
      return fail(ErrorCode::invalid,
                  "pagerduty needs either routing_key, or api_token with service and from");
    }
    const bool lacks = text_or(settings, "service").empty() || text_or(settings, "from").empty();
    if (by_rest && lacks) return fail(ErrorCode::invalid, "api_token needs service and from");
    auto client = net::make_api_client(services.clock, resolver, text_or(settings, "ca"));
    if (!client) return fail(in_context("ca", client.error()));
    if (by_rest) {
      return std::make_shared<RestNotifier>(std::move(settings), services, std::move(*client));
    }
    return std::make_shared<EventsNotifier>(std::move(settings), services, std::move(*client));
  };
  return pagerduty;
}

}  // namespace bascule
