// The journal and its lease in one SQLite file: write-ahead log, every commit synced to the disk
// before it counts. This is the blocking core, without Asio: calls may take as long as the disk
// takes, and come from one thread at a time (sqlite_journal.h gives it a thread of its own).
//
// The lease has two parts. The lock on PATH.lock ends with the process and names its holder; the
// term inside the file, raised with every acquisition and checked in every append's transaction,
// holds even where a lock does not. Who only reads needs neither and never waits for the writer.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "journals/sqlite/database.h"
#include "journals/sqlite/head_file.h"
#include "journals/sqlite/lock_file.h"
#include "ports/journal.h"

namespace bascule::sqlite {

class SqliteStore {
 public:
  // Opens the journal of `cluster`, and makes it when there is none: the file with mode 0600, its
  // folder with 0700 when that is missing and the folder above is there. `invalid` when the file
  // belongs to another cluster, is of a newer schema or no journal at all; `corrupt` when a record
  // is not the one that was written with its number (see head_file.h).
  static Result<std::unique_ptr<SqliteStore>> open(const std::filesystem::path& path,
                                                   std::string_view cluster);
  // Any cluster's, to be read only, also while somebody writes it. `not_found` when there is none.
  static Result<std::unique_ptr<SqliteStore>> open_read_only(const std::filesystem::path& path);

  // As in ports/journal.h. What `read` returns has been checked against its hashes: `corrupt` names
  // the first bad record. A page may hold fewer records than `limit` when they are large.
  Result<JournalHead> append(const std::vector<Record>& records, Term term);
  Result<std::vector<StoredRecord>> read(Sequence after, std::size_t limit);
  Result<JournalHead> head();

  // `holder` is who asks ("laptop"); the process id and `now` are added for others to see.
  Result<Term> acquire(std::string_view holder, Instant now);
  Result<void> renew(Term term);
  Result<void> release(Term term);

  [[nodiscard]] const std::string& cluster() const { return cluster_; }
  // A record that had been written here and is not there any more: the end of the journal was lost,
  // or this is an older copy. It stays noted until that has been told.
  [[nodiscard]] const std::optional<SeenHead>& lost() const { return lost_; }
  void note_new_head();

 private:
  SqliteStore(std::unique_ptr<Database> database, const std::filesystem::path& path, bool writes);

  Result<void> check_schema();
  Result<void> compare_with_note();
  Result<void> check_term(Term term);
  Result<Term> raise_term(std::string_view holder, Instant now);
  Result<Term> newest_term();

  std::unique_ptr<Database> database_;
  std::filesystem::path path_;
  LockFile lock_;
  HeadFile head_file_;
  std::optional<SeenHead> lost_;
  bool writes_;
  std::string cluster_;
  std::optional<Term> term_;
};

}  // namespace bascule::sqlite
