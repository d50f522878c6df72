// Records, calls and answers as the lines of a transcript, and a state as text that can be
// compared.
#pragma once

#include <string>

#include "engine/engine.h"
#include "engine/state.h"

namespace bascule::scenario {

std::string moment_text(Instant at);  // "3.412s" since the scenario began
std::string line_of(const Record& record);
std::string line_of(const engine::Call& call);
std::string lines_of(const engine::Answer& answer);

// Everything that two replays of one journal must agree on.
std::string text_of(const engine::State& state);

}  // namespace bascule::scenario
