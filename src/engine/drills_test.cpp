// What is refused of a drill, and how it is told.
#include "engine/drills.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "engine/test_world.h"

namespace bascule::engine {
namespace {

using test_world::at;
using test_world::kAmsterdam;
using test_world::kBerlin;
using test_world::kShop;

StartMove drill(std::optional<Duration> back_after, std::optional<Duration> deadline = {}) {
  StartMove move;
  move.group = kShop;
  move.move = Move::drill;
  move.back_after = back_after;
  move.deadline = deadline;
  return move;
}

constexpr Duration kMinute{60'000};

class DrillTest : public testing::Test {
 protected:
  std::string refusal(const StartMove& move) {
    const auto answer = refuse_drill(state_, move, at(0));
    return answer ? answer->text : "";
  }
  GroupStatus& status() { return test_world::status_in(state_); }

  State state_ = test_world::two_site_state(at(0));
};

TEST_F(DrillTest, NeedsAWayBackBeforeItsDeadline) {
  EXPECT_EQ(refusal(drill(30 * kMinute)), "");
  EXPECT_EQ(refusal(drill(30 * kMinute, 120 * kMinute)), "");
  EXPECT_EQ(refusal(drill(std::nullopt)), "a drill says when its way back begins");
  EXPECT_EQ(refusal(drill(30 * kMinute, 30 * kMinute)),
            "the deadline, 30m, is not after the way back, 30m");
  EXPECT_EQ(refusal(drill(Duration(-1))), "the way back of a drill begins within 30 days");
  EXPECT_EQ(refusal(drill(60 * 24 * 60 * kMinute)),
            "the way back of a drill begins within 30 days");
}

TEST_F(DrillTest, OtherMovesHaveNoWayBack) {
  StartMove move = drill(30 * kMinute);
  move.move = Move::switchover;
  EXPECT_EQ(refusal(move), "only a drill has a way back");
  EXPECT_EQ(refusal(StartMove{}), "");
}

TEST_F(DrillTest, OneAtATime) {
  status().drill = OpenDrill{RunId("r-0007"), kBerlin,         kAmsterdam, at(-12 * 60'000),
                             at(18 * 60'000), at(60 * 60'000), false,      false};
  EXPECT_EQ(refusal(drill(30 * kMinute)),
            "a drill of shop is open: drill at berlin since 12m, deadline in 60m");
  status().drill->left_open = true;
  EXPECT_EQ(
      drill_sentence(state_, kShop, at(61 * 60'000)),
      "drill at berlin since 73m: its way back to amsterdam was stopped by a person, deadline "
      "passed 60s ago");
  EXPECT_EQ(next_drill_deadline(state_), at(60 * 60'000));
  status().drill->overdue = true;
  EXPECT_FALSE(next_drill_deadline(state_));
}

TEST_F(DrillTest, TheLastOneIsTold) {
  EXPECT_EQ(last_drill_sentence(status(), at(0)), "");
  status().last_drill = EndedDrill{RunId("r-0007"), at(-3'600'000), true, "home"};
  status().last_good_drill_at = at(-3'600'000);
  EXPECT_EQ(last_drill_sentence(status(), at(0)), "last good drill 60m ago");
  status().last_drill = EndedDrill{RunId("r-0009"), at(-60'000), false, "berlin failed"};
  EXPECT_EQ(last_drill_sentence(status(), at(0)),
            "the last drill failed 60s ago: berlin failed; last good drill 60m ago");
}

}  // namespace
}  // namespace bascule::engine
