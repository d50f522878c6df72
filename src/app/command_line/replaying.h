// `bascule replay`: a journal's decisions asked again, by this build and by another configuration.
#pragma once

#include "app/command_line/command.h"

namespace bascule::app {

Command replay_command();

}  // namespace bascule::app
