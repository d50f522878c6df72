#include "runtime/notifications.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "async/world_for_test.h"
#include "engine/engine.h"
#include "engine/test_world.h"

namespace bascule::runtime {
namespace {

using namespace engine::test_world;  // NOLINT(google-build-using-namespace): its words are the test

class FakeChannel final : public Notifier {
 public:
  explicit FakeChannel(Clock& clock) : clock_(clock) {}

  awaitable<Result<void>> send(Message message, Deadline) override {
    ++tries;
    if (hangs) co_await wait_for(clock_, Duration{3'600'000});
    if (error) co_return fail(*error);
    taken.push_back(message.seq);
    newest = message;
    co_return Result<void>();
  }
  awaitable<Result<void>> refresh(std::vector<Standing> groups, Deadline) override {
    refreshed += groups.size();
    co_return Result<void>();
  }
  awaitable<Result<void>> reach(Deadline) override { co_return Result<void>(); }

  std::vector<Sequence> taken;
  Message newest;
  int tries = 0;
  std::size_t refreshed = 0;
  bool hangs = false;
  std::optional<Error> error;

 private:
  Clock& clock_;
};

class NotificationsTest : public testing::Test {
 public:
  ~NotificationsTest() override {
    end();
    std::error_code ignored;
    std::filesystem::remove(file_, ignored);
  }

 protected:
  NotificationsTest() { start(); }
  void start() {
    notifications_ =
        std::make_unique<Notifications>(world_.clock, world_.context.get_executor(),
                                        std::vector<Channel>{{"one", one_}, {"two", two_}}, file_);
    notifications_->count_with([this](const std::string& channel, const std::string& result) {
      ++counted_[channel + " " + result];
    });
  }
  // As a process that ends: what is not delivered by then is not.
  void end() {
    if (!notifications_) return;
    bool ended = false;
    struct Ending {
      static awaitable<void> it(Notifications& all, Deadline deadline, bool* done) {
        co_await all.stop(deadline);
        *done = true;
      }
    };
    boost::asio::co_spawn(world_.context,
                          Ending::it(*notifications_, world_.in(Duration{1'000}), &ended),
                          boost::asio::detached);
    EXPECT_TRUE(settles([&] { return ended; }));
    notifications_.reset();
  }
  // Simulated time moves, and the file is written by a real thread meanwhile.
  bool settles(const std::function<bool()>& condition) {
    for (int i = 0; i < 20'000 && !condition(); ++i) {
      world_.context.restart();
      world_.context.run_for(std::chrono::milliseconds(1));
      world_.clock.advance(Duration{10});
    }
    return condition();
  }

  Record record(RecordBody body) {
    Record made{state_.seq + 1, world_.clock.now(), 1, "bascule", "", std::move(body)};
    engine::evolve(state_, made);
    records_.push_back(made);
    return made;
  }
  void tell(RecordBody body) { notifications_->recorded(record(std::move(body)), state_); }
  // What the next process does with the journal.
  void replay() {
    for (const Record& again : records_) {
      if (again.seq > notifications_->heard_up_to()) notifications_->recorded(again, state_);
    }
  }
  static GroupStateChanged worse() {
    return {kShop, GroupState::healthy, GroupState::degraded, "app is ill"};
  }

  SimulatedWorld world_;
  std::string file_ = (std::filesystem::temp_directory_path() /
                       ("bascule-told-" + std::to_string(::getpid()) + ".json"))
                          .string();
  engine::State state_ = two_site_state(at(0));
  std::vector<Record> records_;
  std::shared_ptr<FakeChannel> one_ = std::make_shared<FakeChannel>(world_.clock);
  std::shared_ptr<FakeChannel> two_ = std::make_shared<FakeChannel>(world_.clock);
  std::map<std::string, int> counted_;
  std::unique_ptr<Notifications> notifications_;
};

TEST_F(NotificationsTest, EveryChannelIsToldAndCounted) {
  tell(worse());
  ASSERT_TRUE(settles([&] { return one_->taken.size() == 1 && two_->taken.size() == 1; }));
  EXPECT_EQ(one_->newest.group, kShop);
  EXPECT_EQ(counted_["one sent"], 1);
}

TEST_F(NotificationsTest, ADeadChannelDelaysNoOther) {
  one_->hangs = true;
  for (int i = 0; i < 5; ++i) tell(worse());
  ASSERT_TRUE(settles([&] { return two_->taken.size() == 5; }));
  EXPECT_TRUE(one_->taken.empty());
}

TEST_F(NotificationsTest, AnHourWithoutANameIsOutlasted) {
  one_->error = Error{ErrorCode::not_found, "hooks.example does not exist", "", {}};
  tell(worse());
  const Instant began = world_.clock.now();
  ASSERT_TRUE(settles([&] { return two_->taken.size() == 1; }));
  world_.clock.advance(Duration{3'600'000});
  one_->error.reset();
  world_.clock.advance(Duration{61'000});
  ASSERT_TRUE(settles([&] { return one_->taken.size() == 1; }));
  EXPECT_GT(world_.clock.now() - began, Duration{3'600'000});
  EXPECT_LT(one_->tries, 80) << "it backs off";
  EXPECT_EQ(counted_["one retried"], one_->tries - 1) << "each failed attempt is counted at once";
}

TEST_F(NotificationsTest, WhatIsRefusedForGoodIsNotTriedAgain) {
  one_->error = Error{ErrorCode::invalid, "answered 400", "", {}};
  tell(worse());
  ASSERT_TRUE(settles([&] { return counted_["one failed"] == 1; }));
  EXPECT_EQ(one_->tries, 1);
  one_->error.reset();
  tell(worse());
  ASSERT_TRUE(settles([&] { return one_->taken.size() == 1; })) << "the next one is";
}

TEST_F(NotificationsTest, WhoAsksForAPauseGetsIt) {
  one_->error = Error{ErrorCode::throttled, "answered 429", "", Duration{30'000}};
  tell(worse());
  ASSERT_TRUE(settles([&] { return one_->tries == 1; }));
  world_.clock.advance(Duration{20'000});
  EXPECT_EQ(one_->tries, 1);
  world_.clock.advance(Duration{12'000});
  ASSERT_TRUE(settles([&] { return one_->tries == 2; }));
}

// S23.
TEST_F(NotificationsTest, TheNextProcessTellsWhatThisOneCouldNotAndNothingTwice) {
  tell(worse());
  ASSERT_TRUE(settles([&] { return one_->taken.size() == 1 && two_->taken.size() == 1; }));
  one_->error = Error{ErrorCode::unavailable, "connection refused", "", {}};
  tell(GroupStateChanged{kShop, GroupState::degraded, GroupState::healthy, "amsterdam is well"});
  ASSERT_TRUE(settles([&] { return two_->taken.size() == 2; }));
  end();
  one_->error.reset();
  start();
  replay();
  ASSERT_TRUE(settles([&] { return one_->taken.size() == 2; }));
  EXPECT_EQ(one_->taken, (std::vector<Sequence>{records_[0].seq, records_[1].seq}));
  EXPECT_EQ(two_->taken, (std::vector<Sequence>{records_[0].seq, records_[1].seq}));
}

TEST_F(NotificationsTest, ANewChannelIsNotToldOldNews) {
  end();
  for (int i = 0; i < 3; ++i) record(worse());
  start();
  replay();
  tell(worse());
  ASSERT_TRUE(settles([&] { return one_->taken.size() == 1; }));
  EXPECT_EQ(one_->taken.front(), records_.back().seq);
}

TEST_F(NotificationsTest, ATermThatBeginsAgainTellsNothingTwice) {
  tell(worse());
  ASSERT_TRUE(settles([&] { return one_->taken.size() == 1; }));
  replay();
  replay();
  tell(worse());
  ASSERT_TRUE(settles([&] { return one_->taken.size() == 2; }));
}

TEST_F(NotificationsTest, WhatOverflowsIsCountedAndSaid) {
  one_->hangs = true;
  for (std::size_t i = 0; i < Notifications::kQueueBound + 10; ++i) tell(worse());
  EXPECT_GT(counted_["one dropped"], 0);
}

}  // namespace
}  // namespace bascule::runtime
