// SQLite as values and Results: a connection and its statements, closed and finalised by their
// destructors. It knows SQL and files, nothing of journals. Blocking; one thread at a time.
//
// Errors: `corrupt` for a damaged file, `unavailable` for a full or failing disk and for a lock
// that was held longer than kBusyTimeout, `denied`, `not_found`, `invalid`. Messages name the file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"

struct sqlite3;
struct sqlite3_stmt;

namespace bascule::sqlite {

inline constexpr Duration kBusyTimeout{2'000};

class Database;

class Statement {
 public:
  // Parameters count from 1, columns from 0. Bound text and blobs are copied.
  Statement& bind(int parameter, std::int64_t value);
  Statement& bind_text(int parameter, std::string_view value);
  Statement& bind_blob(int parameter, std::string_view value);

  // True when there is a row.
  Result<bool> step();
  // For statements without rows.
  Result<void> run();
  // To be bound and stepped again.
  void reset();

  [[nodiscard]] std::int64_t integer(int column) const;
  [[nodiscard]] std::string bytes(int column) const;  // of text or blob; else empty

 private:
  friend class Database;
  Statement(const Database& database, sqlite3_stmt* statement);

  struct Finalise {
    void operator()(sqlite3_stmt* statement) const;
  };
  const Database* database_;
  std::unique_ptr<sqlite3_stmt, Finalise> statement_;
};

class Database {
 public:
  enum class Access { write, read, read_immutable };

  // The file exists. `read_immutable` takes no locks and needs no writable folder, but is right
  // only where nobody writes.
  static Result<std::unique_ptr<Database>> open(const std::filesystem::path& path, Access access);
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  Result<Statement> prepare(std::string_view sql);
  Result<void> execute(std::string_view sql);  // one statement, rows are ignored
  // The first column of the first row; 0 without a row.
  Result<std::int64_t> integer_of(std::string_view sql);

  // What the last call of this connection was refused for.
  [[nodiscard]] Error last_error() const;

 private:
  explicit Database(std::filesystem::path path) : path_(std::move(path)) {}

  struct Close {
    void operator()(sqlite3* handle) const;
  };
  std::filesystem::path path_;
  std::unique_ptr<sqlite3, Close> handle_;
};

// Rolls back when it goes out of scope uncommitted.
class Transaction {
 public:
  // Takes the write lock at once, so that nothing read inside can change.
  static Result<Transaction> begin(Database& database);
  Transaction(Transaction&& other) noexcept : database_(std::exchange(other.database_, nullptr)) {}
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction();

  Result<void> commit();

 private:
  explicit Transaction(Database& database) : database_(&database) {}
  Database* database_;
};

}  // namespace bascule::sqlite
