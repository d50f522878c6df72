#include "async/with_deadline.h"

#include <boost/asio/cancellation_signal.hpp>
#include <gtest/gtest.h>

#include <stdexcept>

#include "async/event.h"
#include "async/scope.h"
#include "async/spawn.h"
#include "async/world_for_test.h"

namespace bascule {
namespace {

using namespace std::chrono_literals;

// Counts the frames that are alive, to prove that nothing outlives its caller's wait.
struct Alive {
  explicit Alive(int* counter) : count(counter) { ++*count; }
  ~Alive() { --*count; }
  Alive(const Alive&) = delete;
  Alive& operator=(const Alive&) = delete;
  int* count;
};

awaitable<Result<int>> answer_after(Clock* clock, Duration span, int answer, int* alive) {
  const Alive frame(alive);
  if (span > 0ms) co_await wait_for(*clock, span);
  co_return answer;
}

awaitable<Result<int>> throws_at_once() {
  throw std::runtime_error("the library broke");
  co_return 0;
}

awaitable<Result<int>> refuses() {
  co_return fail(ErrorCode::denied, "no");
}

// Does not end when it is canceled, but takes another second to clean up.
awaitable<Result<int>> ends_late(Clock* clock, Result<int> answer, int* alive) {
  const Alive frame(alive);
  co_await boost::asio::this_coro::throw_if_cancelled(false);
  try {
    co_await wait_for(*clock, 1h);
  } catch (const boost::system::system_error& canceled) {
    EXPECT_EQ(canceled.code(), boost::asio::error::operation_aborted);
  }
  co_await wait_for(*clock, 1s);
  co_return answer;
}

struct World : SimulatedWorld {
  boost::asio::cancellation_signal cancel;
  int alive = 0;
  std::optional<Result<int>> answer;
  std::optional<Instant> answered_at;
  int alive_at_answer = -1;
  std::exception_ptr failure;
  bool ended = false;

  awaitable<void> caller(Duration limit, awaitable<Result<int>> work) {
    answer = co_await with_deadline(clock, Deadline::in(clock, limit), "berlin/database",
                                    std::move(work));
    answered_at = clock.now();
    alive_at_answer = alive;
    co_await wait_for(clock, 1ms);
  }
  void begin(Duration limit, awaitable<Result<int>> work) {
    spawn_contained(context.get_executor(), caller(limit, std::move(work)), cancel.slot(),
                    [this](std::exception_ptr thrown) {
                      failure = std::move(thrown);
                      ended = true;
                    });
  }
};

TEST(WithDeadline, AnAnswerInTimeIsTheAnswer) {
  World world;
  world.begin(1s, answer_after(&world.clock, 300ms, 42, &world.alive));
  world.clock.advance(10s);
  ASSERT_TRUE(world.answer);
  EXPECT_EQ(*world.answer, 42);
  EXPECT_EQ(world.answered_at, kStart + 300ms);
  EXPECT_EQ(world.alive_at_answer, 0);
  EXPECT_EQ(world.clock.waiting(), 0U);
}

TEST(WithDeadline, WorkThatNeverSuspendsIsAnsweredWithoutTimeMoving) {
  World world;
  world.begin(1s, answer_after(&world.clock, 0ms, 42, &world.alive));
  world.clock.drain();
  ASSERT_TRUE(world.answer);
  EXPECT_EQ(*world.answer, 42);
}

TEST(WithDeadline, SilenceBecomesATimeoutThatNamesWhoWasSilent) {
  World world;
  world.begin(900ms, answer_after(&world.clock, 1h, 42, &world.alive));
  world.clock.advance(10s);
  ASSERT_TRUE(world.answer && !*world.answer);
  EXPECT_EQ(world.answer->error().code, ErrorCode::timeout);
  EXPECT_EQ(world.answer->error().message, "berlin/database gave no answer within 900ms");
  EXPECT_EQ(world.answered_at, kStart + 900ms);
  EXPECT_EQ(world.alive_at_answer, 0);
  EXPECT_TRUE(world.ended);
  EXPECT_FALSE(world.failure) << "the caller goes on after a timeout of its work";
}

TEST(WithDeadline, ReturnsOnlyAfterTheWorkHasCleanedUp) {
  World world;
  world.begin(900ms, ends_late(&world.clock, fail(ErrorCode::canceled, "stopped"), &world.alive));
  world.clock.advance(10s);
  ASSERT_TRUE(world.answer && !*world.answer);
  EXPECT_EQ(world.answer->error().code, ErrorCode::timeout);
  EXPECT_EQ(world.answered_at, kStart + 1900ms);
  EXPECT_EQ(world.alive_at_answer, 0);
}

TEST(WithDeadline, ASuccessThatCameDuringTheCleanUpStillCounts) {
  World world;
  world.begin(900ms, ends_late(&world.clock, 1, &world.alive));
  world.clock.advance(10s);
  ASSERT_TRUE(world.answer);
  EXPECT_EQ(*world.answer, 1);
}

TEST(WithDeadline, ErrorsOfTheWorkPassUnchanged) {
  World world;
  world.begin(1s, refuses());
  world.clock.advance(2s);
  ASSERT_TRUE(world.answer && !*world.answer);
  EXPECT_EQ(world.answer->error().message, "no");
}

TEST(WithDeadline, ExceptionsBecomeErrors) {
  World world;
  world.begin(1s, throws_at_once());
  world.clock.advance(2s);
  ASSERT_TRUE(world.answer && !*world.answer);
  EXPECT_EQ(world.answer->error().code, ErrorCode::unavailable);
  EXPECT_EQ(world.answer->error().message, "berlin/database: the library broke");
}

TEST(WithDeadline, TheCallersCancellationReachesTheWork) {
  World world;
  world.begin(10s, answer_after(&world.clock, 5s, 42, &world.alive));
  world.clock.advance(1s);
  EXPECT_EQ(world.alive, 1);
  world.cancel.emit(boost::asio::cancellation_type::terminal);
  world.clock.drain();
  EXPECT_EQ(world.alive, 0);
  ASSERT_TRUE(world.answer && !*world.answer);
  EXPECT_EQ(world.answer->error().code, ErrorCode::canceled);
  EXPECT_TRUE(world.ended);
  EXPECT_TRUE(is_cancellation(world.failure)) << "a canceled caller ends at its next co_await";
  EXPECT_EQ(world.clock.waiting(), 0U);
}

TEST(WithDeadline, AShorterDeadlineOutsideCutsALongerOneInside) {
  World world;
  world.begin(1s, with_deadline(world.clock, Deadline::in(world.clock, 1h), "inner",
                                answer_after(&world.clock, 2h, 42, &world.alive)));
  world.clock.advance(1s);
  ASSERT_TRUE(world.answer && !*world.answer);
  EXPECT_EQ(world.answer->error().code, ErrorCode::timeout);
  EXPECT_EQ(world.answer->error().message, "berlin/database gave no answer within 1000ms");
  EXPECT_EQ(world.alive, 0);
}

TEST(WithDeadline, ADeadlineThatHasPassedStillLetsAnInstantAnswerThrough) {
  World world;
  world.begin(-1s, answer_after(&world.clock, 0ms, 42, &world.alive));
  world.clock.drain();
  ASSERT_TRUE(world.answer);
  EXPECT_EQ(*world.answer, 42);
}

TEST(WithDeadline, NothingIsLeftBehindWhenTheContextIsDestroyedInTheMiddle) {
  int alive = 0;
  {
    World world;
    world.begin(10s, answer_after(&world.clock, 5s, 42, &alive));
    world.clock.advance(1s);
    EXPECT_EQ(alive, 1);
  }
  EXPECT_EQ(alive, 0);
}

}  // namespace
}  // namespace bascule
