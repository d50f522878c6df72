// The action postgres.fence: seals the database of a site (seal.h) and proves it.
//
// Its first request shuts ordinary roles out and only then does it read what the server is. Applied
// without a prior (nobody has seen the server yet), it waits at its door until the call's deadline:
// every few milliseconds while it is refused at once, one attempt at a time while nothing answers.
#pragma once

#include <memory>

#include "ports/action.h"
#include "providers/postgres/database.h"

namespace bascule::postgres {

std::shared_ptr<Action> make_fence(Surroundings surroundings, Database database,
                                   const Policy& policy);

}  // namespace bascule::postgres
