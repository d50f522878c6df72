// HTTP and TCP: the probes `http` and `tcp`, and the action `http.answers` that proves that clients
// are served.
#pragma once

#include <memory>
#include <vector>

#include "net/resolver.h"
#include "ports/kinds.h"

namespace bascule::http {

// `resolver` outlives everything made from these kinds.
std::vector<ProbeKind> probe_kinds(net::Resolver& resolver);
std::vector<ActionKind> action_kinds(net::Resolver& resolver);

}  // namespace bascule::http
