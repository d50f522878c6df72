// What happens to a journal when processes are killed and files are damaged.
#include <gtest/gtest.h>
#include <poll.h>

#include <array>
#include <fstream>
#include <random>

#include "journals/sqlite/sqlite_store.h"
#include "journals/sqlite/test_places.h"
#include "model/audit.h"

namespace bascule::sqlite {
namespace {

constexpr Instant kNow{Duration{1'795'451'845'000}};

// Numbers that a child tells its parent.
class Pipe {
 public:
  Pipe() { EXPECT_EQ(::pipe(ends_.data()), 0); }
  ~Pipe() {
    ::close(ends_[0]);
    close_writing();
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;

  void tell(Sequence number) const {
    if (::write(ends_[1], &number, sizeof number) != sizeof number) ::_exit(9);
  }
  void close_writing() {
    if (ends_[1] >= 0) ::close(std::exchange(ends_[1], -1));
  }
  // The next number; nothing at the end, or after ten seconds of silence.
  std::optional<Sequence> next() const {
    pollfd wait{ends_[0], POLLIN, 0};
    Sequence number = 0;
    if (::poll(&wait, 1, 10'000) != 1) return std::nullopt;
    if (::read(ends_[0], &number, sizeof number) != sizeof number) return std::nullopt;
    return number;
  }

 private:
  std::array<int, 2> ends_{-1, -1};
};

class SqliteCrashes : public testing::Test {
 protected:
  std::unique_ptr<SqliteStore> open(const std::filesystem::path& path) {
    auto store = SqliteStore::open(path, "demo");
    EXPECT_TRUE(store) << store.error().message;
    return store ? *std::move(store) : nullptr;
  }
  // Opens, acquires, and appends for ever, telling the number of each record that is durable.
  int write_until_killed(const Pipe& pipe) {
    auto store = SqliteStore::open(path_, "demo");
    if (!store) return 2;
    const auto term = (*store)->acquire("laptop", kNow);
    if (!term) return 3;
    for (Sequence seq = (*store)->head()->seq + 1;; seq += 3) {
      if (!(*store)->append(some_records(seq, 3, *term), *term)) return 4;
      pipe.tell(seq + 2);
    }
  }
  static std::string contents(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  static void put(const std::filesystem::path& path, std::string_view bytes) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
  }
  // A closed journal of `count` records, as bytes.
  std::string written(std::size_t count) {
    {
      const auto store = open(path_);
      const Term term = *store->acquire("laptop", kNow);
      EXPECT_TRUE(store->append(some_records(1, count, term), term));
    }
    return contents(path_);
  }
  // Opens the bytes as a journal and reads it; never crashes, and what is wrong is said.
  Result<std::vector<StoredRecord>> read_of(std::string_view bytes) {
    const auto damaged = folder_ / "damaged.db";
    for (const char* end : {"-wal", "-shm"}) std::filesystem::remove(damaged.string() + end);
    put(damaged, bytes);
    const auto store = SqliteStore::open_read_only(damaged);
    if (!store) return error_of(store);
    return (*store)->read(0, 10'000);
  }

  TemporaryFolder folder_;
  std::filesystem::path path_ = folder_ / "journal.db";
};

TEST_F(SqliteCrashes, AWriterThatIsKilledLosesNothingThatItWasTold) {
  Sequence durable = 0;
  for (int round = 1; round <= 8; ++round) {
    Pipe pipe;
    ChildProcess writer([&] { return write_until_killed(pipe); });
    pipe.close_writing();
    for (int told = 0; told < 3 * round; ++told) {
      const auto number = pipe.next();
      ASSERT_TRUE(number) << "the writer ended with " << writer.exit_code();
      durable = *number;
    }
    writer.kill_now();
    while (const auto number = pipe.next()) durable = *number;

    const auto store = open(path_);
    const auto records = store->read(0, 100'000);
    ASSERT_TRUE(records) << records.error().message;
    EXPECT_GE(records->size(), durable);
    EXPECT_EQ(records->size() % 3, 0U) << "a batch is kept whole or not at all";
    EXPECT_TRUE(verify_chain(*records).intact());
    EXPECT_EQ(store->acquire("laptop", kNow), static_cast<Term>(2 * round));
  }
}

TEST_F(SqliteCrashes, AProcessThatHoldsTheJournalIsNamedUntilItEnds) {
  Pipe pipe;
  ChildProcess holder([&] { return write_until_killed(pipe); });
  ASSERT_TRUE(pipe.next());
  const auto store = open(path_);
  const auto refused = store->acquire("desktop", kNow);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::unavailable);
  EXPECT_EQ(refused.error().message, fmt::format("held by laptop (pid {}) since "
                                                 "2026-11-23T16:37:25.000Z",
                                                 holder.pid()));
  const auto reader = SqliteStore::open_read_only(path_);
  ASSERT_TRUE(reader);
  EXPECT_GE((*reader)->read(0, 3)->size(), 3U);
  holder.kill_now();
  EXPECT_EQ(store->acquire("desktop", kNow), Term{2});
}

TEST_F(SqliteCrashes, TwoProcessesThatMakeTheJournalAtOnceBothOpenIt) {
  for (int round = 0; round < 10; ++round) {
    const auto path = folder_ / fmt::format("new-{}.db", round);
    const auto make = [&] { return SqliteStore::open(path, "demo") ? 0 : 1; };
    ChildProcess first(make), second(make);
    EXPECT_EQ(first.exit_code(), 0);
    EXPECT_EQ(second.exit_code(), 0);
  }
}

TEST_F(SqliteCrashes, AFlippedBitInARecordIsFoundWithItsNumber) {
  const std::string bytes = written(30);
  for (const Sequence seq : {1, 12, 30}) {
    std::string damaged = bytes;
    const std::size_t place = damaged.find(fmt::format("reason {} of this record", seq));
    ASSERT_NE(place, std::string::npos);
    damaged[place] = static_cast<char>(damaged[place] ^ 4);
    const auto read = read_of(damaged);
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code, ErrorCode::corrupt);
    EXPECT_EQ(read.error().message, fmt::format("record {} does not match its hash", seq));
  }
}

TEST_F(SqliteCrashes, AFlippedBitAnywhereIsEitherFoundOrHarmless) {
  const std::string bytes = written(30);
  const auto whole = read_of(bytes);
  ASSERT_TRUE(whole);
  std::mt19937 dice(20'261'123);
  int found = 0;
  for (int i = 0; i < 300; ++i) {
    std::string damaged = bytes;
    const std::size_t place = dice() % damaged.size();
    damaged[place] = static_cast<char>(damaged[place] ^ (1 << dice() % 8));
    const auto read = read_of(damaged);
    if (!read) {
      ++found;
      EXPECT_NE(read.error().message, "");
      continue;
    }
    ASSERT_LE(read->size(), whole->size());
    for (std::size_t k = 0; k < read->size(); ++k) {
      ASSERT_EQ(read->at(k).bytes, whole->at(k).bytes) << "bit at " << place;
    }
  }
  EXPECT_GT(found, 100);
}

TEST_F(SqliteCrashes, ATruncatedFileIsNeverTakenForTheWholeJournal) {
  const std::string bytes = written(200);
  const SeenHead seen = [&] {
    const auto head = *open(path_)->head();
    return SeenHead{head.seq, head.hash};
  }();
  for (std::size_t size = 0; size < bytes.size(); size += 1'777) {
    const auto read = read_of(std::string_view(bytes).substr(0, size));
    if (!read) continue;
    EXPECT_FALSE(verify_chain(*read, seen).intact()) << "cut at " << size;
  }
}

// What a loss of power leaves of the log: its beginning. The journal is then a shorter one, whole
// batches only, and can be written on.
TEST_F(SqliteCrashes, ATornLogLeavesWholeBatchesThatCanBeWrittenOn) {
  std::string file, log;
  SeenHead seen;
  {
    const auto store = open(path_);
    const Term term = *store->acquire("laptop", kNow);
    for (Sequence seq = 1; seq <= 28; seq += 3) {
      const auto head = store->append(some_records(seq, 3, term), term);
      ASSERT_TRUE(head);
      seen = {head->seq, head->hash};
    }
    file = contents(path_);
    log = contents(path_.string() + "-wal");
  }
  ASSERT_GT(log.size(), 10'000U);
  const auto torn = folder_ / "torn.db";
  for (std::size_t size = log.size(); size > 10'000; size -= 3'001) {
    for (const char* end : {"-shm", ".lock"}) std::filesystem::remove(torn.string() + end);
    put(torn, file);
    put(torn.string() + "-wal", std::string_view(log).substr(0, size));
    auto store = SqliteStore::open(torn, "demo");
    ASSERT_TRUE(store) << store.error().message;
    const auto records = (*store)->read(0, 1'000);
    ASSERT_TRUE(records) << records.error().message;
    EXPECT_EQ(records->size() % 3, 0U);
    EXPECT_TRUE(verify_chain(*records).intact());
    if (size < log.size()) EXPECT_EQ(verify_chain(*records, seen).first_bad, records->size() + 1);
    const auto term = (*store)->acquire("laptop", kNow);
    ASSERT_TRUE(term);
    EXPECT_TRUE((*store)->append(some_records(records->size() + 1, 1, *term), *term));
  }
}

}  // namespace
}  // namespace bascule::sqlite
