#include "providers/postgres/seal.h"

#include <fmt/format.h>

#include <algorithm>

namespace bascule::postgres {
namespace {

constexpr int kMarkVersion = 1;
// How often, each after 2 ms, a session is asked whether it has read its settings again.
constexpr int kReloadLooks = 500;

// Filled with the check's user, as a literal or a parameter. An ordinary role is neither superuser
// nor replication nor ourselves; a session's role may have been dropped, which makes nobody a
// superuser. Walsenders and background workers are no client backends. A starting session holds the
// lock of its virtual transaction before it has a row in pg_stat_activity.
constexpr std::string_view kOrdinarySessions = R"sql(
SELECT a.pid
  FROM pg_stat_activity a
  LEFT JOIN pg_roles r ON r.oid = a.usesysid
 WHERE a.backend_type = 'client backend'
   AND a.pid <> pg_backend_pid()
   AND NOT coalesce(r.rolsuper, false)
   AND a.usename IS DISTINCT FROM current_user
   AND NOT (a.usename IS NOT DISTINCT FROM {}::text AND a.application_name = 'bascule'))sql";

// Ordinary roles that may log in.
constexpr std::string_view kOpenRoles = R"sql(
SELECT rolname
  FROM pg_roles
 WHERE rolcanlogin AND NOT rolsuper AND NOT rolreplication AND rolname <> current_user)sql";

// default_transaction_read_only as ALTER SYSTEM has set it.
constexpr std::string_view kReadOnlySet = R"sql(
SELECT setting
  FROM pg_file_settings
 WHERE name = 'default_transaction_read_only' AND sourcefile LIKE '%/postgresql.auto.conf'
 ORDER BY seqno DESC LIMIT 1)sql";

constexpr std::string_view kMark = R"sql(
SELECT d.datname AS database, substr(t.setting, length('bascule.sealed=') + 1) AS mark
  FROM pg_db_role_setting o
  JOIN pg_database d ON d.oid = o.setdatabase
 CROSS JOIN unnest(o.setconfig) t(setting)
 WHERE o.setrole = 0 AND t.setting LIKE 'bascule.sealed=%'
 ORDER BY d.datname LIMIT 1)sql";

constexpr std::string_view kStartingSessions = R"sql(
SELECT DISTINCT l.pid
  FROM pg_locks l
 WHERE l.locktype = 'virtualxid'
   AND l.pid IS NOT NULL
   AND NOT EXISTS (SELECT FROM pg_stat_activity a WHERE a.pid = l.pid))sql";

constexpr std::string_view kState = R"sql(
SELECT s.replica,
       c.system_identifier AS system,
       i.bytes_per_wal_segment AS segment_bytes,
       CASE WHEN s.replica THEN NULL ELSE pg_current_wal_insert_lsn() END AS inserted,
       CASE WHEN s.replica THEN NULL
            ELSE pg_snapshot_xmax(pg_current_snapshot())::text END AS next_transaction,
       (SELECT coalesce(json_agg(x.rolname ORDER BY x.rolname COLLATE "C"), '[]')
          FROM ({open_roles}) x)::text AS open_roles,
       (SELECT count(*) FROM ({sessions}) x) AS sessions,
       (SELECT coalesce(json_agg(x.pid), '[]') FROM ({starting}) x)::text AS starting,
       ({read_only}) AS read_only,
       current_setting('default_transaction_read_only') = 'off' AS writes_by_default,
       m.database AS mark_database,
       m.mark
  FROM (SELECT pg_is_in_recovery() AS replica) s
 CROSS JOIN pg_control_system() c
 CROSS JOIN pg_control_init() i
  LEFT JOIN ({mark}) m ON true)sql";

// Takes LOGIN from all ordinary roles and writes the mark, in the server itself: asking first who
// they are would leave time to write. What is sealed already is left as it is. The transaction is
// visible at once and on disk with the next one that waits, at the latest with the mark's end.
constexpr std::string_view kRefuse = R"sql(
BEGIN READ WRITE;
SET LOCAL synchronous_commit TO off;
DO $bascule$
DECLARE
  open_roles text[];
  open_role text;
  place text;
  written text;
  mark jsonb;
BEGIN
  SELECT array_agg(x.rolname::text) INTO open_roles FROM ({open_roles}) x;
  SELECT m.database, m.mark INTO place, written FROM ({mark}) m;
  IF written IS NOT NULL THEN
    BEGIN
      mark := written::jsonb;
    EXCEPTION WHEN invalid_text_representation THEN
      mark := NULL;
    END;
    IF mark ->> 'v' IS DISTINCT FROM '{version}' THEN
      RAISE data_corrupted
        USING MESSAGE = format('the setting bascule.sealed of database %s is not ours', place);
    END IF;
    IF open_roles IS NULL THEN
      RETURN;
    END IF;
  ELSE
    mark := jsonb_build_object('v', {version}, 'read_only_before', ({read_only})::text);
  END IF;
  FOREACH open_role IN ARRAY coalesce(open_roles, '{{}}') LOOP
    EXECUTE format('ALTER ROLE %I NOLOGIN', open_role);
  END LOOP;
  mark := mark || jsonb_build_object(
    'roles', (SELECT coalesce(jsonb_agg(x.name ORDER BY x.name COLLATE "C"), '[]')
                FROM (SELECT jsonb_array_elements_text(mark -> 'roles') AS name
                       UNION
                      SELECT unnest(open_roles)) x),
    'transactions', coalesce(mark -> 'transactions', '[]')
                    || to_jsonb(pg_current_xact_id()::text::bigint),
    'end', NULL);
  EXECUTE format('ALTER DATABASE %I SET bascule.sealed TO %L', coalesce(place, current_database()),
                 mark);
END
$bascule$;
COMMIT;
)sql";

// Ends sessions of ordinary roles, and with {starting_too} those that are starting. Who is starting
// is read before who has started, so that nobody falls between the two.
constexpr std::string_view kEnd = R"sql(
DO $bascule$
DECLARE
  starting integer[];
  ended integer[];
BEGIN
  SELECT array_agg(DISTINCT l.pid) INTO starting
    FROM pg_locks l
   WHERE l.locktype = 'virtualxid' AND l.pid IS NOT NULL;
  SELECT array_agg(x.pid) INTO ended
    FROM ({sessions}
           UNION
          SELECT s.pid
            FROM unnest(starting) s(pid)
           WHERE {starting_too} AND NOT EXISTS (SELECT FROM pg_stat_activity a WHERE a.pid = s.pid)
         ) x;
  PERFORM pg_terminate_backend(e.pid) FROM unnest(ended) e(pid);
  PERFORM set_config('bascule.ended', coalesce(array_to_string(ended, ','), ''), false);
END
$bascule$;
)sql";

std::vector<std::string> texts_of(const Json& array) {
  std::vector<std::string> texts;
  if (!array.is_array()) return texts;
  for (const Json& entry : array) {
    if (entry.is_string()) texts.push_back(entry.get<std::string>());
  }
  return texts;
}

std::string set_mark_statement(const std::string& database, const SealMark& mark) {
  return fmt::format("ALTER DATABASE {} SET bascule.sealed TO {};", quote_identifier(database),
                     quote_literal(to_text(to_json(mark))));
}

// Begins a transaction that may write although the default says otherwise; its id, and the database
// we are in.
struct Begun {
  std::int64_t transaction = 0;
  std::string database;
};
awaitable<Result<Begun>> begin(Connection& connection, Deadline deadline) {
  const auto begun = co_await connection.run_script("BEGIN READ WRITE", deadline);
  if (!begun) co_return error_of(begun);
  const auto rows = co_await connection.query(
      "SELECT pg_current_xact_id()::text AS id, current_database() AS database", {}, deadline);
  if (!rows) {
    connection.close();
    co_return error_of(rows);
  }
  co_return Begun{rows->integer(0, "id").value_or(0), rows->text(0, "database").value_or("")};
}

// A transaction that failed half way must not stay open: the connection goes, and with it the
// transaction.
awaitable<Result<void>> commit(Connection& connection, std::string statements, Deadline deadline) {
  Result<void> done = co_await connection.run_script(statements + " COMMIT;", deadline);
  if (!done) connection.close();
  co_return done;
}

}  // namespace

Json to_json(const SealMark& mark) {
  Json json = {{"v", kMarkVersion}, {"roles", mark.roles}, {"transactions", mark.transactions}};
  json["read_only_before"] = mark.read_only_before ? Json(*mark.read_only_before) : Json();
  json["end"] = mark.end ? Json(log_position_text(*mark.end)) : Json();
  return json;
}

std::optional<SealMark> seal_mark_from(const Json& json) {
  if (!json.is_object() || integer_or(json, "v") != kMarkVersion) return std::nullopt;
  SealMark mark;
  mark.roles = texts_or_empty(json, "roles");
  std::ranges::sort(mark.roles);
  if (const std::string before = text_or(json, "read_only_before"); !before.empty()) {
    mark.read_only_before = before;
  }
  mark.end = parse_log_position(text_or(json, "end"));
  for (const Json& entry : json.value("transactions", Json::array())) {
    if (entry.is_number_integer()) mark.transactions.push_back(entry.get<std::int64_t>());
  }
  return mark;
}

awaitable<Result<SealState>> read_seal_state(Connection& connection, std::string monitor,
                                             Deadline deadline) {
  const auto rows = co_await connection.query(
      fmt::format(kState, fmt::arg("open_roles", kOpenRoles),
                  fmt::arg("sessions", fmt::format(kOrdinarySessions, "$1")),
                  fmt::arg("starting", kStartingSessions), fmt::arg("read_only", kReadOnlySet),
                  fmt::arg("mark", kMark)),
      {std::move(monitor)}, deadline);
  if (!rows) co_return error_of(rows);
  SealState state;
  state.replica = rows->boolean(0, "replica");
  state.system_identifier = rows->text(0, "system").value_or("");
  state.sessions = rows->integer(0, "sessions").value_or(0);
  state.read_only = rows->text(0, "read_only");
  state.writes_by_default = rows->boolean(0, "writes_by_default");
  state.next_transaction = rows->text(0, "next_transaction").value_or("");
  state.end =
      end_of_last_record(rows->position(0, "inserted").value_or(0),
                         static_cast<std::uint64_t>(rows->integer(0, "segment_bytes").value_or(0)));
  const auto roles = parse_json(rows->text(0, "open_roles").value_or("[]"));
  if (!roles) co_return error_of(roles);
  state.open_roles = texts_of(*roles);
  const auto starting = parse_json(rows->text(0, "starting").value_or("[]"));
  if (!starting) co_return error_of(starting);
  for (const Json& process : *starting) {
    if (process.is_number_integer()) state.starting.insert(process.get<std::int64_t>());
  }
  state.mark_database = rows->text(0, "mark_database").value_or("");
  if (!state.mark_database.empty()) {
    const auto json = parse_json(rows->text(0, "mark").value_or(""));
    if (json) state.mark = seal_mark_from(*json);
    if (!state.mark) {
      co_return fail(ErrorCode::corrupt, "the setting bascule.sealed of database {} is not ours",
                     state.mark_database);
    }
  }
  co_return state;
}

awaitable<Result<bool>> shut_out(Connection& connection, ShutOut how, Deadline deadline) {
  std::string read_only(kReadOnlySet);
  if (how.read_only_before) {
    read_only =
        "SELECT " + (*how.read_only_before ? quote_literal(**how.read_only_before) : "NULL");
  }
  const std::string sessions = fmt::format(kOrdinarySessions, quote_literal(how.monitor));
  const std::string statements =
      fmt::format(kRefuse, fmt::arg("open_roles", kOpenRoles), fmt::arg("mark", kMark),
                  fmt::arg("version", kMarkVersion), fmt::arg("read_only", read_only)) +
      fmt::format(kEnd, fmt::arg("sessions", sessions),
                  fmt::arg("starting_too", how.starting_too ? "true" : "false"));
  const Result<void> done = co_await connection.run_script(statements, deadline);
  if (done) co_return true;
  // A standby refuses BEGIN READ WRITE, but with a SQLSTATE that says little.
  if (connection.is_open() && co_await connection.run_script("ROLLBACK", deadline)) {
    const auto rows =
        co_await connection.query("SELECT pg_is_in_recovery() AS replica", {}, deadline);
    if (rows && rows->boolean(0, "replica")) co_return false;
  }
  connection.close();
  co_return error_of(done);
}

awaitable<Result<std::vector<std::int64_t>>> end_sessions(Connection& connection,
                                                          std::string monitor, bool starting_too,
                                                          Deadline deadline) {
  const std::string sessions = fmt::format(kOrdinarySessions, quote_literal(monitor));
  const std::string statement =
      fmt::format(kEnd, fmt::arg("sessions", sessions),
                  fmt::arg("starting_too", starting_too ? "true" : "false"));
  const auto ended = co_await connection.run_script(statement, deadline);
  if (!ended) co_return error_of(ended);
  co_return co_await ended_sessions(connection, deadline);
}

awaitable<Result<std::vector<std::int64_t>>> ended_sessions(Connection& connection,
                                                            Deadline deadline) {
  const auto rows = co_await connection.query(
      "SELECT unnest(string_to_array(current_setting('bascule.ended', true), ',')) AS pid", {},
      deadline);
  if (!rows) co_return error_of(rows);
  std::vector<std::int64_t> ended;
  for (std::size_t row = 0; row < rows->size(); ++row) {
    if (const auto pid = rows->integer(row, "pid")) ended.push_back(*pid);
  }
  co_return ended;
}

awaitable<Result<SealMark>> write_mark(Connection& connection, SealMark mark, Deadline deadline) {
  const auto begun = co_await begin(connection, deadline);
  if (!begun) co_return error_of(begun);
  mark.transactions.push_back(begun->transaction);
  const auto done =
      co_await commit(connection, set_mark_statement(begun->database, mark), deadline);
  if (!done) co_return error_of(done);
  co_return mark;
}

awaitable<Result<void>> set_read_only(Connection& connection, std::optional<std::string> value,
                                      Deadline deadline) {
  const std::string statement =
      value ? fmt::format("ALTER SYSTEM SET default_transaction_read_only TO {}",
                          quote_literal(*value))
            : "ALTER SYSTEM RESET default_transaction_read_only";
  const auto altered = co_await connection.query(statement, {}, deadline);
  if (!altered) co_return error_of(altered);
  const std::string loaded_at = "SELECT pg_conf_load_time()::text AS at";
  const auto before = co_await connection.query(loaded_at, {}, deadline);
  if (!before) co_return error_of(before);
  const auto reloaded = co_await connection.query("SELECT pg_reload_conf()", {}, deadline);
  if (!reloaded) co_return error_of(reloaded);
  // The server tells its sessions after it has read the file itself: once ours knows, new ones do.
  for (int look = 0; look < kReloadLooks; ++look) {
    const auto now = co_await connection.query(loaded_at, {}, deadline);
    if (!now) co_return error_of(now);
    if (now->text(0, "at") != before->text(0, "at")) break;
    const auto waited = co_await connection.query("SELECT pg_sleep(0.002)", {}, deadline);
    if (!waited) co_return error_of(waited);
  }
  co_return Result<void>();
}

awaitable<Result<void>> allow_logins(Connection& connection, std::vector<std::string> roles,
                                     std::string database, Deadline deadline) {
  // A role that was dropped meanwhile would fail the whole transaction.
  const auto found = co_await connection.query(
      "SELECT rolname FROM pg_roles WHERE NOT rolcanlogin AND rolname IN "
      "(SELECT json_array_elements_text($1::json)) ORDER BY rolname",
      {to_text(Json(roles))}, deadline);
  if (!found) co_return error_of(found);
  if (found->empty() && database.empty()) co_return Result<void>();
  std::string statements = "BEGIN READ WRITE;";
  for (std::size_t row = 0; row < found->size(); ++row) {
    statements += fmt::format("ALTER ROLE {} LOGIN;",
                              quote_identifier(found->text(row, "rolname").value_or("")));
  }
  if (!database.empty()) {
    statements +=
        fmt::format("ALTER DATABASE {} RESET bascule.sealed;", quote_identifier(database));
  }
  co_return co_await commit(connection, std::move(statements), deadline);
}

}  // namespace bascule::postgres
