#include "app/command_line/moment.h"

#include <gtest/gtest.h>

#include <string>

namespace bascule::app {
namespace {

const Instant kNow = *from_rfc3339("2026-11-25T13:30:00.000Z");

TEST(Moment, IsATimeAheadInOneOfThreeForms) {
  const std::vector<std::pair<std::string, std::string>> table{
      {"2026-11-25T14:00:00Z", "2026-11-25T14:00:00.000Z"},
      {"2026-11-25T15:00:00+01:00", "2026-11-25T14:00:00.000Z"},
      {"14:00", "2026-11-25T14:00:00.000Z"},
      {"13:30", "2026-11-26T13:30:00.000Z"},
      {"9:05", "2026-11-26T09:05:00.000Z"},
      {"00:00", "2026-11-26T00:00:00.000Z"},
      {"+30m", "2026-11-25T14:00:00.000Z"},
      {"+2d", "2026-11-27T13:30:00.000Z"}};
  for (const auto& [text, expected] : table) {
    const auto moment = parse_moment(text, kNow);
    ASSERT_TRUE(moment) << text << ": " << moment.error().message;
    EXPECT_EQ(to_rfc3339(*moment), expected) << text;
  }
}

TEST(Moment, RefusesEverythingElseAndSaysWhatToWrite) {
  for (const char* text :
       {"", "tomorrow", "14", "24:00", "12:60", "1:2", "14:00:00", "+", "+0s", "+30", "-30m",
        "+9999999999999999999m", "2026-11-25", "2026-13-25T14:00:00Z", ":30", "14:", "１４:00"}) {
    const auto moment = parse_moment(text, kNow);
    ASSERT_FALSE(moment) << text;
    EXPECT_EQ(moment.error().code, ErrorCode::invalid) << text;
    EXPECT_NE(moment.error().what_to_do.find("+30m"), std::string::npos) << text;
  }
}

TEST(Moment, SaysWhatHasPassed) {
  const auto moment = parse_moment("2026-11-25T13:29:59Z", kNow);
  ASSERT_FALSE(moment);
  EXPECT_EQ(moment.error().message,
            "2026-11-25T13:29:59Z has passed already: it is 2026-11-25T13:30:00.000Z");
}

}  // namespace
}  // namespace bascule::app
