// The line in TXT `_bascule.NAME`: who holds the front door. One grammar, used by every writer of
// this technology: GENERATION CLUSTER RUN TARGET, single blanks between, no blanks inside.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace bascule::dns {

struct Ownership {
  std::uint64_t generation = 0;  // from 1 on
  std::string cluster;
  std::string run;     // of a run or an obligation
  std::string target;  // the site that the run moves to, or the active one

  friend bool operator==(const Ownership&, const Ownership&) = default;
};

// An empty word becomes "-".
std::string to_text(const Ownership& ownership);
// Nothing when the text is not of this form.
std::optional<Ownership> parse_ownership(std::string_view text);

}  // namespace bascule::dns
