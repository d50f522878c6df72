// A command of the operator, some words and variables of which may be secrets, and what it said,
// made fit to be printed and journaled: no secret, no control character, no endless line.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "async/child_process.h"
#include "base/result.h"
#include "model/json.h"
#include "model/kind.h"
#include "ports/secrets.h"

namespace bascule::hook {

struct Word {
  std::string text;
  bool secret = false;
};

struct CommandLine {
  std::vector<Word> words;
  std::map<std::string, Word> environment;  // beside what Bascule says itself
  std::string directory;                    // empty: where Bascule runs

  [[nodiscard]] bool empty() const { return words.empty(); }
  // For people.
  [[nodiscard]] std::string program() const;
};

// The fields that every kind with a command has: `environment`, `directory`.
std::vector<Field> common_fields();
// A list of words.
Field command_field(std::string name, std::string summary, bool required);

// The command `name` of the settings with its environment and directory, secrets revealed; empty
// when it is absent. Errors: invalid (a word that is no text, a variable that cannot be set), and
// those of the secrets.
Result<CommandLine> read_command_line(const Json& settings, std::string_view name,
                                      const Secrets& secrets);

// For people: the words with blanks between, "(secret)" in place of a secret one.
std::string shown(const CommandLine& command);

// Runs it, `identity` added to its environment. The errors are those of run_command; one that says
// that it was killed also says what it said last.
awaitable<Result<Exit>> execute(Clock& clock, CommandLine command,
                                std::map<std::string, std::string> identity, Duration grace,
                                Deadline deadline);

// What it wrote to one stream with every secret of `command` replaced, also where one was cut by
// the limit of the output. Secrets of less than four bytes are left: replacing them would tell more
// than they do.
std::string text_of(const Output& output, const CommandLine& command);
// The last line of what it wrote to standard error, else to standard output; at most 300 bytes.
std::string last_line(const Exit& exit, const CommandLine& command);

// One line for people: nothing that moves a cursor, at most `limit` bytes of whole characters.
std::string one_line(std::string text, std::size_t limit);

}  // namespace bascule::hook
