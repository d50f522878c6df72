// Manual pages, from the same texts as --help.
#pragma once

#include <string>

#include "app/command_line/command.h"

namespace bascule::app {

// Roff for man(1): bascule(1), and bascule-COMMAND(1) of one command.
std::string manual_page();
std::string manual_page(const Command& command);

// `man`: prints them.
Command manual_command();

}  // namespace bascule::app
