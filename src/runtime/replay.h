// Reads a journal from its beginning into a State: how every term begins, and how readers that may
// not write see where things stand.
#pragma once

#include <vector>

#include "engine/state.h"
#include "ports/journal.h"
#include "runtime/follower.h"

namespace bascule::runtime {

struct Replayed {
  engine::State state;
  JournalHead head;
};

// `corrupt` names the first record that does not fit its hash; `invalid` a record of a later
// version.
//
// `followers` are told what they have not heard yet.
awaitable<Result<Replayed>> replay(Journal& journal, std::vector<Follower*> followers = {});

}  // namespace bascule::runtime
