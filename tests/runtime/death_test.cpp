// A process that dies, is stopped or is paused between any two of its handlers, in the middle of a
// failover and of a switchover; the next one goes on over the same journal and world. Simulated
// time: each await and each timer of the runtime is such a place, and each is tried.
#include <gtest/gtest.h>

#include <algorithm>

#include "shop_world.h"

namespace bascule::runtime::test {
namespace {

using engine::test_world::at;
using engine::test_world::two_site_configuration;

constexpr Duration kPatience{120'000};

class DeathTest : public testing::TestWithParam<Move> {
 protected:
  std::unique_ptr<FakeBascule> start(Instant when = at(0)) {
    return std::make_unique<FakeBascule>(world_, store_, when, two_site_configuration());
  }

  // A world of its own, in which the run has just been opened.
  std::unique_ptr<FakeBascule> begin() {
    world_ = FakeWorld();
    store_ = std::make_shared<MemoryStore>();
    auto bascule = start();
    EXPECT_TRUE(bascule->until([&] { return bascule->steady(); })) << bascule->story();
    if (GetParam() == Move::failover) {
      world_.sites[kAmsterdam].powered = false;
    } else {
      engine::StartMove there;
      there.group = kShop;
      there.move = GetParam();
      const auto answer = bascule->command(there);
      EXPECT_TRUE(answer && answer->accepted);
    }
    EXPECT_TRUE(bascule->until([&] { return bascule->count("RunOpened") > 0; }));
    return bascule;
  }

  // How many handlers it takes from there to the run's end.
  int handlers_of_a_run() {
    auto bascule = begin();
    int handlers = 0;
    while (!bascule->run_is(RunState::done) && bascule->clock.step()) ++handlers;
    EXPECT_GT(handlers, 100);
    return handlers;
  }

  void expect_one_active_site() const {
    ASSERT_TRUE(world_.violations.empty()) << world_.violations.front();
    ASSERT_FALSE(world_.sites.at(kAmsterdam).takes_writes() &&
                 world_.sites.at(kBerlin).takes_writes());
  }

  void goes_on_to_the_end(FakeBascule& bascule) {
    ASSERT_TRUE(bascule.until([&] { return bascule.run_is(RunState::done); }, kPatience))
        << bascule.story();
    expect_one_active_site();
    EXPECT_EQ(bascule.state().groups.at(kShop).active, kBerlin);
    EXPECT_EQ(world_.door.address, "127.0.1.2");
    EXPECT_EQ(std::ranges::count(world_.effects, "promote berlin"), 1);
    EXPECT_EQ(bascule.count("RunOpened"), 1U);
    EXPECT_EQ(bascule.count("ActiveSiteChanged"), 2U);  // the adoption, and the move
  }

  FakeWorld world_;
  std::shared_ptr<MemoryStore> store_;
};

TEST_P(DeathTest, KilledAnywhereInARunTheNextProcessEndsIt) {
  const int handlers = handlers_of_a_run();
  for (int after = 0; after <= handlers; ++after) {
    SCOPED_TRACE(after);
    auto first = begin();
    for (int i = 0; i < after; ++i) first->clock.step();
    const Instant when = first->clock.now();
    FakeBascule::kill(std::move(first));
    expect_one_active_site();
    auto next = start(when + Duration{200});
    goes_on_to_the_end(*next);
    if (HasFailure()) return;
  }
}

TEST_P(DeathTest, KilledAgainAndAgainItStillEnds) {
  const int handlers = handlers_of_a_run();
  for (int every = 11; every <= handlers / 2; every += 97) {
    SCOPED_TRACE(every);
    auto bascule = begin();
    for (int deaths = 0; deaths < 5; ++deaths) {
      for (int i = 0; i < every; ++i) bascule->clock.step();
      const Instant when = bascule->clock.now();
      FakeBascule::kill(std::move(bascule));
      expect_one_active_site();
      bascule = start(when + Duration{200});
    }
    goes_on_to_the_end(*bascule);
    if (HasFailure()) return;
  }
}

TEST_P(DeathTest, ToldToStopAnywhereInARunItEndsCleanlyAndTheNextProcessGoesOn) {
  const int handlers = handlers_of_a_run();
  for (int after = 0; after <= handlers; after += 5) {
    SCOPED_TRACE(after);
    auto first = begin();
    for (int i = 0; i < after; ++i) first->clock.step();
    first->stop();
    ASSERT_TRUE(first->result) << first->result.error().message;
    expect_one_active_site();
    const Instant when = first->clock.now();
    first.reset();
    auto next = start(when + Duration{200});
    goes_on_to_the_end(*next);
    if (HasFailure()) return;
  }
}

// SIGSTOP for a minute: everything that was waited for has passed when it runs again.
TEST_P(DeathTest, PausedAnywhereInARunItGoesOnByItself) {
  const int handlers = handlers_of_a_run();
  for (int after = 0; after < handlers; after += 5) {
    SCOPED_TRACE(after);
    auto bascule = begin();
    for (int i = 0; i < after; ++i) bascule->clock.step();
    bascule->clock.stall(Duration{60'000});
    goes_on_to_the_end(*bascule);
    if (HasFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(Moves, DeathTest, testing::Values(Move::failover, Move::switchover),
                         [](const auto& info) { return std::string(to_string(info.param)); });

}  // namespace
}  // namespace bascule::runtime::test
