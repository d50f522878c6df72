#include "providers/postgres/log_position.h"

#include <gtest/gtest.h>

namespace bascule::postgres {
namespace {

constexpr std::uint64_t kSegment = std::uint64_t{16} << 20U;

TEST(LogPosition, IsReadFromTwoHexadecimalHalvesAndWrittenBack) {
  EXPECT_EQ(parse_log_position("0/0"), 0U);
  EXPECT_EQ(parse_log_position("16/B374D848"), 0x16B374D848U);
  EXPECT_EQ(parse_log_position("ffffffff/ffffffff"), ~std::uint64_t{0});
  EXPECT_EQ(log_position_text(0x16B374D848U), "16/B374D848");
  EXPECT_EQ(log_position_text(0), "0/0");
}

TEST(LogPosition, RefusesWhatIsNotOne) {
  for (const char* text :
       {"", "/", "1/", "/1", "1", "1/2/3", "g/1", "-1/0", " 1/0", "123456789/0"}) {
    EXPECT_FALSE(parse_log_position(text)) << text;
  }
}

TEST(LogPosition, AtTheStartOfAPageTheHeaderDoesNotCount) {
  EXPECT_EQ(end_of_last_record(5 * 8192 + 24, kSegment), 5U * 8192);
  EXPECT_EQ(end_of_last_record(3 * kSegment + 40, kSegment), 3 * kSegment);
  // 16 bytes of a record that began on the page before.
  EXPECT_EQ(end_of_last_record(5 * 8192 + 40, kSegment), 5U * 8192 + 40);
  EXPECT_EQ(end_of_last_record(3 * kSegment + 48, kSegment), 3 * kSegment + 48);
  EXPECT_EQ(end_of_last_record(5 * 8192 + 1000, kSegment), 5U * 8192 + 1000);
}

TEST(LogPosition, BytesAreRoundedForPeople) {
  EXPECT_EQ(bytes_for_people(0), "0 B");
  EXPECT_EQ(bytes_for_people(1023), "1023 B");
  EXPECT_EQ(bytes_for_people(48 * 1024), "48.0 KiB");
  EXPECT_EQ(bytes_for_people(3'250'586), "3.1 MiB");
}

TEST(TimelineHistory, NamesWhereEachAncestorEnded) {
  const auto history = parse_timeline_history(
      "1\t0/3000148\tno recovery target specified\n\n# a comment\n"
      "2\t0/5000060\tbefore 2026-01-01 00:00:00+00\n");
  ASSERT_TRUE(history);
  EXPECT_EQ(*history, (std::vector<TimelineEnd>{{1, 0x3000148}, {2, 0x5000060}}));
  EXPECT_EQ(fork_from(*history, 3, 1).position, 0x3000148U);
  EXPECT_EQ(fork_from(*history, 3, 2).position, 0x5000060U);
  EXPECT_TRUE(fork_from(*history, 3, 3).shared);
  EXPECT_FALSE(fork_from(*history, 3, 3).position);
  EXPECT_FALSE(fork_from(*history, 3, 4).shared);
  EXPECT_EQ(timeline_history_path(26), "pg_wal/0000001A.history");
}

TEST(TimelineHistory, RefusesLinesThatAreNone) {
  for (const char* text : {"x\t0/1\n", "1\n", "1\tlater\n", "0\t0/1\n", "2\t0/1\n1\t0/2\n"}) {
    const auto history = parse_timeline_history(text);
    ASSERT_FALSE(history) << text;
    EXPECT_EQ(history.error().code, ErrorCode::corrupt);
  }
}

}  // namespace
}  // namespace bascule::postgres
