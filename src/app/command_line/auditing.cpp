// The journal as evidence: audit verify, audit export and replay. They read a store's file, which
// works while a daemon is writing, or an exported one; export also asks a daemon.
#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <functional>
#include <memory>
#include <utility>

#include "app/atomic_file.h"
#include "app/command_line/backends.h"
#include "app/command_line/command.h"
#include "app/command_line/journal_source.h"
#include "app/command_line/replaying.h"
#include "app/configuration_file.h"
#include "app/journal_file.h"
#include "app/terminal/view_reading.h"
#include "journals/sqlite/sqlite_journal.h"
#include "model/audit.h"
#include "model/journal_line.h"

namespace bascule::app {
namespace {

constexpr std::size_t kPage = 500;
// What a daemon sends at once has a bound, and a record may be large.
constexpr std::size_t kPageOfDaemon = 100;

// The file that the arguments name; empty: none, the daemon is meant. Nothing when the
// configuration was refused, which has then been said.
std::optional<std::string> named_file(Session& session) {
  const Arguments& arguments = session.arguments();
  if (!arguments.store.empty()) return path_of_store(arguments.store);
  if (arguments.configuration.empty() || !arguments.server.empty()) return "";
  const auto loaded = load_or_say(session, arguments.configuration);
  if (!loaded) return std::nullopt;
  return store_path(loaded->configuration);
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

// An exported piece is verified from the record before it, as its first line tells.
Result<AuditReport> audit_exported(const std::string& path, std::optional<SeenHead> seen) {
  auto file = JournalFile::open(path);
  if (!file) return error_of(file);
  std::optional<ChainAudit> chain;
  while (true) {
    const auto line = file->next();
    if (!line && (!chain || line.error().code != ErrorCode::corrupt)) return error_of(line);
    if (!line) chain->broken(line.error());
    if (!line || !*line) break;
    if (!chain) chain.emplace(seen, SeenHead{(*line)->seq - 1, (*line)->previous});
    if (!chain->add((*line)->seq, (*line)->hash, (*line)->bytes)) break;
  }
  if (!chain) chain.emplace(seen);
  return chain->finish();
}

Result<AuditReport> audit_file(Session& session, const std::string& path,
                               std::optional<SeenHead> seen) {
  if (looks_exported(path)) return audit_exported(path, seen);
  // Read first: a daemon that is writing only adds to it.
  if (!seen) seen = noted_head(path);
  const auto journal = open_sqlite_journal_read_only(session.clock(), path);
  if (!journal) return fail(in_context(path, journal.error()));
  auto report = block_on(session.io(), audit(**journal, seen));
  if (!report) return fail(in_context(path, report.error()));
  return report;
}

ExitCode verify(Session& session) {
  std::optional<SeenHead> seen;
  if (!session.arguments().head.empty()) {
    const auto head = seen_head_from(session.arguments().head);
    if (!head) return session.fail(head.error());
    seen = *head;
  }
  const auto path = named_file(session);
  if (!path) return ExitCode::usage;
  if (path->empty()) {
    return session.fail_usage("`audit verify` needs a journal",
                              session.arguments().configuration.empty()
                                  ? "-c FILE, or its path"
                                  : "bascule audit export --out FILE, then verify that");
  }
  const auto report = audit_file(session, *path, seen);
  if (!report) {
    // Whether the journal cannot be read or is not right: the answer is no.
    session.fail(report.error());
    return ExitCode::no;
  }
  const Json view{{"intact", report->intact()},
                  {"head", {{"seq", report->head.seq}, {"hash", to_hex(report->head.hash)}}},
                  {"first_bad", report->first_bad ? Json(*report->first_bad) : Json(nullptr)},
                  {"because", report->because.empty() ? Json(nullptr) : Json(report->because)}};
  session.show(view, report->line() + "\n");
  return report->intact() ? ExitCode::done : ExitCode::no;
}

// Pages of records after one of them; empty at the end.
using Pages = std::function<awaitable<Result<std::vector<StoredRecord>>>(Sequence, std::size_t)>;

// The record as it is stored, out of what the API shows of it.
Result<StoredRecord> record_of_daemon(Json record) {
  const auto hash = hash_from_hex(text_or(record, "hash"));
  const std::int64_t seq = integer_or(record, "seq");
  if (!hash || seq <= 0)
    return fail(ErrorCode::corrupt, "the daemon sent something that is no record");
  record.erase("hash");
  return StoredRecord{static_cast<Sequence>(seq), *hash, to_text(record)};
}

awaitable<Result<std::vector<StoredRecord>>> page_of_daemon(Backend& backend, Sequence after,
                                                            std::size_t limit) {
  auto reply = co_await backend.ask(
      "GET", fmt::format("{}?after={}&limit={}", path_of({"journal"}), after, limit),
      Json::object());
  if (!reply) co_return error_of(reply);
  if (reply->status != 200) {
    co_return fail(ErrorCode::unavailable, "the daemon refuses: {}",
                   text_or(member(reply->body, "error"), "message", "no reason given"));
  }
  std::vector<StoredRecord> records;
  for (const Json& json : list(reply->body, "records")) {
    auto record = record_of_daemon(json);
    if (!record) co_return error_of(record);
    records.push_back(std::move(*record));
  }
  co_return records;
}

// Where the lines go: a file that is there as a whole or not at all, or standard output.
class Destination {
 public:
  static Result<Destination> open(Terminal& terminal, const std::string& path) {
    Destination made(terminal);
    if (path.empty()) return made;
    auto file = AtomicFile::create(path);
    if (!file) return error_of(file);
    made.file_.emplace(std::move(*file));
    return made;
  }
  Result<void> write(std::string_view text) {
    if (file_) return file_->write(text);
    terminal_.write_data(text);
    const std::string lost = terminal_.lost_because();
    if (lost.empty()) return {};
    return fail(ErrorCode::unavailable, "standard output: {}", lost);
  }
  Result<void> commit() { return file_ ? file_->commit() : Result<void>(); }

 private:
  explicit Destination(Terminal& terminal) : terminal_(terminal) {}

  Terminal& terminal_;
  std::optional<AtomicFile> file_;
};

// Writes every record after `after`, the chain verified on the way: what is exported is whole.
awaitable<Result<SeenHead>> copy_records(Pages pages, Sequence after, Destination& destination) {
  SeenHead head{after, Hash{}};
  if (after > 0) {
    const auto before = co_await pages(after - 1, 1);
    if (!before) co_return error_of(before);
    if (before->empty() || before->front().seq != after) {
      co_return fail(Error{ErrorCode::not_found, fmt::format("the journal has no record {}", after),
                           "bascule audit verify", std::nullopt});
    }
    head.hash = before->front().hash;
  }
  ChainAudit chain(std::nullopt, head);
  while (true) {
    const auto page = co_await pages(head.seq, kPage);
    if (!page) co_return error_of(page);
    if (page->empty()) co_return head;
    std::string text;
    for (const StoredRecord& record : *page) {
      if (!chain.add(record.seq, record.hash, record.bytes)) {
        co_return fail(Error{ErrorCode::corrupt, chain.finish().because,
                             "keep the store as it is, and see: bascule audit verify",
                             std::nullopt});
      }
      text += to_text(JournalLine{record.seq, head.hash, record.hash, record.bytes}) + "\n";
      head = {record.seq, record.hash};
    }
    if (auto written = destination.write(text); !written) co_return error_of(written);
  }
}

awaitable<ExitCode> export_from(Session& session, Pages pages) {
  const Arguments& arguments = session.arguments();
  if (arguments.after < 0)
    co_return session.fail_usage("--after is a record's number", "--after 0");
  auto destination = Destination::open(session.terminal(), arguments.out);
  if (!destination) co_return session.fail(destination.error());
  const auto after = static_cast<Sequence>(arguments.after);
  const auto head = co_await copy_records(std::move(pages), after, *destination);
  if (!head) co_return session.fail(head.error());
  if (auto kept = destination->commit(); !kept) co_return session.fail(kept.error());
  const auto count = static_cast<std::int64_t>(head->seq - after);
  const std::string sentence =
      fmt::format("{}, the chain is whole: head {}", counted(count, "record"), to_string(*head));
  if (arguments.out.empty()) {
    session.say(sentence);
  } else {
    session.show(Json{{"file", arguments.out},
                      {"records", count},
                      {"head", {{"seq", head->seq}, {"hash", to_hex(head->hash)}}}},
                 fmt::format("{}: {}\n", arguments.out, sentence));
  }
  co_return ExitCode::done;
}

awaitable<ExitCode> export_from_daemon(Session& session, Backend& backend) {
  return export_from(session, [&backend](Sequence after, std::size_t limit) {
    return page_of_daemon(backend, after, std::min(limit, kPageOfDaemon));
  });
}

ExitCode export_journal(Session& session) {
  const auto path = named_file(session);
  if (!path) return ExitCode::usage;
  if (path->empty()) return ask_backend(session, Purpose::look, export_from_daemon);
  const auto journal = open_sqlite_journal_read_only(session.clock(), *path);
  if (!journal) return session.fail(in_context(*path, journal.error()));
  return block_on(session.io(), export_from(session, [&](Sequence after, std::size_t limit) {
                    return (*journal)->read(after, limit);
                  }));
}

void declare_verify(CLI::App& app, Arguments& arguments) {
  app.add_option("FILE", arguments.store, "");
  app.add_option("--head", arguments.head,
                 "a head that somebody has seen, from a report: shows a tail that was cut off")
      ->type_name("SEQ:HASH");
}

void declare_export(CLI::App& app, Arguments& arguments) {
  app.add_option("STORE", arguments.store, "");
  app.add_option("--after", arguments.after, "only what follows this record (default: everything)")
      ->type_name("SEQ");
  app.add_option("--out", arguments.out,
                 "a file, written as a whole or not at all (default: standard output)")
      ->type_name("FILE");
}

}  // namespace

Family auditing() {
  return {
      "The journal as evidence",
      {{"audit verify",
        "[FILE] [--head SEQ:HASH]",
        "prove that the journal is whole",
        "Follows the chain of hashes through a journal, in its store or exported to a file, and "
        "prints OK SEQ HASH, or the first record that is wrong. A tail that was cut off shows "
        "against a head that somebody has seen; without --head, against the newest that was noted "
        "beside the store (STORE.head). It works while a daemon is writing.",
        {{"bascule audit verify -c shop.yaml", "the journal of a configuration"},
         {"bascule audit verify journal.jsonl", "one that was exported"},
         {"bascule audit verify journal.db --head 131:5f3a…", "with a head somebody has seen"}},
        {},
        declare_verify,
        verify},
       {"audit export",
        "[STORE] [--after SEQ] [--out FILE]",
        "the journal as lines of JSON",
        "Writes one record a line, {\"hash\", \"previous\", \"record\", \"seq\"}: the hash is the "
        "SHA-256 of the 32 bytes of `previous` followed by the bytes of `record`, so that anybody "
        "can follow the chain from the file alone. It reads the store of -c FILE, which works "
        "while a daemon is writing, or else asks the daemon. A chain that is broken is not "
        "exported.",
        {{"bascule audit export -c shop.yaml --out journal.jsonl", "everything"},
         {"bascule audit export --after 4211 --out tail.jsonl",
          "what came since, from the daemon"}},
        {},
        declare_export,
        export_journal},
       replay_command()}};
}

}  // namespace bascule::app
