// A view as YAML, for `-o yaml`: the same keys in the same order as in JSON.
#pragma once

#include <string>

#include "model/json.h"

namespace bascule::app {

// Ends with a line feed. Every text that a reader could take for something else (a number, a time,
// a truth, nothing) stands in quotes.
std::string to_yaml(const Json& view);

}  // namespace bascule::app
