#include "providers/postgres/connection.h"

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <libpq-fe.h>

#include <algorithm>
#include <charconv>
#include <limits>

#include "async/with_deadline.h"
#include "base/assert.h"

namespace bascule::postgres {
namespace {

constexpr std::size_t kRowsMax = 10'000;
constexpr std::size_t kAddressesMax = 8;
constexpr Duration kStatementMax{std::numeric_limits<std::int32_t>::max()};
// Where Debian keeps what this machine trusts; libpq 15 knows no "system".
constexpr const char* kSystemRootCertificates = "/etc/ssl/certs/ca-certificates.crt";
// A path that cannot exist: without it libpq would read the file in the home directory.
constexpr const char* kNoPasswordFile = "/nonexistent/.pgpass";

template <typename Handle>
PGconn* connection_of(const Handle& handle) {
  return static_cast<PGconn*>(handle.get());
}

struct ResultCloser {
  void operator()(PGresult* result) const { PQclear(result); }
};
using ResultHandle = std::unique_ptr<PGresult, ResultCloser>;

// Puts a socket of libpq into Asio for one wait and takes it out again, whatever happens, before
// libpq may close it or reuse its number.
class BorrowedSocket {
 public:
  BorrowedSocket(boost::asio::io_context& context, int socket) : descriptor_(context, socket) {}
  ~BorrowedSocket() { descriptor_.release(); }
  BorrowedSocket(const BorrowedSocket&) = delete;
  BorrowedSocket& operator=(const BorrowedSocket&) = delete;

  boost::asio::posix::stream_descriptor& descriptor() { return descriptor_; }

 private:
  boost::asio::posix::stream_descriptor descriptor_;
};

std::string_view text_or_empty(const char* text) {
  return text == nullptr ? std::string_view() : std::string_view(text);
}

// Notices are dropped, except for the last word of a server that ends the session: libpq hands it
// over as a notice when no query is under way.
void take_notice(void* last_word, const PGresult* notice) {
  const auto severity = text_or_empty(PQresultErrorField(notice, PG_DIAG_SEVERITY_NONLOCALIZED));
  if (severity != "FATAL" && severity != "PANIC") return;
  *static_cast<Failure*>(last_word) =
      query_failure(text_or_empty(PQresultErrorField(notice, PG_DIAG_SQLSTATE)),
                    text_or_empty(PQresultErrorField(notice, PG_DIAG_MESSAGE_PRIMARY)));
}

std::string session_options(const ConnectionSettings& settings) {
  // The server knows milliseconds in 31 bits, and zero means no limit.
  const Duration timeout = std::clamp(settings.statement_timeout, Duration(1), kStatementMax);
  // Without a search path nobody's functions can stand in for the server's own.
  std::string options =
      fmt::format("-c search_path=pg_catalog -c statement_timeout={}", timeout.count());
  for (const auto& [name, value] : settings.session)
    options += fmt::format(" -c {}={}", name, value);
  return options;
}

struct Keywords {
  std::vector<std::string> names, values;

  void add(std::string name, std::string value) {
    names.push_back(std::move(name));
    values.push_back(std::move(value));
  }
};

Keywords keywords_of(const ConnectionSettings& settings,
                     const std::vector<net::IpAddress>& addresses) {
  std::string hosts, numbers, ports;
  for (std::size_t i = 0; i < std::min(addresses.size(), kAddressesMax); ++i) {
    const char* comma = i == 0 ? "" : ",";
    hosts += comma + settings.host;
    numbers += comma + addresses[i].to_string();
    ports += comma + std::to_string(settings.port);
  }
  Keywords keywords;
  keywords.add("host", hosts);
  keywords.add("hostaddr", numbers);
  keywords.add("port", ports);
  keywords.add("dbname", settings.database);
  keywords.add("user", settings.user);
  keywords.add("password", settings.password);
  keywords.add("passfile", kNoPasswordFile);
  keywords.add("sslmode", settings.sslmode);
  keywords.add("sslrootcert",
               settings.sslrootcert.empty() ? kSystemRootCertificates : settings.sslrootcert);
  keywords.add("gssencmode", "disable");
  keywords.add("target_session_attrs", "any");
  keywords.add("client_encoding", "UTF8");
  keywords.add("application_name", "bascule");
  keywords.add("options", session_options(settings));
  return keywords;
}

std::optional<std::string> cell_of(const PGresult* result, int row, int column) {
  if (PQgetisnull(result, row, column) != 0) return std::nullopt;
  return std::string(PQgetvalue(result, row, column),
                     static_cast<std::size_t>(PQgetlength(result, row, column)));
}

Rows rows_of(const PGresult* result) {
  std::vector<std::string> columns;
  columns.reserve(static_cast<std::size_t>(PQnfields(result)));
  for (int column = 0; column < PQnfields(result); ++column) {
    columns.emplace_back(PQfname(result, column));
  }
  std::vector<std::vector<std::optional<std::string>>> cells;
  for (int row = 0; row < PQntuples(result); ++row) {
    std::vector<std::optional<std::string>>& line = cells.emplace_back();
    for (int column = 0; column < PQnfields(result); ++column) {
      line.push_back(cell_of(result, row, column));
    }
  }
  return {std::move(columns), std::move(cells)};
}

}  // namespace

Rows::Rows(std::vector<std::string> columns,
           std::vector<std::vector<std::optional<std::string>>> cells)
    : columns_(std::move(columns)), cells_(std::move(cells)) {}

std::optional<std::string> Rows::text(std::size_t row, std::string_view column) const {
  const auto found = std::ranges::find(columns_, column);
  BASCULE_ASSERT(found != columns_.end(), "the query has no such column");
  BASCULE_ASSERT(row < cells_.size(), "the answer has no such row");
  return cells_[row][static_cast<std::size_t>(found - columns_.begin())];
}

std::optional<std::int64_t> Rows::integer(std::size_t row, std::string_view column) const {
  const std::optional<std::string> found = text(row, column);
  if (!found) return std::nullopt;
  std::int64_t number = 0;
  const char* end = found->data() + found->size();
  const auto parsed = std::from_chars(found->data(), end, number);
  if (parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
  return number;
}

std::optional<LogPosition> Rows::position(std::size_t row, std::string_view column) const {
  const std::optional<std::string> found = text(row, column);
  return found ? parse_log_position(*found) : std::nullopt;
}

bool Rows::boolean(std::size_t row, std::string_view column) const {
  return text(row, column) == "t";
}

void Connection::Closer::operator()(void* handle) const {
  PQfinish(static_cast<PGconn*>(handle));
}

Connection::Connection(boost::asio::io_context& context, Clock& clock, net::Resolver& resolver)
    : context_(context), clock_(clock), resolver_(resolver) {}

Connection::~Connection() = default;

void Connection::close() {
  handle_.reset();
}

awaitable<Result<void>> Connection::open(ConnectionSettings settings, Deadline deadline) {
  close();
  failure_ = {};
  last_word_ = {};
  timing_ = {};
  where_ = net::to_string(net::HostPort{settings.host, settings.port});
  const MonotonicInstant began = clock_.monotonic();
  Result<void> opened =
      co_await with_deadline(clock_, deadline, where_, log_in(std::move(settings), deadline));
  if (opened) co_return opened;
  if (timing_.lookup && !timing_.connect && opened.error().code == ErrorCode::timeout) {
    opened.error().message = fmt::format("{} gave no answer to a connection within {}ms", where_,
                                         elapsed(clock_, began).count() / 1000);
  }
  keep(opened.error());
  close();
  co_return opened;
}

awaitable<Result<void>> Connection::log_in(ConnectionSettings settings, Deadline deadline) {
  const MonotonicInstant began = clock_.monotonic();
  auto addresses = co_await resolver_.resolve(settings.host, net::Family::any, deadline);
  if (!addresses) co_return error_of(addresses);
  timing_.lookup = elapsed(clock_, began);

  const Keywords keywords = keywords_of(settings, *addresses);
  std::vector<const char*> names, values;
  for (const std::string& name : keywords.names) names.push_back(name.c_str());
  for (const std::string& value : keywords.values) values.push_back(value.c_str());
  names.push_back(nullptr);
  values.push_back(nullptr);
  handle_.reset(PQconnectStartParams(names.data(), values.data(), 0));
  if (!handle_) co_return fail(ErrorCode::unable, "there is no memory for a connection");
  PQsetErrorVerbosity(connection_of(handle_), PQERRORS_VERBOSE);
  PQsetNoticeReceiver(connection_of(handle_), take_notice, &last_word_);
  co_return co_await negotiate();
}

awaitable<Result<void>> Connection::negotiate() {
  PGconn* connection = connection_of(handle_);
  const MonotonicInstant began = clock_.monotonic();
  PostgresPollingStatusType wants =
      PQstatus(connection) == CONNECTION_BAD ? PGRES_POLLING_FAILED : PGRES_POLLING_WRITING;
  while (wants != PGRES_POLLING_OK) {
    if (wants == PGRES_POLLING_FAILED) {
      failure_ = connect_failure(text_or_empty(PQerrorMessage(connection)));
      co_return fail(failure_.error);
    }
    co_await wait(wants == PGRES_POLLING_READING ? Wanted::readable : Wanted::writable);
    wants = PQconnectPoll(connection);
    if (!timing_.connect && PQstatus(connection) != CONNECTION_STARTED &&
        PQstatus(connection) != CONNECTION_BAD) {
      timing_.connect = elapsed(clock_, began);
    }
  }
  PQsetErrorVerbosity(connection, PQERRORS_DEFAULT);
  if (PQsetnonblocking(connection, 1) != 0) co_return broken();
  co_return Result<void>();
}

awaitable<void> Connection::wait(Wanted wanted) {
  BorrowedSocket socket(context_, PQsocket(connection_of(handle_)));
  const auto kind = wanted == Wanted::readable ? boost::asio::posix::stream_descriptor::wait_read
                                               : boost::asio::posix::stream_descriptor::wait_write;
  co_await socket.descriptor().async_wait(kind, boost::asio::use_awaitable);
}

awaitable<Result<Rows>> Connection::query(std::string statement, Parameters parameters,
                                          Deadline deadline) {
  return ask_within(std::move(statement), std::move(parameters), false, deadline);
}

awaitable<Result<void>> Connection::run_script(std::string statements, Deadline deadline) {
  const Result<Rows> ran = co_await ask_within(std::move(statements), {}, true, deadline);
  if (!ran) co_return error_of(ran);
  co_return Result<void>();
}

awaitable<Result<Rows>> Connection::ask_within(std::string statement, Parameters parameters,
                                               bool script, Deadline deadline) {
  failure_ = {};
  if (!handle_) {
    failure_.error = Error{ErrorCode::unavailable, "the connection is closed", "", std::nullopt};
    co_return fail(failure_.error);
  }
  Result<Rows> rows = co_await with_deadline(
      clock_, deadline, where_, ask(std::move(statement), std::move(parameters), script));
  if (rows) co_return rows;
  keep(rows.error());
  // Only an answer of the server, to which the whole protocol was followed, leaves it usable.
  if (failure_.sqlstate.empty() || PQstatus(connection_of(handle_)) != CONNECTION_OK ||
      PQtransactionStatus(connection_of(handle_)) == PQTRANS_ACTIVE) {
    close();
  }
  co_return rows;
}

awaitable<Result<Rows>> Connection::ask(std::string statement, Parameters parameters, bool script) {
  PGconn* connection = connection_of(handle_);
  std::vector<const char*> values;
  values.reserve(parameters.size());
  for (const auto& parameter : parameters) {
    values.push_back(parameter ? parameter->c_str() : nullptr);
  }
  const int sent =
      script ? PQsendQuery(connection, statement.c_str())
             : PQsendQueryParams(connection, statement.c_str(), static_cast<int>(values.size()),
                                 nullptr, values.data(), nullptr, nullptr, 0);
  if (sent == 0) co_return broken();
  Result<void> flushed = co_await send_rest();
  if (!flushed) co_return error_of(flushed);
  co_return co_await collect();
}

awaitable<Result<void>> Connection::send_rest() {
  PGconn* connection = connection_of(handle_);
  for (int left = PQflush(connection); left != 0; left = PQflush(connection)) {
    if (left < 0) co_return broken();
    co_await wait(Wanted::writable);
    // A server that waits for us to read would not read either.
    if (PQconsumeInput(connection) == 0) co_return broken();
  }
  co_return Result<void>();
}

awaitable<Result<Rows>> Connection::collect() {
  PGconn* connection = connection_of(handle_);
  Rows rows;
  bool too_many = false;
  for (;;) {
    while (PQisBusy(connection) != 0) {
      co_await wait(Wanted::readable);
      if (PQconsumeInput(connection) == 0) co_return broken();
    }
    const ResultHandle result(PQgetResult(connection));
    if (!result) break;
    const ExecStatusType status = PQresultStatus(result.get());
    if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK || status == PGRES_EMPTY_QUERY) {
      too_many = too_many || static_cast<std::size_t>(PQntuples(result.get())) > kRowsMax;
      if (!too_many) rows = rows_of(result.get());
      continue;
    }
    const auto sqlstate = text_or_empty(PQresultErrorField(result.get(), PG_DIAG_SQLSTATE));
    const auto primary = text_or_empty(PQresultErrorField(result.get(), PG_DIAG_MESSAGE_PRIMARY));
    if (failure_.error.message.empty()) {
      failure_ = sqlstate.empty() ? connect_failure(text_or_empty(PQerrorMessage(connection)))
                                  : query_failure(sqlstate, primary);
    }
    // COPY is not spoken here; left open it would answer for ever.
    if (PQstatus(connection) != CONNECTION_OK || status == PGRES_COPY_OUT ||
        status == PGRES_COPY_IN || status == PGRES_COPY_BOTH) {
      failure_.sqlstate.clear();
      break;
    }
  }
  if (!failure_.error.message.empty()) co_return fail(failure_.error);
  if (too_many) co_return fail(ErrorCode::invalid, "the answer has more than {} rows", kRowsMax);
  co_return rows;
}

awaitable<Result<void>> Connection::watch_until(Deadline moment) {
  BASCULE_ASSERT(is_open(), "a closed connection cannot break");
  failure_ = {};
  Result<void> ended = co_await with_deadline(clock_, moment, where_, wait_until_broken());
  if (ended || ended.error().code == ErrorCode::timeout) co_return Result<void>();
  keep(ended.error());
  close();
  co_return ended;
}

awaitable<Result<void>> Connection::wait_until_broken() {
  PGconn* connection = connection_of(handle_);
  for (;;) {
    co_await wait(Wanted::readable);
    if (PQconsumeInput(connection) == 0) co_return broken();
    // A last word of the server (an administrator ended the session) comes as a result.
    while (PQisBusy(connection) == 0) {
      const ResultHandle result(PQgetResult(connection));
      if (!result) break;
    }
    if (PQstatus(connection) != CONNECTION_OK) co_return broken();
  }
}

// The connection is of no use any more; what it said last is the reason.
std::unexpected<Error> Connection::broken() {
  failure_ = last_word_.error.message.empty()
                 ? connect_failure(text_or_empty(PQerrorMessage(connection_of(handle_))))
                 : last_word_;
  failure_.sqlstate.clear();
  return fail(failure_.error);
}

// The error that a caller gets is also the one that failure() tells. One that is not the server's
// (a deadline, a cancellation) has no SQLSTATE.
void Connection::keep(const Error& error) {
  if (failure_.error == error) return;
  failure_ = {};
  failure_.error = error;
}

std::string quote_identifier(std::string_view name) {
  std::string quoted = "\"";
  for (const char c : name) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

std::string quote_literal(std::string_view text) {
  std::string quoted = text.find('\\') == std::string_view::npos ? "'" : "E'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') quoted += c;
    quoted += c;
  }
  return quoted + '\'';
}

}  // namespace bascule::postgres
