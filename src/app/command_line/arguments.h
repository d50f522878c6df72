// What was written on the command line, as plain values: every option of every command, each filled
// only where the command has it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace bascule::app {

struct Arguments {
  std::string command;  // "failover", "config validate"

  // Everywhere.
  std::string configuration;  // -c FILE
  std::string server;
  std::string token_file;
  std::string authority;  // a PEM file
  std::string output = "table";
  bool no_color = false;
  bool insecure = false;
  bool help = false;

  std::string group;
  std::string run;
  std::string file;   // of `config validate`, `config init` and `import`
  std::string store;  // of `audit verify`, `audit export` and `replay`

  std::string name;     // of `token create`
  std::string role;     // of `token create`
  std::string expires;  // of `token create`: a duration

  std::string shell;               // of `completion`
  std::string topic;               // of `man`
  std::vector<std::string> words;  // of `complete`: a command line that is being written

  std::string to;
  std::string site;
  std::string active;
  std::string move;  // empty: not said
  std::string reason;
  std::string ticket;
  std::string actor;
  std::vector<std::string> overrides;
  std::string confirmed_site;
  std::string at;          // a moment
  std::string plan_file;   // a saved plan
  std::string supersedes;  // a run
  std::string step;
  std::string as;
  std::string lasting;     // a duration
  std::string back_after;  // a duration
  std::string deadline;    // a duration
  std::string wait_limit;  // a duration
  std::string head;        // SEQ:HASH
  std::string out;         // a file to write
  std::int64_t after = 0;  // the number of a record
  std::int64_t limit = 20;

  bool local = false;
  bool http = false;
  bool yes = false;
  bool no_wait = false;
  bool follow = false;
  bool detailed_exit_code = false;

  // Data for a program, rather than text for a person.
  [[nodiscard]] bool wants_view() const { return output != "table"; }
};

}  // namespace bascule::app
