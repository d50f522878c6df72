#include "providers/postgres/replay.h"

#include <fmt/ranges.h>

#include <algorithm>

namespace bascule::postgres {
namespace {

// Where replay waits for a lock (it takes only exclusive ones on relations), whoever has one on the
// same is meant; pg_blocking_pids() does not know the startup process. Where it waits for old
// snapshots or for a page, everybody who has a snapshot may be meant.
constexpr std::string_view kBlock = R"sql(
SELECT pg_is_in_recovery() AND pg_get_wal_replay_pause_state() <> 'not paused' AS paused,
       a.pid,
       coalesce(a.usename::text, '') AS username,
       (extract(epoch FROM clock_timestamp() - coalesce(a.xact_start, a.query_start)) * 1000)::bigint
         AS age_ms
  FROM (SELECT) one
  LEFT JOIN (SELECT s.pid,
                    ARRAY(SELECT h.pid
                            FROM pg_locks w
                            JOIN pg_locks h ON h.granted AND h.pid <> w.pid
                             AND h.locktype = 'relation' AND h.database = w.database
                             AND h.relation = w.relation
                           WHERE w.pid = s.pid AND NOT w.granted
                             AND w.locktype = 'relation') AS holders
               FROM pg_stat_activity s
              WHERE s.backend_type = 'startup'
                AND (s.wait_event LIKE 'RecoveryConflict%'
                     OR s.wait_event_type IN ('Lock', 'BufferPin'))) s ON true
  LEFT JOIN pg_stat_activity a
    ON s.pid IS NOT NULL AND a.backend_type = 'client backend' AND a.pid <> pg_backend_pid()
   AND CASE WHEN cardinality(s.holders) > 0 THEN a.pid = ANY (s.holders)
            ELSE a.backend_xmin IS NOT NULL OR a.state <> 'idle' END
 ORDER BY age_ms DESC NULLS LAST, a.pid)sql";

}  // namespace

std::string to_sentence(const ReplayBlock& block) {
  if (block.queries.empty()) return block.paused ? "replay is paused" : "";
  std::vector<std::string> users;
  users.reserve(block.queries.size());
  for (const BlockingQuery& query : block.queries) users.push_back(query.user);
  std::ranges::sort(users);
  users.erase(std::ranges::unique(users).begin(), users.end());
  const std::size_t count = block.queries.size();
  return fmt::format("replay waits for {} {} of {}{} since {}", count,
                     count == 1 ? "query" : "queries", fmt::join(users, ", "),
                     count == 1 ? "" : ", the oldest", to_rough(block.queries.front().age));
}

Json to_json(const ReplayBlock& block) {
  Json queries = Json::array();
  for (const BlockingQuery& query : block.queries) {
    queries.push_back(
        {{"process", query.process}, {"user", query.user}, {"age_ms", query.age.count()}});
  }
  return Json{{"paused", block.paused}, {"queries", queries}};
}

awaitable<Result<ReplayBlock>> read_replay_block(Connection& connection, Deadline deadline) {
  const auto rows = co_await connection.query(std::string(kBlock), {}, deadline);
  if (!rows) co_return error_of(rows);
  ReplayBlock block;
  block.paused = !rows->empty() && rows->boolean(0, "paused");
  for (std::size_t row = 0; row < rows->size(); ++row) {
    const auto process = rows->integer(row, "pid");
    if (!process) continue;
    const std::int64_t age = std::max<std::int64_t>(rows->integer(row, "age_ms").value_or(0), 0);
    block.queries.push_back({*process, rows->text(row, "username").value_or(""), Duration(age)});
  }
  co_return block;
}

awaitable<Result<void>> end_queries(Connection& connection, ReplayBlock block, Ending how,
                                    Deadline deadline) {
  Json processes = Json::array();
  for (const BlockingQuery& query : block.queries) processes.push_back(query.process);
  const auto ended = co_await connection.query(
      fmt::format("SELECT {}(p::text::integer) FROM json_array_elements($1::json) p",
                  how == Ending::cancel ? "pg_cancel_backend" : "pg_terminate_backend"),
      {to_text(processes)}, deadline);
  if (!ended) co_return error_of(ended);
  co_return Result<void>();
}

}  // namespace bascule::postgres
