// What a disk does to a journal: it fails or hangs when it is to keep something, and it loses or
// changes what it kept.
#include <gtest/gtest.h>

#include <fstream>

#include "async/block_on.h"
#include "async/scope.h"
#include "journals/sqlite/disk_for_test.h"
#include "journals/sqlite/sqlite_journal.h"
#include "journals/sqlite/sqlite_store.h"
#include "journals/sqlite/test_places.h"
#include "model/audit.h"

namespace bascule::sqlite {
namespace {

constexpr Instant kNow{Duration{1'795'451'845'000}};

class SqliteDisks : public testing::Test {
 protected:
  std::unique_ptr<SqliteStore> open(const std::filesystem::path& path) {
    auto store = SqliteStore::open(path, "demo");
    EXPECT_TRUE(store) << store.error().message;
    return store ? *std::move(store) : nullptr;
  }
  static std::string contents(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  static void put(const std::filesystem::path& path, std::string_view bytes) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
  }

  // What lies on the disk of a writer that dies now: ten batches of three records in the log.
  struct Left {
    std::string file, log, head;
    SeenHead seen;
  };
  Left left_by_a_dead_writer() {
    Left left;
    const auto store = open(path_);
    const Term term = *store->acquire("laptop", kNow);
    for (Sequence seq = 1; seq <= 28; seq += 3) {
      const auto head = store->append(some_records(seq, 3, term), term);
      EXPECT_TRUE(head);
      left.seen = {head->seq, head->hash};
    }
    left.file = contents(path_);
    left.log = contents(path_.string() + "-wal");
    left.head = contents(path_.string() + ".head");
    return left;
  }
  // Opens what is left; never crashes. `whole`: whether it may hold everything.
  void expect_told(const Left& left, std::string_view log) {
    const auto path = folder_ / "left.db";
    for (const char* end : {"-shm", ".lock"}) std::filesystem::remove(path.string() + end);
    put(path, left.file);
    put(path.string() + "-wal", log);
    put(path.string() + ".head", left.head);
    const auto store = SqliteStore::open(path, "demo");
    ASSERT_TRUE(store) << store.error().message;
    const auto records = (*store)->read(0, 1'000);
    ASSERT_TRUE(records) << records.error().message;
    EXPECT_EQ(records->size() % 3, 0U) << "a batch is kept whole or not at all";
    EXPECT_TRUE(verify_chain(*records).intact());
    const bool whole = records->size() == left.seen.seq;
    EXPECT_EQ((*store)->lost().has_value(), !whole);
    EXPECT_EQ(verify_chain(*records, left.seen).intact(), whole);
  }

  TemporaryFolder folder_;
  std::filesystem::path path_ = folder_ / "journal.db";
};

TEST_F(SqliteDisks, ASyncThatFailsKeepsNothingOfTheBatchAndEverythingBefore) {
  const DiskForTest disk;
  const auto store = open(path_);
  const Term term = *store->acquire("laptop", kNow);
  const JournalHead before = *store->append(some_records(1, 3, term), term);
  DiskForTest::fail_syncs(true);
  const auto refused = store->append(some_records(4, 2, term), term);
  DiskForTest::fail_syncs(false);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::unavailable);
  EXPECT_NE(refused.error().message.find(path_.string()), std::string::npos);
  EXPECT_EQ(store->head()->seq, before.seq);
  EXPECT_TRUE(store->append(some_records(4, 2, term), term));
  EXPECT_TRUE(verify_chain(*store->read(0, 100)).intact());
}

// The thread of the runtime goes on while the disk does not.
TEST_F(SqliteDisks, ASyncThatHangsHoldsUpTheAppendAndNothingElse) {
  const DiskForTest disk;
  boost::asio::io_context context;
  SystemClock clock(context);
  auto journal = *open_sqlite_journal(clock, path_, "demo");
  const Term term = *block_on(context, journal->acquire("laptop", Deadline::held_outside()));
  std::optional<Result<JournalHead>> appended;
  struct Parts {
    static awaitable<void> append(SqliteJournal& journal, Term term,
                                  std::optional<Result<JournalHead>>* into) {
      into->emplace(co_await journal.append(some_records(1, 1, term), term));
    }
    // Returns the number of turns that the thread had while the disk hung.
    static awaitable<int> watch(Clock& clock, SqliteJournal& journal, Term term,
                                std::optional<Result<JournalHead>>* appended) {
      Scope scope(co_await boost::asio::this_coro::executor, nullptr);
      DiskForTest::hang();
      scope.spawn("append", append(journal, term, appended));
      while (!DiskForTest::is_hanging()) co_await wait_for(clock, Duration{1});
      int turns = 0;
      for (; turns < 20 && !appended->has_value(); ++turns) {
        co_await wait_for(clock, Duration{1});
      }
      DiskForTest::let_go();
      co_await scope.join();
      co_return turns;
    }
  };
  EXPECT_EQ(block_on(context, Parts::watch(clock, *journal, term, &appended)), 20);
  ASSERT_TRUE(appended && *appended);
  EXPECT_EQ((*appended)->seq, 1U);
}

// The log begins with 32 bytes; each frame has 24 bytes before its page of 4096.
TEST_F(SqliteDisks, ALogThatIsTornAtAnyPlaceOfAFrameLosesWholeBatchesAndItIsNoticed) {
  const Left left = left_by_a_dead_writer();
  constexpr std::size_t kHead = 32, kBefore = 24, kPage = 4'096;
  ASSERT_GT(left.log.size(), 10 * (kBefore + kPage));
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, kHead - 1}) {
    expect_told(left, std::string_view(left.log).substr(0, size));
  }
  for (std::size_t frame = kHead; frame < left.log.size(); frame += kBefore + kPage) {
    for (const std::size_t into : {std::size_t{0}, std::size_t{1}, kBefore - 1, kBefore,
                                   kBefore + 1, kBefore + kPage / 2, kBefore + kPage - 1}) {
      SCOPED_TRACE(frame + into);
      expect_told(left, std::string_view(left.log).substr(0, frame + into));
    }
  }
  expect_told(left, left.log);
}

// SQLite drops a damaged log from there on without a word: the note beside the journal tells.
TEST_F(SqliteDisks, AFlippedBitInTheLogLosesItsEndAndItIsNoticed) {
  const Left left = left_by_a_dead_writer();
  for (std::size_t place = 40; place < left.log.size(); place += 997) {
    SCOPED_TRACE(place);
    std::string log = left.log;
    log[place] = static_cast<char>(log[place] ^ (1 << place % 8));
    expect_told(left, log);
  }
}

TEST_F(SqliteDisks, AnyBitOfARecordThatIsFlippedIsFoundWithItsNumber) {
  {
    const auto store = open(path_);
    const Term term = *store->acquire("laptop", kNow);
    ASSERT_TRUE(store->append(some_records(1, 9, term), term));
  }
  const std::string record = (*open(path_)->read(4, 1))[0].bytes;
  const std::string bytes = contents(path_);
  const std::size_t begin = bytes.find(record);
  ASSERT_NE(begin, std::string::npos);
  const auto damaged = folder_ / "damaged.db";
  for (std::size_t bit = 0; bit < 8 * record.size(); bit += 3) {
    std::string changed = bytes;
    char& place = changed[begin + bit / 8];
    place = static_cast<char>(place ^ (1 << bit % 8));
    put(damaged, changed);
    const auto store = SqliteStore::open_read_only(damaged);
    ASSERT_TRUE(store);
    const auto read = (*store)->read(0, 100);
    ASSERT_FALSE(read) << "bit " << bit;
    EXPECT_EQ(read.error().code, ErrorCode::corrupt);
    EXPECT_EQ(read.error().message, "record 5 does not match its hash");
  }
}

TEST_F(SqliteDisks, ALostEndIsSaidAtEveryStartUntilItHasBeenTold) {
  const Left left = left_by_a_dead_writer();
  put(path_.string() + "-wal", std::string_view(left.log).substr(0, left.log.size() / 2));
  put(path_, left.file);
  boost::asio::io_context context;
  SystemClock clock(context);
  for (int start = 0; start < 3; ++start) {
    auto journal = *open_sqlite_journal(clock, path_, "demo");
    EXPECT_TRUE(journal->suspicion().contains("record 30 had been written")) << start;
    const Term term = *block_on(context, journal->acquire("laptop", Deadline::held_outside()));
    const Sequence next = block_on(context, journal->head())->seq + 1;
    ASSERT_TRUE(block_on(context, journal->append(some_records(next, 1, term), term)));
  }
  ASSERT_TRUE(block_on(context, (*open_sqlite_journal(clock, path_, "demo"))->told()));
  EXPECT_EQ((*open_sqlite_journal(clock, path_, "demo"))->suspicion(), "");
}

TEST_F(SqliteDisks, AnotherRecordThanTheOneThatWasWrittenIsCorrupt) {
  {
    const auto store = open(path_);
    const Term term = *store->acquire("laptop", kNow);
    ASSERT_TRUE(store->append(some_records(1, 3, term), term));
  }
  put(path_.string() + ".head", to_string(SeenHead{2, Hash{}}) + "\n");
  const auto refused = SqliteStore::open(path_, "demo");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::corrupt);
  EXPECT_TRUE(refused.error().message.contains("record 2 is not the one that was written"));
  EXPECT_TRUE(refused.error().what_to_do.contains(path_.string() + ".head"));
  EXPECT_TRUE(SqliteStore::open_read_only(path_)) << "evidence can be read";
}

TEST_F(SqliteDisks, ANoteThatCannotBeReadIsNoReasonToRefuse) {
  {
    const auto store = open(path_);
    const Term term = *store->acquire("laptop", kNow);
    ASSERT_TRUE(store->append(some_records(1, 3, term), term));
  }
  for (const char* note : {"", "nonsense", "3:", "99999999999999999999999:00"}) {
    put(path_.string() + ".head", note);
    EXPECT_EQ(open(path_)->lost(), std::nullopt) << note;
  }
  std::filesystem::remove(path_.string() + ".head");
  EXPECT_EQ(open(path_)->lost(), std::nullopt);
}

}  // namespace
}  // namespace bascule::sqlite
