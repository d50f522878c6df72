// `bascule watch`: the groups and every open run, drawn again in place on a terminal, or told line
// by line, until a person leaves. It only asks; nothing depends on it.
#pragma once

#include "app/backend.h"
#include "app/command_line/command.h"
#include "app/command_line/session.h"

namespace bascule::app {

// Watches the group of the arguments, or all. 0 when a person has left; 1 where there is no such
// group; 7 when Bascule was silent for longer than `silence`, or did not answer at the beginning.
awaitable<ExitCode> watch_groups(Session& session, Backend& backend, Duration silence);

Command watch_command();

}  // namespace bascule::app
