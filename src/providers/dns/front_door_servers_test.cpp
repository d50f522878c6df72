// The front door at servers that are frozen, sign their zone, lost the record, know better, or
// answer what no server should. Whatever is not said for certain is found out by reading.
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "net/datagram.h"
#include "ports/action_contract_for_test.h"
#include "providers/dns/front_door_for_test.h"
#include "providers/dns/scripted_server_for_test.h"
#include "providers/dns/tsig_vectors.h"

namespace bascule::dns {
namespace {

class FrontDoorServers : public FrontDoorOn {
 protected:
  std::shared_ptr<Action> door_at(const std::string& server) {
    DoorOptions options;
    options.servers = {server};
    return door(options);
  }
};

INSTANTIATE_TEST_SUITE_P(Servers, FrontDoorServers, testing::Values(Product::knot, Product::bind),
                         [](const auto& one) { return name_of(one.param); });

TEST_P(FrontDoorServers, AFrozenZoneIsNotWrittenAndIsWrittenOnceItIsThawed) {
  serve();
  claim("r-0001", 0);
  const Json prior = inspect(*door(), call("switch", "r-0001", 1))->prior;
  server_->freeze_zone();
  const Result<Outputs> applied = apply(*door(), call("switch", "r-0001", 1, prior));
  ASSERT_FALSE(applied);
  EXPECT_EQ(applied.error().code, ErrorCode::denied) << applied.error().message;
  EXPECT_NE(applied.error().what_to_do.find("thaw the zone where it is frozen"), std::string::npos)
      << applied.error().what_to_do;
  EXPECT_EQ(address(), kAmsterdam) << "it still answers";
  EXPECT_EQ(inspect(*door(), call("switch", "r-0001", 1, prior))->finding, Finding::needed);
  server_->thaw_zone();
  const Result<Outputs> again = apply(*door(), call("switch", "r-0001", 1, prior));
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(inspect(*door(), call("switch", "r-0001", 1, prior))->finding, Finding::done);
  EXPECT_EQ(address(), kBerlin);
}

TEST_P(FrontDoorServers, ASwitchThatAStoppedServerReadsLateNeverOutlivesItsRevert) {
  serve();
  claim("r-0001", 0);
  const Json prior = inspect(*door(), call("switch", "r-0001", 1))->prior;
  // The kernel takes the update for it; whether it is made before the revert, or refused after it,
  // is the server's affair.
  server_->freeze();
  const Result<Outputs> lost = apply(*door(), call("switch", "r-0001", 1, prior, Duration{500}));
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().code, ErrorCode::outcome_unknown) << lost.error().message;
  server_->thaw();
  const Result<void> reverted = revert(*door(), call("switch", "r-0001", 1, prior));
  ASSERT_TRUE(reverted) << reverted.error().message;
  EXPECT_EQ(address(), kAmsterdam);
  EXPECT_EQ(text(), "2 demo r-0001 amsterdam");
  // Another write, so that whatever was still on its way has been read.
  claim("r-0002", 2);
  EXPECT_EQ(address(), kAmsterdam);
  EXPECT_EQ(text(), "3 demo r-0002 berlin");
}

TEST_P(FrontDoorServers, AZoneThatIsSignedIsWrittenLikeAnyOther) {
  serve(kRecords, ServerOptions{.signs = true});
  ASSERT_TRUE(world_.becomes([&] { return seen(kTestZone, "DNSKEY").has_value(); }))
      << server_->log();
  claim("r-0001", 0);
  const auto world = [this] { return Json{{"address", address()}, {"text", text()}}; };
  const ActionContract contract{.context = world_.context,
                                .clock = world_.clock,
                                .action = door(),
                                .call = [this] { return call("switch", "r-0001", 1); },
                                .world = world,
                                .restored = [](const Json& shown) { return shown["address"]; }};
  contract.check();
  EXPECT_EQ(text(), "2 demo r-0001 amsterdam");
}

TEST_P(FrontDoorServers, WhereTheRecordWasLostNoRunGoesOnAndTheNextOneCountsFurther) {
  serve();
  const Json claimed = claim("r-0001", 6);
  const Json prior = inspect(*door(), call("switch", "r-0001", 7))->prior;
  edit_by_hand(RecordSet{kTextName, "TXT", 2, {}});
  ASSERT_EQ(text(), "nothing");
  const Result<Inspection> looked = inspect(*door(), call("switch", "r-0001", 7, prior));
  ASSERT_FALSE(looked);
  EXPECT_EQ(looked.error().code, ErrorCode::superseded) << looked.error().message;
  const Result<Outputs> applied = apply(*door(), call("switch", "r-0001", 7, prior));
  ASSERT_FALSE(applied);
  EXPECT_EQ(applied.error().code, ErrorCode::superseded) << applied.error().message;
  const Result<void> reverted = revert(*door(), call("switch", "r-0001", 7, prior));
  ASSERT_FALSE(reverted);
  EXPECT_EQ(reverted.error().code, ErrorCode::superseded);
  EXPECT_EQ(address(), kAmsterdam);

  const Result<Inspection> next = inspect(*door(), call("claim", "r-0002", 7));
  ASSERT_TRUE(next) << next.error().message;
  EXPECT_EQ(next->finding, Finding::needed);
  EXPECT_EQ(next->change, "take generation 8 of www.shop.test");
  EXPECT_EQ(next->because, "the record of generation 7 is gone");
  claim("r-0002", 7);
  EXPECT_EQ(text(), "8 demo r-0002 berlin");
}

// S03: whoever was overtaken neither writes nor cleans up.
TEST_P(FrontDoorServers, AHigherGenerationStopsEveryPartOfARun) {
  serve();
  const Json claimed = claim("r-0001", 0);
  const Json prior = inspect(*door(), call("switch", "r-0001", 1))->prior;
  edit_by_hand(RecordSet{kTextName, "TXT", 2, {"5 demo r-0009 berlin"}});
  const std::vector<std::pair<std::string, Json>> operations = {{"claim", claimed},
                                                                {"switch", prior}};
  for (const auto& [operation, before] : operations) {
    SCOPED_TRACE(operation);
    const Result<Inspection> looked = inspect(*door(), call(operation, "r-0001", 1, before));
    ASSERT_FALSE(looked);
    EXPECT_EQ(looked.error().code, ErrorCode::superseded);
    const Result<Outputs> applied = apply(*door(), call(operation, "r-0001", 1, before));
    ASSERT_FALSE(applied);
    EXPECT_EQ(applied.error().code, ErrorCode::superseded);
    const Result<void> reverted = revert(*door(), call(operation, "r-0001", 1, before));
    ASSERT_FALSE(reverted);
    EXPECT_EQ(reverted.error().code, ErrorCode::superseded);
  }
  EXPECT_EQ(address(), kAmsterdam);
  EXPECT_EQ(text(), "5 demo r-0009 berlin");
}

TEST_P(FrontDoorServers, AnUpdateOfAnotherTimeIsDeniedWithTheDifferenceOfTheClocks) {
  if (GetParam() == Product::knot) GTEST_SKIP() << "Knot looks at the zone before the signature";
  serve();
  // Signed in January 2026 with this very key.
  const SignedMessage old{from_hex(kKnownSigned), 0x1234, Bytes(34, 0)};
  const net::Endpoint server{boost::asio::ip::address_v4::loopback(), server_->port()};
  const Result<Bytes> answer = world_.wait(net::exchange_tcp_dns(
      world_.clock, server, old.bytes, world_.in(Duration{10'000}), net::Repeat::never));
  ASSERT_TRUE(answer) << answer.error().message;
  const Result<Outcome> outcome =
      read_update_answer(*answer, old, Key{kTestKey, "hmac-sha256", kTestSecret});
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::denied) << outcome.error().message;
  EXPECT_NE(outcome.error().message.find("clock differs from ours by "), std::string::npos)
      << outcome.error().message;
  EXPECT_EQ(outcome.error().what_to_do, "set both clocks");
}

// Bad servers need no real one beside them.
class FrontDoorScripts : public testing::Test {
 protected:
  std::shared_ptr<Action> door(const ScriptedServer& server) {
    const Json settings{{"servers", {server.address()}},
                        {"zone", kTestZone},
                        {"name", kTestName},
                        {"address", kBerlin},
                        {"key", {{"name", kTestKey}, {"secret", {{"$secret", kTestSecret}}}}}};
    return action_kinds(*resolver_)
        .front()
        .make(ActionContext{nullptr, "demo", SiteName("berlin"), settings}, world_.services)
        .value();
  }
  StepCall call(Duration limit = Duration{10'000}) {
    StepCall made(world_.in(limit));
    made.group = GroupName("shop");
    made.source = SiteName("amsterdam");
    made.target = SiteName("berlin");
    made.run = RunId("r-0001");
    made.operation = "claim";
    made.attempt = 1;
    made.prior = {{"address", {kAmsterdam}}, {"text", Json::array()}};
    return made;
  }
  // What comes of an update to which this is the answer.
  Error answered(std::function<std::vector<Bytes>(const Bytes&)> script) {
    ScriptedServer server(world_, [script](const Bytes& message, bool) { return script(message); });
    const Result<Outputs> applied = world_.wait(door(server)->apply(call(Duration{1'500})));
    EXPECT_FALSE(applied);
    return applied ? Error() : applied.error();
  }

  PlainWorld world_;
  std::unique_ptr<net::Resolver> resolver_ = *net::Resolver::make(world_.context, world_.clock, {});
};

TEST_F(FrontDoorScripts, AnUpdateThatIsNotAnsweredForCertainHasAnUnknownOutcome) {
  const std::vector<std::pair<std::string, std::function<std::vector<Bytes>(const Bytes&)>>> bad = {
      {"silence, and the end", [](const Bytes&) { return std::vector<Bytes>(); }},
      {"noise", [](const Bytes&) { return std::vector<Bytes>{Bytes(40, 0xA5)}; }},
      {"an empty message", [](const Bytes&) { return std::vector<Bytes>{Bytes()}; }},
      {"half a header", [](const Bytes& m) { return std::vector<Bytes>{{m[0], m[1], 0xA8}}; }},
      {"another id",
       [](const Bytes& m) {
         Bytes answer(m.begin(), m.begin() + 12);
         answer[0] ^= 0xFF;
         answer[2] = 0xA8;
         return std::vector<Bytes>{answer};
       }},
      {"an answer to a question", [](const Bytes& m) {
         Bytes answer(12, 0);
         answer[0] = m[0];
         answer[1] = m[1];
         answer[2] = 0x84;
         return std::vector<Bytes>{answer};
       }}};
  for (const auto& [what, script] : bad) {
    const Error error = answered(script);
    EXPECT_EQ(error.code, ErrorCode::outcome_unknown) << what << ": " << error.message;
  }
}

TEST_F(FrontDoorScripts, AnUnsignedAnswerIsBelievedOnlyWhereItRefuses) {
  const auto code_of = [&](int rcode) {
    return answered([rcode](const Bytes& message) {
      Bytes answer(12, 0);
      answer[0] = message[0];
      answer[1] = message[1];
      answer[2] = 0xA8;
      answer[3] = static_cast<std::uint8_t>(rcode);
      return std::vector<Bytes>{answer};
    });
  };
  for (const int rcode : {0, 2, 6, 7, 8}) {  // NOERROR, SERVFAIL, the prerequisites
    EXPECT_EQ(code_of(rcode).code, ErrorCode::outcome_unknown) << rcode;
  }
  for (const int rcode : {5, 9}) {  // REFUSED, NOTAUTH
    const Error error = code_of(rcode);
    EXPECT_EQ(error.code, ErrorCode::denied) << error.message;
    EXPECT_FALSE(error.what_to_do.empty());
  }
  for (const int rcode : {1, 4, 10}) {  // FORMERR, NOTIMP, NOTZONE
    EXPECT_EQ(code_of(rcode).code, ErrorCode::invalid) << rcode;
  }
}

TEST_F(FrontDoorScripts, ALookThatIsNotAnsweredForCertainIsNoFinding) {
  const std::vector<std::pair<std::string, DnsScript>> bad = {
      {"SERVFAIL", [](const Bytes& q, bool) { return std::vector<Bytes>{answer_to(q, 0x8402)}; }},
      {"REFUSED", [](const Bytes& q, bool) { return std::vector<Bytes>{answer_to(q, 0x8005)}; }},
      {"NOTAUTH", [](const Bytes& q, bool) { return std::vector<Bytes>{answer_to(q, 0x8009)}; }},
      {"from a cache",
       [](const Bytes& q, bool) { return std::vector<Bytes>{answer_to(q, 0x8080, {1})}; }},
      {"truncated", [](const Bytes& q, bool) { return std::vector<Bytes>{answer_to(q, 0x8600)}; }},
      {"noise", [](const Bytes&, bool) { return std::vector<Bytes>{Bytes(40, 0xA5)}; }},
      {"another question", [](const Bytes& q, bool) {
         Bytes answer = answer_to(q, 0x8400, {1});
         answer[13] ^= 0x01;
         return std::vector<Bytes>{answer};
       }}};
  for (const auto& [what, script] : bad) {
    ScriptedServer server(world_, script);
    StepCall made = call(Duration{700});
    made.attempt = 0;
    made.prior = nullptr;
    const Result<Inspection> found = world_.wait(door(server)->inspect(std::move(made)));
    ASSERT_FALSE(found) << what;
    const ErrorCode code = found.error().code;
    EXPECT_TRUE(code == ErrorCode::unavailable || code == ErrorCode::timeout)
        << what << ": " << found.error().message;
  }
}

}  // namespace
}  // namespace bascule::dns
