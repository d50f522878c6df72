#include "journals/sqlite/sqlite_store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "model/chain.h"

namespace bascule::sqlite {
namespace {

constexpr std::int64_t kApplicationId = 0x42534a4c;  // "BSJL", so that `file` and we recognise it
constexpr std::int64_t kSchema = 1;
constexpr std::size_t kPageSizeMax = std::size_t{32} << 20;  // of one read, in bytes

Result<void> system_failure(const std::filesystem::path& path, int error) {
  const bool refused = error == EACCES || error == EPERM || error == EROFS;
  const ErrorCode code = refused            ? ErrorCode::denied
                         : error == ENOENT  ? ErrorCode::not_found
                         : error == ENOTDIR ? ErrorCode::invalid
                                            : ErrorCode::unavailable;
  return fail(code, "{}: {}", path.string(), std::strerror(error));
}

// A new file counts as there only once its folder says so on the disk.
void sync_folder(const std::filesystem::path& folder) {
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return;
  ::fsync(descriptor);
  ::close(descriptor);
}

Result<void> write_schema(Database& database, std::string_view cluster) {
  auto transaction = Transaction::begin(database);
  if (!transaction) return error_of(transaction);
  for (const std::string& sql : {
           fmt::format("PRAGMA application_id={}", kApplicationId),
           std::string("CREATE TABLE journal(seq INTEGER PRIMARY KEY, hash BLOB NOT NULL, "
                       "bytes BLOB NOT NULL) STRICT"),
           std::string("CREATE TABLE meta(id INTEGER PRIMARY KEY CHECK (id = 1), "
                       "schema INTEGER NOT NULL, cluster TEXT NOT NULL, term INTEGER NOT NULL, "
                       "holder TEXT NOT NULL, since TEXT NOT NULL) STRICT"),
       }) {
    if (auto made = database.execute(sql); !made) return made;
  }
  auto insert = database.prepare("INSERT INTO meta VALUES (1, ?, ?, 0, '', '')");
  if (!insert) return error_of(insert);
  if (auto inserted = insert->bind(1, kSchema).bind_text(2, cluster).run(); !inserted) {
    return inserted;
  }
  return transaction->commit();
}

Result<void> use_write_ahead_log(Database& database, const std::filesystem::path& path) {
  auto mode = database.prepare("PRAGMA journal_mode=WAL");
  if (!mode) return error_of(mode);
  const Result<bool> row = mode->step();
  if (!row) return error_of(row);
  if (mode->bytes(0) == "wal") return {};
  return fail(ErrorCode::unavailable, "{}: this file system cannot hold a write-ahead log",
              path.string());
}

// A file that is not there yet is made whole under another name first: nobody ever sees half of
// one, and of two processes that make it at once, one comes first and both use that one.
Result<void> make_journal(const std::filesystem::path& path, std::string_view cluster) {
  const std::filesystem::path folder =
      path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) {
    Error error = system_failure(path, errno).error();
    error.what_to_do = fmt::format("make its folder: mkdir -p {}", folder.string());
    return fail(std::move(error));
  }
  struct stat file{};
  if (::stat(path.c_str(), &file) == 0) {
    if (!S_ISDIR(file.st_mode)) return {};
    return fail(Error{ErrorCode::invalid,
                      fmt::format("{}: it is a folder, not a file", path.string()),
                      "correct `store:`", std::nullopt});
  }

  const std::string fresh = fmt::format("{}.new-{}", path.string(), ::getpid());
  ::unlink(fresh.c_str());
  const int descriptor = ::open(fresh.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (descriptor < 0) return system_failure(path, errno);
  ::close(descriptor);
  const auto write = [&]() -> Result<void> {
    auto database = Database::open(fresh, Database::Access::write);
    if (!database) return error_of(database);
    if (auto written = write_schema(**database, cluster); !written) return written;
    return use_write_ahead_log(**database, path);
  };
  Result<void> made = write();
  if (made && ::link(fresh.c_str(), path.c_str()) != 0 && errno != EEXIST) {
    made = system_failure(path, errno);
  }
  ::unlink(fresh.c_str());
  sync_folder(folder);
  return made;
}

Result<Hash> hash_of(std::string_view blob, Sequence seq) {
  Hash hash{};
  if (blob.size() != hash.size()) {
    return fail(ErrorCode::corrupt, "record {} has no valid hash", seq);
  }
  std::copy(blob.begin(), blob.end(), hash.begin());
  return hash;
}

std::string_view blob_of(const Hash& hash) {
  return {reinterpret_cast<const char*>(hash.data()), hash.size()};
}

Result<void> insert_links(Database& database, const std::vector<ChainLink>& links) {
  auto insert = database.prepare("INSERT INTO journal(seq, hash, bytes) VALUES (?, ?, ?)");
  if (!insert) return error_of(insert);
  for (const ChainLink& link : links) {
    insert->reset();
    insert->bind(1, static_cast<std::int64_t>(link.seq));
    insert->bind_blob(2, blob_of(link.hash)).bind_blob(3, link.bytes);
    if (auto inserted = insert->run(); !inserted) return inserted;
  }
  return {};
}

// The hash that the record after `after` builds on; nothing when the journal is shorter than that.
Result<std::optional<Hash>> hash_at(Database& database, Sequence after) {
  if (after == 0) return Hash{};
  auto select = database.prepare("SELECT hash FROM journal WHERE seq = ?");
  if (!select) return error_of(select);
  const Result<bool> row = select->bind(1, static_cast<std::int64_t>(after)).step();
  if (!row) return error_of(row);
  if (!*row) return std::nullopt;
  const Result<Hash> hash = hash_of(select->bytes(0), after);
  if (!hash) return error_of(hash);
  return *hash;
}

}  // namespace

SqliteStore::SqliteStore(std::unique_ptr<Database> database, const std::filesystem::path& path,
                         bool writes)
    : database_(std::move(database)),
      path_(path),
      lock_(path.string() + ".lock"),
      head_file_(path),
      writes_(writes) {}

Result<std::unique_ptr<SqliteStore>> SqliteStore::open(const std::filesystem::path& path,
                                                       std::string_view cluster) {
  if (auto made = make_journal(path, cluster); !made) return error_of(made);
  auto database = Database::open(path, Database::Access::write);
  if (!database) return error_of(database);
  std::unique_ptr<SqliteStore> store(new SqliteStore(*std::move(database), path, true));
  if (auto checked = store->check_schema(); !checked) return error_of(checked);
  if (store->cluster_ != cluster) {
    return fail(Error{ErrorCode::invalid,
                      fmt::format("the journal {} belongs to cluster {}, not to {}", path.string(),
                                  store->cluster_, cluster),
                      "give each cluster a store of its own, or correct `cluster:`", std::nullopt});
  }
  if (auto wal = use_write_ahead_log(*store->database_, path); !wal) return error_of(wal);
  if (auto same = store->compare_with_note(); !same) return error_of(same);
  return store;
}

// A journal on a read-only file system, or in a folder that we may not write, has no use for the
// files beside it when nobody has left any: then it can be read as it is.
Result<std::unique_ptr<SqliteStore>> SqliteStore::open_read_only(
    const std::filesystem::path& path) {
  struct stat file{};
  if (::stat(path.c_str(), &file) != 0) {
    if (errno != ENOENT) return error_of(system_failure(path, errno));
    return fail(Error{ErrorCode::not_found, fmt::format("there is no journal at {}", path.string()),
                      "check `store:`; `bascule serve` makes it at its first start", std::nullopt});
  }
  const std::string log = path.string() + "-wal";
  struct stat log_file{};
  const bool has_log = ::stat(log.c_str(), &log_file) == 0 && log_file.st_size > 0;
  Result<void> checked;
  for (const auto access : {Database::Access::read, Database::Access::read_immutable}) {
    if (access == Database::Access::read_immutable && has_log) break;
    auto database = Database::open(path, access);
    if (!database) return error_of(database);
    std::unique_ptr<SqliteStore> store(new SqliteStore(*std::move(database), path, false));
    checked = store->check_schema();
    if (checked) return store;
    const ErrorCode code = checked.error().code;
    if (code != ErrorCode::denied && code != ErrorCode::unavailable) break;
  }
  return error_of(checked);
}

Result<void> SqliteStore::compare_with_note() {
  const std::optional<SeenHead> noted = head_file_.read();
  if (!noted || noted->seq == 0) return {};
  const auto held = hash_at(*database_, noted->seq);
  if (!held) return error_of(held);
  if (!*held) {
    lost_ = noted;
    return {};
  }
  if (**held == noted->hash) return {};
  return fail(Error{
      ErrorCode::corrupt,
      fmt::format("{}: record {} is not the one that was written: its hash was {}", path_.string(),
                  noted->seq, to_hex(noted->hash)),
      fmt::format("keep the file as evidence (`bascule audit verify {0}`); to go on with what it "
                  "says, remove {1}",
                  path_.string(), head_file_.path().string()),
      std::nullopt});
}

void SqliteStore::note_new_head() {
  lost_.reset();
  if (const auto now = head(); now) head_file_.write(*now);
}

Result<void> SqliteStore::check_schema() {
  const auto application = database_->integer_of("PRAGMA application_id");
  if (!application) return error_of(application);
  if (*application != kApplicationId) {
    return fail(ErrorCode::invalid, "{} is not a journal of Bascule", path_.string());
  }
  auto select = database_->prepare("SELECT schema, cluster FROM meta WHERE id = 1");
  if (!select) return error_of(select);
  const Result<bool> row = select->step();
  if (!row) return error_of(row);
  if (!*row) return fail(ErrorCode::corrupt, "{} has lost its description", path_.string());
  if (select->integer(0) > kSchema) {
    return fail(ErrorCode::invalid, "{} is of schema {}: this build knows schema {}",
                path_.string(), select->integer(0), kSchema);
  }
  cluster_ = select->bytes(1);
  return {};
}

Result<void> SqliteStore::check_term(Term term) {
  if (!writes_) return fail(ErrorCode::denied, "{} is open for reading only", path_.string());
  if (!lock_.held() || term_ != term) {
    return fail(ErrorCode::term_over, "term {} is over: the lease is not held", term);
  }
  const auto current = database_->integer_of("SELECT term FROM meta WHERE id = 1");
  if (!current) return error_of(current);
  if (static_cast<Term>(*current) != term) {
    return fail(ErrorCode::term_over, "term {} is over: term {} has begun", term, *current);
  }
  return {};
}

Result<JournalHead> SqliteStore::append(const std::vector<Record>& records, Term term) {
  if (!writes_ || !lock_.held()) return error_of(check_term(term));
  auto transaction = Transaction::begin(*database_);
  if (!transaction) return error_of(transaction);
  if (auto checked = check_term(term); !checked) return error_of(checked);
  const auto before = head();
  if (!before) return error_of(before);
  const auto links = extend_chain(before->seq, before->hash, records, term);
  if (!links) return error_of(links);
  if (auto inserted = insert_links(*database_, *links); !inserted) return error_of(inserted);
  if (auto committed = transaction->commit(); !committed) return error_of(committed);
  const JournalHead after{links->back().seq, links->back().hash};
  if (!lost_) head_file_.write(after);
  return after;
}

Result<std::vector<StoredRecord>> SqliteStore::read(Sequence after, std::size_t limit) {
  const auto start = hash_at(*database_, after);
  if (!start) return error_of(start);
  std::vector<StoredRecord> records;
  if (!*start) return records;
  auto select =
      database_->prepare("SELECT seq, hash, bytes FROM journal WHERE seq > ? ORDER BY seq LIMIT ?");
  if (!select) return error_of(select);
  select->bind(1, static_cast<std::int64_t>(after));
  select->bind(2, static_cast<std::int64_t>(std::min<std::size_t>(limit, 1'000'000)));

  Hash previous = **start;
  std::size_t size = 0;
  for (Sequence next = after + 1; size < kPageSizeMax; ++next) {
    const Result<bool> row = select->step();
    if (!row) return fail(in_context(fmt::format("record {}", next), row.error()));
    if (!*row) break;
    StoredRecord record{static_cast<Sequence>(select->integer(0)), Hash{}, select->bytes(2)};
    if (record.seq != next) {
      return fail(ErrorCode::corrupt, "record {} is missing: record {} follows", next, record.seq);
    }
    const Result<Hash> hash = hash_of(select->bytes(1), next);
    if (!hash) return error_of(hash);
    record.hash = *hash;
    previous = chain(previous, record.bytes);
    if (previous != record.hash) {
      return fail(ErrorCode::corrupt, "record {} does not match its hash", next);
    }
    size += record.bytes.size();
    records.push_back(std::move(record));
  }
  return records;
}

Result<JournalHead> SqliteStore::head() {
  auto select = database_->prepare("SELECT seq, hash FROM journal ORDER BY seq DESC LIMIT 1");
  if (!select) return error_of(select);
  const Result<bool> row = select->step();
  if (!row) return error_of(row);
  if (!*row) return JournalHead{};
  JournalHead head{static_cast<Sequence>(select->integer(0)), Hash{}};
  const Result<Hash> hash = hash_of(select->bytes(1), head.seq);
  if (!hash) return error_of(hash);
  head.hash = *hash;
  return head;
}

Result<Term> SqliteStore::acquire(std::string_view holder, Instant now) {
  if (!writes_) return fail(ErrorCode::denied, "{} is open for reading only", path_.string());
  const std::string who = fmt::format("{} (pid {}) since {}", holder, ::getpid(), to_rfc3339(now));
  const bool was_held = lock_.held();
  if (was_held && term_) {
    if (auto ours = check_term(*term_); !ours) return error_of(ours);
  }
  if (!was_held) {
    if (auto locked = lock_.acquire(who); !locked) return error_of(locked);
  }
  Result<Term> term = raise_term(holder, now);
  if (!term) {
    if (!was_held) lock_.release();
    return term;
  }
  term_ = *term;
  return term;
}

// Above every term that the records have seen, also in a file that was put back from a copy.
Result<Term> SqliteStore::raise_term(std::string_view holder, Instant now) {
  auto transaction = Transaction::begin(*database_);
  if (!transaction) return error_of(transaction);
  const auto newest = newest_term();
  if (!newest) return error_of(newest);
  const Term term = *newest + 1;
  auto update = database_->prepare("UPDATE meta SET term = ?, holder = ?, since = ? WHERE id = 1");
  if (!update) return error_of(update);
  update->bind(1, static_cast<std::int64_t>(term));
  update->bind_text(2, holder).bind_text(3, to_rfc3339(now));
  if (auto updated = update->run(); !updated) return error_of(updated);
  if (auto committed = transaction->commit(); !committed) return error_of(committed);
  return term;
}

Result<Term> SqliteStore::newest_term() {
  const auto current = database_->integer_of("SELECT term FROM meta WHERE id = 1");
  if (!current) return error_of(current);
  auto select = database_->prepare("SELECT bytes FROM journal ORDER BY seq DESC LIMIT 1");
  if (!select) return error_of(select);
  const Result<bool> row = select->step();
  if (!row) return error_of(row);
  std::int64_t recorded = 0;
  if (*row) recorded = integer_or(parse_json(select->bytes(0)).value_or(Json()), "term");
  return static_cast<Term>(std::max(*current, recorded));
}

Result<void> SqliteStore::renew(Term term) {
  return check_term(term);
}

Result<void> SqliteStore::release(Term term) {
  if (!writes_ || !lock_.held() || term_ != term) {
    return fail(ErrorCode::term_over, "term {} is not ours to release", term);
  }
  term_.reset();
  lock_.release();
  return {};
}

}  // namespace bascule::sqlite
