// Where things stand, and why something or nothing is being done: status, watch, explain,
// preflight, plan, runs, show. Nothing here changes anything.
#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "app/client.h"
#include "app/command_line/backends.h"
#include "app/command_line/command.h"
#include "app/command_line/following.h"
#include "app/command_line/moving.h"
#include "app/command_line/reporting.h"
#include "app/command_line/watching.h"
#include "app/terminal/texts.h"
#include "app/terminal/view_reading.h"
#include "model/words.h"
#include "net/http.h"

namespace bascule::app {
namespace {

awaitable<ExitCode> status(Session& session, Backend& backend) {
  const Answer answer = co_await ask_for(session, backend, path_of({"status"}), "groups");
  if (answer.view) session.show(*answer.view, status_text(*answer.view, session.data_look()));
  co_return answer.ended;
}

awaitable<ExitCode> explain(Session& session, Backend& backend) {
  const std::string target = path_of({"groups", session.arguments().group, "explain"});
  const Answer answer = co_await ask_for(session, backend, target, "gates");
  if (answer.view) {
    session.show(*answer.view,
                 explain_text(*answer.view, session.data_look(), session.clock().now()));
  }
  co_return answer.ended;
}

awaitable<ExitCode> runs(Session& session, Backend& backend) {
  const std::string target =
      fmt::format("{}?limit={}", path_of({"runs"}), session.arguments().limit);
  const Answer answer = co_await ask_for(session, backend, target, "");
  if (answer.view) {
    session.show(*answer.view, runs_text(*answer.view, session.data_look(), session.clock().now()));
  }
  co_return answer.ended;
}

awaitable<ExitCode> show(Session& session, Backend& backend) {
  const Arguments& arguments = session.arguments();
  if (arguments.follow) {
    FollowOptions options;
    const auto limit = wait_limit(session);
    if (!limit) co_return ExitCode::usage;
    options.run = arguments.run;
    options.limit = *limit;
    co_return co_await follow_run(session, backend, std::move(options));
  }
  const Answer answer =
      co_await ask_for(session, backend, path_of({"runs", arguments.run}), "steps");
  if (answer.view) {
    session.show(*answer.view, run_text(*answer.view, session.data_look(), session.clock().now()));
  }
  co_return answer.ended;
}

awaitable<ExitCode> preflight(Session& session, Backend& backend) {
  const Arguments& arguments = session.arguments();
  session.say("asking every item and every step …");
  const std::string target =
      fmt::format("{}?to={}", path_of({"groups", arguments.group, "preflight"}),
                  net::percent_encode(arguments.to));
  const Answer answer = co_await ask_for(session, backend, target, "items");
  if (!answer.view) co_return answer.ended;
  session.show(*answer.view, checklist_text(*answer.view, session.data_look()));
  const Json& verdict = member(*answer.view, "verdict");
  const auto is_ready = [&](std::string_view move) {
    return boolean_or(member(verdict, move), "ready");
  };
  const bool wants_failover = arguments.move.empty() || arguments.move == "failover";
  const bool wants_planned = arguments.move.empty() || arguments.move != "failover";
  const bool ready =
      (!wants_failover || is_ready("failover")) && (!wants_planned || is_ready("planned"));
  co_return ready ? ExitCode::done : ExitCode::no;
}

bool changes_something(const Json& plan) {
  return std::ranges::any_of(list(plan, "steps"),
                             [](const Json& step) { return text_or(step, "state") != "done"; });
}

ExitCode print_plan(Session& session, const Result<Reply>& reply) {
  if (!reply) return session.fail(reply.error());
  if (reply->status != 200) return session.refuse(*reply);
  session.show(reply->body, plan_text(reply->body, session.data_look()));
  const bool tells = session.arguments().detailed_exit_code && changes_something(reply->body);
  return tells ? ExitCode::changes : ExitCode::done;
}

awaitable<ExitCode> show_plan(Session& session, Backend& backend) {
  const Arguments& arguments = session.arguments();
  co_return print_plan(
      session,
      co_await backend.ask("GET", plan_target(arguments.group, arguments.to, arguments.move),
                           Json::object()));
}

// A move that a person could ask for.
bool is_move(Session& session) {
  const std::string& move = session.arguments().move;
  if (move.empty() || parse_word<Move>(move)) return true;
  session.fail_usage(fmt::format("`{}` is not a move", move),
                     "--move failover|switchover|failback|drill");
  return false;
}

template <Work kWork>
ExitCode look_ahead(Session& session) {
  return is_move(session) ? ask_daemon_or_here(session, kWork) : ExitCode::usage;
}

template <Work kWork>
ExitCode perform(Session& session) {
  return ask_backend(session, Purpose::look, kWork);
}

void declare_explain(CLI::App& app, Arguments& arguments) {
  app.add_option("GROUP", arguments.group, "");
  declare_local(app, arguments);
}

void declare_plan(CLI::App& app, Arguments& arguments) {
  app.add_option("GROUP", arguments.group, "");
  app.add_option("--to", arguments.to, "the site that would become active")->type_name("SITE");
  app.add_option("--move", arguments.move, "failover (default), switchover or failback")
      ->type_name("MOVE");
  app.add_flag("--detailed-exitcode", arguments.detailed_exit_code,
               "exit with 10 when something would be changed");
  declare_local(app, arguments);
}

void declare_preflight(CLI::App& app, Arguments& arguments) {
  app.add_option("GROUP", arguments.group, "");
  app.add_option("--to", arguments.to, "the site that would take over")->type_name("SITE");
  app.add_option("--move", arguments.move,
                 "what the exit code is about: failover, switchover or failback (default: any)")
      ->type_name("MOVE");
  declare_local(app, arguments);
}

void declare_runs(CLI::App& app, Arguments& arguments) {
  app.add_option("--limit", arguments.limit, "how many (default 20)")->type_name("N");
  declare_local(app, arguments);
}

void declare_show(CLI::App& app, Arguments& arguments) {
  app.add_option("RUN", arguments.run, "");
  app.add_flag("-f,--follow", arguments.follow, "follow it to its end; the exit code tells which");
  app.add_option("--timeout", arguments.wait_limit, "how long to follow (default 1h)")
      ->type_name("DURATION");
  declare_local(app, arguments);
}

}  // namespace

Family looking() {
  const auto group = std::pair("GROUP", &Arguments::group);
  return {
      "Look",
      {{"status",
        "",
        "where every group stands",
        "Every group with its active site, whether it is protected, and every check.",
        {{"bascule status -c shop.yaml", "the daemon of this configuration"},
         {"bascule status -o json", "for a program"}},
        {},
        declare_local,
        perform<status>},
       watch_command(),
       {"explain",
        "GROUP",
        "why something, or nothing, is being done",
        "The nine gates of a group, each with its answer, why the last move was made and what it "
        "cost, and the commands that would help.",
        {{"bascule explain shop", ""}},
        {group},
        declare_explain,
        perform<explain>},
       {"preflight",
        "GROUP [--to SITE] [--move MOVE]",
        "whether a site could take over now, item by item",
        "Asks every preflight item of the site and inspects every step of the moves there, all "
        "at once, and says what to do about each that is not well. Exit 0 when nothing stops "
        "a move there, else 1. With -c FILE it also works where no daemon runs.",
        {{"bascule preflight shop --to berlin", "before a planned move, or on a schedule"},
         {"bascule preflight shop --to berlin --move failover -o json",
          "for a program that only wants to know about the worst case"}},
        {group},
        declare_preflight,
        look_ahead<preflight>},
       {"plan",
        "GROUP [--to SITE] [--move MOVE] [--detailed-exitcode]",
        "what a move would do, read from the providers; changes nothing",
        "Every step of a move and what it would change now. With -c FILE it also works where "
        "no daemon runs.",
        {{"bascule plan shop --to berlin", "a failover"},
         {"bascule plan shop --move switchover --to berlin -o json", "for a program"}},
        {group},
        declare_plan,
        look_ahead<show_plan>},
       {"runs",
        "[--limit N]",
        "every move there was, newest first",
        "Each run with its state, its outage and what was lost.",
        {{"bascule runs --limit 5", ""}},
        {},
        declare_runs,
        perform<runs>},
       {"show",
        "RUN [--follow]",
        "everything about one run",
        "Its steps, its outage and its loss, what it still owes, and the command that helps "
        "now.",
        {{"bascule show r-0042", ""}, {"bascule show r-0042 --follow", "until it has ended"}},
        {{"RUN", &Arguments::run}},
        declare_show,
        perform<show>},
       report_command()}};
}

}  // namespace bascule::app
