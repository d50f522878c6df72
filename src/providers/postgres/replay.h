// What keeps a standby from replaying what it has received: queries that still need what replay is
// about to remove or lock, or somebody who has paused it. A server is asked as its admin.
#pragma once

#include <string>
#include <vector>

#include "async/awaitable.h"
#include "async/deadline.h"
#include "base/result.h"
#include "model/json.h"
#include "providers/postgres/connection.h"

namespace bascule::postgres {

struct BlockingQuery {
  std::int64_t process = 0;
  std::string user;
  Duration age{0};  // of its transaction
};

struct ReplayBlock {
  bool paused = false;
  std::vector<BlockingQuery> queries;  // the oldest first; while replay waits for them

  [[nodiscard]] bool empty() const { return !paused && queries.empty(); }
};

// "replay waits for 2 queries of app and reports, the oldest since 40s"; "replay is paused"; empty.
std::string to_sentence(const ReplayBlock& block);
Json to_json(const ReplayBlock& block);

// Empty on a primary.
awaitable<Result<ReplayBlock>> read_replay_block(Connection& connection, Deadline deadline);

enum class Ending : std::uint8_t { cancel, terminate };
awaitable<Result<void>> end_queries(Connection& connection, ReplayBlock block, Ending how,
                                    Deadline deadline);

}  // namespace bascule::postgres
