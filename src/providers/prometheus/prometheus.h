// A number that Prometheus knows about a site, held against limits.
//
// Prometheus is somebody else: that it does not answer, refuses the query or has no number says
// nothing about the site. All of that is `unknown`, which moves nothing; only for "no number" a
// configuration may say otherwise. It reads, and needs no permission beside reading.
#pragma once

#include "net/resolver.h"
#include "ports/kinds.h"

namespace bascule::prometheus {

// `resolver` outlives everything made from the kind.
ProbeKind probe_kind(net::Resolver& resolver);

}  // namespace bascule::prometheus
