#include "journals/sqlite/database.h"

#include <sqlite3.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/assert.h"

namespace bascule::sqlite {
namespace {

// A path as an SQLite URI: everything but the harmless characters escaped.
std::string uri_of(const std::filesystem::path& path, std::string_view parameters) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string uri = "file:";
  for (const char c : std::filesystem::absolute(path).string()) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '/' || c == '.' || c == '-' || c == '_';
    if (plain) {
      uri += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      uri += {'%', kHex[byte >> 4U], kHex[byte & 15U]};
    }
  }
  return uri.append("?").append(parameters);
}

Error error_for(const std::filesystem::path& path, int result, int system_error,
                const char* details) {
  const auto say = [&](ErrorCode code, std::string_view what, std::string what_to_do = "") {
    return Error{code, fmt::format("{}: {}", path.string(), what), std::move(what_to_do),
                 std::nullopt};
  };
  const bool no_space = system_error == ENOSPC || system_error == EDQUOT;
  switch (result & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return say(ErrorCode::corrupt, fmt::format("the file is damaged ({})", details),
                 "keep the file as evidence and restore a copy");
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return say(ErrorCode::unavailable, "the file stayed locked by another process");
    case SQLITE_FULL:
      return say(ErrorCode::unavailable, "the disk is full",
                 fmt::format("free space where {} lies", path.string()));
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_READONLY:
      return say(ErrorCode::denied, "the file cannot be written",
                 "check its owner and its folder's");
    case SQLITE_CANTOPEN:
      if (system_error == ENOENT) return say(ErrorCode::not_found, "there is no such file");
      if (system_error == EACCES || system_error == EPERM || system_error == EROFS) {
        return say(ErrorCode::denied, std::strerror(system_error));
      }
      return say(ErrorCode::unavailable, fmt::format("the file cannot be opened ({})", details));
    case SQLITE_TOOBIG:
    case SQLITE_CONSTRAINT:
    case SQLITE_ERROR:
      return say(ErrorCode::invalid, details);
    default:
      if (no_space) {
        return say(ErrorCode::unavailable, "the disk is full",
                   fmt::format("free space where {} lies", path.string()));
      }
      return say(ErrorCode::unavailable, details);
  }
}

Result<void> prepare_connection(Database& database, Database::Access access) {
  const bool writes = access == Database::Access::write;
  for (const char* setting :
       {"PRAGMA trusted_schema=OFF", "PRAGMA cell_size_check=ON", "PRAGMA mmap_size=0",
        writes ? "PRAGMA synchronous=FULL" : "PRAGMA query_only=ON"}) {
    if (auto done = database.execute(setting); !done) return done;
  }
  return {};
}

}  // namespace

void Statement::Finalise::operator()(sqlite3_stmt* statement) const {
  sqlite3_finalize(statement);
}

Statement::Statement(const Database& database, sqlite3_stmt* statement)
    : database_(&database), statement_(statement) {}

Statement& Statement::bind(int parameter, std::int64_t value) {
  const int result = sqlite3_bind_int64(statement_.get(), parameter, value);
  BASCULE_ASSERT(result == SQLITE_OK, "the statement has this parameter");
  return *this;
}

Statement& Statement::bind_text(int parameter, std::string_view value) {
  const int result = sqlite3_bind_text64(statement_.get(), parameter, value.data(), value.size(),
                                         SQLITE_TRANSIENT, SQLITE_UTF8);
  BASCULE_ASSERT(result == SQLITE_OK, "the statement has this parameter");
  return *this;
}

Statement& Statement::bind_blob(int parameter, std::string_view value) {
  const int result = sqlite3_bind_blob64(statement_.get(), parameter, value.data(), value.size(),
                                         SQLITE_TRANSIENT);
  BASCULE_ASSERT(result == SQLITE_OK, "the statement has this parameter");
  return *this;
}

Result<bool> Statement::step() {
  const int result = sqlite3_step(statement_.get());
  if (result == SQLITE_ROW) return true;
  if (result == SQLITE_DONE) return false;
  return fail(database_->last_error());
}

Result<void> Statement::run() {
  while (true) {
    const Result<bool> row = step();
    if (!row) return error_of(row);
    if (!*row) return {};
  }
}

void Statement::reset() {
  sqlite3_reset(statement_.get());
}

std::int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

std::string Statement::bytes(int column) const {
  const auto* data = static_cast<const char*>(sqlite3_column_blob(statement_.get(), column));
  const int size = sqlite3_column_bytes(statement_.get(), column);
  return data == nullptr ? std::string() : std::string(data, static_cast<std::size_t>(size));
}

void Database::Close::operator()(sqlite3* handle) const {
  sqlite3_close_v2(handle);
}

Result<std::unique_ptr<Database>> Database::open(const std::filesystem::path& path, Access access) {
  std::unique_ptr<Database> database(new Database(path));
  const int how = access == Access::write ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY;
  const std::string name =
      uri_of(path, access == Access::read_immutable ? "immutable=1" : "cache=private");
  sqlite3* handle = nullptr;
  const int opened =
      sqlite3_open_v2(name.c_str(), &handle, how | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX, nullptr);
  database->handle_.reset(handle);
  if (handle == nullptr) return fail(ErrorCode::unavailable, "SQLite could not be started");
  if (opened != SQLITE_OK) return fail(database->last_error());
  sqlite3_extended_result_codes(handle, 1);
  sqlite3_busy_timeout(handle, static_cast<int>(kBusyTimeout.count()));
  sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  if (auto prepared = prepare_connection(*database, access); !prepared) return error_of(prepared);
  return database;
}

Result<Statement> Database::prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  const int result = sqlite3_prepare_v2(handle_.get(), sql.data(), static_cast<int>(sql.size()),
                                        &statement, nullptr);
  if (result != SQLITE_OK) return fail(last_error());
  return Statement(*this, statement);
}

Result<void> Database::execute(std::string_view sql) {
  Result<Statement> statement = prepare(sql);
  if (!statement) return error_of(statement);
  return statement->run();
}

Result<std::int64_t> Database::integer_of(std::string_view sql) {
  Result<Statement> statement = prepare(sql);
  if (!statement) return error_of(statement);
  const Result<bool> row = statement->step();
  if (!row) return error_of(row);
  return *row ? statement->integer(0) : 0;
}

Error Database::last_error() const {
  sqlite3* handle = handle_.get();
  return error_for(path_, sqlite3_extended_errcode(handle), sqlite3_system_errno(handle),
                   sqlite3_errmsg(handle));
}

Result<Transaction> Transaction::begin(Database& database) {
  if (auto begun = database.execute("BEGIN IMMEDIATE"); !begun) return error_of(begun);
  return Transaction(database);
}

// A failed rollback leaves nothing to do: SQLite has already rolled back by itself, or does so when
// the file is opened again.
Transaction::~Transaction() {
  if (database_ != nullptr) static_cast<void>(database_->execute("ROLLBACK"));
}

Result<void> Transaction::commit() {
  if (auto committed = database_->execute("COMMIT"); !committed) return committed;
  database_ = nullptr;
  return {};
}

}  // namespace bascule::sqlite
