// The front door when something is wrong: replies that get lost, keys that are not accepted,
// servers that say nothing or lag behind, names that cannot be written; and the promises of every
// action. On real name servers.
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "net/datagram.h"
#include "net/loopback_for_test.h"
#include "ports/action_contract_for_test.h"
#include "providers/dns/front_door_for_test.h"

namespace bascule::dns {
namespace {

class FrontDoorFaults : public FrontDoorOn {};

INSTANTIATE_TEST_SUITE_P(Servers, FrontDoorFaults, testing::Values(Product::knot, Product::bind),
                         [](const auto& one) { return name_of(one.param); });

// Hands a message on to the server, waits for the server's answer, and keeps it.
awaitable<void> swallow_answer(Clock& clock, std::unique_ptr<net::Stream> client,
                               net::Endpoint server) {
  const Deadline limit = Deadline::in(clock, Duration{5'000});
  net::Bytes message;
  std::array<char, 4096> buffer{};
  while (message.size() < 2 || message.size() < 2U + (message[0] << 8 | message[1])) {
    const auto n = co_await client->read_some(buffer, limit);
    if (!n || *n == 0) co_return;
    message.insert(message.end(), buffer.begin(), buffer.begin() + static_cast<long>(*n));
  }
  message.erase(message.begin(), message.begin() + 2);
  const auto answer = co_await net::exchange_tcp_dns(clock, server, std::move(message), limit);
  EXPECT_TRUE(answer);
  client->abort();
}

TEST_P(FrontDoorFaults, RepeatingWhatWasDoneButNotAnsweredDoesNoHarm) {
  serve();
  const net::Endpoint server{boost::asio::ip::address_v4::loopback(), server_->port()};
  Clock& clock = world_.clock;
  net::Loopback lossy(world_.context, clock,
                      [&clock, server](std::unique_ptr<net::Stream> client, int) {
                        return swallow_answer(clock, std::move(client), server);
                      });
  DoorOptions through;
  through.servers = {"127.0.0.1:" + std::to_string(lossy.port())};
  const auto bad = door(through);
  const auto good = door();

  Json prior = inspect(*good, call("claim", "r-0001", 0))->prior;
  Result<Outputs> lost = apply(*bad, call("claim", "r-0001", 0, prior));
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().code, ErrorCode::outcome_unknown) << lost.error().message;
  EXPECT_EQ(text(), "1 demo r-0001 berlin");
  const Result<Outputs> claimed = apply(*good, call("claim", "r-0001", 0, prior));
  ASSERT_TRUE(claimed) << claimed.error().message;
  EXPECT_EQ(claimed->at("generation"), 1);
  EXPECT_EQ(text(), "1 demo r-0001 berlin");

  prior = inspect(*good, call("switch", "r-0001", 1))->prior;
  lost = apply(*bad, call("switch", "r-0001", 1, prior));
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().code, ErrorCode::outcome_unknown);
  EXPECT_EQ(address(), kBerlin);
  EXPECT_EQ(inspect(*good, call("switch", "r-0001", 1, prior))->finding, Finding::done);
  const Result<Outputs> shown = apply(*good, call("switch", "r-0001", 1, prior));
  ASSERT_TRUE(shown) << shown.error().message;
  EXPECT_EQ(address(), kBerlin);

  // The relay loses what is answered over TCP: the revert's look goes to the server itself.
  ASSERT_TRUE(revert(*good, call("switch", "r-0001", 1, prior)));
  EXPECT_EQ(text(), "2 demo r-0001 amsterdam");
  ASSERT_TRUE(revert(*good, call("switch", "r-0001", 1, prior)));
  EXPECT_EQ(text(), "2 demo r-0001 amsterdam") << "not once more";
  EXPECT_EQ(address(), kAmsterdam);
  world_.wait(lossy.stop());
}

TEST_P(FrontDoorFaults, AWrongKeyIsDeniedWithWhatToDo) {
  serve();
  const Json prior = inspect(*door(), call("claim", "r-0001", 0))->prior;
  DoorOptions wrong;
  wrong.secret = "bm90IHRoZSBzZWNyZXQgYXQgYWxsLCByZWFsbHkgbm90";
  Result<Outputs> refused = apply(*door(wrong), call("claim", "r-0001", 0, prior));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::denied) << refused.error().message;
  EXPECT_NE(refused.error().message.find("the signature of bascule-key."), std::string::npos)
      << refused.error().message;
  EXPECT_EQ(refused.error().message.find(wrong.secret), std::string::npos);
  EXPECT_FALSE(refused.error().what_to_do.empty());

  wrong = DoorOptions();
  wrong.key = "nobodys-key.";
  refused = apply(*door(wrong), call("claim", "r-0001", 0, prior));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::denied) << refused.error().message;
  EXPECT_NE(refused.error().message.find("does not know the key nobodys-key."), std::string::npos)
      << refused.error().message;
  EXPECT_EQ(text(), "nothing");
}

TEST_P(FrontDoorFaults, ASilentServerEndsInTimeAndNobodyKnowsWhatAnUpdateDid) {
  serve();
  const Json prior = inspect(*door(), call("claim", "r-0001", 0))->prior;
  server_->freeze();
  const MonotonicInstant began = world_.clock.monotonic();
  const Result<Inspection> looked =
      inspect(*door(), call("claim", "r-0001", 0, nullptr, Duration{300}));
  ASSERT_FALSE(looked);
  EXPECT_EQ(looked.error().code, ErrorCode::timeout) << looked.error().message;
  EXPECT_NE(looked.error().message.find(server_->address()), std::string::npos);
  const Result<Outputs> taken = apply(*door(), call("claim", "r-0001", 0, prior, Duration{300}));
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().code, ErrorCode::outcome_unknown) << taken.error().message;
  EXPECT_LT(elapsed(world_.clock, began), Duration{2'000});
  server_->thaw();
}

TEST_P(FrontDoorFaults, NobodyListeningIsUnavailableAndCertain) {
  serve();
  const Json prior = inspect(*door(), call("claim", "r-0001", 0))->prior;
  DoorOptions away;
  away.servers = {"127.0.0.1:" + std::to_string(free_dns_port())};
  const Result<Outputs> refused = apply(*door(away), call("claim", "r-0001", 0, prior));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::unavailable) << refused.error().message;
  EXPECT_EQ(inspect(*door(away), call("claim", "r-0001", 0)).error().code, ErrorCode::unavailable);
}

TEST_P(FrontDoorFaults, AServerThatDoesNotServeTheZoneProvesNothing) {
  serve();
  ZoneClient client(world_.clock, *resolver_, "other.test.", {server_->address()}, Key{});
  const auto answer =
      world_.wait(client.ask(0, "www.other.test.", "A", world_.in(Duration{2'000})));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::unavailable) << answer.error().message;
}

TEST_P(FrontDoorFaults, ASecondaryThatLagsIsAwaitedByNameAndASilentOneIsNot) {
  serve();
  claim("r-0001", 0);
  const NameServer secondary(world_, GetParam(), kRecords);  // follows nobody
  DoorOptions both;
  both.servers = {server_->address(), secondary.address()};
  const auto action = door(both);
  const Json prior = inspect(*action, call("switch", "r-0001", 1))->prior;
  ASSERT_TRUE(apply(*action, call("switch", "r-0001", 1, prior)));
  const Result<Inspection> lagging = inspect(*action, call("switch", "r-0001", 1, prior));
  ASSERT_TRUE(lagging) << lagging.error().message;
  EXPECT_EQ(lagging->finding, Finding::pending);
  EXPECT_EQ(lagging->because,
            fmt::format("name server {} still answers 127.0.1.1", secondary.address()));

  secondary.freeze();
  const MonotonicInstant began = world_.clock.monotonic();
  const Result<Inspection> silent = inspect(*action, call("switch", "r-0001", 1, prior));
  ASSERT_TRUE(silent) << silent.error().message;
  EXPECT_EQ(silent->finding, Finding::done) << "clients pass it over as well";
  EXPECT_NE(silent->because.find(secondary.address()), std::string::npos) << silent->because;
  EXPECT_LT(elapsed(world_.clock, began), Duration{2'000});
}

// S03 and S26.
TEST_P(FrontDoorFaults, AnAnswerIsNeverMadeEmpty) {
  serve("other A 127.0.1.1");
  // The name does not exist yet: the claim adds nothing, the switch makes it.
  const Json claimed = claim("r-0001", 0);
  EXPECT_EQ(address(), "nothing");
  const Json prior = inspect(*door(), call("switch", "r-0001", 1))->prior;
  ASSERT_TRUE(apply(*door(), call("switch", "r-0001", 1, prior)));
  EXPECT_EQ(address(), kBerlin);
  // Taking that back would leave nothing.
  const Result<void> reverted = revert(*door(), call("switch", "r-0001", 1, prior));
  ASSERT_FALSE(reverted);
  EXPECT_EQ(reverted.error().code, ErrorCode::invalid);
  EXPECT_EQ(address(), kBerlin);
  // The claim itself can still be given back.
  const Result<void> given_back = revert(*door(), call("claim", "r-0001", 1, claimed));
  ASSERT_TRUE(given_back) << given_back.error().message;
  EXPECT_EQ(text(), "2 demo r-0001 amsterdam");
  EXPECT_EQ(address(), kBerlin);
}

TEST_P(FrontDoorFaults, SeveralAddressesAreClaimedReplacedAndRestoredTogether) {
  serve("www A 127.0.1.9\nwww A 127.0.1.1");
  claim("r-0001", 0);
  const Json prior = inspect(*door(), call("switch", "r-0001", 1))->prior;
  ASSERT_TRUE(apply(*door(), call("switch", "r-0001", 1, prior)));
  EXPECT_EQ(address(), kBerlin);
  ASSERT_TRUE(revert(*door(), call("switch", "r-0001", 1, prior)));
  EXPECT_EQ(address(), "127.0.1.1, 127.0.1.9");
}

TEST_P(FrontDoorFaults, AnAliasIsNotGivenAnAddress) {
  serve("www CNAME elsewhere\nelsewhere A 127.0.1.1");
  const Result<Inspection> found = inspect(*door(), call("claim", "r-0001", 0));
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, ErrorCode::invalid);
  EXPECT_NE(found.error().message.find("alias of elsewhere.shop.test."), std::string::npos)
      << found.error().message;
}

TEST_P(FrontDoorFaults, AliasesAndIpv6AddressesAreComparedByMeaning) {
  serve("www CNAME Amsterdam\nsix AAAA 2001:db8::1");
  DoorOptions alias;
  alias.type = "CNAME";
  alias.address = "Berlin.Shop.Test";
  const auto by_name = door(alias);
  Json prior = inspect(*by_name, call("claim", "r-0001", 0))->prior;
  EXPECT_EQ(prior["address"], Json::array({"amsterdam.shop.test."}));
  ASSERT_TRUE(apply(*by_name, call("claim", "r-0001", 0, prior)));
  prior = inspect(*by_name, call("switch", "r-0001", 1))->prior;
  const Result<Outputs> shown = apply(*by_name, call("switch", "r-0001", 1, prior));
  ASSERT_TRUE(shown) << shown.error().message;
  EXPECT_EQ(inspect(*by_name, call("switch", "r-0001", 1, prior))->finding, Finding::done);

  DoorOptions six;
  six.name = "six.shop.test.";
  six.type = "AAAA";
  six.address = "2001:DB8:0::2";
  const auto by_six = door(six);
  prior = inspect(*by_six, call("claim", "r-0001", 0))->prior;
  ASSERT_TRUE(apply(*by_six, call("claim", "r-0001", 0, prior)));
  prior = inspect(*by_six, call("switch", "r-0001", 1))->prior;
  ASSERT_TRUE(apply(*by_six, call("switch", "r-0001", 1, prior)));
  EXPECT_EQ(inspect(*by_six, call("switch", "r-0001", 1, prior))->finding, Finding::done);
}

TEST_P(FrontDoorFaults, APreviewShowsTheChangeWithoutARun) {
  serve();
  const Result<Inspection> claimed = inspect(*door(), call("claim", "", 0));
  ASSERT_TRUE(claimed) << claimed.error().message;
  EXPECT_EQ(claimed->change, "take generation 1 of www.shop.test");
  const Result<Inspection> shown = inspect(*door(), call("switch", "", 0));
  ASSERT_TRUE(shown) << shown.error().message;
  EXPECT_EQ(shown->finding, Finding::needed);
  EXPECT_EQ(shown->change, "www.shop.test  A 127.0.1.1 → 127.0.1.2");
  EXPECT_EQ(shown->fingerprint, claimed->fingerprint);
  EXPECT_EQ(text(), "nothing");
}

TEST_P(FrontDoorFaults, AClaimKeepsThePromisesOfEveryAction) {
  serve();
  const auto world = [this] { return Json{{"address", address()}, {"text", text()}}; };
  const ActionContract contract{.context = world_.context,
                                .clock = world_.clock,
                                .action = door(),
                                .call = [this] { return call("claim", "r-0001", 0); },
                                .world = world,
                                .restored = [](const Json& seen) { return seen["address"]; }};
  contract.check();
}

TEST_P(FrontDoorFaults, ASwitchKeepsThePromisesOfEveryAction) {
  serve();
  claim("r-0001", 0);
  const auto world = [this] { return Json{{"address", address()}, {"text", text()}}; };
  const ActionContract contract{.context = world_.context,
                                .clock = world_.clock,
                                .action = door(),
                                .call = [this] { return call("switch", "r-0001", 1); },
                                .world = world,
                                .restored = [](const Json& seen) { return seen["address"]; }};
  contract.check();
  EXPECT_EQ(text(), "2 demo r-0001 amsterdam") << "so that a late write is refused";
}

TEST_P(FrontDoorFaults, SettingsThatCannotWorkAreRefusedBeforeAnythingIsSent) {
  const std::vector<std::string> servers = {"127.0.0.1:53"};
  const auto refused = [&](const std::function<void(DoorOptions&)>& spoil) {
    DoorOptions options;
    options.servers = servers;
    spoil(options);
    const auto made = try_door(options);
    EXPECT_FALSE(made);
    if (made) return std::string();
    EXPECT_EQ(made.error().code, ErrorCode::invalid);
    return made.error().message;
  };
  EXPECT_NE(refused([](DoorOptions& o) { o.name = "www.elsewhere.test."; }).find("not in the zone"),
            std::string::npos);
  EXPECT_NE(refused([](DoorOptions& o) { o.name = "www.shop.test"; }).find("final dot"),
            std::string::npos);
  EXPECT_NE(refused([](DoorOptions& o) { o.address = "berlin"; }).find("`berlin`"),
            std::string::npos);
  EXPECT_NE(refused([](DoorOptions& o) { o.cluster = "two words"; }).find("two words"),
            std::string::npos);
  EXPECT_NE(refused([](DoorOptions& o) { o.servers = {"127.0.0.1:0"}; }).find("servers"),
            std::string::npos);
  const std::string by_secret = refused([](DoorOptions& o) { o.secret = "%%s3cret%%"; });
  EXPECT_EQ(by_secret.find("s3cret"), std::string::npos) << by_secret;
}

}  // namespace
}  // namespace bascule::dns
