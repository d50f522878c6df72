// A command of `bascule`: its name, its help, how its options are declared, and what it does. Each
// family of commands lists its own; command_line.cpp puts them together.
#pragma once

#include <string>
#include <vector>

#include "app/command_line/arguments.h"
#include "app/command_line/session.h"

namespace CLI {  // NOLINT(readability-identifier-naming): the library's own name
class App;
}

namespace bascule::app {

struct Example {
  std::string line;
  std::string meaning;
};

struct Command {
  std::string name;     // "failover", "config validate"
  std::string usage;    // after the name: "GROUP [--to SITE] --reason TEXT"
  std::string summary;  // one line of the overview
  std::string about;    // a paragraph or more of its own help
  std::vector<Example> examples;
  // Arguments without a dash that must be there, as the usage names them.
  std::vector<std::pair<std::string, std::string Arguments::*>> needs;
  void (*declare)(CLI::App& app, Arguments& arguments) = nullptr;  // its options; may be null
  ExitCode (*perform)(Session& session) = nullptr;
};

struct Family {
  std::string title;
  std::vector<Command> commands;
};

Family serving();
Family looking();
Family moving();
Family operating();
Family auditing();
Family configuring();
Family granting();
Family completing();

// Options that several families share.
void declare_reason(CLI::App& app, Arguments& arguments);
void declare_local(CLI::App& app, Arguments& arguments);
// Of commands that change something: beside --local, --confirm.
void declare_local_change(CLI::App& app, Arguments& arguments);
void declare_following(CLI::App& app, Arguments& arguments);

}  // namespace bascule::app
