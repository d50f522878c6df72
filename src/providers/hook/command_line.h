// The words of a hook's command, some of which may be secrets, and what it said, made fit to be
// printed and journaled: no secret, no control character, no endless line.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "async/child_process.h"
#include "base/result.h"
#include "model/json.h"
#include "ports/secrets.h"

namespace bascule::hook {

struct Word {
  std::string text;
  bool secret = false;
};
using CommandLine = std::vector<Word>;

// The list `name` of the settings, secrets revealed; empty when it is absent. Errors: invalid (a
// word that is no text), and those of the secrets.
Result<CommandLine> read_command_line(const Json& settings, std::string_view name,
                                      const Secrets& secrets);

std::vector<std::string> arguments(const CommandLine& command);
// For people: the words with blanks between, "(secret)" in place of a secret one.
std::string shown(const CommandLine& command);

// `text` with every secret word of `command` replaced. Secrets of less than four bytes are left:
// replacing them would tell more than they do.
std::string without_secrets(std::string text, const CommandLine& command);
// The last line of what it wrote to standard error, else to standard output; at most 300 bytes.
std::string last_line(const Exit& exit, const CommandLine& command);

}  // namespace bascule::hook
