// Before a change with --local: whether another Bascule may be acting beside this one.
#pragma once

#include <optional>
#include <string>

#include "app/command_line/session.h"
#include "model/configuration.h"

namespace bascule::app {

// What can be seen from here: whether something answers where the configuration of -c FILE has its
// daemon, and whether the line at a front door is of another journal, whose Bascule may live at a
// machine that cannot be seen. Either is passed over only when the name of the active site is
// typed; else it has been said, and how the command ends is returned. Nothing is changed. Bounded
// by the timeouts of the checks.
awaitable<std::optional<ExitCode>> refuse_beside_another(Session& session,
                                                         Configuration configuration);

}  // namespace bascule::app
