// What no scenario shows of runs that wait: configurations that change meanwhile, bounds, and how
// late is too late.
#include "engine/waiting.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

#include "engine/notes.h"
#include "engine/test_world.h"

namespace bascule::engine {
namespace {

using namespace test_world;  // NOLINT: the vocabulary of the tests

constexpr std::int64_t kMinute = 60'000;

// The healthy shop, at which a person's switchover is set for a time.
struct Shop {
  State state = two_site_state(at(0));
  Readings readings = healthy_readings(at(0));

  Decision give(const Input& input, std::int64_t milliseconds) {
    take(readings, state, input, at(milliseconds));
    Decision decision = decide(state, readings, input, at(milliseconds));
    for (const Record& record : decision.records) evolve(state, record);
    return decision;
  }

  Answer set_for(std::int64_t milliseconds) {
    StartMove move;
    move.group = kShop;
    move.move = Move::switchover;
    move.at = at(milliseconds);
    return give(Command{"ana", "kernel update", move}, 10).answer.value();
  }

  [[nodiscard]] const Run& run(const std::string& id = "r-0001") const {
    return state.runs.at(RunId(id));
  }
};

TEST(Waiting, IsNobodysBusinessUntilItBegins) {
  Shop shop;
  const Answer answer = shop.set_for(10 * kMinute);
  ASSERT_TRUE(answer.accepted) << answer.text;
  EXPECT_EQ(shop.run().state, RunState::waiting);
  EXPECT_EQ(shop.state.open_run(kShop), nullptr);
  EXPECT_TRUE(shop.state.groups.at(kShop).last_run.empty());
  EXPECT_EQ(shop.state.groups.at(kShop).state, GroupState::healthy);
  for (const Call& call : pending(shop.state, at(20))) EXPECT_NE(call.run, RunId("r-0001"));
}

TEST(Waiting, WakesAtItsTimeAndAsksForAFreshLook) {
  Shop shop;
  shop.set_for(10 * kMinute);
  shop.readings = Readings();  // nothing else to wake for
  EXPECT_EQ(next_wake(shop.state, shop.readings, at(20)), at(10 * kMinute));
  const std::vector<Call> calls = pending(shop.state, at(10 * kMinute));
  const auto look = std::ranges::find(calls, CallKind::look_at_group, &Call::kind);
  ASSERT_NE(look, calls.end());
  EXPECT_EQ(look->run, RunId("r-0001"));
  // Nobody looks: it is decided all the same, after a while.
  shop.give(TimePassed{}, 10 * kMinute);
  EXPECT_EQ(shop.run().state, RunState::waiting);
  EXPECT_EQ(next_wake(shop.state, shop.readings, at(10 * kMinute)), at(10 * kMinute + 10'000));
  shop.give(TimePassed{}, 10 * kMinute + 10'000);
  EXPECT_EQ(shop.run().state, RunState::aborted);
  EXPECT_EQ(shop.run().because,
            "controller forbids it: the controller has not looked at itself yet");
}

TEST(Waiting, BeginsAQuarterOfAnHourLateAndNotLater) {
  for (const std::int64_t late : {15 * kMinute, 15 * kMinute + 1}) {
    Shop shop;
    shop.set_for(10 * kMinute);
    const std::int64_t now = 10 * kMinute + late;
    shop.readings = healthy_readings(at(now));
    shop.give(GroupLookedAt{RunId("r-0001")}, now);
    EXPECT_EQ(shop.run().state, late > 15 * kMinute ? RunState::aborted : RunState::running);
    if (late > 15 * kMinute) {
      EXPECT_EQ(shop.run().because, "its time, 16:10 UTC, passed 15m ago while no Bascule ran");
    }
  }
}

TEST(Waiting, IsAbortedWhenItWouldBePlannedOtherwiseByNow) {
  Shop shop;
  shop.set_for(kMinute);
  Configuration changed = shop.state.configuration;
  changed.groups.front().sites[1].activate.front().timeout = Duration(1'000);
  shop.give(ConfigurationRead{changed}, 100);
  EXPECT_EQ(shop.run().state, RunState::waiting);
  shop.readings = healthy_readings(at(kMinute));
  shop.give(GroupLookedAt{RunId("r-0001")}, kMinute);
  EXPECT_EQ(shop.run().state, RunState::aborted);
  EXPECT_EQ(shop.run().because, "the configuration of shop has changed since it was planned");
}

TEST(Waiting, EndsBeforeAConfigurationWithoutItsSites) {
  Shop shop;
  shop.set_for(kMinute);
  Configuration other = shop.state.configuration;
  other.groups.front().name = GroupName("other");
  const Decision decision = shop.give(ConfigurationRead{other}, 100);
  ASSERT_EQ(decision.records.size(), 2U);
  EXPECT_EQ(type_name(decision.records[0].body), "RunEnded");
  EXPECT_EQ(type_name(decision.records[1].body), "ConfigurationLoaded");
  EXPECT_EQ(shop.run().state, RunState::aborted);
}

TEST(Waiting, HasABoundForEachGroup) {
  Shop shop;
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(shop.set_for(kMinute + i).accepted);
  const Answer answer = shop.set_for(2 * kMinute);
  EXPECT_FALSE(answer.accepted);
  EXPECT_EQ(answer.error->message, "10 moves of shop wait for their time already");
  EXPECT_EQ(answer.error->what_to_do, "bascule abort r-0001 --reason TEXT");
}

TEST(Waiting, TakesBackNoAttestationAndStartsNoCoolDownWhenItEnds) {
  Shop shop;
  shop.set_for(kMinute);
  status_in(shop.state).attested[kAmsterdam] = at(0);
  shop.give(Command{"ana", "not today", AbortRun{RunId("r-0001")}}, 20);
  EXPECT_EQ(shop.run().state, RunState::aborted);
  EXPECT_TRUE(status_in(shop.state).attested.contains(kAmsterdam));
  EXPECT_FALSE(status_in(shop.state).last_automatic_at);
  EXPECT_TRUE(status_in(shop.state).acknowledged);
}

TEST(Notes, CountEpisodesOfTheLastThirtyDaysAndKeepSoMany) {
  Shop shop;
  GroupSpec& group = shop_in(shop.state);
  GroupStatus& status = status_in(shop.state);
  EXPECT_EQ(shadow_report(group, status, at(0)), std::nullopt);
  group.policy.mode = Mode::shadow;
  EXPECT_EQ(shadow_report(group, status, at(0))->sentence,
            "would not have failed over in the last 30 days");
  const auto episode = [&](std::int64_t hours_ago, std::int64_t minutes) {
    const Instant began = at(-hours_ago * 60 * kMinute);
    status.shadowed.push_back(ShadowEpisode{began, began + Duration(minutes * kMinute), kAmsterdam,
                                            kBerlin, "database is down"});
  };
  episode(31 * 24, 60);
  episode(48, 4);
  episode(24, 1);
  EXPECT_EQ(shadow_report(group, status, at(0))->times, 2U);
  EXPECT_EQ(shadow_report(group, status, at(0))->sentence,
            "would have failed over 2 times in the last 30 days, longest 4m; last 24h ago to "
            "berlin");
  status.shadowed.back().ended_at.reset();
  EXPECT_EQ(shadow_report(group, status, at(0))->longest, Duration(24 * 60 * kMinute));
  EXPECT_EQ(shadow_report(group, status, at(0))->sentence,
            "would have failed over 2 times in the last 30 days, longest 24h; since 24h to berlin");
  WouldHaveFailedOver would;
  would.group = kShop;
  would.target = kBerlin;
  for (std::size_t i = 0; i < 2 * kShadowEpisodesKept; ++i) {
    evolve(shop.state, Record{shop.state.seq + 1, at(0), 7, kAutomation, "", would});
  }
  EXPECT_EQ(status.shadowed.size(), kShadowEpisodesKept);
  EXPECT_TRUE(shadow_report(group, status, at(0))
                  ->sentence.starts_with("would have failed over at least 100 times"));
}

}  // namespace
}  // namespace bascule::engine
