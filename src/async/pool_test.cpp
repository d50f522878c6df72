#include "async/pool.h"

#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <gtest/gtest.h>

#include <future>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "async/event.h"
#include "async/scope.h"
#include "async/world_for_test.h"

namespace bascule {
namespace {

struct World : RealWorld {
  BlockingPool pool{1, 2};
  std::vector<std::string> log;
  Event ended;
  Scope scope{context.get_executor(), nullptr};
  std::promise<void> gate;
  std::shared_future<void> opened{gate.get_future().share()};

  awaitable<void> block_until_opened(std::string name) {
    auto wait = [until = opened] { until.wait(); };
    const Result<void> done = co_await pool.run(wait);
    log.push_back(name + (done ? " done" : " " + done.error().message));
    boost::asio::post(context, [this] { ended.notify_all(); });
  }
  awaitable<void> open_after_queue_is_full() {
    auto nothing = [] { return 1; };
    const Result<int> refused = co_await pool.run(nothing);
    log.push_back(refused ? "taken" : std::string(to_string(refused.error().code)));
    gate.set_value();
    co_await scope.join();
  }
  awaitable<void> cancel_one_that_waits(Scope::Child running, Scope::Child queued) {
    scope.cancel(queued);
    scope.cancel(running);
    while (scope.is_running(queued)) co_await ended.wait();
    gate.set_value();
    co_await scope.join();
  }
};

TEST(BlockingPool, RunsElsewhereAndAnswersHere) {
  World world;
  const auto here = std::this_thread::get_id();
  auto work = [] { return std::this_thread::get_id(); };
  const auto there = world.wait(world.pool.run(work));
  ASSERT_TRUE(there);
  EXPECT_NE(*there, here);
}

TEST(BlockingPool, PassesResultsAndTurnsExceptionsIntoErrors) {
  World world;
  auto refuse = []() -> Result<std::string> { return fail(ErrorCode::corrupt, "bad page"); };
  EXPECT_EQ(world.wait(world.pool.run(refuse)).error().code, ErrorCode::corrupt);
  auto crash = []() -> int { throw std::runtime_error("disk on fire"); };
  const Result<int> crashed = world.wait(world.pool.run(crash));
  ASSERT_FALSE(crashed);
  EXPECT_EQ(crashed.error().message, "disk on fire");
}

TEST(BlockingPool, AFullQueueIsRefusedAndTheOthersAreServedInOrder) {
  World world;
  for (const char* name : {"a", "b", "c"}) world.scope.spawn(name, world.block_until_opened(name));
  world.context.poll();
  world.wait(world.open_after_queue_is_full());
  EXPECT_EQ(world.log, (std::vector<std::string>{"throttled", "a done", "b done", "c done"}));
}

TEST(BlockingPool, WorkThatWaitsIsDroppedOnCancellationAndWorkThatRunsIsWaitedFor) {
  World world;
  const auto running = world.scope.spawn("running", world.block_until_opened("running"));
  const auto queued = world.scope.spawn("queued", world.block_until_opened("queued"));
  world.context.poll();
  while (world.pool.queued() > 1) std::this_thread::yield();
  world.wait(world.cancel_one_that_waits(running, queued));
  EXPECT_EQ(world.log, (std::vector<std::string>{"queued the work was canceled before it began",
                                                 "running done"}));
}

TEST(BlockingPool, ADestroyedPoolAnswersThoseWhoWaited) {
  boost::asio::io_context context;
  std::optional<Result<int>> answer;
  std::promise<void> gate;
  std::shared_future<void> opened = gate.get_future().share();
  auto pool = std::make_unique<BlockingPool>(1, 1);
  auto block = [opened] { opened.wait(); };
  auto one = [] { return 1; };
  boost::asio::co_spawn(context, pool->run(block), boost::asio::detached);
  boost::asio::co_spawn(context, pool->run(one),
                        [&](const std::exception_ptr&, Result<int> result) { answer = result; });
  context.poll();
  while (pool->queued() > 1) std::this_thread::yield();
  std::thread opener([&] { gate.set_value(); });
  pool.reset();
  opener.join();
  context.restart();
  context.poll();
  ASSERT_TRUE(answer);
  if (!*answer) EXPECT_EQ(answer->error().code, ErrorCode::canceled);
}

}  // namespace
}  // namespace bascule
