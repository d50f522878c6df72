// The whole runtime on simulated time, over a world of fakes: failover, return, failback, a store
// that is full, and a process that dies at every record.
#include "runtime/supervisor.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "shop_world.h"

namespace bascule::runtime::test {
namespace {

using engine::test_world::at;
using engine::test_world::two_site_configuration;

class SupervisorTest : public testing::Test {
 protected:
  FakeWorld world;
  std::shared_ptr<MemoryStore> store = std::make_shared<MemoryStore>();
  Configuration configuration = two_site_configuration();

  std::unique_ptr<FakeBascule> start(Instant when = at(0)) {
    return std::make_unique<FakeBascule>(world, store, when, configuration);
  }
  void expect_safe() const {
    EXPECT_TRUE(world.violations.empty()) << world.violations.front();
    EXPECT_FALSE(world.sites.at(kAmsterdam).takes_writes() &&
                 world.sites.at(kBerlin).takes_writes());
  }
};

bool run_is(FakeBascule& bascule, RunState state) {
  return bascule.run_is(state);
}

TEST_F(SupervisorTest, AdoptsTheSiteThatTheFrontDoorShowsAndClaimsTheFirstGeneration) {
  auto bascule = start();
  ASSERT_TRUE(bascule->until([&] { return bascule->steady(); }));
  EXPECT_EQ(bascule->state().groups.at(kShop).active, kAmsterdam);
  EXPECT_EQ(world.door.generation, 1U);
  EXPECT_EQ(world.door.address, "127.0.1.1");
}

TEST_F(SupervisorTest, FailsOverByItselfAndMakesTheOldPrimaryAStandbyWhenItReturns) {
  auto bascule = start();
  ASSERT_TRUE(bascule->until([&] { return bascule->steady(); }));
  world.sites[kAmsterdam].powered = false;
  ASSERT_TRUE(bascule->until([&] { return run_is(*bascule, RunState::done); }));
  EXPECT_EQ(bascule->state().groups.at(kShop).active, kBerlin);
  EXPECT_EQ(world.door.address, "127.0.1.2");
  EXPECT_EQ(world.door.generation, 2U);
  const engine::Run& run = *bascule->newest_run();
  ASSERT_TRUE(run.outage_began_at && run.outage_ended_at);
  EXPECT_LT(*run.outage_ended_at - *run.outage_began_at, Duration{2'000});
  EXPECT_EQ(run.trigger, Trigger::automatic);

  world.sites[kAmsterdam].powered = true;
  ASSERT_TRUE(bascule->until([&] { return bascule->steady(); }));
  EXPECT_EQ(world.sites[kAmsterdam].role, DatabaseRole::replica);
  const std::vector<std::string> expected{"cut amsterdam", "promote berlin", "door 127.0.1.2",
                                          "seal amsterdam", "rejoin amsterdam"};
  EXPECT_EQ(world.effects, expected);
  expect_safe();
}

TEST_F(SupervisorTest, WatchesTheFrontDoorAndSetsItBackWhereThePolicySaysSo) {
  auto bascule = start();
  ASSERT_TRUE(bascule->until([&] { return bascule->steady(); }));
  world.door.address = "127.0.1.2";
  ASSERT_TRUE(bascule->until([&] { return bascule->count("FrontDoorDrifted") == 1; }));
  const auto& drift = bascule->state().groups.at(kShop).drift;
  ASSERT_TRUE(drift);
  EXPECT_EQ(drift->found, "127.0.1.2");
  world.door.address = "127.0.1.1";
  ASSERT_TRUE(bascule->until([&] { return bascule->count("FrontDoorRestored") == 1; }));
  EXPECT_EQ(world.effects, std::vector<std::string>());

  bascule.reset();
  configuration.groups.front().policy.reassert_front_door = true;
  bascule = start(at(60'000));
  ASSERT_TRUE(bascule->until([&] { return bascule->steady(); }));
  world.door.address = "127.0.1.2";
  ASSERT_TRUE(bascule->until([&] { return bascule->count("FrontDoorRestored") == 2; }));
  EXPECT_EQ(world.door.address, "127.0.1.1");
  EXPECT_EQ(world.effects, std::vector<std::string>{"door 127.0.1.1"});
}

TEST_F(SupervisorTest, FailsBackWithoutLossByCommand) {
  auto bascule = start();
  ASSERT_TRUE(bascule->until([&] { return bascule->steady(); }));
  engine::StartMove there;
  there.group = kShop;
  there.move = Move::switchover;
  auto answer = bascule->command(there);
  ASSERT_TRUE(answer && answer->accepted)
      << (answer && answer->error ? answer->error->message : "");
  ASSERT_TRUE(bascule->until(
      [&] { return bascule->steady() && bascule->state().groups.at(kShop).active == kBerlin; }));
  engine::StartMove back;
  back.group = kShop;
  back.move = Move::failback;
  answer = bascule->command(back);
  ASSERT_TRUE(answer && answer->accepted)
      << (answer && answer->error ? answer->error->message : "");
  ASSERT_TRUE(bascule->until(
      [&] { return bascule->steady() && bascule->state().groups.at(kShop).active == kAmsterdam; }));
  EXPECT_EQ(std::ranges::count(world.effects, "cut amsterdam"), 0);
  EXPECT_EQ(world.door.address, "127.0.1.1");
  expect_safe();
}

TEST_F(SupervisorTest, APlannedMoveIsRefusedByThePreflightOfItsTarget) {
  auto bascule = start();
  ASSERT_TRUE(bascule->until([&] { return bascule->steady(); }));
  world.lag = "berlin is 45s behind (limit 30s)";
  engine::StartMove there;
  there.group = kShop;
  there.move = Move::switchover;
  there.to = kBerlin;
  const auto answer = bascule->command(there);
  ASSERT_TRUE(answer && !answer->accepted);
  EXPECT_EQ(answer->refused_by, engine::GateName::target);
  ASSERT_TRUE(answer->error);
  EXPECT_NE(answer->error->message.find("preflight lag: berlin is 45s behind"), std::string::npos)
      << answer->error->message;
  EXPECT_EQ(bascule->count("RunOpened"), 0U);
}

TEST_F(SupervisorTest, APreflightThatBlocksPlannedMovesIsAWarningInAFailover) {
  auto bascule = start();
  ASSERT_TRUE(bascule->until([&] { return bascule->steady(); }));
  world.lag = "berlin is 45s behind (limit 30s)";
  world.sites[kAmsterdam].powered = false;
  ASSERT_TRUE(bascule->until([&] { return run_is(*bascule, RunState::done); }));
  expect_safe();
}

TEST_F(SupervisorTest, TakesTheFencesBackWhenTheClaimIsRefused) {
  auto bascule = start();
  ASSERT_TRUE(bascule->until([&] { return bascule->steady(); }));
  world.failing["postgres.fence"] = Error{ErrorCode::denied, "no such role", "", std::nullopt};
  engine::StartMove there;
  there.group = kShop;
  there.move = Move::switchover;
  auto answer = bascule->command(there);
  ASSERT_TRUE(answer && answer->accepted);
  ASSERT_TRUE(bascule->until([&] {
    return run_is(*bascule, RunState::rolled_back) || run_is(*bascule, RunState::parked);
  }));
  EXPECT_EQ(world.door.address, "127.0.1.1");
  EXPECT_TRUE(world.sites[kAmsterdam].takes_writes());
  expect_safe();
}

TEST_F(SupervisorTest, NothingIsDoneWhileTheStoreIsFullAndItGoesOnByItself) {
  auto bascule = start();
  ASSERT_TRUE(bascule->until([&] { return bascule->steady(); }));
  bascule->journal.be_full(true);
  world.sites[kAmsterdam].powered = false;
  bascule->clock.advance(Duration{20'000});
  EXPECT_TRUE(world.effects.empty()) << world.effects.front();
  EXPECT_FALSE(bascule->ended);
  bascule->journal.be_full(false);
  ASSERT_TRUE(bascule->until([&] { return run_is(*bascule, RunState::done); }));
  expect_safe();
}

TEST_F(SupervisorTest, ALostReplyOfTheStoreIsResolvedByAskingWhereItStands) {
  auto bascule = start();
  ASSERT_TRUE(bascule->until([&] { return bascule->steady(); }));
  bascule->journal.lose_next_reply();
  world.sites[kAmsterdam].powered = false;
  ASSERT_TRUE(bascule->until([&] { return run_is(*bascule, RunState::done); }));
  expect_safe();
}

TEST_F(SupervisorTest, StopsActingWhenItsTermIsOver) {
  auto bascule = start();
  ASSERT_TRUE(bascule->until([&] { return bascule->steady(); }));
  bascule->journal.lose_lease();
  world.sites[kAmsterdam].powered = false;
  ASSERT_TRUE(bascule->until([&] { return bascule->ended; }));
  EXPECT_TRUE(world.effects.empty());
}

// Kills the process after each record of a failover in turn, starts the next one over the same
// journal and world, and expects the same end.
TEST_F(SupervisorTest, AProcessThatDiesAfterAnyRecordOfAFailoverIsFollowedByOneThatFinishesIt) {
  std::size_t length = 0;
  {
    auto bascule = start();
    ASSERT_TRUE(bascule->until([&] { return bascule->steady(); }));
    world.sites[kAmsterdam].powered = false;
    ASSERT_TRUE(bascule->until([&] { return run_is(*bascule, RunState::done); }));
    length = store->stored().size();
  }
  for (std::size_t dies_after = 1; dies_after <= length; ++dies_after) {
    SCOPED_TRACE(dies_after);
    world = FakeWorld();
    store = std::make_shared<MemoryStore>();
    auto first = start();
    const auto killed = [&] { return store->stored().size() >= dies_after; };
    first->until([&] { return killed() || first->steady(); });
    world.sites[kAmsterdam].powered = killed();
    ASSERT_TRUE(first->until(killed));
    const Instant when = first->clock.now();
    const bool was_decided = first->count("RunOpened") > 0;
    const bool was_well = world.sites[kAmsterdam].powered;
    FakeBascule::kill(std::move(first));

    auto next = start(when + Duration{200});
    if (was_well) {
      ASSERT_TRUE(next->until([&] { return next->steady(); })) << next->story();
      world.sites[kAmsterdam].powered = false;
    } else if (!was_decided) {
      // Whoever starts after the source has died never read its positions: the loss is unknown, and
      // this policy gives up then. Nothing may be done.
      next->clock.advance(Duration{90'000});
      EXPECT_EQ(next->state().groups.at(kShop).state, GroupState::critical) << next->story();
      EXPECT_TRUE(world.effects.empty());
      continue;
    }
    ASSERT_TRUE(next->until([&] { return run_is(*next, RunState::done); })) << next->story();
    EXPECT_EQ(next->state().groups.at(kShop).active, kBerlin);
    EXPECT_EQ(world.door.address, "127.0.1.2");
    EXPECT_EQ(std::ranges::count(world.effects, "promote berlin"), 1);
    expect_safe();
  }
}

}  // namespace
}  // namespace bascule::runtime::test
