#include "notifiers/slack/slack.h"

#include <fmt/format.h>

#include <utility>

#include "net/json_post.h"

namespace bascule {
namespace {

constexpr std::size_t kLongestText = 3'000;  // of a section or an attachment

// The three characters that Slack gives a meaning, and no more text than it takes.
std::string escaped(const std::string& text) {
  std::string shown;
  for (const char letter : text) {
    if (shown.size() > kLongestText) return shown + "…";
    if (letter == '&') {
      shown += "&amp;";
    } else if (letter == '<') {
      shown += "&lt;";
    } else if (letter == '>') {
      shown += "&gt;";
    } else {
      shown += letter;
    }
  }
  return shown;
}

std::string color_of(const Message& message) {
  if (message.stage == IncidentStage::resolved) return "#2eb67d";
  switch (message.severity) {
    case Severity::info:
      return "#2eb67d";
    case Severity::warning:
      return "#ecb22e";
    case Severity::critical:
      return "#e01e5a";
  }
  return "#2eb67d";
}

class SlackNotifier final : public Notifier {
 public:
  SlackNotifier(Json settings, Services& services, std::shared_ptr<net::HttpClient> client)
      : settings_(std::move(settings)), services_(services), client_(std::move(client)) {}

  awaitable<Result<void>> send(Message message, Deadline deadline) override {
    auto url = address();
    if (!url) co_return error_of(url);
    net::Request request("POST", std::move(*url));
    request.body =
        to_text(slack_body(message, text_or(settings_, "username"), text_or(settings_, "channel")));
    auto sent = co_await net::send_json(services_.clock, *client_, std::move(request), deadline);
    if (!sent) co_return error_of(sent);
    co_return Result<void>();
  }

  // An empty message is refused without being shown to anybody; only the network is learned about.
  awaitable<Result<void>> reach(Deadline deadline) override {
    auto url = address();
    if (!url) co_return error_of(url);
    net::Request request("GET", std::move(*url));
    net::Limits limits;
    limits.redirects = 0;
    auto answer = co_await client_->fetch(std::move(request), limits, deadline);
    if (!answer) co_return error_of(answer);
    co_return Result<void>();
  }

 private:
  [[nodiscard]] Result<net::Url> address() const {
    const Result<std::string> text = services_.secrets.reveal(settings_.at("webhook"));
    if (!text) return fail(in_context("webhook", text.error()));
    Result<net::Url> url = net::parse_url(*text);
    if (!url) return fail(in_context("webhook", url.error()));
    return url;
  }

  Json settings_;
  Services& services_;
  std::shared_ptr<net::HttpClient> client_;
};

}  // namespace

Json slack_body(const Message& message, const std::string& username, const std::string& channel) {
  const std::string title = escaped(message.title);
  Json fields = Json::array();
  const auto add = [&](const char* name, const std::string& value) {
    if (value.empty()) return;
    fields.push_back(Json{{"title", name}, {"value", escaped(value)}, {"short", true}});
  };
  add("group", message.group.text());
  add("run", message.run.text());
  Json attachment{{"color", color_of(message)},
                  {"fallback", title},
                  {"text", escaped(message.text)},
                  {"fields", std::move(fields)},
                  {"footer", fmt::format("bascule · {} · #{}", message.cluster, message.seq)},
                  {"ts", message.at.time_since_epoch().count() / 1'000}};
  Json body{{"text", title}, {"attachments", Json::array({std::move(attachment)})}};
  if (!username.empty()) body["username"] = username;
  if (!channel.empty()) body["channel"] = channel;
  return body;
}

NotifierKind slack_notifier(net::Resolver& resolver) {
  NotifierKind slack;
  slack.kind.name = "slack";
  slack.kind.role = KindRole::notifier;
  slack.kind.summary = "Posts each message to a Slack channel by an incoming webhook.";
  slack.kind.fields = {
      Field{.name = "webhook",
            .summary = "The address that Slack gave out; it is a secret.",
            .required = true,
            .secret = true},
      Field{.name = "username", .summary = "As whom.", .default_value = "Bascule"},
      Field{.name = "channel", .summary = "Instead of the webhook's own, where it may choose."},
      Field{.name = "ca", .summary = "PEM file of the authorities to trust."}};
  slack.make = [&resolver](Json settings, Services& services) -> Result<std::shared_ptr<Notifier>> {
    auto client = net::make_api_client(services.clock, resolver, text_or(settings, "ca"));
    if (!client) return fail(in_context("ca", client.error()));
    return std::make_shared<SlackNotifier>(std::move(settings), services, std::move(*client));
  };
  return slack;
}

}  // namespace bascule
