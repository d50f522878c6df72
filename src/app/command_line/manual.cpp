#include "app/command_line/manual.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "app/atomic_file.h"
#include "app/command_line/command_line.h"
#include "app/command_line/parser.h"
#include "app/terminal/view_reading.h"
#include "app/version.h"

namespace bascule::app {
namespace {

// Text that means itself: a backslash, a hyphen that is one, and a dot or an apostrophe that do not
// begin a request.
std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '\\') {
      result += "\\e";
    } else if (c == '-') {
      result += "\\-";
    } else {
      result += c;
    }
  }
  return result.starts_with('.') || result.starts_with('\'') ? "\\&" + result : result;
}

std::string paragraphs(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find("\n\n"), text.size());
    if (!result.empty()) result += ".PP\n";
    result += escaped(text.substr(0, end)) + "\n";
    text.remove_prefix(std::min(end + 2, text.size()));
  }
  return result;
}

std::string dashed(std::string name) {
  std::ranges::replace(name, ' ', '-');
  return name;
}

std::string head(const std::string& name, std::string_view summary) {
  std::string upper = name;
  std::ranges::transform(upper, upper.begin(), [](char c) {
    return static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  });
  return fmt::format(".TH {} 1 \"\" \"bascule {}\" \"User Commands\"\n.SH NAME\n{} \\- {}\n",
                     escaped(upper), escaped(kVersion), escaped(name), escaped(summary));
}

std::string options_text(const std::vector<OptionText>& options) {
  std::string text;
  for (const OptionText& option : options) {
    text += fmt::format(".TP\n.B {}\n{}\n", escaped(option.names), escaped(option.description));
  }
  return text;
}

std::string options_of_every_command() {
  std::vector<OptionText> options = options_of_all();
  options.push_back({"-h, --help", "how a command is used, with examples"});
  return options_text(options);
}

std::string exit_codes() {
  constexpr std::array<std::pair<int, std::string_view>, 9> kCodes{
      {{0, "done"},
       {1, "the answer is no, or it failed"},
       {2, "usage or configuration"},
       {3, "refused by a gate"},
       {4, "failed and rolled back"},
       {5, "parked: a person must act"},
       {6, "the outcome is unknown, or the wait ended without an answer"},
       {7, "not reachable, or not the leader"},
       {10, "there are changes; only with --detailed-exitcode"}}};
  std::string text = ".SH \"EXIT STATUS\"\n";
  for (const auto& [code, meaning] : kCodes)
    text += fmt::format(".TP\n.B {}\n{}\n", code, escaped(meaning));
  return text;
}

std::string examples_text(const std::vector<Example>& examples) {
  std::string text;
  for (const Example& example : examples) {
    text += fmt::format(".TP\n.B {}\n{}\n", escaped(example.line),
                        example.meaning.empty() ? "\\&" : escaped(example.meaning));
  }
  return text;
}

// What a command says about itself, below a heading of its page or of the one of all.
std::string synopsis(const Command& command) {
  return fmt::format(".B bascule {}\n{}\n", escaped(command.name), escaped(command.usage));
}

ExitCode write_pages(Session& session) {
  const std::string& folder = session.arguments().out;
  std::vector<std::pair<std::string, std::string>> pages{{"bascule", manual_page()}};
  for (const Family& family : families()) {
    for (const Command& command : family.commands)
      pages.emplace_back("bascule-" + dashed(command.name), manual_page(command));
  }
  for (const auto& [name, page] : pages) {
    auto file = AtomicFile::create(fmt::format("{}/{}.1", folder, name));
    if (!file) return session.fail(file.error());
    auto written = file->write(page);
    if (written) written = file->commit();
    if (!written) return session.fail(written.error());
  }
  session.show(Json{{"folder", folder}, {"pages", pages.size()}},
               fmt::format("{}: {}\n", folder,
                           counted(static_cast<std::int64_t>(pages.size()), "manual page")));
  return ExitCode::done;
}

ExitCode print_manual(Session& session) {
  if (!session.arguments().out.empty()) return write_pages(session);
  std::string name = session.arguments().topic;
  for (const std::string& word : session.arguments().words) name += " " + word;
  if (name.empty()) {
    session.terminal().write_data(manual_page());
    return ExitCode::done;
  }
  const Command* command = find_command(name);
  if (command == nullptr)
    return session.fail_usage(fmt::format("there is no command `{}`", name), "bascule --help");
  session.terminal().write_data(manual_page(*command));
  return ExitCode::done;
}

void declare_manual(CLI::App& app, Arguments& arguments) {
  app.add_option("COMMAND", arguments.topic, "");
  app.add_option("WORD", arguments.words, "")->expected(0, 1);
  app.add_option("--out", arguments.out, "a folder: every page, as a file of its own")
      ->type_name("FOLDER");
}

}  // namespace

std::string manual_page() {
  std::string text = head("bascule", "move a service between its sites");
  text += ".SH SYNOPSIS\n.B bascule\n" + escaped("COMMAND [ARGUMENT]... [OPTION]...") +
          "\n.SH DESCRIPTION\n";
  text += paragraphs(
      "Bascule watches every site of a service, decides whether the active site has failed, stops "
      "that site from writing, makes another one active and moves the front door, through a plan "
      "that is journaled, resumable and, up to its point of no return, reversible. It explains, in "
      "sentences, what it does and why it does nothing.");
  for (const Family& family : families()) {
    text += fmt::format(".SH \"{}\"\n", escaped(family.title));
    for (const Command& command : family.commands) {
      text += ".SS " + escaped(command.name) + "\n" + synopsis(command) + ".PP\n" +
              paragraphs(command.about);
      text += options_text(options_of(command));
    }
  }
  text += ".SH \"OPTIONS OF EVERY COMMAND\"\n" + options_of_every_command();
  return text + exit_codes();
}

std::string manual_page(const Command& command) {
  std::string text = head("bascule-" + dashed(command.name), command.summary);
  text += ".SH SYNOPSIS\n" + synopsis(command) + ".SH DESCRIPTION\n" + paragraphs(command.about);
  text += ".SH OPTIONS\n" + options_text(options_of(command)) + options_of_every_command();
  if (!command.examples.empty()) text += ".SH EXAMPLES\n" + examples_text(command.examples);
  text += exit_codes();
  return text + ".SH \"SEE ALSO\"\n.BR bascule (1)\n";
}

Command manual_command() {
  return {"man",
          "[COMMAND] [--out FOLDER]",
          "the manual page, of everything or of one command",
          "Prints it as roff, for man(1).",
          {{"bascule man failover | man -l -", "to read it"},
           {"bascule man --out /usr/local/share/man/man1", "to install them"}},
          {},
          declare_manual,
          print_manual};
}

}  // namespace bascule::app
