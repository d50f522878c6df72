#include "runtime/notifications.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>

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
    texts += message.text + "\n";
    newest = message;
    co_return Result<void>();
  }
  awaitable<Result<void>> refresh(std::vector<Standing> groups, Deadline) override {
    ++asked_to_refresh;
    if (hangs) co_await wait_for(clock_, Duration{3'600'000});
    if (error) co_return fail(*error);
    refreshed += groups.size();
    co_return Result<void>();
  }
  awaitable<Result<void>> reach(Deadline) override { co_return Result<void>(); }

  std::vector<Sequence> taken;
  Message newest;
  std::string texts;
  int tries = 0;
  int asked_to_refresh = 0;
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
  NotificationsTest() {
    state_.journal = "7f3a9c21";
    start();
  }
  void start() {
    notifications_ =
        std::make_unique<Notifications>(world_.clock, world_.context.get_executor(),
                                        std::vector<Channel>{{"one", one_}, {"two", two_}}, file_);
    notifications_->count_with([this](const std::string& channel, const std::string& result) {
      ++counted_[channel + " " + result];
    });
    notifications_->report_with(
        [this](Severity, const std::string& line) { news_.push_back(line); });
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
    notifications_->opened(state_.journal, state_.seq);
    for (const Record& again : records_) {
      if (again.seq > notifications_->heard_up_to()) notifications_->recorded(again, state_);
    }
  }
  // The file as somebody left it for the next process.
  void leave(const std::string& text) const { std::ofstream(file_, std::ios::binary) << text; }
  [[nodiscard]] bool said(const std::string& words) const {
    return std::ranges::any_of(news_, [&](const auto& line) { return line.contains(words); });
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
  std::vector<std::string> news_;
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
  const int dropped = counted_["one dropped"];
  EXPECT_GT(dropped, 0);
  one_->hangs = false;
  ASSERT_TRUE(settles([&] {
    return one_->taken.size() + static_cast<std::size_t>(dropped) ==
           Notifications::kQueueBound + 10;
  }));
  EXPECT_NE(one_->texts.find(fmt::format("({} messages before this one were dropped)", dropped)),
            std::string::npos);
  EXPECT_TRUE(std::ranges::is_sorted(one_->taken));
}

TEST_F(NotificationsTest, APauseOfNoTimeIsNoReasonToHurry) {
  one_->error = Error{ErrorCode::throttled, "answered 429", "", Duration{0}};
  tell(worse());
  ASSERT_TRUE(settles([&] { return one_->tries == 1; }));
  for (int i = 0; i < 100; ++i) world_.clock.advance(Duration{100});
  EXPECT_LE(one_->tries, 6) << "0.5s, 1s, 2s, 4s, 8s";
}

TEST_F(NotificationsTest, WhoAsksForAPauseIsLeftAloneAsAWhole) {
  one_->error = Error{ErrorCode::throttled, "answered 429", "", Duration{600'000}};
  notifications_->refresh_with([] { return std::vector<Standing>(1); });
  tell(worse());
  ASSERT_TRUE(settles([&] { return one_->tries == 1; }));
  world_.clock.advance(Duration{500'000});
  EXPECT_EQ(one_->asked_to_refresh, 0);
  EXPECT_GT(two_->refreshed, 5U);
  one_->error.reset();
  world_.clock.advance(Duration{200'000});
  ASSERT_TRUE(settles([&] { return one_->taken.size() == 1; }));
  EXPECT_GT(one_->asked_to_refresh, 0);
}

TEST_F(NotificationsTest, ADeadChannelKeepsNoOtherFromTellingHowThingsStand) {
  one_->hangs = true;
  notifications_->refresh_with([] { return std::vector<Standing>(1); });
  world_.clock.advance(Duration{60'000});
  EXPECT_EQ(one_->asked_to_refresh, 1);
  EXPECT_EQ(two_->refreshed, 1U) << "in the same moment";
}

TEST_F(NotificationsTest, StoppingDoesNotWaitForADeadChannel) {
  one_->hangs = true;
  tell(worse());
  ASSERT_TRUE(settles([&] { return two_->taken.size() == 1 && one_->tries == 1; }));
  const Instant began = world_.clock.now();
  end();
  EXPECT_LE(world_.clock.now() - began, Duration{1'100}) << "it was given a second";
}

TEST_F(NotificationsTest, AnswersForWhatAChannelTakesAndDoesNotTake) {
  one_->error = Error{ErrorCode::unavailable, "hooks.example: connection refused", "", {}};
  tell(worse());
  ASSERT_TRUE(settles([&] { return counted_["one retried"] == 3; }));
  ASSERT_EQ(news_.size(), 1U) << "said once, not with each try";
  EXPECT_TRUE(
      said("notifier one takes no messages, 0 more wait; it is tried again: "
           "hooks.example: connection refused"));
  one_->error = Error{ErrorCode::invalid, "hooks.example answered 404", "name the address", {}};
  ASSERT_TRUE(settles([&] { return counted_["one failed"] == 1; }));
  EXPECT_TRUE(
      said(fmt::format("notifier one: message #{} is given up (shop is DEGRADED (was "
                       "HEALTHY)): hooks.example answered 404 — name the address",
                       records_.back().seq)));
  one_->error.reset();
  tell(worse());
  ASSERT_TRUE(settles([&] { return one_->taken.size() == 1; }));
  EXPECT_TRUE(said("notifier one takes messages again"));
}

TEST_F(NotificationsTest, ANewChannelBesideOneThatIsBehindIsNotToldOldNews) {
  end();
  for (int i = 0; i < 3; ++i) record(worse());
  leave(fmt::format(R"({{"journal":"7f3a9c21","told":{{"one":{}}}}})", records_[0].seq));
  start();
  replay();
  tell(worse());
  ASSERT_TRUE(settles([&] { return one_->taken.size() == 3 && two_->taken.size() == 1; }));
  EXPECT_EQ(two_->taken.front(), records_.back().seq);
  EXPECT_TRUE(news_.empty()) << news_.front();
}

TEST_F(NotificationsTest, CursorsFromBeforeTheyNamedTheirJournalAreRead) {
  end();
  for (int i = 0; i < 3; ++i) record(worse());
  leave(fmt::format(R"({{"one":{0},"two":{0}}})", records_[1].seq));
  start();
  replay();
  ASSERT_TRUE(settles([&] { return one_->taken.size() == 1 && two_->taken.size() == 1; }));
  EXPECT_EQ(one_->taken.front(), records_[2].seq);
  EXPECT_TRUE(news_.empty()) << news_.front();
}

struct BadCursors {
  std::string text;
  std::string says;
};

TEST_F(NotificationsTest, CursorsThatMeanNothingHereAreSaidAndOnlyWhatIsNewIsTold) {
  const std::vector<BadCursors> all{
      {"", "is empty"},
      {"\x01\x02 not JSON", "does not say what was told"},
      {R"({"journal":"7f3a9c21","told":{"one":12)", "does not say what was told"},
      {"[1,2]", "it is no JSON object"},
      {R"({"told":[]})", "`told` is no JSON object"},
      {R"({"told":{"one":-1}})", "`one` is not the number of a record"},
      {std::string(70'000, ' '), "does not say what was told"},
      {R"({"journal":"0000beef","told":{"one":1,"two":1}})", "belongs to another journal"},
      {R"({"journal":"7f3a9c21","told":{"one":900000,"two":1}})",
       "record 900000 was told over one, but the journal ends at record"}};
  for (const BadCursors& bad : all) {
    SCOPED_TRACE(bad.says);
    end();
    for (int i = 0; i < 3; ++i) record(worse());
    leave(bad.text);
    one_->taken.clear(), two_->taken.clear(), news_.clear();
    start();
    replay();
    tell(worse());
    ASSERT_TRUE(settles([&] { return !one_->taken.empty() && !two_->taken.empty(); }));
    EXPECT_EQ(one_->taken, std::vector<Sequence>{records_.back().seq});
    ASSERT_EQ(news_.size(), 1U);
    EXPECT_TRUE(said(bad.says)) << news_.front();
    EXPECT_TRUE(said(file_)) << news_.front();
    EXPECT_TRUE(said("`bascule runs`")) << news_.front();
    EXPECT_NE(one_->newest.text.find("may not have been told here"), std::string::npos)
        << one_->newest.text;
    tell(worse());
    ASSERT_TRUE(settles([&] { return one_->taken.size() == 2; }));
    EXPECT_EQ(one_->newest.text.find("may not have been told here"), std::string::npos) << "once";
    end();
    news_.clear();
    start();
    replay();
    EXPECT_TRUE(news_.empty()) << "it was put right: " << news_.front();
  }
}

TEST_F(NotificationsTest, CursorsThatCannotBeKeptAreSaidOnce) {
  end();
  std::filesystem::remove(file_);
  std::filesystem::create_directory(file_);
  std::ofstream(file_ + "/kept") << "x";
  start();
  replay();
  for (int i = 0; i < 3; ++i) tell(worse());
  ASSERT_TRUE(settles([&] { return one_->taken.size() == 3 && two_->taken.size() == 3; }));
  ASSERT_TRUE(settles([&] { return said("comes twice after a restart"); }));
  end();
  EXPECT_EQ(news_.size(), 2U) << "one for reading, one for writing";
  std::filesystem::remove_all(file_);
}

// A kind whose only channel is the one that is given.
NotifierKind kind_of(const std::shared_ptr<FakeChannel>& channel) {
  NotifierKind kind;
  kind.kind.name = "fake";
  kind.make = [channel](Json, Services&) -> Result<std::shared_ptr<Notifier>> { return channel; };
  return kind;
}

class NoSecrets final : public Secrets {
 public:
  [[nodiscard]] Result<std::string> reveal(const Json&) const override { return std::string(); }
};

Message of_severity(Severity severity, IncidentStage stage = IncidentStage::none) {
  Message message;
  message.severity = severity;
  message.stage = stage;
  return message;
}

struct Chosen {
  Message message;
  bool by_all;       // by a channel for everything
  bool by_critical;  // by one with `min_severity: critical`
};

TEST(Channels, AreToldWhatIsSevereEnoughAndNeverLoseTheEndOfAnIncident) {
  SimulatedWorld world;
  const NoSecrets secrets;
  Services services{world.context, world.clock, secrets};
  const auto channel = std::make_shared<FakeChannel>(world.clock);
  Catalog catalog;
  catalog.notifiers = {kind_of(channel)};
  Configuration configuration;
  configuration.notifiers = {NotifierSpec{"fake", {{"min_severity", "info"}}},
                             NotifierSpec{"fake", {{"min_severity", "critical"}}}};
  const auto channels = make_channels(configuration, catalog, services);
  ASSERT_TRUE(channels) << channels.error().message;
  ASSERT_EQ(channels->size(), 2U);
  EXPECT_EQ(channels->at(0).name, "fake");
  EXPECT_EQ(channels->at(1).name, "fake-2");
  Message test = of_severity(Severity::info);
  test.data = {{"test", true}};
  const std::vector<Chosen> all{
      {of_severity(Severity::info), true, false},
      {of_severity(Severity::warning), true, false},
      {of_severity(Severity::critical), true, true},
      {of_severity(Severity::warning, IncidentStage::triggered), true, true},
      {of_severity(Severity::info, IncidentStage::ongoing), true, false},
      {of_severity(Severity::info, IncidentStage::acknowledged), true, true},
      {of_severity(Severity::info, IncidentStage::resolved), true, true},
      {test, true, true}};
  const auto sends = [&](std::size_t at, const Message& message) {
    const std::size_t before = channel->taken.size();
    struct Sending {
      static awaitable<void> it(std::shared_ptr<Notifier> to, Message what, Deadline deadline) {
        EXPECT_TRUE(co_await to->send(std::move(what), deadline));
      }
    };
    boost::asio::co_spawn(
        world.context, Sending::it(channels->at(at).notifier, message, world.in(Duration{1'000})),
        boost::asio::detached);
    world.clock.drain();
    return channel->taken.size() > before;
  };
  for (const Chosen& row : all) {
    SCOPED_TRACE(
        fmt::format("{} {}", to_string(row.message.severity), to_string(row.message.stage)));
    EXPECT_EQ(sends(0, row.message), row.by_all);
    EXPECT_EQ(sends(1, row.message), row.by_critical);
  }
}

}  // namespace
}  // namespace bascule::runtime
