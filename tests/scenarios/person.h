// What the person of a scenario says, as a command to the engine.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "engine/input.h"
#include "world.h"

namespace bascule::scenario {

struct Said {
  engine::Command command;
  bool saves_plan = false;  // of such a failover, for a later command that is `planned`
  bool planned = false;
};

// ana VERB [ARGUMENT] [to SITE] [override GATE]… [confirm SITE] [key KEY] [step S] [as WORD]
//     [for DURATION] [at TIME] [supersede RUN] [planned] [because TEXT]
Result<Said> read_command(const std::vector<std::string>& words);

// ana import RUN to SITE [as open|fence-owed]: the journal of whoever wrote the line at the front
// door; `open`: that run is not over.
engine::ImportJournal journal_of(const std::vector<std::string>& words, const World& world,
                                 Instant now);

}  // namespace bascule::scenario
