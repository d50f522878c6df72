// DNS: the front door `dns.record`, the check `dns` and the preflight item `dns.resolves`.
//
// The front door `dns.record`: one record set in one zone, written by RFC 2136 updates as
// compare-and-set.
//
// TXT `_bascule.NAME` of the same zone holds `GENERATION CLUSTER RUN TARGET`. A claim takes the
// next generation with the address as it was found; the switch needs exactly what the claim wrote
// and what the claim found. Whoever comes late, with an older view, is refused by the name server
// itself, not by us.
#pragma once

#include <vector>

#include "net/resolver.h"
#include "ports/kinds.h"

namespace bascule::dns {

// `resolver` outlives everything made from these kinds.
std::vector<ProbeKind> probe_kinds(net::Resolver& resolver);
std::vector<ActionKind> action_kinds(net::Resolver& resolver);

}  // namespace bascule::dns
