// What a person tells Bascule: hold, release, ack, attest, adopt, and approve, abort and resume of
// a run. Each with who and why.
#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <array>
#include <utility>

#include "app/command_line/backends.h"
#include "app/command_line/command.h"
#include "app/command_line/following.h"
#include "app/environment.h"
#include "app/terminal/texts.h"
#include "app/terminal/view_reading.h"
#include "model/record_codec.h"
#include "runtime/journal_import.h"

namespace bascule::app {
namespace {

Json body_of(const Session& session) {
  return Json{{"reason", session.arguments().reason}, {"actor", session.actor()}};
}

awaitable<ExitCode> tell(Session& session, Backend& backend, std::string target, Json body) {
  auto reply = co_await backend.ask("POST", std::move(target), std::move(body));
  if (!reply) co_return session.fail(reply.error());
  if (reply->status != 200) co_return session.refuse(*reply);
  session.show(reply->body, answer_text(reply->body, session.data_look()));
  co_return ExitCode::done;
}

std::string target_of(const std::string& group, std::string_view verb) {
  return group.empty() ? path_of({verb}) : path_of({"groups", group, verb});
}

awaitable<ExitCode> hold(Session& session, Backend& backend) {
  Json body = body_of(session);
  const std::string& text = session.arguments().lasting;
  body["for_ms"] = nullptr;
  if (!text.empty()) {
    const auto lasting = parse_duration(text);
    if (!lasting || *lasting <= Duration{0})
      co_return session.fail_usage(fmt::format("`--for {}` is not a duration", text),
                                   "write 30m, 2h or 1d");
    body["for_ms"] = lasting->count();
  }
  co_return co_await tell(session, backend, target_of(session.arguments().group, "hold"),
                          std::move(body));
}

awaitable<ExitCode> release(Session& session, Backend& backend) {
  co_return co_await tell(session, backend, target_of(session.arguments().group, "release"),
                          body_of(session));
}

awaitable<ExitCode> ack(Session& session, Backend& backend) {
  co_return co_await tell(session, backend, target_of(session.arguments().group, "ack"),
                          body_of(session));
}

awaitable<ExitCode> attest(Session& session, Backend& backend) {
  const Arguments& arguments = session.arguments();
  if (!arguments.yes) {
    const std::string warning =
        fmt::format("From now on {} counts as stopped. If it still takes writes, two sites will.",
                    arguments.site);
    if (!session.terminal().can_ask())
      co_return session.fail_usage(
          "attest vouches for what Bascule cannot see, and nobody can be "
          "asked here",
          "--yes");
    session.say(warning);
    if (!co_await session.confirm("Is it stopped?")) {
      session.say("not confirmed: nothing has been changed");
      co_return ExitCode::no;
    }
  }
  Json body = body_of(session);
  body["site"] = arguments.site;
  co_return co_await tell(session, backend, target_of(arguments.group, "attest"), std::move(body));
}

awaitable<ExitCode> adopt(Session& session, Backend& backend) {
  Json body = body_of(session);
  body["active"] = session.arguments().active;
  co_return co_await tell(session, backend, target_of(session.arguments().group, "adopt"),
                          std::move(body));
}

awaitable<ExitCode> import_journal(Session& session, Backend& backend) {
  const std::string& path = session.arguments().file;
  const auto text = read_file(path, runtime::kExportMax);
  if (!text) co_return session.fail(in_context(path, text.error()));
  const auto read = runtime::read_export(*text);
  if (!read) co_return session.fail(in_context(path, read.error()));
  Json body = body_of(session);
  body["journal"] = to_json(read->journal);
  body["open_run"] = read->open_run;
  co_return co_await tell(session, backend, path_of({"import"}), std::move(body));
}

// The answer, and then the run to its end: that is what was asked for.
awaitable<ExitCode> tell_run(Session& session, Backend& backend, std::string verb, Json body) {
  const Arguments& arguments = session.arguments();
  FollowOptions options;
  const auto limit = wait_limit(session);
  if (!limit) co_return ExitCode::usage;
  auto reply =
      co_await backend.ask("POST", path_of({"runs", arguments.run, verb}), std::move(body));
  if (!reply) co_return session.fail(reply.error());
  if (reply->status != 200) co_return session.refuse(*reply);
  if (arguments.no_wait) {
    session.show(reply->body, answer_text(reply->body, session.data_look()));
    co_return ExitCode::done;
  }
  options.run = arguments.run;
  options.limit = *limit;
  options.in_this_process = arguments.local;
  options.wants_it_taken_back = verb == "abort";
  session.show_text(answer_text(reply->body, session.data_look()));
  co_return co_await follow_run(session, backend, std::move(options));
}

awaitable<ExitCode> approve_run(Session& session, Backend& backend) {
  co_return co_await tell_run(session, backend, "approve", body_of(session));
}

awaitable<ExitCode> abort_run(Session& session, Backend& backend) {
  co_return co_await tell_run(session, backend, "abort", body_of(session));
}

awaitable<ExitCode> resume_run(Session& session, Backend& backend) {
  const Arguments& arguments = session.arguments();
  if (arguments.step.empty() != arguments.as.empty())
    co_return session.fail_usage("--step and --as belong together",
                                 "--step S --as done|failed|retry");
  Json body = body_of(session);
  body["step"] = arguments.step;
  body["as"] = arguments.as;
  co_return co_await tell_run(session, backend, "resume", std::move(body));
}

template <Work kWork>
ExitCode perform(Session& session) {
  return ask_backend(session, Purpose::command, kWork);
}

void declare_group(CLI::App& app, Arguments& arguments) {
  app.add_option("GROUP", arguments.group, "");
  declare_reason(app, arguments);
  declare_local_change(app, arguments);
}

void declare_hold(CLI::App& app, Arguments& arguments) {
  declare_group(app, arguments);
  app.add_option("--for", arguments.lasting, "how long (default: until it is released)")
      ->type_name("DURATION");
}

void declare_attest(CLI::App& app, Arguments& arguments) {
  declare_group(app, arguments);
  app.add_option("--site", arguments.site, "the site that is stopped")->type_name("SITE");
  app.add_flag("-y,--yes", arguments.yes, "do not ask");
}

void declare_adopt(CLI::App& app, Arguments& arguments) {
  declare_group(app, arguments);
  app.add_option("--active", arguments.active, "the site that is active")->type_name("SITE");
}

void declare_import(CLI::App& app, Arguments& arguments) {
  app.add_option("FILE", arguments.file, "");
  declare_reason(app, arguments);
  declare_local_change(app, arguments);
}

void declare_run(CLI::App& app, Arguments& arguments) {
  app.add_option("RUN", arguments.run, "");
  declare_reason(app, arguments);
  declare_following(app, arguments);
  declare_local_change(app, arguments);
}

void declare_resume(CLI::App& app, Arguments& arguments) {
  declare_run(app, arguments);
  app.add_option("--step", arguments.step, "a step whose outcome is not known")->type_name("STEP");
  app.add_option("--as", arguments.as, "what became of it: done, failed, or retry it")
      ->type_name("OUTCOME");
}

std::vector<Command> of_automation() {
  const auto reason = std::pair("--reason TEXT", &Arguments::reason);
  const auto group = std::pair("GROUP", &Arguments::group);
  return {
      {"hold",
       "[GROUP] [--for 2h] --reason TEXT",
       "stop automation of a group, or of everything",
       "Automation starts no move while it is held; a person still can. A hold that has no end "
       "ages, and says so.",
       {{"bascule hold shop --for 2h --reason \"rack maintenance\"", "one group, for two hours"},
        {"bascule hold --reason \"network change\"", "every group, until it is released"}},
       {reason},
       declare_hold,
       perform<hold>},
      {"release",
       "[GROUP] --reason TEXT",
       "let automation act again",
       "Ends a hold: of a group, or, without one, the hold of everything.",
       {{"bascule release shop --reason \"maintenance is over\"", "one group"}},
       {reason},
       declare_group,
       perform<release>},
      {"ack",
       "GROUP --reason TEXT",
       "say that the last automatic move has been seen",
       "Ends the cool-down that follows an automatic move.",
       {{"bascule ack shop --reason \"seen, amsterdam is being repaired\"", ""}},
       {group, reason},
       declare_group,
       perform<ack>},
      {"attest",
       "GROUP --site SITE --reason TEXT",
       "vouch that a site is stopped",
       "The highest rung of a fence: a person has seen that the site cannot take writes. Bascule "
       "cannot check it and believes it; the journal keeps who said so.",
       {{"bascule attest shop --site amsterdam --reason \"rack is off, seen by ana\"", ""}},
       {group, {"--site SITE", &Arguments::site}, reason},
       declare_attest,
       perform<attest>},
      {"adopt",
       "GROUP --active SITE --reason TEXT",
       "say which site is active",
       "For the first start, where the databases and the front door do not tell it by themselves.",
       {{"bascule adopt shop --active amsterdam --reason \"first start\"", ""}},
       {group, {"--active SITE", &Arguments::active}, reason},
       declare_adopt,
       perform<adopt>}};
}

Command of_journals() {
  return {"import",
          "FILE --reason TEXT",
          "bring in what another Bascule did, from its exported journal",
          "After a move with --local at another machine the daemon knows nothing of it, and holds "
          "the group when it finds the front door taken. This verifies the other journal and takes "
          "from it which site is active, the generation of the front door, who was attested to be "
          "stopped, and what is still owed. The hold stays until it is released. Refused: a broken "
          "chain, another cluster, unknown groups or sites, a run that is open in either journal, "
          "nothing new. A file is imported once; again changes nothing.",
          {{"bascule import desk.jsonl --reason \"INC-2041: moved by hand\"",
            "made there by bascule audit export"}},
          {{"FILE", &Arguments::file}, {"--reason TEXT", &Arguments::reason}},
          declare_import,
          perform<import_journal>};
}

std::vector<Command> of_runs() {
  const auto reason = std::pair("--reason TEXT", &Arguments::reason);
  const auto run = std::pair("RUN", &Arguments::run);
  return {{"approve",
           "RUN --reason TEXT",
           "let a run begin that waits for a person (mode approve)",
           "The gates that bind everyone are asked anew; when they hold, the run begins and is "
           "followed to its end.",
           {{"bascule approve r-0042 --reason \"amsterdam is dark, seen by ana\"", ""}},
           {run, reason},
           declare_run,
           perform<approve_run>},
          {"abort",
           "RUN --reason TEXT",
           "take a run back, or stop it where it cannot go back",
           "A run that waits (for an approval, or for its time) is cancelled. Before its point of "
           "no return a run is taken back (exit 0); after it, it is stopped "
           "and parked (exit 5). It is followed to its end.",
           {{"bascule abort r-0042 --reason \"wrong site\"", ""}},
           {run, reason},
           declare_run,
           perform<abort_run>},
          {"resume",
           "RUN [--step S --as done|failed|retry] --reason TEXT",
           "let a parked run go on",
           "Goes on where the run was parked. With --step and --as a person says what became of a "
           "step whose outcome Bascule cannot find out.",
           {{"bascule resume r-0042 --reason \"the switch answers again\"", ""},
            {"bascule resume r-0042 --step fence/cut --as done --reason \"seen: it is off\"", ""}},
           {run, reason},
           declare_resume,
           perform<resume_run>}};
}

}  // namespace

Family operating() {
  std::vector<Command> commands = of_automation();
  commands.push_back(of_journals());
  for (Command& command : of_runs()) commands.push_back(std::move(command));
  return {"Tell Bascule", std::move(commands)};
}

}  // namespace bascule::app
