// Who is active at first (section 6 of the architecture): with an empty journal, the site to which
// the front door alone points, provided that every site's database has answered and that site's
// alone is primary; without a front door, the latter. Nobody guesses: else a person adopts.
#pragma once

#include <string>

#include "engine/deliberation.h"

namespace bascule::engine {

bool adopt_by_itself(Deliberation& deliberation, const GroupName& group);
void adopt(Deliberation& deliberation, const GroupName& group, const SiteName& site,
           const std::string& because, const std::string& actor, const std::string& reason);

// One sentence for as long as nobody is known to be active.
std::string why_nobody_is_active(const Deliberation& deliberation, const GroupName& group);

}  // namespace bascule::engine
