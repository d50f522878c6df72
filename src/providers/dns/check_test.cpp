// The check `dns`: what several answers mean together, on real servers and on scripted ones.
#include "providers/dns/check.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "ports/probe_contract_for_test.h"
#include "providers/dns/kinds.h"
#include "providers/dns/scripted_server_for_test.h"

namespace bascule::dns {
namespace {

constexpr int kSoa = 6;

ServerAnswer says(const std::string& server, std::vector<std::string> values,
                  std::optional<std::uint32_t> serial = std::nullopt) {
  ServerAnswer made;
  made.server = server;
  made.latency = Microseconds{1'500};
  made.answer->values = std::move(values);
  made.answer->authoritative = true;
  if (serial) made.version = ZoneVersion{"shop.test.", *serial};
  return made;
}
ServerAnswer no_name(const std::string& server) {
  ServerAnswer made = says(server, {});
  made.answer->exists = false;
  return made;
}
ServerAnswer is_silent(const std::string& server) {
  ServerAnswer made;
  made.server = server;
  made.answer = fail(ErrorCode::timeout, "name server {}: gave no answer", server);
  return made;
}

struct Judgement {
  std::string name;
  Expectation expectation;
  std::vector<ServerAnswer> answers;
  Health health;
  std::string summary;
};

class Judging : public testing::TestWithParam<Judgement> {};

TEST_P(Judging, ByTheTable) {
  const Observation seen =
      judge(Question{"www.shop.test.", "A"}, GetParam().expectation, GetParam().answers);
  EXPECT_EQ(seen.health, GetParam().health);
  EXPECT_EQ(seen.summary, GetParam().summary);
  EXPECT_EQ(seen.latency.has_value(), GetParam().health != Health::failed);
  EXPECT_EQ(seen.error.has_value(), GetParam().health == Health::failed);
  EXPECT_EQ(seen.detail["servers"].size(), GetParam().answers.size());
}

const Expectation kEither{{"127.0.1.1", "127.0.1.2"}, 1, true};
const Expectation kBoth{{"127.0.1.1", "127.0.1.2"}, 2, true};
const Expectation kEach{{"127.0.1.1", "127.0.1.2"}, 1, false};

INSTANTIATE_TEST_SUITE_P(
    Answers, Judging,
    testing::Values(
        Judgement{"AnythingWillDo", {}, {says("a", {"10.0.0.1"})}, Health::healthy, "10.0.0.1"},
        Judgement{"AllAsExpected",
                  kEither,
                  {says("a", {"127.0.1.2"}, 7), says("b", {"127.0.1.2"}, 7)},
                  Health::healthy,
                  "127.0.1.2 from 2 servers, serial 7"},
        Judgement{"OneIsSilent",
                  kEither,
                  {says("a", {"127.0.1.1"}), is_silent("b")},
                  Health::degraded,
                  "name server b: gave no answer"},
        Judgement{"OneLagsBehind",
                  kEach,
                  {says("a", {"127.0.1.2"}, 8), says("b", {"127.0.1.1"}, 7)},
                  Health::degraded,
                  "name server b: lags behind with serial 7, not 8"},
        Judgement{"SerialsWrapAround",
                  kEach,
                  {says("a", {"127.0.1.2"}, 1), says("b", {"127.0.1.1"}, 4'294'967'295)},
                  Health::degraded,
                  "name server b: lags behind with serial 4294967295, not 1"},
        Judgement{"TheyDisagree",
                  kEither,
                  {says("a", {"127.0.1.2"}, 7), says("b", {"127.0.1.1"}, 7)},
                  Health::degraded,
                  "name server b: answers 127.0.1.1, another 127.0.1.2"},
        Judgement{"TheyMayDisagree",
                  kEach,
                  {says("a", {"127.0.1.2"}), says("b", {"127.0.1.1"})},
                  Health::healthy,
                  "127.0.1.2 from 2 servers"},
        Judgement{"OneIsWrong",
                  kEither,
                  {says("a", {"127.0.1.1"}), says("b", {"10.0.0.9"})},
                  Health::critical,
                  "name server b: answers 10.0.0.9, which is not expected"},
        Judgement{"WrongIsWorseThanSilent",
                  kEither,
                  {is_silent("a"), no_name("b")},
                  Health::critical,
                  "name server b: www.shop.test. does not exist"},
        Judgement{"NoRecordOfTheType",
                  kEither,
                  {says("a", {})},
                  Health::critical,
                  "name server a: www.shop.test. has no record of type A"},
        Judgement{"TooFew",
                  kBoth,
                  {says("a", {"127.0.1.1"})},
                  Health::critical,
                  "name server a: answers 127.0.1.1, 1 of at least 2"},
        Judgement{"NobodyAnswers",
                  kEither,
                  {is_silent("a"), is_silent("b")},
                  Health::failed,
                  "name server a: gave no answer (none of 2 servers answers)"}),
    [](const auto& one) { return one.param.name; });

TEST(AllErrors, OurOwnInabilityToAskIsTheErrorThatIsTold) {
  ServerAnswer unasked = is_silent("b");
  unasked.answer = fail(ErrorCode::unable, "too many open files");
  const Observation seen =
      judge(Question{"www.shop.test.", "A"}, kEither, {is_silent("a"), unasked});
  EXPECT_EQ(seen.error->code, ErrorCode::unable) << "the scheduler makes it unknown";
}

TEST(Serials, AreComparedAroundTheWrap) {
  EXPECT_TRUE(is_newer(2, 1));
  EXPECT_FALSE(is_newer(1, 1));
  EXPECT_FALSE(is_newer(1, 2));
  EXPECT_TRUE(is_newer(0, 4'294'967'295));
  EXPECT_FALSE(is_newer(4'294'967'295, 0));
}

struct CheckTest : testing::Test {
  PlainWorld world;
  std::unique_ptr<net::Resolver> resolver = *net::Resolver::make(world.context, world.clock, {});

  Result<std::shared_ptr<Probe>> make(Json settings) {
    if (!settings.contains("name")) settings["name"] = "www.shop.test";
    const ProbeKind kind = probe_kinds(*resolver).front();
    return kind.make(ProbeContext{nullptr, {}, settings, Duration{5'000}}, world.services);
  }
  Observation look(const Json& settings, Duration limit = Duration{10'000}) {
    return world.wait(make(settings).value()->look(world.in(limit)));
  }
  static DnsScript answering(std::vector<std::uint8_t> hosts, std::uint16_t flags = 0x8400) {
    return [hosts, flags](const Bytes& question, bool) -> std::vector<Bytes> {
      if (type_asked(question) == kSoa) return {answer_to(question, flags)};
      return {answer_to(question, flags, hosts)};
    };
  }
};

class CheckOn : public CheckTest, public testing::WithParamInterface<Product> {
 protected:
  void SetUp() override {
    if (!program_of(GetParam())) GTEST_SKIP() << "apt-get install " << package_of(GetParam());
  }
};
INSTANTIATE_TEST_SUITE_P(Servers, CheckOn, testing::Values(Product::knot, Product::bind),
                         [](const auto& one) { return name_of(one.param); });

TEST_P(CheckOn, ANameIsHealthyWithItsLatencyAndTheSerialOfItsZone) {
  const NameServer server(world, GetParam(), "www A 127.0.1.1\nalias CNAME www");
  const Json servers = Json::array({server.address()});
  for (const char* name : {"www.shop.test", "alias.shop.test."}) {
    const Observation seen =
        look({{"name", name}, {"servers", servers}, {"expect", {{"addresses", {"127.0.1.1"}}}}});
    EXPECT_EQ(seen.health, Health::healthy) << seen.summary;
    EXPECT_EQ(seen.summary, "127.0.1.1, serial 1");
    ASSERT_TRUE(seen.latency);
    const Json& one = seen.detail["servers"][0];
    EXPECT_EQ(one["server"], server.address());
    EXPECT_GT(one["latency_ms"].get<double>(), 0);
    EXPECT_EQ(one["serial"], 1);
    EXPECT_EQ(one["authoritative"], true);
    EXPECT_EQ(one["answer"], Json::array({"127.0.1.1"}));
  }
}

TEST_P(CheckOn, WhatIsMissingOrElseIsCriticalAndOfTheTypeAskedFor) {
  const NameServer server(world, GetParam(), "www A 127.0.1.1\nmail MX 10 www");
  const Json servers = Json::array({server.address()});
  Observation seen = look({{"name", "app.shop.test"}, {"servers", servers}});
  EXPECT_EQ(seen.health, Health::critical);
  EXPECT_EQ(seen.summary,
            fmt::format("name server {}: app.shop.test. does not exist", server.address()));
  seen = look({{"type", "AAAA"}, {"servers", servers}});
  EXPECT_EQ(seen.health, Health::critical);
  EXPECT_NE(seen.summary.find("has no record of type AAAA"), std::string::npos) << seen.summary;
  seen = look({{"servers", servers}, {"expect", {{"addresses", {"127.0.1.2"}}}}});
  EXPECT_EQ(seen.health, Health::critical) << seen.summary;
  seen = look({{"name", "mail.shop.test"},
               {"type", "MX"},
               {"servers", servers},
               {"expect", {{"values", {"10 www.shop.test."}}}}});
  EXPECT_EQ(seen.health, Health::healthy) << seen.summary;
  seen = look({{"name", "shop.test"}, {"type", "SOA"}, {"servers", servers}});
  EXPECT_EQ(seen.health, Health::healthy) << seen.summary;
}

TEST_P(CheckOn, ASilentServerDegradesAndNoneLeftFails) {
  const NameServer first(world, GetParam(), "www A 127.0.1.1");
  const NameServer second(world, GetParam(), "www A 127.0.1.1");
  const Json settings{{"servers", {first.address(), second.address()}}};
  EXPECT_EQ(look(settings).health, Health::healthy);
  second.freeze();
  Observation seen = look(settings, Duration{700});
  EXPECT_EQ(seen.health, Health::degraded);
  EXPECT_NE(seen.summary.find(second.address()), std::string::npos) << seen.summary;
  EXPECT_TRUE(seen.detail["servers"][1]["error"].is_string());
  first.freeze();
  seen = look(settings, Duration{500});
  EXPECT_EQ(seen.health, Health::failed);
  EXPECT_EQ(seen.error->code, ErrorCode::timeout) << seen.summary;
  EXPECT_FALSE(seen.latency);
}

TEST_P(CheckOn, AServerOfAnotherZoneIsNoAnswer) {
  const NameServer server(world, GetParam(), "www A 127.0.1.1");
  const Observation seen = look({{"name", "www.example.com"}, {"servers", {server.address()}}});
  EXPECT_EQ(seen.health, Health::failed) << seen.summary;
  EXPECT_NE(seen.summary.find("REFUSED"), std::string::npos) << seen.summary;
}

TEST_F(CheckTest, TheConfiguredResolversAreAskedWhereNoServerIsNamed) {
  ScriptedServer server(world, answering({1}));
  resolver = *net::Resolver::make(world.context, world.clock, {server.address()});
  const Observation seen = look(Json::object());
  EXPECT_EQ(seen.health, Health::healthy) << seen.summary;
  EXPECT_EQ(seen.detail["servers"][0]["server"], server.address());
}

TEST_F(CheckTest, WhatIsNoAnswerToTheQuestionIsPassedOver) {
  // Of another id, about another name, noise; then the answer.
  ScriptedServer server(world, [](const Bytes& question, bool) -> std::vector<Bytes> {
    const Bytes good = answer_to(question, 0x8400, {1});
    Bytes other_id = answer_to(question, 0x8400, {9});
    other_id[0] ^= 0xFF;
    Bytes other_name = answer_to(question, 0x8400, {9});
    other_name[13] = 'x';
    const Bytes no_answer = answer_to(question, 0x0000, {9});
    return {Bytes{1, 2, 3}, Bytes(), other_id, other_name, no_answer, good};
  });
  const Observation seen = look({{"servers", {server.address()}}});
  EXPECT_EQ(seen.health, Health::healthy) << seen.summary;
  EXPECT_EQ(seen.detail["servers"][0]["answer"], Json::array({"127.0.1.1"}));
}

TEST_F(CheckTest, AServerThatOnlySendsNoiseOrFailsIsNoAnswer) {
  ScriptedServer noise(world, [](const Bytes& question, bool) -> std::vector<Bytes> {
    Bytes cut = answer_to(question, 0x8400, {1});
    cut.resize(cut.size() - 7);
    return {cut};
  });
  Observation seen = look({{"servers", {noise.address()}}}, Duration{2'000});
  EXPECT_EQ(seen.health, Health::failed);
  EXPECT_NE(seen.summary.find("not a DNS message"), std::string::npos) << seen.summary;
  for (const auto& [code, word] : std::vector<std::pair<int, std::string>>{
           {2, "SERVFAIL"}, {4, "NOTIMPL"}, {5, "REFUSED"}, {9, "NOTAUTH"}}) {
    ScriptedServer failing(world, answering({}, static_cast<std::uint16_t>(0x8000 | code)));
    seen = look({{"servers", {failing.address()}}});
    EXPECT_EQ(seen.health, Health::failed);
    EXPECT_NE(seen.summary.find(word), std::string::npos) << seen.summary;
  }
  ScriptedServer elsewhere(world, answering({}, 0x8000));  // a referral
  seen = look({{"servers", {elsewhere.address()}}});
  EXPECT_EQ(seen.health, Health::failed);
  EXPECT_NE(seen.summary.find("does not look further"), std::string::npos) << seen.summary;
}

TEST_F(CheckTest, ATruncatedAnswerIsFetchedOverTcp) {
  ScriptedServer server(world, [](const Bytes& question, bool over_tcp) -> std::vector<Bytes> {
    if (over_tcp) return {answer_to(question, 0x8400, {1, 2, 3})};
    return {answer_to(question, 0x8600)};
  });
  const Observation seen = look({{"servers", {server.address()}}, {"expect", {{"at_least", 3}}}});
  EXPECT_EQ(seen.health, Health::healthy) << seen.summary;
  ScriptedServer never(world, [](const Bytes& question, bool) -> std::vector<Bytes> {
    return {answer_to(question, 0x8600)};
  });
  const Observation cut = look({{"servers", {never.address()}}});
  EXPECT_EQ(cut.health, Health::failed);
  EXPECT_NE(cut.summary.find("even over TCP"), std::string::npos) << cut.summary;
}

TEST_F(CheckTest, ItKeepsThePromisesOfEveryProbe) {
  const std::uint16_t port = free_dns_port();
  std::unique_ptr<ScriptedServer> server;
  const auto serve = [&](DnsScript script) {
    server.reset();
    if (script) server = std::make_unique<ScriptedServer>(world, std::move(script), port);
  };
  const ProbeContract contract{
      .context = world.context,
      .clock = world.clock,
      .probe = make({{"servers", {fmt::format("127.0.0.1:{}", port)}}}).value(),
      .until = [this](const std::function<bool()>& condition) { return world.becomes(condition); },
      .answers = [&] { serve(answering({1})); },
      .refuses = [&] { serve(nullptr); },
      .hangs = [&] { serve([](const Bytes&, bool) { return std::vector<Bytes>(); }); }};
  contract.check();
}

TEST_F(CheckTest, ACanceledLookIsGone) {
  ScriptedServer server(world, [](const Bytes&, bool) { return std::vector<Bytes>(); });
  const auto probe = make({{"servers", {server.address()}}}).value();
  Scope scope(world.context.get_executor(), nullptr);
  struct Look {
    static awaitable<void> at(std::shared_ptr<Probe> what, Deadline deadline) {
      co_await what->look(deadline);
    }
  };
  scope.spawn("look", Look::at(probe, world.in(Duration{3'600'000})));
  world.wait(wait_for(world.clock, Duration{1}));
  scope.request_stop();
  world.wait(scope.join());
  EXPECT_EQ(scope.running(), 0U);
}

TEST_F(CheckTest, SettingsThatCannotWorkAreRefused) {
  const auto refusal = [&](const Json& settings) {
    const auto made = make(settings);
    EXPECT_FALSE(made) << settings;
    return made ? std::string() : made.error().message;
  };
  EXPECT_NE(refusal({{"name", "two words"}}).find("name:"), std::string::npos);
  EXPECT_NE(refusal({{"servers", {"127.0.0.1:0"}}}).find("servers:"), std::string::npos);
  EXPECT_NE(refusal({{"expect", {{"addresses", {"berlin"}}}}}).find("expect.addresses"),
            std::string::npos);
  EXPECT_NE(refusal({{"expect", {{"values", {"127.0.1.1"}}}}}).find("`addresses`"),
            std::string::npos);
  EXPECT_NE(refusal({{"expect", {{"addresses", {"127.0.1.1"}}, {"at_least", 2}}}}).find("only 1"),
            std::string::npos);
}

}  // namespace
}  // namespace bascule::dns
