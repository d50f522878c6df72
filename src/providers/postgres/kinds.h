// What this folder offers to the catalogue: the `postgres` probe and the actions on PostgreSQL,
// each declared as data together with the factory that makes it from settings.
#pragma once

#include <vector>

#include "net/resolver.h"
#include "ports/kinds.h"

namespace bascule::postgres {

// Owned by the supervisor; outlives everything made from the kinds.
struct PostgresDependencies {
  net::Resolver& resolver;
};

std::vector<ProbeKind> postgres_probes(PostgresDependencies dependencies);
std::vector<ActionKind> postgres_actions(PostgresDependencies dependencies);

}  // namespace bascule::postgres
