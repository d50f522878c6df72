// What this folder offers to the catalogue: the `postgres` probe and the actions on PostgreSQL,
// each declared as data together with the factory that makes it from settings.
#pragma once

#include <memory>
#include <vector>

#include "net/resolver.h"
#include "ports/kinds.h"
#include "providers/postgres/vigils.h"

namespace bascule::postgres {

// The resolver is owned by the supervisor and outlives everything made from the kinds. Probes and
// actions of one process share their vigils, which outlive them as well.
struct PostgresDependencies {
  net::Resolver& resolver;
  std::shared_ptr<Vigils> vigils = std::make_shared<Vigils>();
};

std::vector<ProbeKind> postgres_probes(PostgresDependencies dependencies);
std::vector<ActionKind> postgres_actions(PostgresDependencies dependencies);

}  // namespace bascule::postgres
