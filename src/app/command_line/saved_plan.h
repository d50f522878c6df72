// A plan that was saved: what `bascule plan GROUP … -o json > FILE` wrote.
#pragma once

#include <string>

#include "base/result.h"
#include "model/json.h"

namespace bascule::app {

struct SavedPlan {
  std::string group;
  std::string move;
  std::string source;
  std::string target;
  Json basis;  // what it rests on, as the daemon compares it
};

// Refuses (invalid) what is not such a file, saying why and how to make one. Reads at most a few
// MiB.
Result<SavedPlan> read_saved_plan(const std::string& path);
Result<SavedPlan> saved_plan_from(const std::string& text);

}  // namespace bascule::app
