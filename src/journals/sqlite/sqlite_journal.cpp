#include "journals/sqlite/sqlite_journal.h"

#include <utility>

#include "journals/sqlite/sqlite_store.h"

namespace bascule {

using boost::asio::awaitable;
using sqlite::SqliteStore;

// The work below owns what it uses: a call that is given up while it waits leaves nothing behind.

namespace {

std::string suspicion_of(SqliteStore& store) {
  if (!store.lost()) return "";
  const auto head = store.head();
  return fmt::format(
      "the end of the journal was lost, or it is an older copy: record {} had been written (hash "
      "{}), and it ends with record {}",
      store.lost()->seq, to_hex(store.lost()->hash), head ? head->seq : 0);
}

}  // namespace

SqliteJournal::SqliteJournal(Clock& clock, std::unique_ptr<SqliteStore> store)
    : clock_(clock),
      store_(std::move(store)),
      suspicion_(suspicion_of(*store_)),
      pool_(1, kQueueBound) {}

SqliteJournal::~SqliteJournal() = default;

awaitable<Result<JournalHead>> SqliteJournal::append(std::vector<Record> records, Term term) {
  auto work = [store = store_, records = std::move(records), term] {
    return store->append(records, term);
  };
  co_return co_await pool_.run(std::move(work));
}

awaitable<Result<std::vector<StoredRecord>>> SqliteJournal::read(Sequence after,
                                                                 std::size_t limit) {
  auto work = [store = store_, after, limit] { return store->read(after, limit); };
  co_return co_await pool_.run(std::move(work));
}

awaitable<Result<JournalHead>> SqliteJournal::head() {
  auto work = [store = store_] { return store->head(); };
  co_return co_await pool_.run(std::move(work));
}

awaitable<Result<Term>> SqliteJournal::acquire(std::string holder, Deadline deadline) {
  if (deadline.has_passed(clock_)) co_return fail(ErrorCode::timeout, "there was no time left");
  auto work = [store = store_, holder = std::move(holder), now = clock_.now()] {
    return store->acquire(holder, now);
  };
  co_return co_await pool_.run(std::move(work));
}

awaitable<Result<void>> SqliteJournal::renew(Term term, Deadline deadline) {
  if (deadline.has_passed(clock_)) co_return fail(ErrorCode::timeout, "there was no time left");
  auto work = [store = store_, term] { return store->renew(term); };
  co_return co_await pool_.run(std::move(work));
}

awaitable<Result<void>> SqliteJournal::release(Term term) {
  auto work = [store = store_, term] { return store->release(term); };
  co_return co_await pool_.run(std::move(work));
}

awaitable<Result<void>> SqliteJournal::told() {
  auto work = [store = store_] {
    store->note_new_head();
    return Result<void>();
  };
  co_return co_await pool_.run(std::move(work));
}

std::optional<SeenHead> noted_head(const std::filesystem::path& path) {
  return sqlite::HeadFile(path).read();
}

const std::string& SqliteJournal::cluster() const {
  return store_->cluster();
}

Result<std::unique_ptr<SqliteJournal>> open_sqlite_journal(Clock& clock,
                                                           const std::filesystem::path& path,
                                                           const std::string& cluster) {
  auto store = SqliteStore::open(path, cluster);
  if (!store) return error_of(store);
  return std::make_unique<SqliteJournal>(clock, *std::move(store));
}

Result<std::unique_ptr<SqliteJournal>> open_sqlite_journal_read_only(
    Clock& clock, const std::filesystem::path& path) {
  auto store = SqliteStore::open_read_only(path);
  if (!store) return error_of(store);
  return std::make_unique<SqliteJournal>(clock, *std::move(store));
}

}  // namespace bascule
