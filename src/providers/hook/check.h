// The check `hook`: the operator's own command as a probe, by the rules of Nagios plugins.
//
//   exit 0             OK         healthy
//   exit 1             WARNING    degraded
//   exit 2             CRITICAL   critical
//   exit 3             UNKNOWN    unknown
//   not in time                   failed: killed with its process group
//   any other end                 unknown: the command is broken, not what it looks at
//
// The first line of its output, up to a `|`, is the summary; what follows the `|` are performance
// data. BASCULE_GROUP, BASCULE_SITE and BASCULE_CHECK say what it is for.
//
// Looks of one check never run side by side: one waits for the other. What a Bascule that died left
// running is killed before the first look.
#pragma once

#include "ports/kinds.h"

namespace bascule::hook {

ProbeKind probe_kind();

}  // namespace bascule::hook
