#include "journals/sqlite/sqlite_journal.h"

#include <gtest/gtest.h>

#include "journals/sqlite/test_places.h"
#include "ports/journal_contract_test.h"

namespace bascule {
namespace {

struct SqliteFactory {
  explicit SqliteFactory(Clock& clock_value) : clock(clock_value) {}
  std::unique_ptr<SqliteJournal> open() {
    auto opened = open_sqlite_journal(clock, path, "demo");
    EXPECT_TRUE(opened) << opened.error().message;
    return *std::move(opened);
  }
  std::unique_ptr<Journal> open_reader() {
    auto opened = open_sqlite_journal_read_only(clock, path);
    EXPECT_TRUE(opened) << opened.error().message;
    return *std::move(opened);
  }

  Clock& clock;
  sqlite::TemporaryFolder folder;
  std::filesystem::path path = folder / "store/journal.db";
};
INSTANTIATE_TYPED_TEST_SUITE_P(Sqlite, JournalContract, SqliteFactory);

TEST(SqliteJournals, AReaderKnowsTheClusterAndRefusesToWrite) {
  boost::asio::io_context context;
  SystemClock clock(context);
  SqliteFactory factory(clock);
  EXPECT_EQ(open_sqlite_journal_read_only(clock, factory.path).error().code, ErrorCode::not_found);
  factory.open();
  const auto reader = open_sqlite_journal_read_only(clock, factory.path);
  ASSERT_TRUE(reader) << reader.error().message;
  EXPECT_EQ((*reader)->cluster(), "demo");
  const auto appended =
      block_on(context, (*reader)->append(sqlite::some_records(1, 1, 1), Term{1}));
  EXPECT_EQ(appended.error().code, ErrorCode::denied);
  const auto acquired =
      block_on(context, (*reader)->acquire("laptop", Deadline::in(clock, Duration{1'000})));
  EXPECT_EQ(acquired.error().code, ErrorCode::denied);
}

TEST(SqliteJournals, ACallWithoutTimeLeftIsNotBegun) {
  boost::asio::io_context context;
  SystemClock clock(context);
  SqliteFactory factory(clock);
  const auto journal = factory.open();
  const Deadline passed = Deadline::in(clock, Duration{-1});
  EXPECT_EQ(block_on(context, journal->acquire("laptop", passed)).error().code, ErrorCode::timeout);
  EXPECT_EQ(block_on(context, journal->renew(1, passed)).error().code, ErrorCode::timeout);
}

}  // namespace
}  // namespace bascule
