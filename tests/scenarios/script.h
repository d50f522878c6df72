// A scenario as a person writes it: what the world is like, what happens in it and when. See
// README.md for the notation.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/result.h"
#include "base/time.h"
#include "engine/engine.h"
#include "model/configuration.h"

namespace bascule::scenario {

// How one call of one step behaves differently from what the world would do.
struct Behaviour {
  StepId step;
  engine::CallKind call = engine::CallKind::apply;
  std::optional<Duration> takes;
  std::optional<Error> fails;
  std::optional<Inspection> says;
  bool loses_reply = false;    // it happens, and the connection breaks before the answer comes
  bool never_answers = false;  // nor does it happen
  int times = -1;              // how often; -1: always
};

// What happens at a moment: one line of the script, as its words.
struct Happening {
  Instant at;
  std::vector<std::string> words;
  int line = 0;
};

struct Script {
  Configuration configuration;
  std::vector<Happening> happenings;  // in the order of time
  std::vector<Behaviour> behaviours;  // from the beginning
  Instant until;
  std::string head;      // the text above the line, as written
  std::string expected;  // the text below it
};

Result<Script> read_script(const std::string& text);
Result<Behaviour> read_behaviour(const std::vector<std::string>& words);

}  // namespace bascule::scenario
