#include "notifiers/slack/slack.h"

#include <fmt/format.h>

#include <utility>

#include "base/text.h"
#include "notifiers/vendor.h"

namespace bascule {
namespace {

constexpr std::size_t kLongestText = 3'000;  // of a section or an attachment

// The three characters that Slack gives a meaning, and no more text than it takes.
std::string escaped(const std::string& text) {
  std::string shown;
  for (const char letter : shortened(text, kLongestText)) {
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
  explicit SlackNotifier(std::shared_ptr<net::ApiClient> api) : api_(std::move(api)) {}

  awaitable<Result<void>> send(Message message, Deadline deadline) override {
    auto request = api_->request_to_secret("POST", "webhook");
    if (!request) co_return error_of(request);
    request->body = to_text(slack_body(message, text_or(api_->settings(), "username"),
                                       text_or(api_->settings(), "channel")));
    co_return co_await api_->tell(std::move(*request), deadline);
  }

  // Only whether somebody answers there: that the address is good would show in a message alone.
  awaitable<Result<void>> reach(Deadline deadline) override {
    auto request = api_->request_to_secret("GET", "webhook");
    if (!request) co_return error_of(request);
    co_return co_await api_->find(std::move(*request), deadline);
  }

 private:
  std::shared_ptr<net::ApiClient> api_;
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
  return vendor_kind(
      resolver, "slack", "Posts each message to a Slack channel by an incoming webhook.",
      {Field{.name = "webhook",
             .summary = "The address that Slack gave out; it is a secret.",
             .required = true,
             .secret = true},
       Field{.name = "username", .summary = "As whom.", .default_value = "Bascule"},
       Field{.name = "channel", .summary = "Instead of the webhook's own, where it may choose."}},
      make_notifier<SlackNotifier>);
}

}  // namespace bascule
