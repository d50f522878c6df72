// What needs no daemon: check, config validate, schema and init; and version.
#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "app/catalog.h"
#include "app/command_line/backends.h"
#include "app/command_line/command.h"
#include "app/command_line/start_configuration.h"
#include "app/configuration_file.h"
#include "app/environment.h"
#include "app/local.h"
#include "app/terminal/texts.h"
#include "app/terminal/view_reading.h"
#include "app/version.h"
#include "config/problem.h"
#include "config/schema.h"

namespace bascule::app {
namespace {

ExitCode validate(Session& session) {
  const Arguments& arguments = session.arguments();
  const std::string& path = arguments.file.empty() ? arguments.configuration : arguments.file;
  if (path.empty())
    return session.fail_usage("`config validate` needs FILE", "bascule config validate FILE");
  const config::Loaded loaded = load_configuration(path);
  std::string text = config::to_text(loaded.problems);
  if (loaded.problems.empty()) {
    std::int64_t sites = 0;
    for (const GroupSpec& group : loaded.configuration.groups)
      sites += static_cast<std::int64_t>(group.sites.size());
    text =
        fmt::format("{}: no errors ({}, {})\n", path,
                    counted(static_cast<std::int64_t>(loaded.configuration.groups.size()), "group"),
                    counted(sites, "site"));
  }
  session.show(config::to_json(loaded.problems), text);
  return loaded.ok() ? ExitCode::done : ExitCode::usage;
}

ExitCode schema(Session& session) {
  const Json made = config::json_schema(known_kinds());
  session.show(made, to_pretty_text(made) + "\n");
  return ExitCode::done;
}

ExitCode init(Session& session) {
  const Arguments& arguments = session.arguments();
  const std::string text =
      start_configuration(arguments.http ? StartWith::http : StartWith::postgres);
  const std::string path = arguments.file.empty() ? "bascule.yaml" : arguments.file;
  if (path == "-") {
    session.terminal().write_data(text);
    return ExitCode::done;
  }
  if (auto written = write_private_file(path, text); !written) {
    Error error = written.error();
    if (error.code == ErrorCode::conflict) {
      error = Error{ErrorCode::invalid, fmt::format("{} exists, and is left as it is", path),
                    "name another file: bascule config init FILE", std::nullopt};
    }
    return session.fail(error);
  }
  session.show(
      Json{{"file", path}},
      fmt::format("{}: two sites to begin with. Then: bascule config validate {}\n", path, path));
  return ExitCode::done;
}

bool is_well(const Json& check) {
  const std::string health = text_or(check, "health");
  return health == "healthy" || health == "degraded";
}

ExitCode check(Session& session) {
  if (session.arguments().configuration.empty())
    return session.fail_usage("`check` needs -c FILE", "bascule check -c FILE");
  auto loaded = load_or_say(session, session.arguments().configuration);
  if (!loaded) return ExitCode::usage;
  const auto view = block_on(session.io(), check_once(session.io(), std::move(*loaded)));
  if (!view) return session.fail(view.error());
  session.show(*view, checks_text(*view, session.data_look()));
  return std::ranges::all_of(*view, is_well) ? ExitCode::done : ExitCode::no;
}

ExitCode version(Session& session) {
  session.show(Json{{"version", kVersion}}, fmt::format("bascule {}\n", kVersion));
  return ExitCode::done;
}

void declare_init(CLI::App& app, Arguments& arguments) {
  app.add_option("FILE", arguments.file, "");
  app.add_flag("--http", arguments.http, "without a database: what answers over HTTP, and hooks");
}

void declare_validate(CLI::App& app, Arguments& arguments) {
  app.add_option("FILE", arguments.file, "");
}

}  // namespace

Family configuring() {
  return {
      "Without a daemon",
      {{"check",
        "-c FILE",
        "every check once, now",
        "Asks every site what its checks would find. Exit 0 when all are healthy or degraded, "
        "else 1. Databases are expected in their home roles: the first site's is primary.",
        {{"bascule check -c shop.yaml", ""}},
        {},
        nullptr,
        check},
       {"config validate",
        "FILE",
        "every mistake in a configuration, with its place",
        "Reports all errors and warnings as FILE:LINE:COL, with the line and a hint. Exit 2 when "
        "there are errors.",
        {{"bascule config validate shop.yaml", ""},
         {"bascule config validate shop.yaml -o json", "for an editor"}},
        {},
        declare_validate,
        validate},
       {"config schema",
        "",
        "the notation of a configuration, for an editor",
        "Prints a JSON Schema (draft 2020-12) made from the tables that a configuration is read "
        "by. An editor that knows it completes keys and shows what they mean; what needs the whole "
        "file is for `config validate`.",
        {{"bascule config schema > bascule.schema.json",
          "then, in the first line of the file: # yaml-language-server: "
          "$schema=bascule.schema.json"}},
        {},
        nullptr,
        schema},
       {"config init",
        "[FILE] [--http]",
        "a commented configuration to start from",
        "Writes two sites with everything that has to be decided on (default: bascule.yaml; - is "
        "standard output). A file that exists is never overwritten.",
        {{"bascule config init shop.yaml", "sites with PostgreSQL"},
         {"bascule config init --http -", "without a database, to be read first"}},
        {},
        declare_init,
        init},
       {"version",
        "",
        "which build this is",
        "Prints the version.",
        {{"bascule version", ""}},
        {},
        nullptr,
        version}}};
}

}  // namespace bascule::app
