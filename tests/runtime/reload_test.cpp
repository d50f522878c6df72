// A configuration that is read again while a term is open, also in the middle of a run.
#include <gtest/gtest.h>

#include <algorithm>

#include "shop_world.h"

namespace bascule::runtime::test {
namespace {

using engine::test_world::at;
using engine::test_world::database_of;
using engine::test_world::two_site_configuration;

class ReloadTest : public testing::Test {
 protected:
  ReloadTest() {
    EXPECT_TRUE(bascule_.until([&] { return bascule_.steady(); })) << bascule_.story();
  }

  GroupSpec& shop() { return changed_.groups.front(); }
  Result<void> reload() {
    std::optional<Result<void>> taken;
    struct Taking {
      static awaitable<void> take(FakeBascule& bascule, Configuration configuration,
                                  std::optional<Result<void>>* into) {
        into->emplace(co_await bascule.supervisor->reload(
            std::move(configuration), {}, Deadline::in(bascule.clock, Duration{10'000})));
      }
    };
    boost::asio::co_spawn(bascule_.io, Taking::take(bascule_, changed_, &taken),
                          boost::asio::detached);
    EXPECT_TRUE(bascule_.until([&] { return taken.has_value(); }));
    return taken ? *taken : fail(ErrorCode::timeout, "no answer");
  }
  const Configuration& in_force() { return bascule_.state().configuration; }
  void open_failover() {
    world_.sites[kAmsterdam].powered = false;
    ASSERT_TRUE(bascule_.until([&] { return bascule_.count("RunOpened") > 0; }))
        << bascule_.story();
  }
  void expect_moved_to_berlin() {
    ASSERT_TRUE(bascule_.until([&] { return bascule_.run_is(RunState::done); }))
        << bascule_.story();
    EXPECT_TRUE(world_.violations.empty()) << world_.violations.front();
    EXPECT_EQ(bascule_.state().groups.at(kShop).active, kBerlin);
  }

  FakeWorld world_;
  Configuration changed_ = two_site_configuration();
  FakeBascule bascule_{world_, std::make_shared<MemoryStore>(), at(0), two_site_configuration()};
};

TEST_F(ReloadTest, ItIsInForceWithinTheSameTermAndTheChecksAreMadeAnew) {
  CheckSpec metrics = shop().sites[0].checks[0];
  metrics.name = CheckName("metrics");
  shop().sites[0].checks.push_back(metrics);
  shop().policy.detect.failures = 4;
  const Result<void> taken = reload();
  ASSERT_TRUE(taken) << taken.error().message;
  EXPECT_EQ(in_force().groups.front().policy.detect.failures, 4);
  EXPECT_EQ(bascule_.count("TermOpened"), 1U);
  EXPECT_EQ(bascule_.count("ConfigurationLoaded"), 2U);
  const CheckReference added{kShop, kAmsterdam, CheckName("metrics")};
  ASSERT_TRUE(bascule_.until(
      [&] { return bascule_.supervisor->loop()->readings().opinions.contains(added); }));
  world_.sites[kAmsterdam].powered = false;
  expect_moved_to_berlin();
}

TEST_F(ReloadTest, ReadWithoutAChangeItRecordsNothing) {
  const std::size_t before = bascule_.journal.records().size();
  EXPECT_TRUE(reload());
  EXPECT_EQ(bascule_.journal.records().size(), before);
}

// Half of a failure has been seen when the configuration is read: the other half is enough.
TEST_F(ReloadTest, WhatHasBeenCountedGoesOnCounting) {
  world_.sites[kAmsterdam].powered = false;
  ASSERT_TRUE(bascule_.until([&] {
    const auto verdict = bascule_.state().verdicts.find(database_of(kAmsterdam));
    return verdict->second.health == Health::failed;
  }));
  const auto first = bascule_.state().verdicts.at(database_of(kAmsterdam)).first_failed_at;
  ASSERT_TRUE(first);
  shop().policy.cooldown += Duration{1'000};
  ASSERT_TRUE(reload());
  ASSERT_TRUE(bascule_.until([&] { return bascule_.count("RunOpened") > 0; })) << bascule_.story();
  EXPECT_EQ(bascule_.newest_run()->first_failed_at, first);
  expect_moved_to_berlin();
}

TEST_F(ReloadTest, InTheMiddleOfARunTheRunGoesOnAsPlanned) {
  open_failover();
  shop().policy.mode = Mode::manual;
  shop().sites[1].activate.front().timeout = Duration{77'000};
  const Result<void> taken = reload();
  ASSERT_TRUE(taken) << taken.error().message;
  EXPECT_EQ(in_force().groups.front().policy.mode, Mode::manual);
  expect_moved_to_berlin();
}

TEST_F(ReloadTest, OneThatWouldOrphanAnOpenRunIsRefusedByTheNameOfTheRun) {
  open_failover();
  std::erase_if(shop().sites, [](const SiteSpec& site) { return site.name == kBerlin; });
  const Result<void> refused = reload();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::conflict);
  EXPECT_EQ(refused.error().message,
            "run r-0001 is open, and the configuration does not name site berlin of shop any more");
  EXPECT_EQ(in_force().groups.front().sites.size(), 2U);
  expect_moved_to_berlin();
  EXPECT_TRUE(reload()) << "once the run has ended, it may";
}

TEST_F(ReloadTest, OneWithAKindThatThisBuildDoesNotHaveChangesNothing) {
  shop().sites[0].checks[0].kind = "telepathy";
  const Result<void> refused = reload();
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("`telepathy` is not available"), std::string::npos);
  EXPECT_EQ(bascule_.count("ConfigurationLoaded"), 1U);
  bascule_.clock.advance(Duration{10'000});
  EXPECT_TRUE(bascule_.steady());
}

TEST_F(ReloadTest, WhileTheStoreIsFullTheOneBeforeStays) {
  bascule_.journal.be_full(true);
  shop().policy.mode = Mode::manual;
  const Result<void> refused = reload();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "the journal cannot be written: the store is full");
  bascule_.journal.be_full(false);
  bascule_.clock.advance(Duration{20'000});
  EXPECT_EQ(in_force().groups.front().policy.mode, Mode::automatic);
}

TEST_F(ReloadTest, StoppedWhileItIsReadItEndsCleanly) {
  for (int handlers = 0; handlers < 60; handlers += 3) {
    FakeWorld other_world;
    FakeBascule other(other_world, std::make_shared<MemoryStore>(), at(0),
                      two_site_configuration());
    ASSERT_TRUE(other.until([&] { return other.steady(); }));
    shop().policy.detect.failures = 5 + handlers;
    bool taken = false;
    struct Taking {
      static awaitable<void> take(FakeBascule& self, Configuration configuration, bool* ended) {
        Result<void> ignored = co_await self.supervisor->reload(
            std::move(configuration), {}, Deadline::in(self.clock, Duration{10'000}));
        *ended = true;
      }
    };
    boost::asio::co_spawn(other.io, Taking::take(other, changed_, &taken), boost::asio::detached);
    for (int i = 0; i < handlers; ++i) other.clock.step();
    other.stop();
    EXPECT_TRUE(other.result) << other.result.error().message;
    EXPECT_TRUE(taken);
  }
}

}  // namespace
}  // namespace bascule::runtime::test
