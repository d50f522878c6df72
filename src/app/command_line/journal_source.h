// A journal in a file of this machine, read record by record with its chain verified: a store,
// which works while a daemon is writing, or an exported journal. Nothing is ever written.
#pragma once

#include <functional>
#include <string>

#include "app/command_line/session.h"
#include "model/audit.h"
#include "model/record.h"

namespace bascule::app {

// "sqlite:///var/lib/bascule/journal.db", or the path alone.
std::string path_of_store(const std::string& store);

// Hands over every record from the first on; returns the head. An error that `take` returns ends
// it. `corrupt`: the chain is broken, and where; `invalid`: a record of a later version, or an
// exported piece that does not begin with the first record; else the file cannot be read.
Result<SeenHead> read_journal(Session& session, const std::string& path,
                              const std::function<Result<void>(const Record&)>& take);

}  // namespace bascule::app
