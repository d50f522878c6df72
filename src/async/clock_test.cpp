#include "async/clock.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "async/deadline.h"
#include "async/scope.h"
#include "async/world_for_test.h"

namespace bascule {
namespace {

using namespace std::chrono_literals;

struct World : SimulatedWorld {
  std::vector<std::string> log;
  Scope scope{context.get_executor(), [this](const std::string& name, const std::string& why) {
                log.push_back(name + " failed: " + why);
              }};

  void stop() {
    scope.request_stop();
    clock.drain();
  }
  awaitable<void> note_at(Duration offset, std::string what) {
    co_await wait_for(clock, offset);
    log.push_back(what);
  }
};

TEST(SimulatedClock, WaitsFireInTheOrderOfTheirMomentAndThenOfTheirArrival) {
  World world;
  world.scope.spawn("c", world.note_at(30ms, "c"));
  world.scope.spawn("a", world.note_at(10ms, "a"));
  world.scope.spawn("b1", world.note_at(20ms, "b1"));
  world.scope.spawn("b2", world.note_at(20ms, "b2"));
  world.clock.advance(20ms);
  EXPECT_EQ(world.log, (std::vector<std::string>{"a", "b1", "b2"}));
  EXPECT_EQ(world.clock.now(), kStart + 20ms);
  world.clock.advance(1h);
  EXPECT_EQ(world.log.back(), "c");
  EXPECT_EQ(world.clock.now(), kStart + 20ms + 1h);
  EXPECT_EQ(world.scope.running(), 0U);
}

awaitable<void> tick(Clock* clock, int times, std::vector<Instant>* seen) {
  for (int i = 0; i < times; ++i) {
    co_await wait_for(*clock, 10ms);
    seen->push_back(clock->now());
  }
}

TEST(SimulatedClock, AWaitThatBeginsWhileTimeMovesFiresOnItsOwnMoment) {
  World world;
  std::vector<Instant> seen;
  world.scope.spawn("ticks", tick(&world.clock, 3, &seen));
  world.clock.advance(1s);
  EXPECT_EQ(seen, (std::vector<Instant>{kStart + 10ms, kStart + 20ms, kStart + 30ms}));
}

TEST(SimulatedClock, AdvanceToNextStopsAtTheEarliestWait) {
  World world;
  EXPECT_FALSE(world.clock.advance_to_next());
  world.scope.spawn("a", world.note_at(5s, "a"));
  world.scope.spawn("b", world.note_at(9s, "b"));
  EXPECT_TRUE(world.clock.advance_to_next());
  EXPECT_EQ(world.clock.now(), kStart + 5s);
  EXPECT_EQ(world.log, (std::vector<std::string>{"a"}));
  EXPECT_EQ(world.clock.waiting(), 1U);
  world.stop();
  EXPECT_EQ(world.clock.waiting(), 0U);
  EXPECT_EQ(world.log, (std::vector<std::string>{"a"}));
}

TEST(SimulatedClock, AdvanceUntilStopsWhereTheConditionHoldsOrAtItsLimit) {
  World world;
  world.scope.spawn("a", world.note_at(5s, "a"));
  world.scope.spawn("b", world.note_at(9s, "b"));
  EXPECT_TRUE(world.clock.advance_until([&] { return world.log.size() == 1; }, 1h));
  EXPECT_EQ(world.clock.now(), kStart + 5s);
  EXPECT_FALSE(world.clock.advance_until([&] { return world.log.size() == 7; }, 10s));
  EXPECT_EQ(world.clock.now(), kStart + 15s);
}

TEST(SimulatedClock, ACanceledWaitDoesNotActOnItsMoment) {
  World world;
  const Scope::Child child = world.scope.spawn("a", world.note_at(5s, "a"));
  world.clock.advance(1s);
  world.scope.cancel(child);
  world.clock.advance(1h);
  EXPECT_TRUE(world.log.empty());
  EXPECT_EQ(world.scope.running(), 0U);
}

TEST(SimulatedClock, ASetClockMovesRecordTimeOnly) {
  World world;
  const MonotonicInstant before = world.clock.monotonic();
  world.clock.set_record_time(kStart - 1h);
  EXPECT_EQ(world.clock.now(), kStart - 1h);
  EXPECT_EQ(world.clock.monotonic(), before);
  world.clock.advance(1s);
  EXPECT_EQ(world.clock.now(), kStart - 1h + 1s);
}

TEST(SimulatedClock, AfterAStallEveryWaitComesLateAtOnce) {
  World world;
  std::vector<Instant> seen;
  world.scope.spawn("ticks", tick(&world.clock, 2, &seen));
  world.clock.drain();
  world.clock.stall(1h);
  EXPECT_EQ(seen, (std::vector<Instant>{kStart + 1h}));
  world.clock.advance(10ms);
  EXPECT_EQ(seen.back(), kStart + 1h + 10ms);
}

TEST(SimulatedClock, StepsAreOneHandlerOrOneWait) {
  World world;
  world.scope.spawn("a", world.note_at(10ms, "a"));
  int steps = 0;
  while (world.log.empty() && world.clock.step()) ++steps;
  EXPECT_EQ(world.log, (std::vector<std::string>{"a"}));
  EXPECT_GT(steps, 2);
  while (world.clock.step()) continue;
  EXPECT_EQ(world.clock.now(), kStart + 10ms);
}

TEST(SystemClock, WaitsForRealTime) {
  RealWorld world;
  const MonotonicInstant before = world.clock.monotonic();
  world.wait(wait_for(world.clock, 20ms));
  EXPECT_GE(elapsed(world.clock, before), 20ms);
  EXPECT_GT(world.clock.now(), kStart);
}

TEST(Deadline, MeasuresWhatIsLeft) {
  World world;
  const Deadline deadline = Deadline::in(world.clock, 1s);
  EXPECT_EQ(deadline.left(world.clock), 1s);
  world.clock.advance(400ms);
  EXPECT_EQ(deadline.left(world.clock), 600ms);
  EXPECT_EQ(earlier_of(deadline, Deadline::in(world.clock, 100ms)).left(world.clock), 100ms);
  world.clock.advance(2s);
  EXPECT_EQ(deadline.left(world.clock), 0ms);
  EXPECT_TRUE(deadline.has_passed(world.clock));
  EXPECT_FALSE(Deadline::held_outside().has_passed(world.clock));
  EXPECT_FALSE(Deadline::in(world.clock, Duration::max()).has_passed(world.clock));
}

}  // namespace
}  // namespace bascule
