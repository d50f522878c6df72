#include "app/command_line/command_line.h"

#include <fmt/format.h>
#include <signal.h>

#include <algorithm>
#include <array>
#include <exception>
#include <utility>

#include "app/command_line/parser.h"
#include "app/environment.h"
#include "app/terminal/texts.h"
#include "config/suggest.h"

namespace bascule::app {
namespace {

std::vector<std::string> command_names() {
  std::vector<std::string> names;
  for (const Family& family : families()) {
    for (const Command& command : family.commands) names.push_back(command.name);
  }
  return names;
}

Parsed complain(std::string message, std::string what_to_do) {
  Parsed parsed;
  parsed.complaint = std::move(message);
  parsed.what_to_do = std::move(what_to_do);
  return parsed;
}

// Where the words stand that are neither an option of every command nor its value: the first of
// them name the command, wherever `-c FILE` was put.
std::vector<std::size_t> plain_places(const std::vector<std::string>& words) {
  constexpr std::array<std::string_view, 9> kWithValue{"-c",           "--config", "--server",
                                                       "--token-file", "--ca",     "-o",
                                                       "--output",     "--actor",  "--reason"};
  std::vector<std::size_t> plain;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (std::ranges::find(kWithValue, words[i]) != kWithValue.end()) {
      ++i;
    } else if (!words[i].starts_with('-')) {
      plain.push_back(i);
    }
  }
  return plain;
}

Parsed unknown_command(const std::string& word, const std::string& next) {
  std::vector<std::string> below;
  for (const std::string& name : command_names()) {
    if (name.starts_with(word + " ")) below.push_back(name);
  }
  if (!below.empty()) {
    if (next.empty())
      return complain(fmt::format("`{}` needs another word", word), "bascule " + below.front());
    return complain(fmt::format("there is no command `{} {}`", word, next),
                    fmt::format("did you mean: bascule {}", below.front()));
  }
  const auto close = config::closest(word, command_names());
  return complain(fmt::format("there is no command `{}`", word),
                  close ? fmt::format("did you mean: bascule {}", *close) : "bascule --help");
}

Parsed check_needs(Parsed parsed) {
  for (const auto& [name, place] : parsed.command->needs) {
    if (!(parsed.arguments.*place).empty()) continue;
    return complain(fmt::format("`{}` needs {}", parsed.command->name, name),
                    fmt::format("bascule {} --help", parsed.command->name));
  }
  const std::string& output = parsed.arguments.output;
  if (output != "table" && output != "json" && output != "yaml")
    return complain(fmt::format("`-o {}` is not a form of output", output),
                    "use -o table, -o json or -o yaml");
  return parsed;
}

bool asks_for_help(const std::vector<std::string>& words) {
  for (const std::string& word : words) {
    if (word == "--") return false;
    if (word == "--help" || word == "-h") return true;
  }
  return false;
}

}  // namespace

const std::vector<Family>& families() {
  static const std::vector<Family> kFamilies{looking(),     moving(),   operating(), auditing(),
                                             configuring(), granting(), serving(),   completing()};
  return kFamilies;
}

const Command* find_command(const std::string& name) {
  for (const Family& family : families()) {
    const auto found = std::ranges::find(family.commands, name, &Command::name);
    if (found != family.commands.end()) return &*found;
  }
  return nullptr;
}

Parsed parse(const std::vector<std::string>& words) {
  std::vector<std::size_t> plain = plain_places(words);
  bool asks = asks_for_help(words);
  if (!plain.empty() && words[plain.front()] == "help") {
    asks = true;
    plain.erase(plain.begin());
  }
  Parsed parsed;
  if (plain.empty()) {
    if (asks) {
      parsed.help = overview();
      return parsed;
    }
    if (std::ranges::find(words, "--version") == words.end())
      return complain("which command?", "bascule --help");
    return split(*find_command("version"), {});
  }
  const std::string& word = words[plain[0]];
  const std::string next = plain.size() > 1 ? words[plain[1]] : "";
  const Command* command = find_command(fmt::format("{} {}", word, next));
  std::size_t naming = 2;
  if (command == nullptr) {
    command = find_command(word);
    naming = 1;
  }
  if (command == nullptr) return unknown_command(word, next);
  if (asks) {
    parsed.help = help_of(*command);
    return parsed;
  }
  std::vector<std::string> rest;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i != plain[0] && (naming == 1 || i != plain[1])) rest.push_back(words[i]);
  }
  parsed = split(*command, std::move(rest));
  return parsed.complaint.empty() ? check_needs(std::move(parsed)) : parsed;
}

ExitCode run_command_line(const std::vector<std::string>& words, Terminal& terminal,
                          Variables variables) {
  Parsed parsed = parse(words);
  if (!parsed.help.empty()) {
    const Look look = look_of(terminal.shows_data(), terminal.columns(), true, variables);
    std::string text;
    for (std::size_t at = 0; at < parsed.help.size();) {
      const std::size_t end = std::min(parsed.help.find('\n', at), parsed.help.size());
      text += fit_to_show(std::string_view(parsed.help).substr(at, end - at), look) + "\n";
      at = end + 1;
    }
    terminal.write_data(text);
    return ExitCode::done;
  }
  if (parsed.command == nullptr || !parsed.complaint.empty()) {
    const Look look = look_of(terminal.shows_messages(), terminal.columns(),
                              parsed.arguments.no_color, variables);
    terminal.write_message(error_text(
        Error{ErrorCode::invalid, parsed.complaint, parsed.what_to_do, std::nullopt}, look));
    return ExitCode::usage;
  }
  Session session(terminal, std::move(variables), std::move(parsed.arguments));
  return parsed.command->perform(session);
}

int run(int count, char** words) {
  // A reader that goes away (`bascule runs | head`) must not end what is under way.
  ::signal(SIGPIPE, SIG_IGN);
  const auto terminal = process_terminal();
  std::vector<std::string> given(words + std::min(count, 1), words + count);
  try {
    const ExitCode ended = run_command_line(given, *terminal, variable);
    if (terminal->lost_because().empty()) return static_cast<int>(ended);
    terminal->write_message(
        fmt::format("bascule: what was printed is not complete: {}\n", terminal->lost_because()));
    return static_cast<int>(ended == ExitCode::done ? ExitCode::no : ended);
  } catch (const std::exception& problem) {
    terminal->write_message(fmt::format("bascule: {}\n", problem.what()));
    return static_cast<int>(ExitCode::no);
  }
}

}  // namespace bascule::app
