// What a site has to have ready before it can take over is asked all the time, and people hear of
// it when it begins to fail, not in the night in which it is needed.
//
// Journaled when it changes, not each time it is asked; and only what has failed for a while, for
// a single question may go wrong. Nothing is said of a site of which is known already that it
// cannot take over (it owes a fence or a standby), nor while a run is changing what is asked about.
#pragma once

#include <optional>
#include <string>

#include "engine/deliberation.h"
#include "engine/input.h"

namespace bascule::engine {

// The next answer after the first bad one has to be bad, too; the runtime asks every minute.
inline constexpr Duration kPreflightFailsFor{45'000};

// Why the item is not ready; nothing: it is.
std::optional<std::string> complaint_of(const InspectionReading& reading);

// Whether the configuration has that item.
bool asks_preflight(const GroupSpec& group, const SiteName& site, const std::string& item);

void notice_preflight(Deliberation& deliberation, const PreflightRead& input);

}  // namespace bascule::engine
