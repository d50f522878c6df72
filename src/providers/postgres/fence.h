// The action postgres.fence: seals the database of a site (seal.h) and proves it.
#pragma once

#include <memory>

#include "ports/action.h"
#include "providers/postgres/database.h"

namespace bascule::postgres {

std::shared_ptr<Action> make_fence(Surroundings surroundings, Database database);

}  // namespace bascule::postgres
