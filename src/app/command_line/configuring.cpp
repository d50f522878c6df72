// What needs no daemon: config validate, check, audit verify; and version.
#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "app/command_line/backends.h"
#include "app/command_line/command.h"
#include "app/configuration_file.h"
#include "app/local.h"
#include "app/terminal/texts.h"
#include "app/terminal/view_reading.h"
#include "app/version.h"
#include "config/problem.h"
#include "journals/sqlite/sqlite_journal.h"
#include "model/audit.h"

namespace bascule::app {
namespace {

constexpr std::size_t kPage = 500;

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

// "sqlite:///var/lib/bascule/journal.db", or the path alone.
std::string path_of_store(const std::string& store) {
  constexpr std::string_view kScheme = "sqlite://";
  return store.starts_with(kScheme) ? store.substr(kScheme.size()) : store;
}

awaitable<Result<AuditReport>> audit(Journal& journal, std::optional<SeenHead> seen) {
  ChainAudit chain(seen);
  Sequence after = 0;
  std::size_t limit = kPage;
  while (true) {
    const auto page = co_await journal.read(after, limit);
    if (!page && page.error().code != ErrorCode::corrupt) co_return error_of(page);
    if (!page && limit > 1) {  // one by one from here on: the record that is wrong is to be named
      limit = 1;
      continue;
    }
    if (!page) {
      chain.broken(page.error());
      co_return chain.finish();
    }
    if (page->empty()) co_return chain.finish();
    for (const StoredRecord& record : *page) {
      if (!chain.add(record.seq, record.hash, record.bytes)) co_return chain.finish();
    }
    after = page->back().seq;
  }
}

// The file to verify; nothing when that is not known, which has then been said.
std::optional<std::string> store_to_verify(Session& session, ExitCode& ended) {
  const Arguments& arguments = session.arguments();
  if (!arguments.store.empty()) return path_of_store(arguments.store);
  if (arguments.configuration.empty()) {
    ended = session.fail_usage("`audit verify` needs a journal", "-c FILE, or its path");
    return std::nullopt;
  }
  const auto loaded = load_or_say(session, arguments.configuration);
  ended = ExitCode::usage;
  if (!loaded) return std::nullopt;
  std::string path = store_path(loaded->configuration);
  if (path.empty()) {
    ended = session.fail_usage("the store of this configuration keeps no file to verify");
    return std::nullopt;
  }
  return path;
}

ExitCode verify(Session& session) {
  std::optional<SeenHead> seen;
  if (!session.arguments().head.empty()) {
    const auto head = seen_head_from(session.arguments().head);
    if (!head) return session.fail(head.error());
    seen = *head;
  }
  ExitCode ended = ExitCode::done;
  const auto path = store_to_verify(session, ended);
  if (!path) return ended;
  // Whether the journal cannot be read or is not right: the answer is no.
  const auto say_no = [&](const Error& error) {
    session.fail(in_context(*path, error));
    return ExitCode::no;
  };
  // Read first: a daemon that is writing only adds to it.
  if (!seen) seen = noted_head(*path);
  const auto journal = open_sqlite_journal_read_only(session.clock(), *path);
  if (!journal) return say_no(journal.error());
  auto report = block_on(session.io(), audit(**journal, seen));
  if (!report) return say_no(report.error());
  const Json view{{"intact", report->intact()},
                  {"head", {{"seq", report->head.seq}, {"hash", to_hex(report->head.hash)}}},
                  {"first_bad", report->first_bad ? Json(*report->first_bad) : Json(nullptr)},
                  {"because", report->because.empty() ? Json(nullptr) : Json(report->because)}};
  session.show(view, report->line() + "\n");
  return report->intact() ? ExitCode::done : ExitCode::no;
}

ExitCode version(Session& session) {
  session.show(Json{{"version", kVersion}}, fmt::format("bascule {}\n", kVersion));
  return ExitCode::done;
}

void declare_validate(CLI::App& app, Arguments& arguments) {
  app.add_option("FILE", arguments.file, "");
}

void declare_verify(CLI::App& app, Arguments& arguments) {
  app.add_option("STORE", arguments.store, "");
  app.add_option("--head", arguments.head,
                 "a head that somebody has seen, from a report: shows a tail that was cut off")
      ->type_name("SEQ:HASH");
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
       {"audit verify",
        "[STORE] [--head SEQ:HASH]",
        "prove that the journal is whole",
        "Follows the chain of hashes through the whole journal and prints OK SEQ HASH, or the "
        "first record that is wrong. A tail that was cut off shows against a head that somebody "
        "has seen; without --head, against the newest that was noted beside the journal "
        "(STORE.head). It works while a daemon is writing.",
        {{"bascule audit verify -c shop.yaml", "the journal of a configuration"},
         {"bascule audit verify journal.db --head 131:5f3a…", "with a head somebody has seen"}},
        {},
        declare_verify,
        verify},
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
