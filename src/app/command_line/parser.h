// The words after a command, split into its arguments by CLI11. The only file that knows CLI11's
// exceptions; what it would say is said in our words.
#pragma once

#include <string>
#include <vector>

#include "app/command_line/command_line.h"

namespace bascule::app {

// `words`: without those that name the command.
Parsed split(const Command& command, std::vector<std::string> words);

struct OptionText {
  std::string names;  // "--to SITE", "-y, --yes"
  std::string description;
};
// For its help: its own options, and those that every command has.
std::vector<OptionText> options_of(const Command& command);
std::vector<OptionText> options_of_all();

}  // namespace bascule::app
