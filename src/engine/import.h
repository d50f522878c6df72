// What another Bascule of the same cluster did while this one was away (`bascule import`): its
// journal, told in a record of this one.
#pragma once

#include <optional>

#include "engine/deliberation.h"

namespace bascule::engine {

// What a replayed journal says about each of its groups whose active site is known, and a run that
// is open in it. Which journal it is (hashes, cluster, observer) is filled in by who read it.
ImportJournal summary_of(const State& replayed);

// Refused, with the command that helps: another cluster, an unknown group or site, an open run in
// either journal, nothing that is not known.
Answer import_journal(Deliberation& deliberation, const Command& command,
                      const ImportJournal& body);

}  // namespace bascule::engine
