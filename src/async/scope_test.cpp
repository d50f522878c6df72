#include "async/scope.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "async/clock.h"
#include "async/event.h"
#include "async/spawn.h"
#include "async/world_for_test.h"

namespace bascule {
namespace {

using namespace std::chrono_literals;

struct World : SimulatedWorld {
  std::vector<std::string> failures;
  int ended = 0;
  Scope scope{context.get_executor(), [this](const std::string& name, const std::string& why) {
                failures.push_back(name + ": " + why);
              }};
  bool joined = false;

  awaitable<void> sleeper(Duration span) {
    co_await wait_for(clock, span);
    ++ended;
  }
  awaitable<void> stubborn() {
    co_await boost::asio::this_coro::throw_if_cancelled(false);
    try {
      co_await wait_for(clock, 1h);
    } catch (const boost::system::system_error& canceled) {
      EXPECT_EQ(canceled.code(), boost::asio::error::operation_aborted);
    }
    co_await wait_for(clock, 3s);
    ++ended;
  }
  awaitable<void> thrower() {
    co_await wait_for(clock, 10ms);
    throw std::runtime_error("out of luck");
  }
  awaitable<void> stops_its_own_scope() {
    scope.request_stop();
    co_return;
  }
  awaitable<void> joiner() {
    co_await scope.join();
    joined = true;
  }
};

TEST(Scope, JoinWaitsForTheLastChild) {
  World world;
  world.scope.spawn("short", world.sleeper(1s));
  world.scope.spawn("long", world.sleeper(5s));
  boost::asio::co_spawn(world.context, world.joiner(), boost::asio::detached);
  world.clock.advance(4s);
  EXPECT_FALSE(world.joined);
  world.clock.advance(2s);
  EXPECT_TRUE(world.joined);
  EXPECT_EQ(world.ended, 2);
}

TEST(Scope, AChildBeginsAfterTheSpawnReturned) {
  World world;
  world.scope.spawn("now", world.sleeper(0s));
  EXPECT_EQ(world.ended, 0);
  world.clock.drain();
  EXPECT_EQ(world.ended, 1);
}

TEST(Scope, AStopCancelsEveryoneAndWaitsForThoseWhoCleanUp) {
  World world;
  world.scope.spawn("plain", world.sleeper(1h));
  world.scope.spawn("stubborn", world.stubborn());
  world.clock.advance(1s);
  boost::asio::co_spawn(world.context, world.joiner(), boost::asio::detached);
  world.scope.request_stop();
  EXPECT_EQ(world.scope.spawn("late", world.sleeper(1s)), 0U);
  world.clock.drain();
  EXPECT_EQ(world.scope.running(), 1U);
  EXPECT_FALSE(world.joined);
  world.clock.advance(3s);
  EXPECT_TRUE(world.joined);
  EXPECT_EQ(world.ended, 1);
  EXPECT_TRUE(world.failures.empty());
}

TEST(Scope, AnExceptionIsReportedWithTheNameOfItsChildAndTheOthersGoOn) {
  World world;
  world.scope.spawn("probe amsterdam/app", world.thrower());
  world.scope.spawn("other", world.sleeper(1s));
  world.clock.advance(2s);
  EXPECT_EQ(world.failures, (std::vector<std::string>{"probe amsterdam/app: out of luck"}));
  EXPECT_EQ(world.ended, 1);
}

TEST(Scope, AChildMayStopItsOwnScope) {
  World world;
  world.scope.spawn("suicidal", world.stops_its_own_scope());
  world.scope.spawn("other", world.sleeper(1h));
  world.clock.drain();
  EXPECT_EQ(world.scope.running(), 0U);
  EXPECT_TRUE(world.failures.empty());
}

TEST(Scope, OneChildCanBeCanceledAlone) {
  World world;
  const Scope::Child first = world.scope.spawn("first", world.sleeper(1s));
  world.scope.spawn("second", world.sleeper(1s));
  world.scope.cancel(first);
  world.scope.cancel(first);
  world.clock.advance(2s);
  EXPECT_EQ(world.ended, 1);
  EXPECT_FALSE(world.scope.is_running(first));
}

TEST(Scope, ACanceledJoinStopsTheChildrenAndStillWaitsForThem) {
  World world;
  boost::asio::cancellation_signal cancel;
  world.scope.spawn("plain", world.sleeper(1h));
  bool over = false;
  spawn_contained(world.context.get_executor(), world.joiner(), cancel.slot(),
                  [&](const std::exception_ptr&) { over = true; });
  world.clock.drain();
  cancel.emit(boost::asio::cancellation_type::terminal);
  world.clock.drain();
  EXPECT_EQ(world.scope.running(), 0U);
  EXPECT_TRUE(over);
}

TEST(ScopeDeathTest, AScopeThatWasNotJoinedIsAProgrammersError) {
  EXPECT_DEATH(
      {
        SimulatedWorld world;
        Scope scope(world.context.get_executor(), nullptr);
        scope.spawn("forgotten", wait_for(world.clock, 1s));
      },
      "joined");
}

struct Waiting : SimulatedWorld {
  Event event;
  Mailbox<int> mailbox{2};
  std::vector<std::string> log;
  Scope scope{context.get_executor(), nullptr};

  awaitable<void> waiter(std::string name) {
    co_await event.wait();
    log.push_back(name);
  }
  awaitable<void> waiter_with_deadline(std::string name, Duration limit) {
    const bool noticed = co_await event.wait(clock, Deadline::in(clock, limit));
    log.push_back(name + (noticed ? " noticed" : " gave up"));
  }
  awaitable<void> popper(std::string name) {
    while (const std::optional<int> value = co_await mailbox.pop()) {
      log.push_back(name + std::to_string(*value));
    }
    log.push_back(name + " closed");
  }
  awaitable<void> popper_with_deadline(Duration limit) {
    const std::optional<int> value = co_await mailbox.pop(clock, Deadline::in(clock, limit));
    log.push_back(value ? std::to_string(*value) : "nothing");
  }
};

TEST(Event, ANoticeWakesAllWhoWaitAndNobodyLater) {
  Waiting world;
  world.scope.spawn("a", world.waiter("a"));
  world.scope.spawn("b", world.waiter("b"));
  world.scope.spawn("c", world.waiter_with_deadline("c", 5s));
  world.clock.drain();
  EXPECT_EQ(world.event.waiting(), 3U);
  world.event.notify_all();
  world.clock.drain();
  std::sort(world.log.begin(), world.log.end());
  EXPECT_EQ(world.log, (std::vector<std::string>{"a", "b", "c noticed"}));
  world.scope.spawn("late", world.waiter_with_deadline("late", 5s));
  world.clock.advance(5s);
  EXPECT_EQ(world.log.back(), "late gave up");
  EXPECT_EQ(world.event.waiting(), 0U);
}

TEST(Event, ACanceledWaiterLeaves) {
  Waiting world;
  world.scope.spawn("a", world.waiter("a"));
  world.scope.spawn("b", world.waiter_with_deadline("b", 5s));
  world.clock.drain();
  world.scope.request_stop();
  world.clock.drain();
  EXPECT_EQ(world.scope.running(), 0U);
  EXPECT_EQ(world.event.waiting(), 0U);
  EXPECT_TRUE(world.log.empty());
}

TEST(Mailbox, HandsOutInOrderRefusesWhenFullAndEndsWhenClosed) {
  Waiting world;
  EXPECT_TRUE(world.mailbox.push(1));
  EXPECT_TRUE(world.mailbox.push(2));
  EXPECT_FALSE(world.mailbox.push(3));
  world.scope.spawn("p", world.popper("p"));
  world.clock.drain();
  EXPECT_TRUE(world.mailbox.push(4));
  world.mailbox.close();
  EXPECT_FALSE(world.mailbox.push(5));
  world.clock.drain();
  EXPECT_EQ(world.log, (std::vector<std::string>{"p1", "p2", "p4", "p closed"}));
}

TEST(Mailbox, PopsUntilADeadline) {
  Waiting world;
  world.scope.spawn("p", world.popper_with_deadline(1s));
  world.clock.advance(2s);
  EXPECT_EQ(world.log, (std::vector<std::string>{"nothing"}));
}

}  // namespace
}  // namespace bascule
