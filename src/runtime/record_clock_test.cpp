#include "runtime/record_clock.h"

#include <gtest/gtest.h>

namespace bascule::runtime {
namespace {

constexpr Instant kStart{Duration{1'795'451'845'000}};
constexpr Duration kHour{3'600'000};

class RecordClocks : public testing::Test {
 protected:
  boost::asio::io_context io_;
  SimulatedClock machine_{io_, kStart};
  RecordClock clock_{machine_};
};

TEST_F(RecordClocks, ItIsTheMachinesTimeWhileThatGoesForward) {
  EXPECT_EQ(clock_.now(), kStart);
  machine_.advance(Duration{1'234});
  EXPECT_EQ(clock_.now(), kStart + Duration{1'234});
  machine_.set_record_time(kStart + kHour);
  EXPECT_EQ(clock_.now(), kStart + kHour);
  EXPECT_EQ(clock_.ahead(), Duration{0});
}

TEST_F(RecordClocks, SetBackItGoesOnALittleSlowerUntilTheMachineHasCaughtUp) {
  machine_.advance(kHour);
  ASSERT_EQ(clock_.now(), kStart + kHour);
  machine_.set_record_time(kStart);
  EXPECT_EQ(clock_.now(), kStart + kHour);
  machine_.advance(Duration{10'000});
  EXPECT_EQ(clock_.now(), kStart + kHour + Duration{9'000});
  Instant before = clock_.now();
  for (int i = 0; i < 200; ++i) {
    machine_.advance(Duration{200'000});
    ASSERT_GT(clock_.now(), before);
    before = clock_.now();
  }
  EXPECT_EQ(clock_.now(), machine_.now()) << "after ten hours";
}

TEST_F(RecordClocks, SetBackAgainAndAgainItNeverRunsBackwards) {
  Instant before = clock_.now();
  for (int i = 1; i <= 20; ++i) {
    machine_.set_record_time(machine_.now() - i * kHour);
    machine_.advance(Duration{1'000});
    ASSERT_GT(clock_.now(), before);
    before = clock_.now();
  }
}

TEST_F(RecordClocks, AfterAJournalOfTheFutureItGoesOnFromThere) {
  clock_.start_from(kStart + kHour);
  EXPECT_EQ(clock_.now(), kStart + kHour);
  EXPECT_EQ(clock_.ahead(), kHour);
  machine_.advance(Duration{1'000});
  EXPECT_EQ(clock_.now(), kStart + kHour + Duration{900});
  clock_.start_from(kStart);
  EXPECT_EQ(clock_.now(), kStart + kHour + Duration{900}) << "an earlier one changes nothing";
}

}  // namespace
}  // namespace bascule::runtime
