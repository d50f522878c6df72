// Two actions that only look: postgres.caught_up, the proof of a switchover that the target has
// everything the sealed source has, and postgres.replication_lag, an item of the preflight.
#pragma once

#include <memory>

#include "ports/action.h"
#include "ports/kinds.h"
#include "providers/postgres/database.h"

namespace bascule::postgres {

std::shared_ptr<Action> make_caught_up(Surroundings surroundings, Database database,
                                       ActionContext context, std::string check);

std::shared_ptr<Action> make_replication_lag(Database database, Duration max);

}  // namespace bascule::postgres
