// A decision of the journal, decided again: by the rules of this build on what its record says was
// seen, and, where another configuration is given, by that one's. Nothing is done over again: each
// decision is asked in the circumstances in which it was made, whatever would have become of the
// ones before it.
//
// Decided again are: moves that were started (their gates and their plan), or that mode shadow
// would have started; a verdict that a check is down; what a group that had failed was not moved
// for; and whether a run's source was fenced well enough. The gates are asked themselves
// (engine/gates), on readings put together from the record (evidence.h).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/state.h"
#include "model/record.h"

namespace bascule::engine {

enum class Standing : std::uint8_t { same, differs, not_decidable };
std::string_view to_string(Standing standing);  // "same", "differs", "not_decidable"

struct Redecision {
  Sequence seq = 0;
  Instant at;
  GroupName group;
  RunId run;
  std::string decision;                // what was decided then, a clause
  std::vector<std::string> otherwise;  // what would be decided otherwise, clauses; none: nothing
  std::vector<std::string> undecided;  // what cannot be asked again, and why

  // What differs, differs, whatever else cannot be asked. What nothing can be said about at all is
  // not decidable; the same is what was asked and answered as before.
  bool asked = false;  // something was
  [[nodiscard]] Standing standing() const;
};

// Nothing for a record that is no decision. `before`: the state before it. `other`: asked by this
// configuration instead of by the one of that time; may be null.
std::optional<Redecision> redecide(const State& before, const Record& record,
                                   const Configuration* other);

}  // namespace bascule::engine
