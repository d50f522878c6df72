// One connection to a PostgreSQL server: libpq without blocking, inside Asio, with a deadline on
// everything. Why not simpler: libpq 15 looks up names by blocking (so we hand it addresses), its
// connect_timeout does not work without blocking (so we have deadlines), PQcancel blocks and is not
// encrypted (so a query that is not wanted any more ends with its connection, and the server ends
// it by statement_timeout), and its socket may change inside any call (so it is registered with
// Asio only while we wait).
//
// It never reconnects and never retries: what breaks is closed, and the caller decides.
#pragma once

#include <boost/asio/io_context.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "async/awaitable.h"
#include "async/clock.h"
#include "async/deadline.h"
#include "base/result.h"
#include "net/resolver.h"
#include "providers/postgres/failure.h"
#include "providers/postgres/log_position.h"

namespace bascule::postgres {

// Everything is explicit, so that nothing of the environment (PGHOST, ~/.pgpass) is used.
struct ConnectionSettings {
  std::string host;
  std::uint16_t port = 5432;
  std::string database;
  std::string user;
  std::string password;
  std::string sslmode = "verify-full";
  std::string sslrootcert;  // empty: the certificates that this machine trusts
  // How long the server works at most on one statement, should we be gone.
  Duration statement_timeout{5'000};
  // Server settings of the session ("synchronous_commit" → "local"); names and values hold neither
  // spaces nor backslashes.
  std::map<std::string, std::string> session = {};
};

// The rows of an answer: text by column name, typed when read. Reading a column that the query does
// not have is a programmer's mistake and asserts; NULL and text of another type read as nothing.
class Rows {
 public:
  Rows() = default;
  Rows(std::vector<std::string> columns,
       std::vector<std::vector<std::optional<std::string>>> cells);

  [[nodiscard]] std::size_t size() const { return cells_.size(); }
  [[nodiscard]] bool empty() const { return cells_.empty(); }

  [[nodiscard]] std::optional<std::string> text(std::size_t row, std::string_view column) const;
  [[nodiscard]] std::optional<std::int64_t> integer(std::size_t row, std::string_view column) const;
  [[nodiscard]] std::optional<LogPosition> position(std::size_t row, std::string_view column) const;
  // False for NULL.
  [[nodiscard]] bool boolean(std::size_t row, std::string_view column) const;

 private:
  std::vector<std::string> columns_;
  std::vector<std::vector<std::optional<std::string>>> cells_;
};

using Parameters = std::vector<std::optional<std::string>>;

// What opening took, as far as it got.
struct OpenTiming {
  std::optional<Microseconds> lookup;
  std::optional<Microseconds> connect;  // until the server's machine had accepted
};

// One thread, that of the io_context; one call at a time. Services outlive it. Whoever destroys it
// in the middle of a call destroys that call's frame first.
class Connection {
 public:
  Connection(boost::asio::io_context& context, Clock& clock, net::Resolver& resolver);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Closes what was open, then connects and logs in. Errors: as failure.h says, and timeout.
  awaitable<Result<void>> open(ConnectionSettings settings, Deadline deadline);

  // One statement with parameters ($1, …), all rows. At most 10,000 of them are kept; more are
  // Error invalid. A server's refusal leaves the connection open; everything else closes it.
  awaitable<Result<Rows>> query(std::string statement, Parameters parameters, Deadline deadline);

  // Several statements separated by semicolons, sent at once; their rows are dropped. The first
  // that fails ends them, and an open transaction is then rolled back by the server when the
  // connection closes: call close().
  awaitable<Result<void>> run_script(std::string statements, Deadline deadline);

  // Waits until the connection breaks (its error, and it is closed) or the moment comes (nothing).
  // REQUIRES: is_open(). What the server sends unasked is read and dropped.
  awaitable<Result<void>> watch_until(Deadline moment);

  [[nodiscard]] bool is_open() const { return handle_ != nullptr; }
  void close();

  // Of the last call that failed.
  [[nodiscard]] const Failure& failure() const { return failure_; }
  [[nodiscard]] const OpenTiming& timing() const { return timing_; }

 private:
  struct Closer {
    void operator()(void* handle) const;
  };
  enum class Wanted { readable, writable };

  awaitable<Result<void>> log_in(ConnectionSettings settings, Deadline deadline);
  awaitable<Result<void>> negotiate();
  awaitable<Result<Rows>> collect();
  awaitable<Result<void>> send_rest();
  awaitable<Result<Rows>> ask(std::string statement, Parameters parameters, bool script);
  awaitable<Result<Rows>> ask_within(std::string statement, Parameters parameters, bool script,
                                     Deadline deadline);
  awaitable<Result<void>> wait_until_broken();
  awaitable<void> wait(Wanted wanted);
  std::unexpected<Error> broken();
  void keep(const Error& error);

  boost::asio::io_context& context_;
  Clock& clock_;
  net::Resolver& resolver_;
  std::unique_ptr<void, Closer> handle_;  // a PGconn, whose header stays out of ours
  std::string where_;                     // "127.0.0.1:5432", for messages about deadlines
  Failure failure_;
  Failure last_word_;  // of a server that ended the session
  OpenTiming timing_;
};

// Text as part of a statement where parameters are impossible (ALTER ROLE "…", ALTER DATABASE … SET
// … TO '…').
std::string quote_identifier(std::string_view name);
std::string quote_literal(std::string_view text);

}  // namespace bascule::postgres
