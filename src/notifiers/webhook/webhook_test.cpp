#include "notifiers/webhook/webhook.h"

#include <gtest/gtest.h>

#include "net/loopback_for_test.h"
#include "ports/plain_world_for_test.h"

namespace bascule {
namespace {

class WebhookTest : public testing::Test {
 protected:
  // Takes one request, remembers it, and answers.
  net::Script taking(std::string answer) {
    return [this, answer](std::unique_ptr<net::Stream> client, int) {
      return take(std::move(client), answer);
    };
  }
  awaitable<void> take(std::unique_ptr<net::Stream> client, std::string answer) {
    received_ = co_await net::read_until(world_.clock, client.get(), "\"version\":1}");
    co_await client->write_all(answer, world_.in(Duration{5'000}));
    co_await net::hold(world_.clock, client.get());
  }

  Result<void> send(const std::string& answer, Message message) {
    net::Loopback server(world_.context, world_.clock, taking(answer));
    const Json settings{{"url", {{"$secret", server.url("/in?token=t0ken")}}},
                        {"secret", {{"$secret", "s3cret"}}},
                        {"headers", {{"X-Team", "payments"}}}};
    auto notifier = webhook_notifier(*resolver_).make(settings, world_.services);
    EXPECT_TRUE(notifier) << notifier.error().message;
    auto sent = world_.wait((*notifier)->send(std::move(message), world_.in(Duration{10'000})));
    world_.wait(server.stop());
    return sent;
  }

  [[nodiscard]] std::string header(const std::string& name) const {
    const std::size_t found = received_.find("\r\n" + name + ": ");
    if (found == std::string::npos) return "";
    const std::size_t begin = found + name.size() + 4;
    return received_.substr(begin, received_.find("\r\n", begin) - begin);
  }

  PlainWorld world_;
  std::unique_ptr<net::Resolver> resolver_ = *net::Resolver::make(world_.context, world_.clock, {});
  std::string received_;
};

Message example() {
  Message message;
  message.cluster = "demo";
  message.group = GroupName("shop");
  message.seq = 12;
  message.delivery = "demo/1f0c77a2/12";
  message.title = "shop is CRITICAL (was HEALTHY)";
  message.data = {{"type", "GroupStateChanged"}};
  return message;
}

TEST_F(WebhookTest, SignsWhatItSends) {
  ASSERT_TRUE(send("HTTP/1.1 204 No Content\r\n\r\n", example()));
  EXPECT_TRUE(received_.starts_with("POST /in?token=t0ken HTTP/1.1\r\n"));
  EXPECT_EQ(header("Bascule-Delivery"), "demo/1f0c77a2/12");
  EXPECT_EQ(header("X-Team"), "payments");
  const std::string body = received_.substr(received_.find("\r\n\r\n") + 4);
  EXPECT_EQ(header("Bascule-Signature"),
            webhook_signature("s3cret", header("Bascule-Timestamp"), body));
  EXPECT_EQ(parse_json(body)->at("title"), "shop is CRITICAL (was HEALTHY)");
}

TEST_F(WebhookTest, ARefusalTellsNoSecret) {
  const auto refused = send("HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n", example());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::invalid);
  EXPECT_EQ(refused.error().message.find("t0ken"), std::string::npos) << refused.error().message;
}

// The vector was made with Python's hmac module.
TEST(WebhookSignature, IsHmacSha256OfTimestampAndBody) {
  EXPECT_EQ(webhook_signature("key", "1795449600", "{}"),
            "sha256="
            "9dbbd1dac46d4ddc1f7cc47609f03f091d35eec0de21c88a19eca530f1b3718f");
}

}  // namespace
}  // namespace bascule
