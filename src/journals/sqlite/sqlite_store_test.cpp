#include "journals/sqlite/sqlite_store.h"

#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include <fstream>

#include "journals/sqlite/test_places.h"
#include "model/audit.h"

namespace bascule::sqlite {
namespace {

constexpr Instant kNow{Duration{1'795'451'845'000}};

class SqliteStores : public testing::Test {
 protected:
  std::unique_ptr<SqliteStore> open(std::string_view cluster = "demo") {
    auto store = SqliteStore::open(path_, cluster);
    EXPECT_TRUE(store) << store.error().message;
    return store ? *std::move(store) : nullptr;
  }
  static AuditReport audit(SqliteStore& store, std::optional<SeenHead> seen = {}) {
    const auto records = store.read(0, 100'000);
    EXPECT_TRUE(records) << records.error().message;
    return verify_chain(records.value_or(std::vector<StoredRecord>()), seen);
  }
  // A journal with records 1 to `count`, closed.
  void write(std::size_t count) {
    const auto store = open();
    const Term term = *store->acquire("laptop", kNow);
    const auto head = store->append(some_records(1, count, term), term);
    ASSERT_TRUE(head) << head.error().message;
  }
  // Changes the file by SQL, behind the store's back.
  void tamper(std::string_view sql) {
    auto database = Database::open(path_, Database::Access::write);
    ASSERT_TRUE(database);
    const auto done = (*database)->execute(sql);
    ASSERT_TRUE(done) << done.error().message;
  }
  static mode_t mode_of(const std::filesystem::path& path) {
    struct stat file{};
    EXPECT_EQ(::stat(path.c_str(), &file), 0) << path;
    return file.st_mode & 07777;
  }

  TemporaryFolder folder_;
  std::filesystem::path path_ = folder_ / "store/journal.db";
};

TEST_F(SqliteStores, TheFileIsForItsOwnerOnlyAndSoIsAFolderMadeForIt) {
  const auto store = open();
  ASSERT_TRUE(store->acquire("laptop", kNow));
  const Term term = *store->acquire("laptop", kNow);
  ASSERT_TRUE(store->append(some_records(1, 1, term), term));
  EXPECT_EQ(mode_of(folder_ / "store"), 0700U);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_ / "store"), {}), 5);
  for (const char* name :
       {"journal.db", "journal.db-wal", "journal.db-shm", "journal.db.lock", "journal.db.head"}) {
    EXPECT_EQ(mode_of((folder_ / "store") / name), 0600U) << name;
  }
}

TEST_F(SqliteStores, PlacesThatCannotHoldAJournalAreRefused) {
  EXPECT_EQ(SqliteStore::open(folder_ / "a/b/journal.db", "demo").error().code,
            ErrorCode::not_found);
  std::ofstream(folder_ / "file") << "text";
  EXPECT_EQ(SqliteStore::open((folder_ / "file") / "journal.db", "demo").error().code,
            ErrorCode::invalid);
  std::filesystem::create_directory(folder_ / "folder");
  EXPECT_FALSE(SqliteStore::open(folder_ / "folder", "demo"));
  EXPECT_FALSE(SqliteStore::open_read_only(folder_ / "folder"));
  EXPECT_EQ(SqliteStore::open_read_only(folder_ / "none.db").error().code, ErrorCode::not_found);
}

TEST_F(SqliteStores, AnythingButAJournalIsRefused) {
  std::filesystem::create_directory(folder_ / "store");
  std::ofstream(path_) << std::string(8'192, 'x');
  EXPECT_EQ(SqliteStore::open(path_, "demo").error().code, ErrorCode::corrupt);
  EXPECT_EQ(SqliteStore::open_read_only(path_).error().code, ErrorCode::corrupt);
  std::filesystem::remove(path_);

  std::ofstream(path_).close();
  EXPECT_EQ(SqliteStore::open(path_, "demo").error().code, ErrorCode::invalid);
  EXPECT_EQ(SqliteStore::open_read_only(path_).error().code, ErrorCode::invalid);
  tamper("CREATE TABLE journal(seq INTEGER PRIMARY KEY, hash BLOB, bytes BLOB)");
  const auto refused = SqliteStore::open(path_, "demo");
  EXPECT_EQ(refused.error().code, ErrorCode::invalid);
  EXPECT_EQ(refused.error().message, path_.string() + " is not a journal of Bascule");
}

TEST_F(SqliteStores, TheJournalOfAnotherClusterIsRefusedByItsName) {
  write(1);
  const auto refused = SqliteStore::open(path_, "production");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::invalid);
  EXPECT_EQ(
      refused.error().message,
      fmt::format("the journal {} belongs to cluster demo, not to production", path_.string()));
  const auto reader = SqliteStore::open_read_only(path_);
  ASSERT_TRUE(reader);
  EXPECT_EQ((*reader)->cluster(), "demo");
}

TEST_F(SqliteStores, AJournalOfANewerSchemaIsRefused) {
  write(1);
  tamper("UPDATE meta SET schema = 2");
  EXPECT_EQ(SqliteStore::open(path_, "demo").error().message,
            path_.string() + " is of schema 2: this build knows schema 1");
}

TEST_F(SqliteStores, ChangedRemovedAndInsertedRecordsAreFoundWhenRead) {
  struct Case {
    const char* sql;
    const char* message;
  };
  for (const Case& one : {
           Case{"UPDATE journal SET bytes = CAST(replace(bytes, 'reason 7', 'reason 8') AS BLOB) "
                "WHERE seq = 7",
                "record 7 does not match its hash"},
           Case{"UPDATE journal SET hash = zeroblob(32) WHERE seq = 4",
                "record 4 does not match its hash"},
           Case{"UPDATE journal SET hash = x'00' WHERE seq = 5", "record 5 has no valid hash"},
           Case{"DELETE FROM journal WHERE seq = 3", "record 3 is missing: record 4 follows"},
           Case{"DELETE FROM journal WHERE seq = 1", "record 1 is missing: record 2 follows"},
       }) {
    std::filesystem::remove_all(folder_ / "store");
    write(10);
    tamper(one.sql);
    const auto store = SqliteStore::open_read_only(path_);
    ASSERT_TRUE(store);
    const auto read = (*store)->read(0, 100);
    ASSERT_FALSE(read) << one.sql;
    EXPECT_EQ(read.error().code, ErrorCode::corrupt);
    EXPECT_EQ(read.error().message, one.message);
  }
}

TEST_F(SqliteStores, ATermIsAboveEveryTermOfTheRecordsEvenInARestoredFile) {
  {
    const auto store = open();
    for (int i = 0; i < 4; ++i) ASSERT_TRUE(store->release(*store->acquire("laptop", kNow)));
    const Term term = *store->acquire("laptop", kNow);
    ASSERT_EQ(term, 5U);
    ASSERT_TRUE(store->append(some_records(1, 1, term), term));
  }
  tamper("UPDATE meta SET term = 2");
  EXPECT_EQ(open()->acquire("laptop", kNow), Term{6});
}

TEST_F(SqliteStores, ALockFileThatWasDeletedLetsNobodyWriteInAnOldTerm) {
  const auto first = open();
  const Term old = *first->acquire("laptop", kNow);
  std::filesystem::remove(path_.string() + ".lock");
  const auto second = open();
  const auto term = second->acquire("desktop", kNow);
  ASSERT_TRUE(term) << term.error().message;
  const auto refused = first->append(some_records(1, 1, old), old);
  EXPECT_EQ(refused.error().code, ErrorCode::term_over);
  EXPECT_EQ(refused.error().message, "term 1 is over: term 2 has begun");
  EXPECT_EQ(first->renew(old).error().code, ErrorCode::term_over);
  EXPECT_TRUE(second->append(some_records(1, 1, *term), *term));
}

TEST_F(SqliteStores, AWriterWaitsABoundedTimeForAForeignLock) {
  const auto store = open();
  const Term term = *store->acquire("laptop", kNow);
  auto intruder = Database::open(path_, Database::Access::write);
  ASSERT_TRUE(intruder);
  {
    const auto transaction = Transaction::begin(**intruder);
    ASSERT_TRUE(transaction);
    const auto refused = store->append(some_records(1, 1, term), term);
    EXPECT_EQ(refused.error().code, ErrorCode::unavailable);
    EXPECT_TRUE(store->head()) << "readers do not wait";
  }
  EXPECT_TRUE(store->append(some_records(1, 1, term), term));
}

TEST_F(SqliteStores, LargeRecordsComeInSmallerPages) {
  const auto store = open();
  const Term term = *store->acquire("laptop", kNow);
  for (Sequence seq = 1; seq <= 4; ++seq) {
    auto batch = some_records(seq, 1, term);
    batch[0].reason = std::string(std::size_t{12} << 20, 'a');
    ASSERT_TRUE(store->append(batch, term));
  }
  const auto page = store->read(0, 100);
  ASSERT_TRUE(page);
  EXPECT_EQ(page->size(), 3U);
  EXPECT_EQ(store->read(3, 100)->size(), 1U);
}

// A folder that may not be written: the journal in it can still be read, without leaving anything.
TEST_F(SqliteStores, AReadOnlyFolderCanBeReadAndNothingElse) {
  write(5);
  ASSERT_EQ(::chmod((folder_ / "").c_str(), 0755), 0);
  ASSERT_EQ(::chmod((folder_ / "store").c_str(), 0555), 0);
  ASSERT_EQ(::chmod(path_.c_str(), 0444), 0);
  ChildProcess child([this] {
    constexpr uid_t kNobody = 65'534;
    if (::geteuid() == 0 && (::setgid(kNobody) != 0 || ::setuid(kNobody) != 0)) return 2;
    const auto written = SqliteStore::open(path_, "demo");
    if (written || written.error().code != ErrorCode::denied) return 3;
    const auto reader = SqliteStore::open_read_only(path_);
    if (!reader) return 4;
    const auto records = (*reader)->read(0, 100);
    if (!records || records->size() != 5) return 5;
    return verify_chain(*records).intact() ? 0 : 6;
  });
  EXPECT_EQ(child.exit_code(), 0);
  ASSERT_EQ(::chmod((folder_ / "store").c_str(), 0755), 0);
}

// Every write of the file can be made to fail, as on a disk that is full.
class FullDisk {
 public:
  FullDisk() {
    sqlite3_vfs* vfs = sqlite3_vfs_find(nullptr);
    for (const char* name : {"pwrite", "pwrite64"}) {
      if (vfs->xGetSystemCall(vfs, name) == nullptr) continue;
      vfs->xSetSystemCall(vfs, name, reinterpret_cast<sqlite3_syscall_ptr>(&FullDisk::write));
    }
  }
  ~FullDisk() {
    sqlite3_vfs* vfs = sqlite3_vfs_find(nullptr);
    for (const char* name : {"pwrite", "pwrite64"}) vfs->xSetSystemCall(vfs, name, nullptr);
    writes_left = -1;
  }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;

  // This many writes succeed, then none; -1: no limit.
  static void leave(int writes) { writes_left = writes; }
  static bool was_hit() { return writes_left == 0; }

 private:
  static ssize_t write(int descriptor, const void* data, std::size_t size, off_t offset) {
    if (writes_left == 0) {
      errno = ENOSPC;
      return -1;
    }
    if (writes_left > 0) --writes_left;
    return ::pwrite(descriptor, data, size, offset);
  }
  inline static int writes_left = -1;
};

TEST_F(SqliteStores, AFullDiskIsUnavailableAndWhatWasWrittenIsIntactWhereverItHappens) {
  const FullDisk disk;
  write(3);
  int failures = 0;
  for (int writes = 0;; ++writes) {
    const auto store = open();
    const Term term = *store->acquire("laptop", kNow);
    const JournalHead before = *store->head();
    FullDisk::leave(writes);
    const auto appended = store->append(some_records(before.seq + 1, 40, term), term);
    const bool hit = FullDisk::was_hit() && !appended;
    if (hit) {
      ++failures;
      EXPECT_EQ(appended.error().code, ErrorCode::unavailable) << appended.error().message;
      EXPECT_NE(appended.error().what_to_do.find("free space"), std::string::npos);
      EXPECT_EQ(store->head()->seq, before.seq);
      EXPECT_TRUE(audit(*store, SeenHead{before.seq, before.hash}).intact());
    }
    FullDisk::leave(-1);
    const JournalHead now = *store->head();
    const auto again = store->append(some_records(now.seq + 1, 1, term), term);
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_TRUE(audit(*store, SeenHead{again->seq, again->hash}).intact());
    if (!hit) break;
  }
  EXPECT_GT(failures, 3);
}

}  // namespace
}  // namespace bascule::sqlite
