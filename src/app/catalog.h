// The one visible list of what this build knows, and the list of what is planned and not built yet.
#pragma once

#include "config/loader.h"
#include "net/resolver.h"
#include "ports/kinds.h"

namespace bascule::app {

// `resolver` outlives everything made from the catalog; `clusters` are those that its kinds may
// name.
Catalog make_catalog(net::Resolver& resolver, std::vector<KubernetesContextSpec> clusters);

// The same list as data, for the configuration. Makes nothing.
config::Kinds known_kinds();

}  // namespace bascule::app
