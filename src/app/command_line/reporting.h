// `bascule report`: the report of a run as a page to keep, or as JSON.
#pragma once

#include "app/command_line/command.h"

namespace bascule::app {

Command report_command();

}  // namespace bascule::app
