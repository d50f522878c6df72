#include "notifiers/webhook/webhook.h"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <utility>

#include "net/json_post.h"

namespace bascule {
namespace {

class WebhookNotifier final : public Notifier {
 public:
  WebhookNotifier(Json settings, Services& services, std::shared_ptr<net::HttpClient> client)
      : settings_(std::move(settings)), services_(services), client_(std::move(client)) {}

  awaitable<Result<void>> send(Message message, Deadline deadline) override {
    auto request = make_request(message);
    if (!request) co_return error_of(request);
    auto sent = co_await net::send_json(services_.clock, *client_, std::move(*request), deadline);
    if (!sent) co_return error_of(sent);
    co_return Result<void>();
  }

  awaitable<Result<void>> reach(Deadline deadline) override {
    auto request = make_request(Message());
    if (!request) co_return error_of(request);
    request->method = "HEAD";
    request->body.clear();
    net::Limits limits;
    limits.redirects = 0;
    // Any answer shows that somebody is there.
    auto answer = co_await client_->fetch(std::move(*request), limits, deadline);
    if (!answer) co_return error_of(answer);
    co_return Result<void>();
  }

 private:
  [[nodiscard]] Result<net::Request> make_request(const Message& message) const {
    const Result<std::string> address = services_.secrets.reveal(settings_.at("url"));
    if (!address) return fail(in_context("url", address.error()));
    Result<net::Url> url = net::parse_url(*address);
    if (!url) return fail(in_context("url", url.error()));
    net::Request request("POST", std::move(*url));
    for (const auto& [name, value] : settings_.value("headers", Json::object()).items()) {
      const Result<std::string> text = services_.secrets.reveal(value);
      if (!text) return fail(in_context("header " + name, text.error()));
      request.headers.set(name, *text);
    }
    request.body = to_text(webhook_body(message));
    request.headers.set("Bascule-Delivery", fmt::format("{}/{}", message.cluster, message.seq));
    if (!settings_.contains("secret")) return request;
    const Result<std::string> secret = services_.secrets.reveal(settings_.at("secret"));
    if (!secret) return fail(in_context("secret", secret.error()));
    constexpr std::int64_t kMillisecondsPerSecond = 1'000;
    const std::string timestamp = fmt::format(
        "{}", services_.clock.now().time_since_epoch().count() / kMillisecondsPerSecond);
    request.headers.set("Bascule-Timestamp", timestamp);
    request.headers.set("Bascule-Signature", webhook_signature(*secret, timestamp, request.body));
    return request;
  }

  Json settings_;
  Services& services_;
  std::shared_ptr<net::HttpClient> client_;
};

}  // namespace

Json webhook_body(const Message& message) {
  const auto text_or_null = [](const std::string& text) {
    return text.empty() ? Json(nullptr) : Json(text);
  };
  return Json{{"version", 1},
              {"id", fmt::format("{}/{}", message.cluster, message.seq)},
              {"at", to_rfc3339(message.at)},
              {"severity", std::string(to_string(message.severity))},
              {"cluster", message.cluster},
              {"group", text_or_null(message.group.text())},
              {"run", text_or_null(message.run.text())},
              {"seq", message.seq},
              {"title", message.title},
              {"text", message.text},
              {"incident", text_or_null(message.incident)},
              {"stage", std::string(to_string(message.stage))},
              {"planned", message.planned},
              {"data", message.data}};
}

std::string webhook_signature(std::string_view secret, std::string_view timestamp,
                              std::string_view body) {
  const std::string text = fmt::format("{}.{}", timestamp, body);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data(), &size);
  std::string signature = "sha256=";
  for (unsigned int i = 0; i < size; ++i) signature += fmt::format("{:02x}", digest[i]);
  return signature;
}

NotifierKind webhook_notifier(net::Resolver& resolver) {
  NotifierKind webhook;
  webhook.kind.name = "webhook";
  webhook.kind.role = KindRole::notifier;
  webhook.kind.summary = "POSTs each message as JSON, signed with a shared secret.";
  Field headers{.name = "headers",
                .type = FieldType::map,
                .summary = "Headers sent with each message.",
                .default_value = Json::object()};
  headers.items = {Field{.name = "value"}};
  webhook.kind.fields = {Field{.name = "url",
                               .summary = "Where to POST; not printed, for it may hold a token.",
                               .required = true,
                               .secret = true},
                         Field{.name = "secret",
                               .summary = "Shared with the receiver; signs what is sent.",
                               .secret = true},
                         headers,
                         Field{.name = "ca", .summary = "PEM file of the authorities to trust."}};
  webhook.make = [&resolver](Json settings,
                             Services& services) -> Result<std::shared_ptr<Notifier>> {
    auto client = net::make_api_client(services.clock, resolver, text_or(settings, "ca"));
    if (!client) return fail(in_context("ca", client.error()));
    return std::make_shared<WebhookNotifier>(std::move(settings), services, std::move(*client));
  };
  return webhook;
}

}  // namespace bascule
