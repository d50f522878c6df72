// Where things stand, and why something or nothing is being done: status, explain, plan, runs,
// show. Nothing here changes anything.
#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "app/client.h"
#include "app/command_line/backends.h"
#include "app/command_line/command.h"
#include "app/command_line/following.h"
#include "app/command_line/moving.h"
#include "app/terminal/texts.h"
#include "app/terminal/view_reading.h"
#include "model/words.h"

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

awaitable<Result<Reply>> ask_for_plan(Session& session, Backend& backend) {
  const Arguments& arguments = session.arguments();
  return backend.ask("GET", plan_target(arguments.group, arguments.to, arguments.move),
                     Json::object());
}

awaitable<ExitCode> show_plan_made_here(Session& session, Backend& backend) {
  co_return print_plan(session, co_await ask_for_plan(session, backend));
}

awaitable<ExitCode> show_plan(Session& session, Backend& backend) {
  const Arguments& arguments = session.arguments();
  const auto reply = co_await ask_for_plan(session, backend);
  // A plan needs nobody: without a daemon it is computed here, from the same configuration.
  const bool nobody = !reply && reply.error().code == ErrorCode::unavailable && !arguments.local;
  if (nobody && !arguments.configuration.empty() && arguments.server.empty()) {
    session.say(fmt::format("{}: the plan is computed here", reply.error().message));
    co_return co_await with_local_backend(session, Purpose::look, show_plan_made_here);
  }
  co_return print_plan(session, reply);
}

ExitCode plan(Session& session) {
  const std::string& move = session.arguments().move;
  const auto known = parse_word<Move>(move);
  if (!known || *known == Move::drill) {
    return session.fail_usage(fmt::format("`{}` is not a move", move),
                              "--move failover|switchover|failback");
  }
  return ask_backend(session, Purpose::look, show_plan);
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
  return {"Look",
          {{"status",
            "",
            "where every group stands",
            "Every group with its active site, whether it is protected, and every check.",
            {{"bascule status -c shop.yaml", "the daemon of this configuration"},
             {"bascule status -o json", "for a program"}},
            {},
            declare_local,
            perform<status>},
           {"explain",
            "GROUP",
            "why something, or nothing, is being done",
            "The nine gates of a group, each with its answer, and the commands that would help.",
            {{"bascule explain shop", ""}},
            {group},
            declare_explain,
            perform<explain>},
           {"plan",
            "GROUP [--to SITE] [--move MOVE] [--detailed-exitcode]",
            "what a move would do, read from the providers; changes nothing",
            "Every step of a move and what it would change now. With -c FILE it also works where "
            "no daemon runs.",
            {{"bascule plan shop --to berlin", "a failover"},
             {"bascule plan shop --move switchover --to berlin -o json", "for a program"}},
            {group},
            declare_plan,
            plan},
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
            perform<show>}}};
}

}  // namespace bascule::app
