// The SQLite store as the runtime sees it: a Journal and a Lease whose blocking work runs on one
// thread of its own, one call after the other. Up to kQueueBound calls wait; one more is
// `throttled`.
//
// Opening blocks (it reads the head of the file and may make it): do it before the loop runs. The
// clock outlives the journal, and the journal outlives every coroutine that is inside a call.
#pragma once

#include <boost/asio/awaitable.hpp>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "async/clock.h"
#include "async/pool.h"
#include "model/audit.h"
#include "ports/journal.h"

namespace bascule {

namespace sqlite {
class SqliteStore;
}

class SqliteJournal final : public Journal, public Lease {
 public:
  static constexpr std::size_t kQueueBound = 64;

  SqliteJournal(Clock& clock, std::unique_ptr<sqlite::SqliteStore> store);
  // Waits for the call that is running; gives the lease back.
  ~SqliteJournal() override;

  boost::asio::awaitable<Result<JournalHead>> append(std::vector<Record> records,
                                                     Term term) override;
  boost::asio::awaitable<Result<std::vector<StoredRecord>>> read(Sequence after,
                                                                 std::size_t limit) override;
  boost::asio::awaitable<Result<JournalHead>> head() override;

  boost::asio::awaitable<Result<Term>> acquire(std::string holder, Deadline deadline) override;
  boost::asio::awaitable<Result<void>> renew(Term term, Deadline deadline) override;
  boost::asio::awaitable<Result<void>> release(Term term) override;

  // About records that had been written here and were missing when it was opened; empty: none were.
  // It is said again at every opening until told() was called: once it is recorded in the journal.
  [[nodiscard]] const std::string& suspicion() const { return suspicion_; }
  boost::asio::awaitable<Result<void>> told();

  // Whose journal it is, also of one that was opened to be read.
  [[nodiscard]] const std::string& cluster() const;

 private:
  Clock& clock_;
  std::shared_ptr<sqlite::SqliteStore> store_;
  std::string suspicion_;
  BlockingPool pool_;  // the last member: its thread has ended before the store closes
};

// See sqlite::SqliteStore::open and open_read_only for what they refuse. A journal that is open for
// reading refuses append and acquire as `denied`.
Result<std::unique_ptr<SqliteJournal>> open_sqlite_journal(Clock& clock,
                                                           const std::filesystem::path& path,
                                                           const std::string& cluster);
Result<std::unique_ptr<SqliteJournal>> open_sqlite_journal_read_only(
    Clock& clock, const std::filesystem::path& path);

// The newest head that was written there, as noted beside the journal (PATH.head).
std::optional<SeenHead> noted_head(const std::filesystem::path& path);

}  // namespace bascule
