#include "net/json_post.h"

#include <gtest/gtest.h>

#include "net/loopback_for_test.h"

namespace bascule::net {
namespace {

class SendJsonTest : public testing::Test {
 protected:
  // What becomes of a request that is answered like this.
  Result<Response> send(const std::string& answer) {
    Loopback server(world_.context, world_.clock, answering(world_.clock, answer));
    Request request("POST", *parse_url(server.url("/secret/path")));
    request.body = "{}";
    auto result = world_.wait(
        send_json(world_.clock, *client_, std::move(request), world_.in(Duration{10'000})));
    world_.wait(server.stop());
    return result;
  }
  Error refusal(const std::string& answer) {
    const auto result = send(answer);
    EXPECT_FALSE(result) << answer;
    return result ? Error() : result.error();
  }

  RealWorld world_;
  std::unique_ptr<Resolver> resolver_ = *Resolver::make(world_.context, world_.clock, {});
  std::shared_ptr<HttpClient> client_ = *make_api_client(world_.clock, *resolver_, "");
};

TEST_F(SendJsonTest, AnyTwoHundredIsAnAnswer) {
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

TEST_F(SendJsonTest, EveryOtherStatusSaysWhetherToTryAgain) {
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

TEST_F(SendJsonTest, TheReasonIsShownSafelyAndThePathNever) {
  const Error error = refusal(
      "HTTP/1.1 400 Bad Request\r\nContent-Length: 17\r\n\r\nno_\x1b[31mchannel\n\xff\xfe!");
  EXPECT_NE(error.message.find("answered 400 Bad Request: no_ [31mchannel"), std::string::npos)
      << error.message;
  EXPECT_EQ(error.message.find("/secret/path"), std::string::npos) << error.message;
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
