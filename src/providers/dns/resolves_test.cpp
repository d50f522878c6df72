// `dns.resolves`: names that resolve and those that do not, at servers of every kind, and what
// takes connections behind them.
#include "providers/dns/resolves.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "net/loopback_for_test.h"
#include "providers/dns/kinds.h"
#include "providers/dns/scripted_server_for_test.h"

namespace bascule::dns {
namespace {

constexpr int kAddress = 1;

struct ResolvesTest : testing::Test {
  PlainWorld world;
  std::unique_ptr<net::Resolver> resolver = *net::Resolver::make(world.context, world.clock, {});

  Result<std::shared_ptr<Action>> make(const Json& settings) {
    const ActionKind kind = action_kinds(*resolver).back();
    EXPECT_EQ(kind.kind.name, "dns.resolves");
    return kind.make(ActionContext{nullptr, "demo", SiteName("berlin"), settings}, world.services);
  }
  Inspection ask(const Json& settings, Duration limit = Duration{10'000}) {
    const auto found = world.wait(make(settings).value()->inspect(StepCall(world.in(limit))));
    EXPECT_TRUE(found);
    return found.value_or(Inspection());
  }
  // Knows www at 127.0.0.1 and nothing else.
  static std::vector<Bytes> knows_www(const Bytes& question, bool) {
    const std::string text(question.begin(), question.end());
    if (text.find("www") == std::string::npos) return {answer_to(question, 0x8183)};
    if (type_asked(question) != kAddress) return {answer_to(question, 0x8180)};
    Bytes answer = answer_to(question, 0x8180, {1});
    answer[answer.size() - 2] = 0;
    return {answer};
  }
};

TEST_F(ResolvesTest, EveryNameAtTheConfiguredResolvers) {
  ScriptedServer server(world, knows_www);
  resolver = *net::Resolver::make(world.context, world.clock, {server.address()});
  const Inspection found = ask({{"names", {"www.shop.test", "www.other.test."}}});
  EXPECT_EQ(found.finding, Finding::done) << found.because;
  EXPECT_EQ(found.change, "resolve www.shop.test, www.other.test");
  EXPECT_EQ(found.because, "2 of 2 resolve");
  EXPECT_EQ(found.facts["addresses"]["www.shop.test"], Json::array({"127.0.0.1"}));
}

TEST_F(ResolvesTest, EachFailureIsNamedWithWhatToDo) {
  ScriptedServer server(world, knows_www);
  ScriptedServer mute(world, [](const Bytes&, bool) { return std::vector<Bytes>(); });
  const Inspection found = ask({{"names", {"app.shop.test", "www.shop.test"}},
                                {"servers", {server.address(), mute.address()}}},
                               Duration{1'500});
  EXPECT_EQ(found.finding, Finding::blocked);
  EXPECT_NE(found.because.find(fmt::format("app.shop.test does not exist at name server {} (add it "
                                           "to its zone, or correct `names`)",
                                           server.address())),
            std::string::npos)
      << found.because;
  EXPECT_NE(found.because.find("www.shop.test: name server " + mute.address()), std::string::npos)
      << found.because;
  EXPECT_EQ(found.because.find("www.shop.test does not"), std::string::npos) << found.because;
}

// S40: the way to the standby is looked at to its end, before anybody needs it.
TEST_F(ResolvesTest, ItConnectsWhereAPortIsNamed) {
  ScriptedServer server(world, knows_www);
  net::Loopback listener(world.context, world.clock,
                         [this](std::unique_ptr<net::Stream> client, int) -> awaitable<void> {
                           struct Hold {
                             static awaitable<void> it(Clock& clock,
                                                       std::unique_ptr<net::Stream> held) {
                               co_await net::hold(clock, held.get());
                             }
                           };
                           return Hold::it(world.clock, std::move(client));
                         });
  const Json names = {"www.shop.test"};
  const Json servers = {server.address()};
  Inspection found = ask({{"names", names}, {"servers", servers}, {"connect", listener.port()}});
  EXPECT_EQ(found.finding, Finding::done) << found.because;
  EXPECT_EQ(found.because, "1 of 1 resolve and take connections");
  EXPECT_EQ(listener.accepted(), 1);
  const std::uint16_t closed = net::closed_port(world.context);
  found = ask({{"names", names}, {"servers", servers}, {"connect", closed}});
  EXPECT_EQ(found.finding, Finding::blocked);
  EXPECT_NE(found.because.find(fmt::format("www.shop.test at 127.0.0.1:{}: connection refused "
                                           "(see that something listens there",
                                           closed)),
            std::string::npos)
      << found.because;
  world.wait(listener.stop());
}

TEST_F(ResolvesTest, OnRealServers) {
  for (const Product product : {Product::knot, Product::bind}) {
    if (!program_of(product)) continue;
    const NameServer server(world, product, "www CNAME real\nreal AAAA ::1\nbare TXT \"x\"");
    const Json servers = {server.address()};
    Inspection found = ask({{"names", {"www.shop.test"}}, {"servers", servers}});
    EXPECT_EQ(found.finding, Finding::done) << found.because;
    EXPECT_EQ(found.facts["addresses"]["www.shop.test"], Json::array({"::1"}));
    found = ask({{"names", {"bare.shop.test"}}, {"servers", servers}});
    EXPECT_EQ(found.finding, Finding::blocked);
    EXPECT_NE(found.because.find("bare.shop.test has no address at"), std::string::npos)
        << found.because;
  }
}

TEST_F(ResolvesTest, SettingsThatCannotWorkAreRefused) {
  EXPECT_FALSE(make({{"names", Json::array()}}));
  EXPECT_FALSE(make({{"names", {"two words"}}}));
  EXPECT_FALSE(make({{"names", {"www.shop.test"}}, {"servers", {"127.0.0.1:0"}}}));
}

}  // namespace
}  // namespace bascule::dns
