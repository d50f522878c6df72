#include "providers/postgres/database.h"

#include "providers/postgres/facts.h"

namespace bascule::postgres {
namespace {

constexpr Duration kAbandonedTransaction{10'000};
constexpr std::int64_t kHistoryBytesMax = std::int64_t{1} << 20U;

}  // namespace

Database::Database(Surroundings surroundings, SiteName site, std::string check_name,
                   CheckSettings check)
    : surroundings_(surroundings),
      site_(std::move(site)),
      check_name_(std::move(check_name)),
      check_(std::move(check)) {}

Result<Database> Database::find(Surroundings surroundings, const GroupSpec& group,
                                const SiteName& site, const std::string& check) {
  auto settings = check_settings_of(group, site, check);
  if (!settings) return error_of(settings);
  if (!settings->admin) {
    Error error{ErrorCode::invalid,
                fmt::format("the check {} of {} names no admin, which actions need", check, site),
                "add `admin: {user: …, password: …}` to the check", std::nullopt};
    return fail(std::move(error));
  }
  return Database(surroundings, site, check, std::move(*settings));
}

std::string Database::label() const {
  return site_.text() + "/" + check_name_;
}

Error Database::named(Error error) const {
  return in_context(label(), std::move(error));
}

std::unique_ptr<Connection> Database::connection() const {
  return std::make_unique<Connection>(surroundings_.services.io, surroundings_.services.clock,
                                      surroundings_.resolver);
}

Vigils::Vigil Database::keep_vigil() const {
  return surroundings_.vigils.keep(server_of(check_));
}

awaitable<Result<std::unique_ptr<Connection>>> Database::admin(Deadline deadline) const {
  Clock& clock = surroundings_.services.clock;
  const auto met = co_await surroundings_.vigils.met_at(clock, server_of(check_), deadline);
  if (met) co_return fail(named(met->error));
  auto opened = connection();
  const Result<void> in = co_await log_in_first(*opened, deadline, deadline.left(clock));
  if (!in) co_return error_of(in);
  co_return std::move(opened);
}

awaitable<Result<Database::Sight>> Database::look(Deadline deadline) const {
  auto connection = co_await admin(deadline);
  if (!connection) co_return error_of(connection);
  const auto facts = co_await read_facts(**connection, surroundings_.services.clock, deadline);
  if (!facts) co_return fail(named(facts.error()));
  co_return Sight{std::move(*connection), *facts};
}

awaitable<Result<void>> Database::log_in_first(Connection& connection, Deadline deadline,
                                               Duration statement_timeout) const {
  auto settings = connection_settings(check_, *check_.admin, surroundings_.services.secrets);
  if (!settings) co_return fail(named(settings.error()));
  settings->statement_timeout = statement_timeout;
  settings->session = {
      {"synchronous_commit", "local"},
      {"idle_in_transaction_session_timeout", std::to_string(kAbandonedTransaction.count())}};
  const Result<void> opened = co_await connection.open(std::move(*settings), deadline);
  if (!opened) co_return fail(named(opened.error()));
  co_return Result<void>();
}

awaitable<Result<LoginAnswer>> Database::try_ordinary_login(Deadline deadline) const {
  Services& services = surroundings_.services;
  auto settings = connection_settings(check_, check_.monitor, services.secrets);
  if (!settings) co_return fail(named(settings.error()));
  Connection connection(services.io, services.clock, surroundings_.resolver);
  const Result<void> opened = co_await connection.open(std::move(*settings), deadline);
  if (opened) co_return LoginAnswer::admitted;
  if (connection.failure().login_refused) co_return LoginAnswer::refused;
  co_return fail(named(opened.error()));
}

awaitable<Result<DatabaseFacts>> read_facts(Connection& connection, Clock& clock,
                                            Deadline deadline) {
  const Instant asked_at = clock.now();
  const auto rows = co_await connection.query(std::string(kFactsQuery), {}, deadline);
  if (!rows) co_return error_of(rows);
  co_return facts_from(*rows, asked_at);
}

awaitable<Result<std::vector<TimelineEnd>>> read_history(Connection& connection,
                                                         std::int64_t timeline, Deadline deadline) {
  if (timeline <= 1) co_return std::vector<TimelineEnd>();
  const auto rows = co_await connection.query(
      "SELECT pg_read_file($1, 0, $2::bigint, true) AS history",
      {timeline_history_path(timeline), std::to_string(kHistoryBytesMax)}, deadline);
  if (!rows) co_return error_of(rows);
  const auto text = rows->text(0, "history");
  if (!text) {
    co_return fail(ErrorCode::not_found, "the history of timeline {} is not there", timeline);
  }
  co_return parse_timeline_history(*text);
}

}  // namespace bascule::postgres
