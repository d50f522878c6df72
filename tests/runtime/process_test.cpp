// What happens to the process itself, on simulated time: it is stopped for a minute, its clock is
// set, it runs out of descriptors, its store is full or slow. None of this may look like a failure
// of a site, and whoever asks is told why nothing is done.
#include <gtest/gtest.h>

#include <algorithm>

#include "shop_world.h"

namespace bascule::runtime::test {
namespace {

using engine::test_world::at;
using engine::test_world::kLaptop;
using engine::test_world::two_site_configuration;

constexpr Duration kMinute{60'000};
constexpr Duration kHour{3'600'000};

class ProcessTest : public testing::Test {
 protected:
  std::unique_ptr<FakeBascule> start(Instant when = at(0)) {
    return std::make_unique<FakeBascule>(world_, store_, when, two_site_configuration());
  }
  std::unique_ptr<FakeBascule> start_steady() {
    auto bascule = start();
    EXPECT_TRUE(bascule->until([&] { return bascule->steady(); })) << bascule->story();
    return bascule;
  }
  // The gate "controller", asked by somebody who wants to move the group.
  static engine::GateAnswer controller(FakeBascule& bascule) {
    const engine::Explanation found =
        engine::explain(bascule.state(), bascule.supervisor->loop()->readings(), kShop,
                        bascule.supervisor->loop()->now());
    const auto gate =
        std::ranges::find(found.gates, engine::GateName::controller, &engine::GateAnswer::name);
    return gate == found.gates.end() ? engine::GateAnswer() : *gate;
  }
  static Result<engine::Answer> hold(FakeBascule& bascule) {
    return bascule.command(engine::HoldAutomation{kShop, std::nullopt});
  }
  void expect_nothing_was_done(const FakeBascule& bascule) const {
    EXPECT_TRUE(world_.effects.empty()) << world_.effects.front() << bascule.story();
    EXPECT_EQ(bascule.count("RunOpened"), 0U);
  }
  void expect_moved_to_berlin(FakeBascule& bascule) {
    ASSERT_TRUE(bascule.until([&] { return bascule.run_is(RunState::done); }, kMinute))
        << bascule.story();
    EXPECT_TRUE(world_.violations.empty()) << world_.violations.front();
    EXPECT_EQ(bascule.state().groups.at(kShop).active, kBerlin);
    EXPECT_EQ(std::ranges::count(world_.effects, "promote berlin"), 1);
    EXPECT_TRUE(std::ranges::is_sorted(bascule.journal.records(), {}, &Record::at))
        << "record time runs backwards";
  }

  FakeWorld world_;
  std::shared_ptr<MemoryStore> store_ = std::make_shared<MemoryStore>();
};

TEST_F(ProcessTest, AnObserverWithoutDescriptorsKnowsNothingAndSaysSo) {
  auto bascule = start_steady();
  world_.descriptors_used_up = true;
  bascule->clock.advance(kMinute);
  expect_nothing_was_done(*bascule);
  const auto verdict = bascule->state().verdicts.at(engine::test_world::database_of(kAmsterdam));
  EXPECT_EQ(verdict.health, Health::unknown);
  EXPECT_FALSE(verdict.down);
  EXPECT_FALSE(controller(*bascule).holds);
  EXPECT_NE(controller(*bascule).because.find("too many open files"), std::string::npos)
      << controller(*bascule).because;
  EXPECT_TRUE(bascule->notices.hold("laptop can do nothing: looks cannot be made: too many open"));

  world_.descriptors_used_up = false;
  ASSERT_TRUE(bascule->until([&] { return bascule->notices.hold("can act again"); }));
  ASSERT_TRUE(bascule->until([&] { return bascule->steady(); })) << bascule->story();
  EXPECT_TRUE(controller(*bascule).holds) << controller(*bascule).because;
  world_.sites[kAmsterdam].powered = false;
  expect_moved_to_berlin(*bascule);
}

TEST_F(ProcessTest, AfterBeingStoppedForAMinuteItKnowsNothingUntilItHasLookedAgain) {
  auto bascule = start_steady();
  bascule->clock.stall(kMinute);
  EXPECT_EQ(bascule->count("TermOpened"), 2U) << bascule->story();
  EXPECT_TRUE(bascule->notices.hold("this process did not run for 1m"))
      << testing::PrintToString(bascule->notices.texts);
  bascule->clock.advance(kMinute);
  expect_nothing_was_done(*bascule);
  ASSERT_TRUE(bascule->until([&] { return bascule->steady(); })) << bascule->story();
  world_.sites[kAmsterdam].powered = false;
  expect_moved_to_berlin(*bascule);
}

// Each look that was under way comes back as a timeout that nobody waited for.
TEST_F(ProcessTest, StoppedAgainAndAgainItTakesNoSiteForDead) {
  auto bascule = start_steady();
  for (int i = 0; i < 40; ++i) {
    bascule->clock.advance(Duration{150 + 37 * i});
    bascule->clock.stall(Duration{2'000 + 311 * i});
  }
  bascule->clock.advance(kMinute);
  expect_nothing_was_done(*bascule);
  ASSERT_TRUE(bascule->until([&] { return bascule->steady(); })) << bascule->story();
}

TEST_F(ProcessTest, StoppedAnywhereInAFailoverItGoesOnToTheEnd) {
  for (int milliseconds = 0; milliseconds < 100; milliseconds += 3) {
    SCOPED_TRACE(milliseconds);
    world_ = FakeWorld();
    store_ = std::make_shared<MemoryStore>();
    auto bascule = start_steady();
    world_.sites[kAmsterdam].powered = false;
    ASSERT_TRUE(bascule->until([&] { return bascule->count("RunOpened") > 0; }));
    bascule->clock.advance(Duration{milliseconds});
    bascule->clock.stall(kMinute);
    expect_moved_to_berlin(*bascule);
    if (HasFailure()) return;
  }
}

TEST_F(ProcessTest, AClockThatIsSetBackAnHourDelaysNothing) {
  auto bascule = start_steady();
  bascule->clock.set_record_time(bascule->clock.now() - kHour);
  bascule->clock.advance(kMinute);
  expect_nothing_was_done(*bascule);
  EXPECT_TRUE(bascule->notices.hold("the clock was set back by 1h"));
  EXPECT_TRUE(bascule->steady());
  world_.sites[kAmsterdam].powered = false;
  expect_moved_to_berlin(*bascule);
}

TEST_F(ProcessTest, AClockThatIsSetBackInTheMiddleOfARunChangesNothing) {
  auto bascule = start_steady();
  world_.sites[kAmsterdam].powered = false;
  ASSERT_TRUE(bascule->until([&] { return bascule->count("RunOpened") > 0; }));
  bascule->clock.set_record_time(bascule->clock.now() - kHour);
  expect_moved_to_berlin(*bascule);
  EXPECT_EQ(bascule->count("TermOpened"), 1U);
}

TEST_F(ProcessTest, AClockThatIsSetForwardAnHourIsAnotherStart) {
  auto bascule = start_steady();
  bascule->clock.set_record_time(bascule->clock.now() + kHour);
  bascule->clock.advance(kMinute);
  expect_nothing_was_done(*bascule);
  EXPECT_TRUE(bascule->notices.hold("the clock was set forward by 1h"));
  EXPECT_EQ(bascule->count("TermOpened"), 2U);
  ASSERT_TRUE(bascule->until([&] { return bascule->steady(); })) << bascule->story();
  world_.sites[kAmsterdam].powered = false;
  ASSERT_TRUE(bascule->until([&] { return bascule->count("RunOpened") > 0; }));
  bascule->clock.set_record_time(bascule->clock.now() + kHour);
  expect_moved_to_berlin(*bascule);
  EXPECT_EQ(bascule->count("TermOpened"), 3U);
}

// The journal of a process whose clock was an hour ahead.
TEST_F(ProcessTest, AJournalThatEndsInTheFutureIsGoneOnWith) {
  auto ahead = start_steady();
  ahead->stop();
  ahead.reset();
  auto bascule = start(at(0) - kHour);
  ASSERT_TRUE(bascule->until([&] { return bascule->steady(); })) << bascule->story();
  world_.sites[kAmsterdam].powered = false;
  expect_moved_to_berlin(*bascule);
}

TEST_F(ProcessTest, WhileTheStoreIsFullEverybodyIsToldAndNobodyIsKeptWaiting) {
  auto bascule = start_steady();
  bascule->journal.be_full(true);
  world_.sites[kAmsterdam].powered = false;
  bascule->clock.advance(Duration{5'000});
  const Instant asked = bascule->clock.now();
  const auto answer = hold(*bascule);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::unavailable);
  EXPECT_EQ(answer.error().message, "the journal cannot be written: the store is full");
  EXPECT_LE(bascule->clock.now() - asked, Duration{2'000});
  EXPECT_FALSE(controller(*bascule).holds);
  EXPECT_EQ(controller(*bascule).because, "the journal does not answer");
  EXPECT_TRUE(bascule->notices.hold("laptop can do nothing: the journal cannot be written"));
  expect_nothing_was_done(*bascule);

  bascule->journal.be_full(false);
  expect_moved_to_berlin(*bascule);
  EXPECT_TRUE(bascule->notices.hold("laptop can act again"));
  EXPECT_TRUE(hold(*bascule));
}

// A person's command was refused, and nothing else waits to be recorded: the trouble is over by
// itself, too.
TEST_F(ProcessTest, AStoreThatRefusedOneCommandIsNotSuspectedForEver) {
  auto bascule = start_steady();
  bascule->journal.be_full(true);
  EXPECT_FALSE(hold(*bascule));
  bascule->clock.advance(Duration{2'000});
  EXPECT_FALSE(controller(*bascule).holds);
  bascule->journal.be_full(false);
  EXPECT_TRUE(hold(*bascule));
  bascule->clock.advance(Duration{2'000});
  EXPECT_TRUE(controller(*bascule).holds) << controller(*bascule).because;
}

TEST_F(ProcessTest, WhileTheStoreDoesNotAnswerItAbstainsAndCommandsAreAnsweredWithTheReason) {
  auto bascule = start_steady();
  bascule->journal.be_slow(Duration{30'000});
  world_.sites[kAmsterdam].powered = false;
  bascule->clock.advance(Duration{6'000});
  EXPECT_FALSE(controller(*bascule).holds);
  EXPECT_EQ(controller(*bascule).because, "the journal does not answer");
  EXPECT_TRUE(bascule->notices.hold("laptop can do nothing: the journal has not answered for"));
  const Instant asked = bascule->clock.now();
  const auto answer = hold(*bascule);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::unavailable);
  EXPECT_TRUE(answer.error().message.starts_with("the journal has not answered for"))
      << answer.error().message;
  EXPECT_LE(bascule->clock.now() - asked, Duration{3'000});
  expect_nothing_was_done(*bascule);
  EXPECT_EQ(bascule->count("AutomationHeld"), 0U);

  bascule->journal.be_slow(Duration{0});
  expect_moved_to_berlin(*bascule);
  EXPECT_EQ(bascule->count("AutomationHeld"), 0U) << "what was refused is not done later";
}

}  // namespace
}  // namespace bascule::runtime::test
