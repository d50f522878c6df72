// The command line of `bascule`: words in, exit code out. CLI11 splits the words; what is said
// about them (help, mistakes) is ours.
#pragma once

#include <string>
#include <vector>

#include "app/command_line/arguments.h"
#include "app/command_line/command.h"
#include "app/exit_code.h"
#include "app/terminal/terminal.h"

namespace bascule::app {

// All commands, in the order of the overview.
const std::vector<Family>& families();
const Command* find_command(const std::string& name);

// What the words mean: a command with its arguments, or a text to print (help), or a complaint.
struct Parsed {
  const Command* command = nullptr;
  Arguments arguments;
  std::string help;        // to be printed as data; the exit code is 0
  std::string complaint;   // one clause
  std::string what_to_do;  // goes with the complaint
};

// `words`: without the program's own name. Never throws.
Parsed parse(const std::vector<std::string>& words);

// Carries it out.
ExitCode run_command_line(const std::vector<std::string>& words, Terminal& terminal,
                          Variables variables);

// For main().
int run(int count, char** words);

// Help as text.
std::string overview();
std::string help_of(const Command& command);

}  // namespace bascule::app
