#include <gtest/gtest.h>

#include "base/name.h"
#include "base/result.h"
#include "base/ring.h"
#include "base/shared_vector.h"
#include "base/time.h"

namespace bascule {
namespace {

using namespace std::chrono_literals;

TEST(Time, RecordTimesSurviveTheirText) {
  for (const std::int64_t ms : {0LL, 951782400123LL, 1795451845031LL, 4102444799999LL}) {
    const Instant instant{Duration{ms}};
    ASSERT_EQ(from_rfc3339(to_rfc3339(instant)), instant) << to_rfc3339(instant);
  }
  EXPECT_EQ(to_rfc3339(Instant{1795451845031ms}), "2026-11-23T16:37:25.031Z");
}

TEST(Time, OffsetsAndFractionsOfAnyLengthAreRead) {
  EXPECT_EQ(from_rfc3339("2026-11-23T17:37:25+01:00"), from_rfc3339("2026-11-23T16:37:25Z"));
  EXPECT_EQ(from_rfc3339("2026-11-23T16:37:25.031999Z"), from_rfc3339("2026-11-23T16:37:25.031Z"));
}

TEST(Time, WhatIsNotATimeIsRefused) {
  for (const char* text :
       {"", "2026", "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z", "2026-11-23 16:37:25Z",
        "2026-11-23T16:37:25", "2026-11-23T24:00:00Z", "2026-11-23T16:37:25+1:00"}) {
    EXPECT_EQ(from_rfc3339(text), std::nullopt) << text;
  }
}

TEST(Time, DurationsNeedAUnit) {
  EXPECT_EQ(parse_duration("900ms"), 900ms);
  EXPECT_EQ(parse_duration("5m"), 5min);
  EXPECT_EQ(parse_duration("0s"), 0ms);
  for (const char* text :
       {"", "30", "s", "-1s", "1.5s", "1 s", "5min", "99999999999d", "9223372036854775808ms"}) {
    EXPECT_EQ(parse_duration(text), std::nullopt) << text;
  }
}

TEST(Time, ExactAndRoughTexts) {
  EXPECT_EQ(to_string(Duration{90min}), "1h30m");
  EXPECT_EQ(to_string(Duration{900ms}), "900ms");
  EXPECT_EQ(to_rough(400ms), "400ms");
  EXPECT_EQ(to_rough(1900ms), "1.9s");
  EXPECT_EQ(to_rough(12s), "12s");
  EXPECT_EQ(to_rough(72h), "3d");
}

TEST(Errors, EveryCodeHasAWordOfItsOwn) {
  for (int i = 0; i <= static_cast<int>(ErrorCode::canceled); ++i) {
    const auto code = static_cast<ErrorCode>(i);
    EXPECT_EQ(error_code_from(to_string(code)), code);
  }
  EXPECT_EQ(error_code_from("broken"), std::nullopt);
}

TEST(Ring, ForgetsTheOldest) {
  Ring<int> ring(2);
  ring.push(1);
  ring.push(2);
  ring.push(3);
  EXPECT_EQ(ring.oldest(), 2);
  EXPECT_EQ(ring.newest(), 3);
}

// Copies share until one is changed; then that one has its own.
TEST(SharedVector, CopiesShareTheirElementsUntilOneOfThemIsChanged) {
  SharedVector<std::string> first{"a", "b"};
  const SharedVector<std::string> second = first;
  EXPECT_EQ(&second[0], &std::as_const(first)[0]);
  first.push_back("c");
  EXPECT_EQ(second.size(), 2U);
  EXPECT_EQ(first.size(), 3U);
  EXPECT_NE(&second[0], &std::as_const(first)[0]);
  SharedVector<std::string> third = second;
  third.erase(std::as_const(third).begin());
  EXPECT_EQ(third.front(), "b");
  EXPECT_EQ(second.front(), "a");
  third.clear();
  EXPECT_TRUE(third.empty());
  third.push_back("d");
  EXPECT_EQ(third.back(), "d");
  EXPECT_TRUE(SharedVector<int>().empty());
}

}  // namespace
}  // namespace bascule
