// When looks come, on simulated time.
#include "runtime/probe_scheduler.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace bascule::runtime {
namespace {

using namespace std::chrono_literals;

// Takes as long as it is told and notes when it was asked.
class TimedProbe final : public Probe {
 public:
  TimedProbe(Clock& clock, Duration takes) : clock_(clock), takes_(takes) {}

  awaitable<Observation> look(Deadline) override {
    asked.push_back(clock_.now());
    ++under_way;
    most_at_once = std::max(most_at_once, under_way);
    co_await wait_for(clock_, takes_);
    --under_way;
    Observation seen;
    seen.health = Health::healthy;
    co_return seen;
  }
  awaitable<void> watch(Watcher& watcher) override {
    watcher_ = &watcher;
    while (true) co_await wait_for(clock_, Duration{1h});
  }
  void break_connection() { watcher_->wake("the held connection broke"); }
  void take(Duration span) { takes_ = span; }

  std::vector<Instant> asked;
  int under_way = 0;
  int most_at_once = 0;

 private:
  Clock& clock_;
  Duration takes_;
  Watcher* watcher_ = nullptr;
};

class Notes final : public Onlooker {
 public:
  void observed(Observation observation) override {
    observations.push_back(std::move(observation));
  }
  void sampled(CheckReference, DatabaseFacts) override { ++samples; }
  void sign_seen(CheckReference, Instant, std::string what) override {
    signs.push_back(std::move(what));
  }
  [[nodiscard]] bool suspects(const CheckReference&) const override { return suspicious; }

  std::vector<Observation> observations;
  std::vector<std::string> signs;
  int samples = 0;
  bool suspicious = false;
};

class ProbeSchedulerTest : public testing::Test {
 protected:
  ~ProbeSchedulerTest() override {
    bool stopped = false;
    boost::asio::co_spawn(io_, stop(&stopped), boost::asio::detached);
    EXPECT_TRUE(clock_.advance_until([&] { return stopped; }, Duration{1min}));
  }

  std::shared_ptr<TimedProbe> add(const std::string& name, Duration interval, Duration takes) {
    auto probe = std::make_shared<TimedProbe>(clock_, takes);
    WatchedCheck check;
    check.reference = CheckReference{GroupName("shop"), SiteName("amsterdam"), CheckName(name)};
    check.probe = probe;
    check.policy.interval = interval;
    check.policy.timeout = Duration{900ms};
    checks_.push_back(check);
    return probe;
  }
  awaitable<void> stop(bool* stopped) {
    co_await scheduler_.stop();
    *stopped = true;
  }

  boost::asio::io_context io_;
  SimulatedClock clock_{io_, Instant{Duration{1'795'449'600'000}}};
  Notes notes_;
  ProbeScheduler scheduler_{clock_, io_.get_executor(), ObserverName("laptop"), notes_};
  std::vector<WatchedCheck> checks_;
};

TEST_F(ProbeSchedulerTest, LooksComeOncePerIntervalAtTheSamePlace) {
  const auto probe = add("app", Duration{1s}, Duration{5ms});
  scheduler_.start(checks_);
  clock_.advance(Duration{10s});
  ASSERT_GE(probe->asked.size(), 10U);
  for (std::size_t i = 3; i < probe->asked.size(); ++i) {
    EXPECT_EQ(probe->asked[i] - probe->asked[i - 1], Duration{1s});
  }
}

TEST_F(ProbeSchedulerTest, ChecksAreSpreadOverTheInterval) {
  std::vector<std::shared_ptr<TimedProbe>> probes;
  for (int i = 0; i < 100; ++i)
    probes.push_back(add("check-" + std::to_string(i), Duration{10s}, Duration{5ms}));
  scheduler_.start(checks_);
  clock_.advance(Duration{30s});
  std::set<Duration> places;
  for (const auto& probe : probes) {
    ASSERT_GE(probe->asked.size(), 3U);
    places.insert(probe->asked.back().time_since_epoch() % Duration{10s});
  }
  EXPECT_GT(places.size(), 80U);
}

TEST_F(ProbeSchedulerTest, ACheckNeverOverlapsItselfAndKeepsItsCadenceWhenItHangs) {
  const auto probe = add("slow", Duration{200ms}, Duration{700ms});
  scheduler_.start(checks_);
  clock_.advance(Duration{20s});
  EXPECT_EQ(probe->most_at_once, 1);
  // The looks that it slept through are skipped, and every look stays on its place of the grid.
  const Duration place = probe->asked.back().time_since_epoch() % Duration{200ms};
  for (std::size_t i = 3; i < probe->asked.size(); ++i) {
    EXPECT_EQ(probe->asked[i].time_since_epoch() % Duration{200ms}, place);
    EXPECT_EQ(probe->asked[i] - probe->asked[i - 1], Duration{800ms});
  }
}

TEST_F(ProbeSchedulerTest, AHangingCheckDoesNotDelayAnother) {
  add("hangs", Duration{1s}, Duration{1h});
  const auto quick = add("quick", Duration{1s}, Duration{5ms});
  scheduler_.start(checks_);
  clock_.advance(Duration{10s});
  EXPECT_GE(quick->asked.size(), 9U);
}

TEST_F(ProbeSchedulerTest, ALookWithoutAnAnswerIsAFailureInTime) {
  add("hangs", Duration{1s}, Duration{1h});
  scheduler_.start(checks_);
  clock_.advance(Duration{3s});
  ASSERT_FALSE(notes_.observations.empty());
  EXPECT_EQ(notes_.observations.front().health, Health::failed);
  ASSERT_TRUE(notes_.observations.front().error);
  EXPECT_EQ(notes_.observations.front().error->code, ErrorCode::timeout);
}

TEST_F(ProbeSchedulerTest, ASuspectIsConfirmedSooner) {
  const auto probe = add("app", Duration{10s}, Duration{5ms});
  checks_.front().policy.confirm = Duration{200ms};
  scheduler_.start(checks_);
  clock_.advance(Duration{11s});
  const std::size_t before = probe->asked.size();
  notes_.suspicious = true;
  clock_.advance(Duration{10s});
  EXPECT_GT(probe->asked.size(), before + 5);
}

TEST_F(ProbeSchedulerTest, ABrokenConnectionBringsASignAndALookAtOnce) {
  const auto probe = add("database", Duration{30s}, Duration{5ms});
  scheduler_.start(checks_);
  clock_.advance(Duration{2s});
  const std::size_t before = probe->asked.size();
  const Instant broke = clock_.now();
  probe->break_connection();
  clock_.advance(Duration{10ms});
  ASSERT_EQ(probe->asked.size(), before + 1);
  EXPECT_EQ(probe->asked.back(), broke);
  EXPECT_EQ(notes_.signs, std::vector<std::string>{"the held connection broke"});
}

TEST_F(ProbeSchedulerTest, AFreshLookIsOneThatBeganAfterItWasAskedFor) {
  const auto probe = add("database", Duration{30s}, Duration{100ms});
  scheduler_.start(checks_);
  ASSERT_TRUE(clock_.advance_until([&] { return probe->under_way == 1; }, Duration{31s}));
  const std::size_t under_way = probe->asked.size();
  bool fresh = false;
  struct Asking {
    static awaitable<void> ask(ProbeScheduler& scheduler, Clock& clock, bool* fresh) {
      co_await scheduler.look_now(GroupName("shop"), Deadline::in(clock, Duration{5s}));
      *fresh = true;
    }
  };
  boost::asio::co_spawn(io_, Asking::ask(scheduler_, clock_, &fresh), boost::asio::detached);
  ASSERT_TRUE(clock_.advance_until([&] { return fresh; }, Duration{6s}));
  EXPECT_GE(probe->asked.size(), under_way + 1);
}

}  // namespace
}  // namespace bascule::runtime
