// Who writes the front door first, who comes late, and what is never overwritten, on real name
// servers. What fails on the way there is in front_door_faults_test.cpp.
#include "providers/dns/front_door.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "async/scope.h"
#include "providers/dns/front_door_for_test.h"

namespace bascule::dns {
namespace {

INSTANTIATE_TEST_SUITE_P(Servers, FrontDoorOn, testing::Values(Product::knot, Product::bind),
                         [](const auto& one) { return name_of(one.param); });

TEST_P(FrontDoorOn, TheFirstClaimWritesGenerationOneAndLeavesTheAddress) {
  serve();
  const auto action = door();
  const Result<Inspection> found = inspect(*action, call("claim", "r-0001", 0));
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->finding, Finding::needed);
  EXPECT_EQ(found->change, "take generation 1 of www.shop.test");
  EXPECT_EQ(found->facts["address"], Json::array({kAmsterdam}));
  EXPECT_EQ(found->facts["ttl_seconds"], 30);
  EXPECT_EQ(found->facts["found"], false);
  EXPECT_EQ(text(), "nothing");

  const Result<Outputs> taken = apply(*action, call("claim", "r-0001", 0, found->prior));
  ASSERT_TRUE(taken) << taken.error().message;
  EXPECT_EQ(taken->at("generation"), 1);
  EXPECT_EQ(taken->at("previous_generation"), 0);
  EXPECT_EQ(taken->at("address"), Json::array({kAmsterdam}));
  EXPECT_EQ(text(), "1 demo r-0001 berlin");
  EXPECT_EQ(address(), kAmsterdam);
  EXPECT_EQ(seen(kTestName, "A")->ttl, 30U) << "not rewritten";

  // As the engine asks afterwards: before and after it knows the generation.
  for (const Generation known : {0U, 1U}) {
    const Result<Inspection> done = inspect(*action, call("claim", "r-0001", known, found->prior));
    ASSERT_TRUE(done) << done.error().message;
    EXPECT_EQ(done->finding, Finding::done);
    EXPECT_EQ(done->facts["generation"], 1);
  }
}

TEST_P(FrontDoorOn, AClaimThatRequiresThatNoneExistsIsRefusedWhereOneDoes) {
  serve(std::string(kRecords) + "\n_bascule.www TXT \"3 demo r-0009 amsterdam\"");
  const Json prior{{"address", {kAmsterdam}}, {"text", Json::array()}};
  const Result<Outputs> refused = apply(*door(), call("claim", "r-0001", 0, prior));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::superseded);
  EXPECT_EQ(text(), "3 demo r-0009 amsterdam");
}

TEST_P(FrontDoorOn, TheNextClaimTakesTheGenerationAfterTheOneFound) {
  serve();
  claim("r-0001", 0);
  const Result<Inspection> found = inspect(*door(), call("claim", "r-0002", 1));
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->finding, Finding::needed);
  EXPECT_EQ(found->because, "now 1, berlin");
  claim("r-0002", 1);
  EXPECT_EQ(text(), "2 demo r-0002 berlin");
}

TEST_P(FrontDoorOn, AGenerationIsNeverBelowTheOneThatTheJournalKnows) {
  serve(std::string(kRecords) + "\n_bascule.www TXT \"3 demo r-0009 amsterdam\"");
  claim("r-0010", 41);  // the zone was restored from an old backup
  EXPECT_EQ(text(), "42 demo r-0010 berlin");
}

TEST_P(FrontDoorOn, AnAdoptionTakesTheGenerationAfterAnybodys) {
  serve(std::string(kRecords) + "\n_bascule.www TXT \"7 other r-0009 amsterdam\"");
  claim("o-0001", 0);
  EXPECT_EQ(text(), "8 demo o-0001 berlin");
}

TEST_P(FrontDoorOn, WhoOnlyLooksIsToldWhatIsThereWhoeverWroteIt) {
  serve(std::string(kRecords) + "\n_bascule.www TXT \"9 other r-0003 berlin\"");
  const Result<Inspection> found = inspect(*door(), call("switch", "", 0));
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->finding, Finding::needed);
  EXPECT_EQ(found->facts["address"], Json::array({kAmsterdam}));
  EXPECT_EQ(found->facts["record"], "_bascule.www.shop.test");
  EXPECT_EQ(found->facts["generation"], 9);
  EXPECT_EQ(found->facts["cluster"], "other");
  EXPECT_EQ(found->facts["run"], "r-0003");
  EXPECT_EQ(found->facts["target"], "berlin");
  edit_by_hand(RecordSet{kTestName, "A", 2, {kBerlin}});
  EXPECT_EQ(inspect(*door(), call("switch", "", 0))->finding, Finding::done);
}

// S03: the slower of two writers comes late, and the record itself refuses it.
TEST_P(FrontDoorOn, TheServerItselfRefusesAStaleGeneration) {
  serve();
  claim("r-0001", 0);
  claim("r-0002", 1);
  // Byte for byte what run r-0001 would send as its switch.
  const Result<Outcome> stale =
      send(Update{{},
                  {RecordSet{kTestName, "A", 2, {kAmsterdam}},
                   RecordSet{kTextName, "TXT", 2, {"1 demo r-0001 berlin"}}},
                  {RecordSet{kTestName, "A", 2, {kBerlin}}}});
  ASSERT_TRUE(stale) << stale.error().message;
  EXPECT_EQ(*stale, Outcome::required_differs);
  EXPECT_EQ(address(), kAmsterdam);
}

TEST_P(FrontDoorOn, OfTwoClaimsFromTheSameGenerationOneIsSuperseded) {
  serve();
  const Json prior = inspect(*door(), call("claim", "r-0001", 0))->prior;
  const auto first = door();
  const auto second = door();
  int won = 0;
  int lost = 0;
  struct Run {
    static awaitable<void> it(Action& action, StepCall made, int& good, int& bad) {
      const Result<Outputs> taken = co_await action.apply(std::move(made));
      if (!taken) EXPECT_EQ(taken.error().code, ErrorCode::superseded) << taken.error().message;
      ++(taken ? good : bad);
    }
  };
  Scope scope(world_.context.get_executor(), nullptr);
  scope.spawn("a", Run::it(*first, call("claim", "r-0001", 0, prior), won, lost));
  scope.spawn("b", Run::it(*second, call("claim", "r-0002", 0, prior), won, lost));
  world_.wait(scope.join());
  EXPECT_EQ(won, 1);
  EXPECT_EQ(lost, 1);
}

TEST_P(FrontDoorOn, AGenerationAboveTheKnownOneMeansSuperseded) {
  serve(std::string(kRecords) + "\n_bascule.www TXT \"9 demo r-0003 berlin\"");
  const Result<Inspection> found = inspect(*door(), call("claim", "r-0003", 8));
  ASSERT_FALSE(found) << "a run of the same number that another journal counts";
  EXPECT_EQ(found.error().code, ErrorCode::superseded);
  EXPECT_NE(found.error().message.find("9 demo r-0003 berlin"), std::string::npos);
  EXPECT_NE(found.error().what_to_do.find("bascule adopt shop"), std::string::npos);
}

TEST_P(FrontDoorOn, WhatAnotherClusterHoldsIsNotTaken) {
  serve(std::string(kRecords) + "\n_bascule.www TXT \"2 other r-0003 berlin\"");
  const Result<Inspection> found = inspect(*door(), call("claim", "r-0004", 8));
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, ErrorCode::superseded);
}

TEST_P(FrontDoorOn, TextThatNoBasculeWroteIsNotOverwritten) {
  serve(std::string(kRecords) + "\n_bascule.www TXT \"verify=\\\"x\\\"\"");
  for (const Generation known : {0U, 8U}) {
    const Result<Inspection> found = inspect(*door(), call("claim", "r-0001", known));
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().code, ErrorCode::superseded);
    EXPECT_NE(found.error().message.find("which no Bascule wrote"), std::string::npos);
  }
}

TEST_P(FrontDoorOn, ASwitchShowsTheNewAddressWithItsTtl) {
  serve();
  claim("r-0001", 0);
  const auto action = door();
  const Result<Inspection> found = inspect(*action, call("switch", "r-0001", 1));
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->finding, Finding::needed);
  EXPECT_EQ(found->change, "www.shop.test  A 127.0.1.1 → 127.0.1.2");
  const Result<Outputs> shown = apply(*action, call("switch", "r-0001", 1, found->prior));
  ASSERT_TRUE(shown) << shown.error().message;
  EXPECT_EQ(shown->at("previous_address"), Json::array({kAmsterdam}));
  EXPECT_EQ(address(), kBerlin);
  EXPECT_EQ(seen(kTestName, "A")->ttl, 2U);
  EXPECT_EQ(text(), "1 demo r-0001 berlin");
  EXPECT_EQ(inspect(*action, call("switch", "r-0001", 1, found->prior))->finding, Finding::done);
}

TEST_P(FrontDoorOn, ASwitchAfterSomebodyTookANewerGenerationIsSuperseded) {
  serve();
  claim("r-0001", 0);
  const Json prior = inspect(*door(), call("switch", "r-0001", 1))->prior;
  claim("r-0002", 1);
  const Result<Outputs> late = apply(*door(), call("switch", "r-0001", 1, prior));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, ErrorCode::superseded);
  EXPECT_EQ(address(), kAmsterdam);
  EXPECT_EQ(text(), "2 demo r-0002 berlin");
  const Result<Inspection> looked = inspect(*door(), call("switch", "r-0001", 1, prior));
  ASSERT_FALSE(looked);
  EXPECT_EQ(looked.error().code, ErrorCode::superseded);
}

TEST_P(FrontDoorOn, AnAddressEditedByHandIsAConflictAndStays) {
  serve();
  const Json first = claim("r-0001", 0);
  const Json prior = inspect(*door(), call("switch", "r-0001", 1))->prior;
  edit_by_hand(RecordSet{kTestName, "A", 30, {"127.0.1.9"}});
  const Result<Outputs> refused = apply(*door(), call("switch", "r-0001", 1, prior));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::conflict);
  EXPECT_EQ(address(), "127.0.1.9");

  // Also when the edit came before the switch was inspected, where the claim's outputs are known.
  StepCall made = call("switch", "r-0001", 1, inspect(*door(), call("switch", "r-0001", 1))->prior);
  made.claimed = Json{{"generation", 1}, {"address", {kAmsterdam}}};
  const Result<Outputs> again = apply(*door(), made);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, ErrorCode::conflict);

  // And a claim from an older look.
  const Result<Outputs> claimed = apply(*door(), call("claim", "r-0002", 1, prior));
  ASSERT_FALSE(claimed);
  EXPECT_EQ(claimed.error().code, ErrorCode::conflict);
  // A revert of the switch does not overwrite it either.
  const Result<void> reverted = revert(*door(), call("switch", "r-0001", 1, prior));
  ASSERT_FALSE(reverted);
  EXPECT_EQ(reverted.error().code, ErrorCode::conflict);
  EXPECT_EQ(address(), "127.0.1.9");
}

TEST_P(FrontDoorOn, ARevertTakesTheNextGenerationSoThatALateSwitchIsRefused) {
  serve();
  const Json claimed = claim("r-0001", 0);
  const Json prior = inspect(*door(), call("switch", "r-0001", 1))->prior;
  ASSERT_TRUE(apply(*door(), call("switch", "r-0001", 1, prior)));
  ASSERT_EQ(address(), kBerlin);

  const Result<void> reverted = revert(*door(), call("switch", "r-0001", 1, prior));
  ASSERT_TRUE(reverted) << reverted.error().message;
  EXPECT_EQ(address(), kAmsterdam);
  EXPECT_EQ(text(), "2 demo r-0001 amsterdam");
  const Result<Outputs> late = apply(*door(), call("switch", "r-0001", 1, prior));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, ErrorCode::superseded);
  EXPECT_EQ(address(), kAmsterdam);

  // Then the claim, with the generation that the first revert took.
  const Result<void> given_back = revert(*door(), call("claim", "r-0001", 2, claimed));
  ASSERT_TRUE(given_back) << given_back.error().message;
  EXPECT_EQ(text(), "3 demo r-0001 amsterdam");
  EXPECT_EQ(address(), kAmsterdam);
}

TEST_P(FrontDoorOn, ASwitchThatNeverArrivedIsRefusedOnceItWasTakenBack) {
  serve();
  claim("r-0001", 0);
  const Json prior = inspect(*door(), call("switch", "r-0001", 1))->prior;
  ASSERT_TRUE(revert(*door(), call("switch", "r-0001", 1, prior)));
  EXPECT_EQ(text(), "2 demo r-0001 amsterdam");
  const Result<Outputs> late = apply(*door(), call("switch", "r-0001", 1, prior));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, ErrorCode::superseded);
  EXPECT_EQ(address(), kAmsterdam);
}

TEST_P(FrontDoorOn, AClaimOfUnknownOutcomeIsTakenBackWhetherItArrivedOrNot) {
  serve(std::string(kRecords) + "\n_bascule.www TXT \"5 demo r-0001 amsterdam\"");
  // It did not arrive: the next generation is taken, and a late claim is refused.
  Json prior = inspect(*door(), call("claim", "r-0002", 5))->prior;
  ASSERT_TRUE(revert(*door(), call("claim", "r-0002", 5, prior)));
  EXPECT_EQ(text(), "6 demo r-0002 amsterdam");
  const Result<Outputs> late = apply(*door(), call("claim", "r-0002", 5, prior));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, ErrorCode::superseded);
  // It did arrive: it cannot come again, and the generation is what the journal will count.
  prior = claim("r-0003", 6);
  ASSERT_TRUE(revert(*door(), call("claim", "r-0003", 6, prior)));
  EXPECT_EQ(text(), "7 demo r-0003 berlin");
  // Somebody else's is left alone.
  claim("r-0004", 7);
  const Result<void> others = revert(*door(), call("claim", "r-0003", 6, prior));
  ASSERT_FALSE(others);
  EXPECT_EQ(others.error().code, ErrorCode::superseded);
  EXPECT_EQ(text(), "8 demo r-0004 berlin");
}

}  // namespace
}  // namespace bascule::dns
