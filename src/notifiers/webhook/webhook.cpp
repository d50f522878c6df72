#include "notifiers/webhook/webhook.h"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <utility>

#include "notifiers/vendor.h"

namespace bascule {
namespace {

class WebhookNotifier final : public Notifier {
 public:
  explicit WebhookNotifier(std::shared_ptr<net::ApiClient> api) : api_(std::move(api)) {}

  awaitable<Result<void>> send(Message message, Deadline deadline) override {
    auto request = make_request("POST");
    if (!request) co_return error_of(request);
    request->body = to_text(webhook_body(message));
    request->headers.set("Bascule-Delivery", message.delivery);
    if (Result<void> is_signed = sign(*request); !is_signed) co_return is_signed;
    co_return co_await api_->tell(std::move(*request), deadline);
  }

  awaitable<Result<void>> reach(Deadline deadline) override {
    auto request = make_request("HEAD");
    if (!request) co_return error_of(request);
    co_return co_await api_->find(std::move(*request), deadline);
  }

 private:
  Result<net::Request> make_request(std::string method) {
    auto request = api_->request_to_secret(std::move(method), "url");
    if (!request) return request;
    const Json headers = api_->settings().value("headers", Json::object());
    for (const auto& [name, value] : headers.items()) {
      const Result<std::string> text = api_->reveal("header " + name, value);
      if (!text) return error_of(text);
      request->headers.set(name, *text);
    }
    return request;
  }

  Result<void> sign(net::Request& request) {
    if (!api_->settings().contains("secret")) return {};
    const Result<std::string> secret = api_->reveal("secret");
    if (!secret) return error_of(secret);
    constexpr std::int64_t kMillisecondsPerSecond = 1'000;
    const std::string timestamp =
        fmt::format("{}", api_->clock().now().time_since_epoch().count() / kMillisecondsPerSecond);
    request.headers.set("Bascule-Timestamp", timestamp);
    request.headers.set("Bascule-Signature", webhook_signature(*secret, timestamp, request.body));
    return {};
  }

  std::shared_ptr<net::ApiClient> api_;
};

}  // namespace

Json webhook_body(const Message& message) {
  const auto text_or_null = [](const std::string& text) {
    return text.empty() ? Json(nullptr) : Json(text);
  };
  return Json{{"version", 1},
              {"id", message.delivery},
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
  Field headers{.name = "headers",
                .type = FieldType::map,
                .summary = "Headers sent with each message.",
                .default_value = Json::object()};
  headers.items = {Field{.name = "value"}};
  return vendor_kind(resolver, "webhook",
                     "POSTs each message as JSON, signed with a shared secret.",
                     {Field{.name = "url",
                            .summary = "Where to POST; not printed, for it may hold a token.",
                            .required = true,
                            .secret = true},
                      Field{.name = "secret",
                            .summary = "Shared with the receiver; signs what is sent.",
                            .secret = true},
                      headers},
                     make_notifier<WebhookNotifier>);
}

}  // namespace bascule
