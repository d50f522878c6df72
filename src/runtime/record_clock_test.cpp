#include "runtime/record_clock.h"

#include <gtest/gtest.h>

namespace bascule::runtime {
namespace {

constexpr Instant kStart{Duration{1'795'451'845'000}};
constexpr Duration kHour{3'600'000};

class RecordClocks : public testing::Test {
 protected:
  boost::asio::io_context io;
  SimulatedClock machine{io, kStart};
  RecordClock clock{machine};
};

TEST_F(RecordClocks, ItIsTheMachinesTimeWhileThatGoesForward) {
  EXPECT_EQ(clock.now(), kStart);
  machine.advance(Duration{1'234});
  EXPECT_EQ(clock.now(), kStart + Duration{1'234});
  machine.set_record_time(kStart + kHour);
  EXPECT_EQ(clock.now(), kStart + kHour);
  EXPECT_EQ(clock.ahead(), Duration{0});
}

TEST_F(RecordClocks, SetBackItGoesOnALittleSlowerUntilTheMachineHasCaughtUp) {
  machine.advance(kHour);
  ASSERT_EQ(clock.now(), kStart + kHour);
  machine.set_record_time(kStart);
  EXPECT_EQ(clock.now(), kStart + kHour);
  machine.advance(Duration{10'000});
  EXPECT_EQ(clock.now(), kStart + kHour + Duration{9'000});
  Instant before = clock.now();
  for (int i = 0; i < 200; ++i) {
    machine.advance(Duration{200'000});
    ASSERT_GT(clock.now(), before);
    before = clock.now();
  }
  EXPECT_EQ(clock.now(), machine.now()) << "after ten hours";
}

TEST_F(RecordClocks, SetBackAgainAndAgainItNeverRunsBackwards) {
  Instant before = clock.now();
  for (int i = 1; i <= 20; ++i) {
    machine.set_record_time(machine.now() - i * kHour);
    machine.advance(Duration{1'000});
    ASSERT_GT(clock.now(), before);
    before = clock.now();
  }
}

TEST_F(RecordClocks, AfterAJournalOfTheFutureItGoesOnFromThere) {
  clock.start_from(kStart + kHour);
  EXPECT_EQ(clock.now(), kStart + kHour);
  EXPECT_EQ(clock.ahead(), kHour);
  machine.advance(Duration{1'000});
  EXPECT_EQ(clock.now(), kStart + kHour + Duration{900});
  clock.start_from(kStart);
  EXPECT_EQ(clock.now(), kStart + kHour + Duration{900}) << "an earlier one changes nothing";
}

}  // namespace
}  // namespace bascule::runtime
