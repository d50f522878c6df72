// What the probes `http` and `tcp` and the action `http.answers` make of servers that are well,
// ill, slow, gone or not what they say they are.
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "net/certificates_for_test.h"
#include "net/name_server_for_test.h"
#include "providers/http/http_world_for_test.h"

namespace bascule::http {
namespace {

using namespace std::chrono_literals;

using HttpTest = HttpWorld;

TEST_F(HttpTest, TheStatusSaysHowHealthyItIs) {
  struct Row {
    const char* status;
    Health health;
    const char* summary;
  };
  for (const Row& row : {Row{"200 OK", Health::healthy, "200"},
                         Row{"204 No Content", Health::degraded, "204 No Content"},
                         Row{"301 Moved Permanently", Health::degraded, "301 Moved Permanently"},
                         Row{"404 Not Found", Health::degraded, "404 Not Found"},
                         Row{"429 Too Many Requests", Health::degraded, "429 Too Many Requests"},
                         Row{"500 Oops", Health::critical, "500 Internal Server Error"},
                         Row{"503 Busy", Health::critical, "503 Service Unavailable"},
                         Row{"599 Other", Health::critical, "599 Unknown"}}) {
    answer(row.status);
    const Observation seen = look();
    EXPECT_EQ(seen.health, row.health) << row.status;
    EXPECT_EQ(seen.summary, row.summary);
    EXPECT_EQ(seen.detail["status"], std::stoi(row.status));
    EXPECT_TRUE(seen.latency) << "an answer has a latency, whatever it says";
    EXPECT_FALSE(seen.error);
  }
}

TEST_F(HttpTest, WhatIsExpectedIsHealthy) {
  answer("503 Busy");
  EXPECT_EQ(look({{"expect", {{"status", {200, 503}}}}}).health, Health::healthy);
  answer("200 OK");
  EXPECT_EQ(look({{"expect", {{"status", {204}}}}}).health, Health::degraded);
}

TEST_F(HttpTest, TheBodyMustHoldWhatIsExpected) {
  answer("200 OK", "status: green and well");
  EXPECT_EQ(look({{"expect", {{"body", "green"}}}}).health, Health::healthy);
  const Observation seen = look({{"expect", {{"body", "GREEN"}}}});
  EXPECT_EQ(seen.health, Health::degraded);
  EXPECT_EQ(seen.summary, "200, but the body lacks the expected text");
  answer("200 OK", std::string(300 * 1024, 'x') + "green");
  EXPECT_EQ(look({{"expect", {{"body", "green"}}}}).summary,
            "200, but the first 256 KiB of the body lack the expected text");
  EXPECT_EQ(look().health, Health::healthy) << "a large body does no harm";
}

TEST_F(HttpTest, TimeIsSplitIntoItsParts) {
  answer("200 OK");
  const Observation seen = look({{"url", server->url("/", "localhost")}});
  ASSERT_EQ(seen.health, Health::healthy) << seen.summary;
  ASSERT_TRUE(seen.timing.connect && seen.timing.first_byte && seen.latency);
  EXPECT_FALSE(seen.timing.tls) << "there was none";
  EXPECT_GE(*seen.latency, *seen.timing.connect + *seen.timing.first_byte);
}

TEST_F(HttpTest, NoAnswerIsFailedWithTheReason) {
  const std::uint16_t closed = net::closed_port(world.context);
  Observation seen = look({{"url", fmt::format("http://127.0.0.1:{}/", closed)}});
  EXPECT_EQ(seen.health, Health::failed);
  EXPECT_EQ(seen.summary, "connection refused");
  EXPECT_EQ(seen.error->code, ErrorCode::unavailable);
  EXPECT_FALSE(seen.latency);

  serve(net::silent(clock));
  const MonotonicInstant began = world.clock.monotonic();
  seen = look(Json::object(), 200ms);
  EXPECT_EQ(seen.health, Health::failed);
  EXPECT_EQ(seen.error->code, ErrorCode::timeout);
  EXPECT_EQ(seen.summary, "no answer within 200ms (waiting for the answer)");
  EXPECT_LT(elapsed(world.clock, began), 1s);

  serve(net::answering(world.clock, "220 mail.shop.test ESMTP\r\n"));
  seen = look();
  EXPECT_EQ(seen.health, Health::failed);
  EXPECT_NE(seen.summary.find("not HTTP"), std::string::npos) << seen.summary;
}

TEST_F(HttpTest, RedirectsAreFollowedUpToTheirLimit) {
  // /3 leads to /2, /1 and to /0, which is well.
  serve([this](std::unique_ptr<net::Stream> stream, int) -> awaitable<void> {
    struct Chain {
      static awaitable<void> it(Clock& time, std::unique_ptr<net::Stream> to) {
        const std::string head = co_await net::read_until(time, to.get(), "\r\n\r\n");
        const int left = head[5] - '0';
        const std::string answer = left == 0 ? "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
                                             : fmt::format(
                                                   "HTTP/1.1 302 Found\r\nLocation: /{}\r\n"
                                                   "Content-Length: 0\r\n\r\n",
                                                   left - 1);
        co_await to->write_all(answer, Deadline::in(time, 5s));
        co_await net::hold(time, to.get());
      }
    };
    return Chain::it(clock, std::move(stream));
  });
  const Observation followed = look({{"url", server->url("/3")}, {"redirects", 3}});
  EXPECT_EQ(followed.health, Health::healthy) << followed.summary;
  EXPECT_EQ(followed.detail["redirects"], 3);
  const Observation too_many = look({{"url", server->url("/3")}, {"redirects", 2}});
  EXPECT_EQ(too_many.health, Health::failed);
  EXPECT_EQ(too_many.summary, "more than 2 redirects");
  const Observation none = look({{"url", server->url("/3")}, {"redirects", 0}});
  EXPECT_EQ(none.health, Health::degraded);
  EXPECT_EQ(none.summary, "302 Found");
}

TEST_F(HttpTest, CertificatesAreVerifiedUnlessSaidOtherwiseAndThenItIsShown) {
  net::Certificates certificates;
  const auto context = certificates.serve({.file = "shop", .names = "DNS:localhost"});
  serve(net::secured(clock, context, net::answering(clock, response("200 OK"))));
  const std::string by_name = fmt::format("https://localhost:{}/", server->port());
  const std::string by_address = fmt::format("https://127.0.0.1:{}/", server->port());
  const std::string authority = certificates.authority();

  Observation seen = look({{"url", by_name}, {"tls", {{"ca", authority}}}});
  EXPECT_EQ(seen.health, Health::healthy) << seen.summary;
  EXPECT_EQ(seen.summary, "200");
  EXPECT_TRUE(seen.timing.tls);
  EXPECT_FALSE(seen.detail.contains("certificate_verified"));

  seen = look({{"url", by_name}});
  EXPECT_EQ(seen.health, Health::failed);
  EXPECT_NE(seen.summary.find("certificate"), std::string::npos) << seen.summary;
  seen = look({{"url", by_address}, {"tls", {{"ca", authority}}}});
  EXPECT_EQ(seen.health, Health::failed);
  EXPECT_NE(seen.summary.find("host name mismatch"), std::string::npos) << seen.summary;
  seen = look({{"url", by_address}, {"tls", {{"ca", authority}, {"server_name", "localhost"}}}});
  EXPECT_EQ(seen.health, Health::healthy) << seen.summary;

  seen = look({{"url", by_address}, {"tls", {{"verify", false}}}});
  EXPECT_EQ(seen.health, Health::healthy) << seen.summary;
  EXPECT_EQ(seen.summary, "200, certificate not verified");
  EXPECT_EQ(seen.detail["certificate_verified"], false);

  const auto missing = make("http", {{"url", by_name}, {"tls", {{"ca", "/no/such/file.pem"}}}});
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().message.find("/no/such/file.pem"), std::string::npos);
}

TEST_F(HttpTest, SecretsGoIntoHeadersAndNowhereElse) {
  std::string head;
  serve([this, &head](std::unique_ptr<net::Stream> stream, int) -> awaitable<void> {
    struct Note {
      static awaitable<void> it(Clock& time, std::string& noted, std::unique_ptr<net::Stream> to) {
        noted = co_await net::read_until(time, to.get(), "\r\n\r\n");
        const std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
        co_await to->write_all(answer, Deadline::in(time, 5s));
        co_await net::hold(time, to.get());
      }
    };
    return Note::it(clock, head, std::move(stream));
  });
  const Json headers{{"Authorization", {{"$secret", "Bearer hunter2"}}}, {"User-Agent", "probe"}};
  const Observation seen = look({{"headers", headers}, {"method", "HEAD"}});
  EXPECT_EQ(seen.health, Health::healthy);
  EXPECT_TRUE(head.starts_with("HEAD /health HTTP/1.1\r\n")) << head;
  EXPECT_NE(head.find("Authorization: Bearer hunter2\r\n"), std::string::npos) << head;
  EXPECT_NE(head.find("User-Agent: probe\r\n"), std::string::npos);
  EXPECT_EQ(to_text(seen.detail).find("hunter2"), std::string::npos);

  for (const Json& wrong :
       {Json{{"url", {{"$secret", "http://shop.test/?token=hunter2"}}}}, Json{{"url", "shop.test"}},
        Json{{"url", "http://shop.test/"}, {"headers", {{"Host", "other"}}}},
        Json{{"url", "http://shop.test/"}, {"headers", {{"X", "a\r\nY: b"}}}}}) {
    const auto made = make("http", wrong);
    ASSERT_FALSE(made) << wrong;
    EXPECT_EQ(made.error().code, ErrorCode::invalid);
    EXPECT_EQ(made.error().message.find("hunter2"), std::string::npos);
  }
}

TEST_F(HttpTest, APortThatTakesConnectionsIsHealthy) {
  answer("200 OK");
  Observation seen = look("tcp", {{"address", fmt::format("127.0.0.1:{}", server->port())}}, 20s);
  EXPECT_EQ(seen.health, Health::healthy);
  EXPECT_EQ(seen.summary, "connected");
  EXPECT_TRUE(seen.latency && seen.timing.connect);
  seen =
      look("tcp", {{"address", fmt::format("127.0.0.1:{}", net::closed_port(world.context))}}, 20s);
  EXPECT_EQ(seen.health, Health::failed);
  EXPECT_EQ(seen.summary, "connection refused");
  EXPECT_EQ(seen.error->code, ErrorCode::unavailable);
  for (const char* wrong : {"", "127.0.0.1", "127.0.0.1:0", "a b:80"}) {
    EXPECT_FALSE(make("tcp", {{"address", wrong}})) << wrong;
  }
}

TEST_F(HttpTest, AnswersIsDoneWithTheFirstGoodAnswer) {
  // The third connection is the first to be served well.
  serve([this](std::unique_ptr<net::Stream> stream, int number) {
    const std::string status = number < 3 ? "503 Busy" : "200 OK";
    return net::answering(clock, fmt::format("HTTP/1.1 {}\r\nContent-Length: 0\r\n\r\n", status))(
        std::move(stream), number);
  });
  const auto action = answers({{"attempts", 5}, {"every", 30}});
  const MonotonicInstant began = world.clock.monotonic();
  const Result<Outputs> outputs = world.wait(action->apply(call()));
  ASSERT_TRUE(outputs) << outputs.error().message;
  EXPECT_EQ(outputs->at("attempts"), 3);
  EXPECT_GE(elapsed(world.clock, began), 60ms);
  const Result<Inspection> found = world.wait(action->inspect(call()));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->finding, Finding::done);
  EXPECT_TRUE(world.wait(action->revert(call())));
}

TEST_F(HttpTest, AnswersFailsAfterItsAttemptsOrWhenTimeIsUp) {
  answer("503 Busy");
  const auto few = answers({{"attempts", 3}, {"every", 10}});
  Result<Outputs> outputs = world.wait(few->apply(call()));
  ASSERT_FALSE(outputs);
  EXPECT_EQ(outputs.error().code, ErrorCode::invalid);
  EXPECT_EQ(
      outputs.error().message,
      server->url("/health") + " did not answer as expected in 3 tries: 503 Service Unavailable");
  EXPECT_EQ(server->accepted(), 3);
  const Result<Inspection> found = world.wait(few->inspect(call()));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->finding, Finding::needed);
  EXPECT_EQ(found->because, "503 Service Unavailable");

  const auto slow = answers({{"attempts", 100}, {"every", 80}});
  const MonotonicInstant began = world.clock.monotonic();
  outputs = world.wait(slow->apply(call(200ms)));
  ASSERT_FALSE(outputs);
  EXPECT_EQ(outputs.error().code, ErrorCode::timeout) << outputs.error().message;
  EXPECT_LT(elapsed(world.clock, began), 400ms);
}

TEST_F(HttpTest, AnswersLooksTheNameUpAnewAtTheConfiguredServerEachTime) {
  answer("200 OK");
  net::NameServer names(world.context);
  const auto shows = [&](const char* address) {
    names.table["www.shop.test"] = {*net::parse_address(address)};
  };
  shows("127.0.1.200");  // nobody there yet; the time to live says: keep it
  resolver = *net::Resolver::make(world.context, world.clock, {names.place()});
  const auto action =
      answers({{"url", fmt::format("http://www.shop.test:{}/", server->port())}, {"every", 10}});
  Result<Inspection> found = world.wait(action->inspect(call()));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->finding, Finding::needed) << found->because;
  shows("127.0.0.1");
  found = world.wait(action->inspect(call()));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->finding, Finding::done) << found->because;
  EXPECT_EQ(names.questions_a, 2);
  world.wait(names.stop());
}

TEST_F(HttpTest, AnswersNeverPosts) {
  const ActionKind kind = action_kinds(*resolver).front();
  for (const Field& field : kind.kind.fields) {
    if (field.name != "method") continue;
    EXPECT_EQ(field.words, (std::vector<std::string>{"GET", "HEAD", "OPTIONS"}));
  }
}

}  // namespace
}  // namespace bascule::http
