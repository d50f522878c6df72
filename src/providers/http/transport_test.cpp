// How a check reaches its server: virtual hosts, both families of addresses, certificates on both
// sides.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "net/certificates_for_test.h"
#include "net/name_server_for_test.h"
#include "providers/http/http_world_for_test.h"

namespace bascule::http {
namespace {

using namespace std::chrono_literals;

struct Reaching : HttpWorld {
  std::vector<std::string> heads;  // of the requests, in their order

  awaitable<void> note(std::unique_ptr<net::Stream> to, std::string reply) {
    heads.push_back(co_await net::read_until(clock, to.get(), "\r\n\r\n"));
    co_await to->write_all(reply, Deadline::in(clock, 20s));
    co_await net::hold(clock, to.get());
  }
  net::Script noting(std::string reply) {
    return [this, reply = std::move(reply)](std::unique_ptr<net::Stream> to, int) {
      return note(std::move(to), reply);
    };
  }
  [[nodiscard]] std::string place(const std::string& host = "127.0.0.1") const {
    return fmt::format("{}:{}", host, server->port());
  }
};

TEST_F(Reaching, OneSiteIsAskedForTheNameThatSeveralServe) {
  serve(noting(response("200 OK")));
  Observation seen = look({{"url", "http://www.shop.test/health"}, {"connect", place()}});
  EXPECT_EQ(seen.health, Health::healthy) << seen.summary;
  EXPECT_EQ(seen.detail["address"], place());
  EXPECT_TRUE(heads.back().starts_with("GET /health HTTP/1.1\r\nHost: www.shop.test\r\n"))
      << heads.back();

  // Without a port: that of the url.
  seen = look(
      {{"url", fmt::format("http://www.shop.test:{}/", server->port())}, {"connect", "127.0.0.1"}});
  EXPECT_EQ(seen.health, Health::healthy) << seen.summary;
  EXPECT_TRUE(heads.back().contains(fmt::format("Host: www.shop.test:{}\r\n", server->port())));
}

TEST_F(Reaching, TheCertificateMustBeForTheNameNotForTheAddress) {
  net::Certificates certificates;
  const auto context = certificates.serve({.file = "shop", .names = "DNS:www.shop.test"});
  serve(net::secured(clock, context, noting(response("200 OK"))));
  const Json tls = {{"ca", certificates.authority()}};
  Observation seen = look({{"url", "https://www.shop.test/"}, {"connect", place()}, {"tls", tls}});
  EXPECT_EQ(seen.health, Health::healthy) << seen.summary;
  EXPECT_TRUE(heads.back().contains("Host: www.shop.test\r\n")) << heads.back();
  seen = look({{"url", "https://api.shop.test/"}, {"connect", place()}, {"tls", tls}});
  EXPECT_EQ(seen.health, Health::failed);
  EXPECT_EQ(seen.summary,
            "host name mismatch: certificate is for www.shop.test, not api.shop.test");
}

TEST_F(Reaching, ARedirectOfTheSameHostStaysAtTheSiteAndAnotherHostIsLookedUp) {
  net::NameServer names(world.context);
  resolver = *net::Resolver::make(world.context, world.clock, {names.place()});
  names.table["other.test"] = {*net::parse_address("127.0.0.1")};
  serve([this](std::unique_ptr<net::Stream> to, int number) {
    const std::string location =
        number == 1 ? "/login" : fmt::format("http://other.test:{}/", server->port());
    return note(std::move(to), number == 3
                                   ? response("200 OK")
                                   : response("302 Found", "", "Location: " + location + "\r\n"));
  });
  const Observation seen = look({{"url", "http://www.shop.test/"}, {"connect", place()}});
  EXPECT_EQ(seen.health, Health::healthy) << seen.summary;
  EXPECT_EQ(seen.detail["redirects"], 2);
  ASSERT_EQ(heads.size(), 3U);
  EXPECT_TRUE(heads[1].starts_with("GET /login HTTP/1.1\r\nHost: www.shop.test\r\n")) << heads[1];
  EXPECT_TRUE(heads[2].contains("Host: " + place("other.test"))) << heads[2];
  EXPECT_EQ(names.questions_a, 1) << "www.shop.test was never looked up";
  world.wait(names.stop());
}

TEST_F(Reaching, TheHostHeaderIsNotWrittenByHand) {
  EXPECT_EQ(refusal({{"url", "http://10.0.0.1/"}, {"headers", {{"host", "www.shop.test"}}}}),
            "header host: it is written from the url and the body; to ask one address for another "
            "host, write that host into `url` and the address into `connect`");
  for (const char* wrong : {"a b", "127.0.0.1:0", "127.0.0.1:x", "[::1", "::1:80:", ":80"}) {
    EXPECT_TRUE(refusal({{"url", "http://a.test/"}, {"connect", wrong}}).starts_with("connect: "))
        << wrong;
  }
  EXPECT_TRUE(refusal({{"url", "http://a.test/"}, {"connect", {{"$secret", "env:A"}}}})
                  .contains("cannot be a secret"));
}

TEST_F(Reaching, AnAddressOfIpv6IsWrittenInBrackets) {
  serve(noting(response("200 OK")), {*net::parse_address("::1"), 0});
  for (const Json& settings :
       {Json{{"url", fmt::format("http://[::1]:{}/", server->port())}},
        Json{{"url", fmt::format("http://www.shop.test:{}/", server->port())}, {"connect", "::1"}},
        Json{{"url", "http://www.shop.test/"}, {"connect", place("[::1]")}}}) {
    const Observation seen = look(settings);
    EXPECT_EQ(seen.health, Health::healthy) << seen.summary;
    EXPECT_EQ(seen.detail["address"], place("[::1]"));
  }
  EXPECT_TRUE(heads.front().contains("Host: " + place("[::1]") + "\r\n")) << heads.front();
  const Observation tcp = look("tcp", {{"address", place("[::1]")}}, 20s);
  EXPECT_EQ(tcp.health, Health::healthy) << tcp.summary;
}

struct BothFamilies : Reaching {
  net::NameServer names{world.context};

  void SetUp() override {
    resolver = *net::Resolver::make(world.context, world.clock, {names.place()});
    names.table["www.shop.test"] = {*net::parse_address("::1"), *net::parse_address("127.0.0.1")};
  }
  void TearDown() override {
    world.wait(names.stop());
    HttpWorld::TearDown();
  }
  Observation look_at_both(Duration limit = 20s) {
    return look({{"url", "http://" + place("www.shop.test") + "/"}}, limit);
  }
};

TEST_F(BothFamilies, TheSecondFamilyIsTriedWhenTheFirstRefuses) {
  serve(noting(response("200 OK")));
  Observation seen = look_at_both();
  EXPECT_EQ(seen.health, Health::healthy) << seen.summary;
  EXPECT_EQ(seen.detail["address"], place());
  serve(noting(response("200 OK")), {*net::parse_address("::1"), 0});
  seen = look_at_both();
  EXPECT_EQ(seen.health, Health::healthy) << seen.summary;
  EXPECT_EQ(seen.detail["address"], place("[::1]"));
}

TEST_F(BothFamilies, ADeadFamilyDoesNotEatTheDeadline) {
  serve(noting(response("200 OK")));
  const net::Swallowing hole(world.context, {*net::parse_address("::1"), server->port()});
  // It gets a quarter of the time: with this deadline 1s at most, and 250ms as RFC 8305 has it.
  Observation seen = look_at_both(4s);
  EXPECT_EQ(seen.health, Health::healthy) << seen.summary;
  EXPECT_EQ(seen.detail["address"], place());
  EXPECT_GE(*seen.timing.connect, 250ms);
  seen = look("tcp", {{"address", place("www.shop.test")}}, 4s);
  EXPECT_EQ(seen.health, Health::healthy) << seen.summary;
}

TEST_F(BothFamilies, AFamilyWhoseQuestionsAreSwallowedDoesNotEither) {
  serve(noting(response("200 OK")));
  names.table["no-aaaa.shop.test"] = {*net::parse_address("127.0.0.1")};
  const Observation seen = look({{"url", "http://" + place("no-aaaa.shop.test") + "/"}}, 4s);
  EXPECT_EQ(seen.health, Health::healthy) << seen.summary;
}

TEST_F(BothFamilies, TheDeadlineCoversTheLookup) {
  const Observation seen = look({{"url", "http://silent.shop.test/"}}, 200ms);
  EXPECT_EQ(seen.health, Health::failed);
  EXPECT_EQ(seen.error->code, ErrorCode::timeout);
  EXPECT_EQ(seen.summary, "no answer within 200ms (looking up the name)");
}

struct Certified : Reaching {
  static constexpr std::int64_t kWeek = 7 * 86'400'000LL;  // the default
  net::Certificates certificates;

  void serve_with(net::Certificates::Wanted wanted, bool ask = false) {
    wanted.file = "server";
    if (wanted.names.empty()) wanted.names = "DNS:localhost";
    serve(net::secured(clock, certificates.serve(wanted, ask), noting(response("200 OK"))));
  }
  Observation look_with(Json tls) {
    if (!tls.contains("ca")) tls["ca"] = certificates.authority();
    if (!tls.contains("expires_within")) tls["expires_within"] = kWeek;
    return look({{"url", "https://" + place("localhost") + "/"}, {"tls", tls}});
  }
};

TEST_F(Certified, AnOwnAuthorityAndAClientCertificateLetIn) {
  serve_with({}, true);
  certificates.make({.file = "client"});
  const Json shown = {{"cert", certificates.path("client.pem")},
                      {"key", certificates.path("client.key")}};
  Observation seen = look_with(shown);
  EXPECT_EQ(seen.health, Health::healthy) << seen.summary;
  seen = look_with(Json::object());
  EXPECT_EQ(seen.health, Health::failed);
  EXPECT_EQ(seen.error->code, ErrorCode::denied);
  EXPECT_EQ(seen.summary, "the other side wants a client certificate");
  certificates.make({.file = "stranger", .self_signed = true});
  seen = look_with(
      {{"cert", certificates.path("stranger.pem")}, {"key", certificates.path("stranger.key")}});
  EXPECT_EQ(seen.health, Health::failed);
  EXPECT_TRUE(seen.summary.starts_with("the other side refuses our certificate")) << seen.summary;
}

TEST_F(Certified, ARotatedClientCertificateIsShownWithoutARestart) {
  serve_with({}, true);
  certificates.make({.file = "client", .begins_in = -86400 * 2, .ends_in = -60});
  const auto probe = make("http", {{"url", "https://" + place("localhost") + "/"},
                                   {"tls",
                                    {{"ca", certificates.authority()},
                                     {"cert", certificates.path("client.pem")},
                                     {"key", certificates.path("client.key")}}}})
                         .value();
  const auto look_now = [&] { return world.wait(probe->look(world.in(20s))); };
  EXPECT_EQ(look_now().health, Health::failed) << "it has expired";

  // The times of files are coarse: they may not have changed since the probe was made.
  const auto touch = [&](const char* name, std::chrono::hours later) {
    const std::string path = certificates.path(name);
    std::filesystem::last_write_time(path, std::filesystem::last_write_time(path) + later);
  };
  std::ofstream(certificates.path("client.key")) << "half a key";
  touch("client.key", 1h);
  EXPECT_EQ(look_now().health, Health::failed) << "and does not become worse";
  certificates.make({.file = "client"});
  touch("client.key", 2h);
  const Observation seen = look_now();
  EXPECT_EQ(seen.health, Health::healthy) << seen.summary;
}

TEST_F(Certified, ACertificateThatIsAboutToExpireIsDegraded) {
  const long day = 86400;
  serve_with({.begins_in = -80 * day, .ends_in = 5 * day + 3600});
  Observation seen = look_with(Json::object());
  EXPECT_EQ(seen.health, Health::degraded);
  EXPECT_EQ(seen.summary, "200, certificate expires in 5d");
  EXPECT_EQ(seen.detail["certificate_days_left"], 5);
  EXPECT_EQ(look_with({{"expires_within", 4 * day * 1000}}).health, Health::healthy);
  EXPECT_EQ(look_with({{"expires_within", 0}}).health, Health::healthy);

  serve_with({.begins_in = -60 * day, .ends_in = 20 * day});
  seen = look_with(Json::object());
  EXPECT_EQ(seen.health, Health::healthy);
  EXPECT_EQ(seen.detail["certificate_days_left"], 19);
  seen = look_with({{"expires_within", 21 * day * 1000}});
  EXPECT_EQ(seen.health, Health::degraded) << seen.summary;

  // One that lives for a day is renewed within its last hours.
  serve_with({.begins_in = -day / 2, .ends_in = day / 2});
  EXPECT_EQ(look_with(Json::object()).health, Health::healthy);
}

TEST_F(Certified, AnAnswerThatIsIllAlreadyStaysAsIllAsItIs) {
  const auto context =
      certificates.serve({.file = "server", .names = "DNS:localhost", .begins_in = -8000000});
  serve(net::secured(clock, context, noting(response("503 Busy"))));
  const Observation seen = look_with(Json::object());
  EXPECT_EQ(seen.health, Health::critical);
  EXPECT_EQ(seen.summary, "503 Service Unavailable, certificate expires in 23h");
}

TEST_F(Certified, ARunIsNotStoppedByACertificateThatIsGoodForSomeMoreDays) {
  serve_with({.begins_in = -8000000});
  const auto action = answers({{"url", "https://" + place("localhost") + "/"},
                               {"tls", {{"ca", certificates.authority()}}}});
  const Result<Inspection> found = world.wait(action->inspect(call()));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->finding, Finding::done) << found->because;
}

TEST_F(Certified, WhatIsNotVerifiedIsShownAlsoWhenItHasExpired) {
  serve_with({.begins_in = -8000000, .ends_in = -86400 * 3 + 3600, .self_signed = true});
  const Observation seen = look_with({{"verify", false}});
  EXPECT_EQ(seen.health, Health::healthy) << seen.summary;
  EXPECT_EQ(seen.summary, "200, certificate not verified, certificate has expired");
  EXPECT_EQ(seen.detail["certificate_verified"], false);
  EXPECT_EQ(seen.detail["certificate_days_left"], -3);
}

TEST_F(Certified, TheNameOfAFileIsNotASecret) {
  EXPECT_TRUE(refusal({{"url", "https://a.test/"}, {"tls", {{"ca", {{"$secret", "file:/a"}}}}}})
                  .starts_with("tls: ca: "));
}

}  // namespace
}  // namespace bascule::http
