#include "providers/postgres/log_reader.h"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

namespace bascule::postgres {
namespace {

constexpr std::uint64_t kSegment = std::uint64_t{1} << 20U;
constexpr std::uint64_t kPage = 8192;
constexpr std::uint8_t kTransaction = 1;
constexpr std::uint8_t kHeap = 10;

// Writes a log of its own, as PostgreSQL 15 would.
class Writer {
 public:
  explicit Writer(LogPosition begin) : begin_(begin), position_(begin) {}

  // Returns where the record begins.
  LogPosition record(std::uint32_t length, std::uint32_t transaction, std::uint8_t manager,
                     std::uint8_t info) {
    align();
    if (position_ % kPage == 0) page(false);
    const LogPosition start = position_;
    std::vector<std::uint8_t> bytes(length, 0xAB);
    std::memcpy(bytes.data(), &length, 4);
    std::memcpy(bytes.data() + 4, &transaction, 4);
    std::memcpy(bytes.data() + 8, &previous_, 8);
    bytes[16] = info;
    bytes[17] = manager;
    for (std::size_t done = 0; done < bytes.size();) {
      if (position_ % kPage == 0) page(true);
      const std::size_t part =
          std::min<std::size_t>(bytes.size() - done, kPage - position_ % kPage);
      put(bytes.data() + done, part);
      done += part;
    }
    previous_ = start;
    return start;
  }
  // A record of which a crash left only `kept` bytes; the log goes on at the next page.
  void torn(std::uint32_t length, std::uint64_t kept) {
    align();
    const std::uint64_t room = kPage - position_ % kPage;
    std::vector<std::uint8_t> bytes(room, 0);
    std::memcpy(bytes.data(), &length, 4);
    std::memcpy(bytes.data() + 8, &previous_, 8);
    std::memset(bytes.data() + 24, 0xCD, std::min(kept, room) - 24);
    put(bytes.data(), bytes.size());
  }
  void switch_segment() {
    record(24, 0, 0, 0x40);
    const std::vector<std::uint8_t> zeros(kSegment - position_ % kSegment, 0);
    put(zeros.data(), zeros.size());
  }

  [[nodiscard]] LogPosition end() const { return position_; }
  [[nodiscard]] Result<Committed> count(LogPosition from,
                                        const std::set<std::uint32_t>& except = {}) const {
    return count_commits({begin_, bytes_, kSegment}, from, position_, except);
  }
  std::vector<std::uint8_t>& bytes() { return bytes_; }

 private:
  void align() {
    const std::uint8_t zeros[8] = {};
    put(zeros, (8 - position_ % 8) % 8);
  }
  void page(bool continues) {
    std::uint8_t header[40] = {0x10, 0xD1};
    header[2] = continues ? 1 : 0;
    put(header, position_ % kSegment == 0 ? 40 : 24);
  }
  void put(const std::uint8_t* bytes, std::size_t count) {
    bytes_.insert(bytes_.end(), bytes, bytes + count);
    position_ += count;
  }

  std::vector<std::uint8_t> bytes_;
  LogPosition begin_;
  LogPosition position_;
  LogPosition previous_ = 0;
};

TEST(LogReader, CountsCommitsAndNothingElse) {
  Writer log(3 * kSegment);
  log.record(100, 7, kHeap, 0);
  log.record(40, 7, kTransaction, 0x80);  // commit, with more information behind it
  log.record(40, 8, kTransaction, 0x20);  // abort
  log.record(40, 9, kTransaction, 0x10);  // prepared, not committed
  const LogPosition last = log.record(40, 10, kTransaction, 0x30);
  log.record(60, 0, 0, 0x10);  // a checkpoint
  const auto counted = log.count(3 * kSegment);
  ASSERT_TRUE(counted) << counted.error().message;
  EXPECT_EQ(*counted, (Committed{2, last + 40}));
  EXPECT_EQ(*log.count(3 * kSegment, {7, 10}), (Committed{0, 0}));
}

TEST(LogReader, FollowsRecordsAcrossPagesAndSegments) {
  Writer log(3 * kSegment);
  log.record(3 * kPage, 7, kHeap, 0);
  log.record(40, 7, kTransaction, 0);
  log.switch_segment();
  // Its header lies across the end of a page.
  log.record(static_cast<std::uint32_t>(kPage - 40 - 16), 8, kHeap, 0);
  log.record(40, 8, kTransaction, 0);
  log.record(static_cast<std::uint32_t>(2 * kSegment), 9, kHeap, 0);
  log.record(40, 9, kTransaction, 0);
  const auto counted = log.count(3 * kSegment);
  ASSERT_TRUE(counted) << counted.error().message;
  EXPECT_EQ(counted->transactions, 3);
  EXPECT_EQ(counted->end, log.end());
}

TEST(LogReader, GoesOnBehindARecordThatACrashLeftUnfinished) {
  Writer log(3 * kSegment);
  log.record(40, 7, kTransaction, 0);
  log.torn(20'000, 100);
  log.record(40, 8, kTransaction, 0);
  const auto counted = log.count(3 * kSegment);
  ASSERT_TRUE(counted) << counted.error().message;
  EXPECT_EQ(counted->transactions, 2);
}

TEST(LogReader, RefusesWhatIsNoLog) {
  Writer log(3 * kSegment);
  const LogPosition second = log.record(40, 7, kTransaction, 0) + 40;
  log.record(40, 8, kTransaction, 0);
  Writer broken = log;
  broken.bytes()[second - 3 * kSegment + 8] ^= 1;  // the position of the record before
  EXPECT_EQ(broken.count(3 * kSegment).error().code, ErrorCode::corrupt);
  broken = log;
  std::memset(broken.bytes().data() + (second - 3 * kSegment), 0, 24);
  EXPECT_EQ(broken.count(3 * kSegment).error().code, ErrorCode::corrupt);
  broken = log;
  broken.bytes().resize(60);
  EXPECT_EQ(broken.count(3 * kSegment).error().code, ErrorCode::invalid);
  EXPECT_FALSE(count_commits({5, {}, kSegment}, 5, 100, {}));
}

TEST(LogReader, NamesTheFileOfAPosition) {
  EXPECT_EQ(log_file_path(1, 0x3000148, std::uint64_t{16} << 20U),
            "pg_wal/000000010000000000000003");
  EXPECT_EQ(log_file_path(26, 0x16B374D848U, std::uint64_t{16} << 20U),
            "pg_wal/0000001A00000016000000B3");
}

}  // namespace
}  // namespace bascule::postgres
