// Whether a record fits what came before it. evolve() requires that and stops the process where it
// is not so; a journal that somebody else wrote is asked first.
#pragma once

#include <optional>
#include <string>

#include "engine/state.h"

namespace bascule::engine {

// Why not, in one clause; nothing where it does.
std::optional<std::string> why_it_does_not_fit(const State& state, const Record& record);

}  // namespace bascule::engine
