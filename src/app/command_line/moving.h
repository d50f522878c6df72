// What other commands share with the moves.
#pragma once

#include <string>

namespace bascule::app {

// Where the plan of a move is asked for. An empty `to`: the best candidate.
std::string plan_target(const std::string& group, const std::string& to, const std::string& move);

}  // namespace bascule::app
