// The action postgres.rejoin: makes the database of a site a standby of the active one.
#pragma once

#include <memory>

#include "ports/action.h"
#include "ports/kinds.h"
#include "providers/postgres/database.h"

namespace bascule::postgres {

std::shared_ptr<Action> make_rejoin(Surroundings surroundings, Database database,
                                    ActionContext context, std::string check);

}  // namespace bascule::postgres
