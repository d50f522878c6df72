#include "net/api_client.h"

#include <gtest/gtest.h>

#include "net/loopback_for_test.h"

namespace bascule::net {
namespace {

class ApiClientTest : public testing::Test {
 protected:
  // What becomes of a request that is answered like this.
  Result<Response> send(const std::string& answer) {
    Loopback server(world_.context, world_.clock, answering(world_.clock, answer));
    const Json settings{{"url", {{"$secret", server.url("/secret/path?token=t0ken12345")}}}};
    auto client = *ApiClient::make(settings, as_written, world_.clock, *resolver_);
    auto request = client->request_to_secret("POST", "url");
    EXPECT_TRUE(request) << request.error().message;
    request->body = "{}";
    auto result = world_.wait(client->ask(std::move(*request), world_.in(Duration{10'000})));
    world_.wait(server.stop());
    return result;
  }
  static Result<std::string> as_written(const Json& setting) {
    return setting.is_object() ? setting.at("$secret").get<std::string>()
                               : setting.get<std::string>();
  }
  Error refusal(const std::string& answer) {
    const auto result = send(answer);
    EXPECT_FALSE(result) << answer;
    return result ? Error() : result.error();
  }

  RealWorld world_;
  std::unique_ptr<Resolver> resolver_ = *Resolver::make(world_.context, world_.clock, {});
};

TEST_F(ApiClientTest, AnyTwoHundredIsAnAnswer) {
  for (const char* status : {"200 OK", "201 Created", "202 Accepted"}) {
    const auto sent = send(std::string("HTTP/1.1 ") + status + "\r\nContent-Length: 2\r\n\r\nok");
    ASSERT_TRUE(sent) << sent.error().message;
    EXPECT_EQ(sent->body, "ok");
  }
}

struct Row {
  std::string answer;
  ErrorCode code;
  std::optional<Duration> retry_after;
};

TEST_F(ApiClientTest, EveryOtherStatusSaysWhetherToTryAgain) {
  const std::string empty = "Content-Length: 0\r\n\r\n";
  const std::vector<Row> rows = {
      {"400 Bad Request\r\n" + empty, ErrorCode::invalid, {}},
      {"401 Unauthorized\r\n" + empty, ErrorCode::denied, {}},
      {"403 Forbidden\r\n" + empty, ErrorCode::denied, {}},
      {"404 Not Found\r\n" + empty, ErrorCode::invalid, {}},
      {"408 Request Timeout\r\n" + empty, ErrorCode::unavailable, {}},
      {"429 Too Many Requests\r\n" + empty, ErrorCode::throttled, {}},
      {"429 Too Many Requests\r\nRetry-After: 7\r\n" + empty, ErrorCode::throttled,
       Duration{7'000}},
      {"500 Oops\r\n" + empty, ErrorCode::unavailable, {}},
      {"503 Busy\r\nRetry-After: 3\r\n" + empty, ErrorCode::throttled, Duration{3'000}},
      {"302 Found\r\nLocation: http://127.0.0.1:1/\r\n" + empty, ErrorCode::invalid, {}}};
  for (const Row& row : rows) {
    const Error error = refusal("HTTP/1.1 " + row.answer);
    EXPECT_EQ(error.code, row.code) << row.answer;
    EXPECT_EQ(error.retry_after, row.retry_after) << row.answer;
    EXPECT_EQ(error.message.find("secret/path"), std::string::npos) << error.message;
  }
}

TEST_F(ApiClientTest, TheReasonIsShownSafelyAndThePathNever) {
  const Error error = refusal(
      "HTTP/1.1 400 Bad Request\r\nContent-Length: 17\r\n\r\nno_\x1b[31mchannel\n\xff\xfe!");
  EXPECT_NE(error.message.find("answered 400 Bad Request: no_ [31mchannel"), std::string::npos)
      << error.message;
  EXPECT_EQ(error.message.find("/secret/path"), std::string::npos) << error.message;
}

TEST_F(ApiClientTest, WhatAServerRepeatsOfASecretIsBlottedOut) {
  const std::string body = "no hook at /secret/path?token=t0ken12345 (t0ken12345)";
  const Error error = refusal(
      fmt::format("HTTP/1.1 404 Not Found\r\nContent-Length: {}\r\n\r\n{}", body.size(), body));
  EXPECT_NE(error.message.find("404 Not Found: no hook at <secret> (<secret>)"), std::string::npos)
      << error.message;
}

TEST_F(ApiClientTest, WhereItMovedToIsNamedByItsHostAlone) {
  const Error error = refusal(
      "HTTP/1.1 308 Permanent Redirect\r\nContent-Length: 0\r\n"
      "Location: https://new.example/t0ken12345\r\n\r\n");
  EXPECT_NE(error.message.find("it has moved to new.example, and"), std::string::npos)
      << error.message;
  EXPECT_EQ(error.message.find("t0ken"), std::string::npos) << error.message;
  EXPECT_NE(error.what_to_do.find("name the address"), std::string::npos);
}

TEST_F(ApiClientTest, ASecretThatIsReadAnewIsBlottedOutAsItIsThen) {
  std::string token = "first-token";
  const auto reveal = [&](const Json&) -> Result<std::string> { return token; };
  const Json settings{{"token", {{"$secret", "file:token"}}}};
  auto client = *ApiClient::make(settings, reveal, world_.clock, *resolver_);
  ASSERT_EQ(client->reveal("token"), "first-token");
  token = "second-token";
  ASSERT_EQ(client->reveal("token"), "second-token");
  Loopback server(world_.context, world_.clock,
                  answering(world_.clock,
                            "HTTP/1.1 403 No\r\nContent-Length: 24\r\n\r\n"
                            "second-token is revoked!"));
  auto request = *ApiClient::request("POST", "url", server.url());
  const auto sent = world_.wait(client->ask(request, world_.in(Duration{10'000})));
  world_.wait(server.stop());
  ASSERT_FALSE(sent);
  EXPECT_NE(sent.error().message.find("<secret> is revoked!"), std::string::npos)
      << sent.error().message;
  EXPECT_FALSE(client->reveal("no_such_setting"));
}

TEST(RetryAfter, IsSecondsOrADate) {
  const Instant now(Duration{1'795'449'600'000});  // Mon, 23 Nov 2026 16:00:00 GMT
  EXPECT_EQ(parse_retry_after("120", now), Duration{120'000});
  EXPECT_EQ(parse_retry_after("0", now), Duration{0});
  EXPECT_EQ(parse_retry_after("Mon, 23 Nov 2026 16:00:30 GMT", now), Duration{30'000});
  EXPECT_EQ(parse_retry_after("Mon, 23 Nov 2026 15:00:00 GMT", now), Duration{0});
  EXPECT_EQ(parse_retry_after("99999999", now), Duration{3'600'000}) << "bounded";
  for (const char* wrong : {"", "-1", "soon", "1.5", "Mon, 23 Nov"}) {
    EXPECT_EQ(parse_retry_after(wrong, now), std::nullopt) << wrong;
  }
}

}  // namespace
}  // namespace bascule::net
