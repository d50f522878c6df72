// What the probes `http` and `tcp` and the action `http.answers` make of servers that are well,
// ill, slow, gone or not what they say they are.
#include <boost/asio/ip/udp.hpp>
#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "net/certificates_for_test.h"
#include "net/loopback_for_test.h"
#include "net/tls.h"
#include "ports/plain_world_for_test.h"
#include "providers/http/kinds.h"

namespace bascule::http {
namespace {

using namespace std::chrono_literals;
using boost::asio::ip::udp;

// Answers every question of type A with the address that it shows at the moment.
class OneNameServer {
 public:
  explicit OneNameServer(boost::asio::io_context& context)
      : socket_(context, udp::endpoint(boost::asio::ip::address_v4::loopback(), 0)),
        scope_(context.get_executor(), nullptr) {
    scope_.spawn("name server", serve());
  }
  [[nodiscard]] std::string place() const {
    return fmt::format("127.0.0.1:{}", socket_.local_endpoint().port());
  }
  awaitable<void> stop() {
    scope_.request_stop();
    co_await scope_.join();
  }

  std::array<unsigned char, 4> shows = {127, 0, 0, 1};
  int questions = 0;  // of type A

 private:
  awaitable<void> serve() {
    while (true) {
      std::vector<unsigned char> message(512);
      udp::endpoint from;
      const std::size_t n = co_await socket_.async_receive_from(boost::asio::buffer(message), from,
                                                                boost::asio::use_awaitable);
      message.resize(n);
      std::size_t end = 12;
      while (end < n && message[end] != 0) end += message[end] + 1U;
      end += 5;
      const bool v4 = message[end - 3] == 1;
      message.resize(end);
      message[2] = 0x85;
      message[3] = 0;
      std::fill(message.begin() + 6, message.begin() + 12, 0);
      if (v4) {
        ++questions;
        message[7] = 1;
        const std::array<unsigned char, 12> fixed = {0xC0, 12, 0, 1, 0, 1, 0, 0, 14, 16, 0, 4};
        message.insert(message.end(), fixed.begin(), fixed.end());
        message.insert(message.end(), shows.begin(), shows.end());
      }
      co_await socket_.async_send_to(boost::asio::buffer(message), from,
                                     boost::asio::use_awaitable);
    }
  }

  udp::socket socket_;
  Scope scope_;
};

struct HttpTest : testing::Test {
  PlainWorld world;
  std::unique_ptr<net::Resolver> resolver = *net::Resolver::make(world.context, world.clock, {});
  std::unique_ptr<net::Loopback> server;

  void TearDown() override {
    if (server) world.wait(server->stop());
  }
  void serve(net::Script script) {
    if (server) world.wait(server->stop());
    server = std::make_unique<net::Loopback>(world.context, world.clock, std::move(script));
  }
  void answer(const std::string& status, const std::string& body = "",
              const std::string& headers = "") {
    serve(net::answering(world.clock, fmt::format("HTTP/1.1 {}\r\n{}Content-Length: {}\r\n\r\n{}",
                                                  status, headers, body.size(), body)));
  }

  Result<std::shared_ptr<Probe>> make(const std::string& kind_name, const Json& settings) {
    for (const ProbeKind& kind : probe_kinds(*resolver)) {
      if (kind.kind.name == kind_name) {
        return kind.make(ProbeContext{nullptr, CheckReference(), settings, Duration{900}},
                         world.services);
      }
    }
    return fail(ErrorCode::not_found, "no such kind");
  }
  Observation look(const std::string& kind, const Json& settings, Duration limit = 3s) {
    const auto probe = make(kind, settings).value();
    return world.wait(probe->look(world.in(limit)));
  }
  Observation look(Json settings = Json::object(), Duration limit = 3s) {
    if (!settings.contains("url")) settings["url"] = server->url("/health");
    return look("http", settings, limit);
  }

  std::shared_ptr<Action> answers(Json settings) {
    if (!settings.contains("url")) settings["url"] = server->url("/health");
    const ActionKind kind = action_kinds(*resolver).front();
    return kind.make(ActionContext{nullptr, "demo", SiteName("berlin"), settings}, world.services)
        .value();
  }
  StepCall call(Duration limit = 5s) { return StepCall(world.in(limit)); }
};

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

  Clock& clock = world.clock;
  serve([&clock](std::unique_ptr<net::Stream> stream, int) -> awaitable<void> {
    struct Silent {
      static awaitable<void> it(Clock& time, std::unique_ptr<net::Stream> held) {
        co_await net::hold(time, held.get());
      }
    };
    return Silent::it(clock, std::move(stream));
  });
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
  Clock& clock = world.clock;
  // /3 leads to /2, /1 and to /0, which is well.
  serve([&clock](std::unique_ptr<net::Stream> stream, int) -> awaitable<void> {
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
  certificates.make({.file = "shop", .names = "DNS:localhost"});
  net::TlsSettings of_server;
  of_server.certificate_file = certificates.path("shop.pem");
  of_server.key_file = certificates.path("shop.key");
  const auto context = *net::TlsContext::for_server(of_server);
  Clock& clock = world.clock;
  serve([&clock, context](std::unique_ptr<net::Stream> stream, int) -> awaitable<void> {
    struct Secure {
      static awaitable<void> it(Clock& time, std::shared_ptr<const net::TlsContext> keys,
                                std::unique_ptr<net::Stream> plain) {
        auto secured =
            co_await net::accept_tls(time, std::move(plain), keys, Deadline::in(time, 5s));
        if (!secured) co_return;
        co_await net::read_until(time, secured->get(), "\r\n\r\n");
        const std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
        co_await (*secured)->write_all(answer, Deadline::in(time, 5s));
        co_await net::hold(time, secured->get());
      }
    };
    return Secure::it(clock, context, std::move(stream));
  });
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
  Clock& clock = world.clock;
  std::string head;
  serve([&clock, &head](std::unique_ptr<net::Stream> stream, int) -> awaitable<void> {
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
  Observation seen = look("tcp", {{"address", fmt::format("127.0.0.1:{}", server->port())}});
  EXPECT_EQ(seen.health, Health::healthy);
  EXPECT_EQ(seen.summary, "connected");
  EXPECT_TRUE(seen.latency && seen.timing.connect);
  seen = look("tcp", {{"address", fmt::format("127.0.0.1:{}", net::closed_port(world.context))}});
  EXPECT_EQ(seen.health, Health::failed);
  EXPECT_EQ(seen.summary, "connection refused");
  EXPECT_EQ(seen.error->code, ErrorCode::unavailable);
  for (const char* wrong : {"", "127.0.0.1", "127.0.0.1:0", "a b:80"}) {
    EXPECT_FALSE(make("tcp", {{"address", wrong}})) << wrong;
  }
}

TEST_F(HttpTest, AnswersIsDoneWithTheFirstGoodAnswer) {
  Clock& clock = world.clock;
  // The third connection is the first to be served well.
  serve([&clock](std::unique_ptr<net::Stream> stream, int number) {
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
  OneNameServer names(world.context);
  names.shows = {127, 0, 1, 200};  // nobody there yet; the time to live says: keep it for an hour
  resolver = *net::Resolver::make(world.context, world.clock, {names.place()});
  const auto action =
      answers({{"url", fmt::format("http://www.shop.test:{}/", server->port())}, {"every", 10}});
  Result<Inspection> found = world.wait(action->inspect(call()));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->finding, Finding::needed) << found->because;
  names.shows = {127, 0, 0, 1};
  found = world.wait(action->inspect(call()));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->finding, Finding::done) << found->because;
  EXPECT_EQ(names.questions, 2);
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
