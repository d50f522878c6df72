#include "app/command_line/parser.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "config/suggest.h"

namespace bascule::app {
namespace {

void declare_all(CLI::App& app, Arguments& arguments) {
  app.add_option("-c,--config", arguments.configuration,
                 "the configuration: tells where the daemon listens and where its token lies")
      ->type_name("FILE");
  app.add_option("--server", arguments.server,
                 "the daemon's address (BASCULE_SERVER; default 127.0.0.1:8420)")
      ->type_name("ADDRESS");
  app.add_option("--token-file", arguments.token_file,
                 "a file with the daemon's token (BASCULE_TOKEN: the token itself)")
      ->type_name("FILE");
  app.add_option("--ca", arguments.authority,
                 "whose certificate an https daemon must show, a PEM file (BASCULE_CA; default: "
                 "the system's authorities, or what -c names)")
      ->type_name("FILE");
  app.add_option("-o,--output", arguments.output, "table (default), json or yaml")
      ->type_name("FORM");
  app.add_flag("--insecure", arguments.insecure,
               "send the token to another machine without encryption");
  app.add_flag("--no-color", arguments.no_color, "no colours (also NO_COLOR)");
  app.add_option("--actor", arguments.actor, "who asks (default: USER@HOST)")->type_name("NAME");
}

std::unique_ptr<CLI::App> make_app(const Command& command, Arguments& arguments) {
  auto app = std::make_unique<CLI::App>();
  app->set_help_flag("");
  if (command.declare != nullptr) command.declare(*app, arguments);
  declare_all(*app, arguments);
  return app;
}

std::vector<std::string> names_of(const CLI::Option& option) {
  std::vector<std::string> names;
  for (const std::string& name : option.get_snames()) names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) names.push_back("--" + name);
  return names;
}

std::vector<OptionText> texts_of(CLI::App& app) {
  std::vector<OptionText> texts;
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_positional()) continue;
    OptionText text;
    for (const std::string& name : names_of(*option))
      text.names += (text.names.empty() ? "" : ", ") + name;
    if (option->get_type_size() != 0) text.names += " " + option->get_type_name();
    text.description = option->get_description();
    texts.push_back(std::move(text));
  }
  return texts;
}

Parsed complain(const Command& command, std::string message, std::string what_to_do = "") {
  Parsed parsed;
  parsed.complaint = std::move(message);
  parsed.what_to_do =
      what_to_do.empty() ? fmt::format("bascule {} --help", command.name) : std::move(what_to_do);
  return parsed;
}

Parsed complain_about_extra(const Command& command, CLI::App& app) {
  const std::vector<std::string> extra = app.remaining();
  const auto option_like = std::ranges::find_if(
      extra, [](const std::string& candidate) { return candidate.starts_with('-'); });
  const std::string word = option_like != extra.end() ? *option_like
                           : extra.empty()            ? std::string()
                                                      : extra.front();
  if (!word.starts_with('-'))
    return complain(command, fmt::format("`{}` has no use for `{}`", command.name, word));
  const std::string name = word.substr(0, word.find('='));
  std::vector<std::string> known;
  for (const CLI::Option* option : app.get_options()) {
    for (std::string& candidate : names_of(*option)) known.push_back(std::move(candidate));
  }
  const auto close = config::closest(name, known);
  return complain(command, fmt::format("`{}` has no option {}", command.name, name),
                  close ? fmt::format("did you mean {}?", *close) : "");
}

// CLI11 2.1 names the option at the beginning: "--to: 1 required SITE missing".
std::string option_named_in(const std::string& message) {
  const std::size_t begin = message.find("--");
  const std::size_t from = begin == std::string::npos ? message.find('-') : begin;
  if (from == std::string::npos) return "an option";
  return message.substr(from, message.find_first_of(" :,", from) - from);
}

Parsed complain_about(const Command& command, CLI::App& app, const CLI::ParseError& error) {
  const std::string message = error.what();
  if (dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr)
    return complain_about_extra(command, app);
  const std::string option = option_named_in(message);
  if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) != nullptr) {
    const bool missing = message.find("missing") != std::string::npos;
    return complain(command, missing ? fmt::format("{} needs a value", option)
                                     : fmt::format("{} was given more than once", option));
  }
  if (dynamic_cast<const CLI::ConversionError*>(&error) != nullptr)
    return complain(command, fmt::format("the value of {} is not a number", option));
  return complain(command, message);
}

}  // namespace

Parsed split(const Command& command, std::vector<std::string> words) {
  Parsed parsed;
  parsed.command = &command;
  parsed.arguments.command = command.name;
  const auto app = make_app(command, parsed.arguments);
  std::ranges::reverse(words);  // as CLI11 wants them
  try {
    app->parse(std::move(words));
  } catch (const CLI::ParseError& error) {
    return complain_about(command, *app, error);
  }
  return parsed;
}

std::vector<OptionText> options_of(const Command& command) {
  Arguments arguments;
  CLI::App app;
  app.set_help_flag("");
  if (command.declare != nullptr) command.declare(app, arguments);
  return texts_of(app);
}

std::vector<OptionText> options_of_all() {
  Arguments arguments;
  CLI::App app;
  app.set_help_flag("");
  declare_all(app, arguments);
  return texts_of(app);
}

void declare_reason(CLI::App& app, Arguments& arguments) {
  app.add_option("--reason", arguments.reason, "why; kept in the journal")->type_name("TEXT");
}

void declare_local(CLI::App& app, Arguments& arguments) {
  app.add_flag("--local", arguments.local,
               "without a daemon: Bascule inside this process, with -c FILE");
}

void declare_local_change(CLI::App& app, Arguments& arguments) {
  declare_local(app, arguments);
  app.add_option("--confirm", arguments.confirmed_site,
                 "with --local, the name of the active site: go on although another Bascule may "
                 "be there")
      ->type_name("SITE");
}

void declare_following(CLI::App& app, Arguments& arguments) {
  app.add_flag("--no-wait", arguments.no_wait, "do not follow the run: it goes on by itself");
  app.add_option("--timeout", arguments.wait_limit, "how long to follow it (default 1h)")
      ->type_name("DURATION");
}

}  // namespace bascule::app
