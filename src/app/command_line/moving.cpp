// failover, switchover, failback, drill: say what will happen, ask where somebody can answer, start
// the move, follow it.
#include "app/command_line/moving.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "app/command_line/backends.h"
#include "app/command_line/command.h"
#include "app/command_line/following.h"
#include "app/command_line/moment.h"
#include "app/command_line/saved_plan.h"
#include "app/terminal/texts.h"
#include "app/terminal/view_reading.h"
#include "config/suggest.h"
#include "engine/gates/gate.h"
#include "net/http.h"

namespace bascule::app {
namespace {

const std::vector<std::string>& gates_of_everyone() {
  static const std::vector<std::string> kGates{"controller", "target", "data_loss", "one_at_a_time",
                                               "fence"};
  return kGates;
}

// Group and target come from the saved plan; what the command line says of them must agree.
std::optional<ExitCode> take_saved_plan(Session& session) {
  const Arguments& arguments = session.arguments();
  if (arguments.plan_file.empty()) return std::nullopt;
  const auto plan = read_saved_plan(arguments.plan_file);
  if (!plan) return session.fail(plan.error());
  if (plan->move != arguments.command) {
    return session.fail_usage(
        fmt::format("{} is the plan of a {}", arguments.plan_file, plan->move),
        fmt::format("bascule {} --plan {} --reason TEXT", plan->move, arguments.plan_file));
  }
  if (!arguments.group.empty() && arguments.group != plan->group) {
    return session.fail_usage(
        fmt::format("{} is a plan for {}, not for {}", arguments.plan_file, plan->group,
                    arguments.group),
        fmt::format("bascule {} --plan {} --reason TEXT", plan->move, arguments.plan_file));
  }
  if (!arguments.to.empty() && arguments.to != plan->target) {
    return session.fail_usage(
        fmt::format("{} goes to {}, not to {}", arguments.plan_file, plan->target, arguments.to),
        "leave --to out");
  }
  session.fill_in(plan->group, plan->target, plan->basis);
  return std::nullopt;
}

std::optional<ExitCode> refuse_time(Session& session) {
  const Arguments& arguments = session.arguments();
  if (arguments.at.empty()) return std::nullopt;
  if (arguments.local) {
    return session.fail_usage("--at needs a daemon that is there at that time",
                              "leave --local out, or --at");
  }
  const auto moment = parse_moment(arguments.at, session.clock().now());
  if (moment) return std::nullopt;
  return session.fail_usage(fmt::format("--at: {}", moment.error().message),
                            moment.error().what_to_do);
}

// The way back of a drill: said with the drill, and kept by a daemon.
std::optional<ExitCode> refuse_way_back(Session& session) {
  const Arguments& arguments = session.arguments();
  if (arguments.command != "drill") return std::nullopt;
  if (arguments.local) {
    return session.fail_usage("a drill needs a daemon that is there for its way back",
                              "leave --local out: bascule serve -c FILE");
  }
  for (const auto& [option, text] : {std::pair("--back-after", arguments.back_after),
                                     std::pair("--deadline", arguments.deadline)}) {
    if (!text.empty() && !parse_duration(text)) {
      return session.fail_usage(fmt::format("{} `{}` is not a duration", option, text),
                                "write 30m or 2h");
    }
  }
  if (!arguments.back_after.empty()) return std::nullopt;
  return session.fail_usage(
      "a drill says when its way back begins",
      fmt::format("bascule drill {} --back-after 30m --reason TEXT", arguments.group));
}

// What can be known without asking anybody.
std::optional<ExitCode> refuse_early(Session& session) {
  if (auto refused = take_saved_plan(session)) return refused;
  const Arguments& arguments = session.arguments();
  if (arguments.group.empty()) {
    return session.fail_usage(fmt::format("`{}` needs GROUP", arguments.command));
  }
  if (auto refused = refuse_time(session)) return refused;
  if (auto refused = refuse_way_back(session)) return refused;
  for (const std::string& gate : arguments.overrides) {
    if (!engine::gate_from(gate)) {
      return session.fail_usage(fmt::format("there is no gate `{}`", gate),
                                config::suggestion(gate, gates_of_everyone()));
    }
    if (std::ranges::find(gates_of_everyone(), gate) == gates_of_everyone().end()) {
      return session.fail_usage(
          fmt::format("gate `{}` binds automation only: a person needs no --override for it", gate),
          "leave it out");
    }
  }
  const bool overrides = !arguments.overrides.empty();
  if (overrides && arguments.confirmed_site.empty() && !session.terminal().can_ask()) {
    return session.fail_usage(
        "--override asks for the name of the site that is given up, and nobody can be asked here",
        "--confirm SITE");
  }
  const bool confuses = !arguments.to.empty() && arguments.to == arguments.confirmed_site;
  if (confuses) {
    return session.fail_usage(
        fmt::format("--confirm {} names the site that becomes active", arguments.confirmed_site),
        "--confirm the site that is given up");
  }
  return std::nullopt;
}

// Shows what would happen. The source, where it is known; the move itself says why it cannot be.
awaitable<std::string> show_plan(Session& session, Backend& backend) {
  const Arguments& arguments = session.arguments();
  session.say("reading from the providers what would change …");
  auto reply = co_await backend.ask(
      "GET", plan_target(arguments.group, arguments.to, arguments.command), Json::object());
  if (!reply) {
    session.say_text(error_text(reply.error(), session.message_look()));
    co_return "";
  }
  if (reply->status != 200) {
    session.say_text(refusal_text(reply->body, session.message_look()));
    co_return "";
  }
  session.say_text(plan_text(reply->body, session.message_look()) + "\n");
  co_return text_or(reply->body, "source");
}

// Whether a person wants it; fills in the site that was typed. Nothing is asked where nobody can
// answer.
awaitable<bool> wanted(Session& session, Backend& backend, std::string* confirmed_site) {
  const Arguments& arguments = session.arguments();
  const bool must_type = !arguments.overrides.empty() && arguments.confirmed_site.empty();
  if (!session.terminal().can_ask() || (arguments.yes && !must_type)) co_return true;
  const std::string source = co_await show_plan(session, backend);
  if (!must_type)
    co_return co_await session.confirm(fmt::format("Start this {}?", arguments.command));
  *confirmed_site = co_await session.ask_line(fmt::format(
      "This passes over gate {}. Type the name of the site that is given up{}: ",
      fmt::join(arguments.overrides, ", "), source.empty() ? "" : fmt::format(" ({})", source)));
  co_return !confirmed_site->empty() && (source.empty() || *confirmed_site == source);
}

// Unlike any other: asking again with the same key starts nothing twice.
std::string idempotency_key(Session& session) {
  return fmt::format("{}-{}-{}", session.actor(), to_rfc3339(session.clock().now()), ::getpid());
}

awaitable<Result<Reply>> submit(Session& session, Backend& backend, std::string confirmed_site) {
  const Arguments& arguments = session.arguments();
  Json body{{"move", arguments.command},
            {"to", arguments.to},
            {"reason", arguments.reason},
            {"actor", session.actor()},
            {"ticket", arguments.ticket},
            {"overrides", arguments.overrides},
            {"confirmed_site", std::move(confirmed_site)},
            {"supersedes", arguments.supersedes},
            {"plan", session.plan_basis()},
            {"idempotency_key", idempotency_key(session)}};
  if (!arguments.at.empty()) {
    const auto moment = parse_moment(arguments.at, session.clock().now());
    if (!moment) co_return error_of(moment);
    body["at"] = to_rfc3339(*moment);
  }
  for (const auto& [key, text] : {std::pair("back_after_ms", arguments.back_after),
                                  std::pair("deadline_ms", arguments.deadline)}) {
    if (const auto duration = parse_duration(text)) body[key] = duration->count();
  }
  const std::string target = path_of({"groups", arguments.group, "moves"});
  auto reply = co_await backend.ask("POST", target, body);
  if (!reply && reply.error().code == ErrorCode::outcome_unknown)
    reply = co_await backend.ask("POST", target, body);
  co_return reply;
}

awaitable<ExitCode> move_group(Session& session, Backend& backend) {
  const Arguments& arguments = session.arguments();
  const auto limit = wait_limit(session);
  if (!limit) co_return ExitCode::usage;
  std::string confirmed_site = arguments.confirmed_site;
  if (!co_await wanted(session, backend, &confirmed_site)) {
    session.say("not confirmed: nothing has been changed");
    co_return ExitCode::no;
  }
  auto reply = co_await submit(session, backend, confirmed_site);
  if (!reply) co_return session.fail(reply.error());
  if (reply->status != 200) co_return session.refuse(*reply);
  const Json& run = member(reply->body, "run");
  const std::string id = text_or(run, "run");
  // Nobody waits at the terminal for tomorrow.
  const bool waits = text_or(run, "state") == "waiting";
  if (arguments.no_wait || id.empty() || waits) {
    session.show(reply->body, answer_text(reply->body, session.data_look()));
    co_return ExitCode::done;
  }
  FollowOptions options;
  options.run = id;
  options.limit = *limit;
  options.in_this_process = arguments.local;
  co_return co_await follow_run(session, backend, std::move(options));
}

ExitCode perform(Session& session) {
  if (session.arguments().local && session.arguments().no_wait) {
    return session.fail_usage("--local runs the move in this process: it cannot be left alone",
                              "leave --no-wait out");
  }
  if (const auto refused = refuse_early(session)) return *refused;
  return ask_backend(session, Purpose::command, move_group);
}

void declare(CLI::App& app, Arguments& arguments) {
  app.add_option("GROUP", arguments.group, "");
  app.add_option("--to", arguments.to,
                 "the site that becomes active (default: the best candidate; failback: home)")
      ->type_name("SITE");
  declare_reason(app, arguments);
  app.add_option("--ticket", arguments.ticket, "the incident or change it belongs to")
      ->type_name("ID");
  app.add_option("--override", arguments.overrides,
                 "pass over this gate by name (controller, target, data_loss, one_at_a_time, "
                 "fence); may be given several times")
      ->type_name("GATE")
      ->delimiter(',')
      ->allow_extra_args(false);
  app.add_option("--confirm", arguments.confirmed_site,
                 "the site that is given up: for --override, and for --local where another Bascule "
                 "may be there")
      ->type_name("SITE");
  app.add_option("--at", arguments.at,
                 "begin at this time: 2026-11-25T14:00:00Z, 14:00 (UTC; tomorrow when that has "
                 "passed) or +30m. The gates are asked then; `bascule abort RUN` cancels it")
      ->type_name("TIME");
  app.add_option("--plan", arguments.plan_file,
                 "execute this plan, saved by `bascule plan … -o json > FILE`, and only if it "
                 "still holds; group and site come from it")
      ->type_name("FILE");
  app.add_option("--supersede", arguments.supersedes,
                 "end this parked run, whose place the new one takes")
      ->type_name("RUN");
  app.add_flag("-y,--yes", arguments.yes, "do not show the plan and do not ask: start at once");
  declare_following(app, arguments);
  declare_local(app, arguments);
}

void declare_drill(CLI::App& app, Arguments& arguments) {
  declare(app, arguments);
  app.add_option("--back-after", arguments.back_after,
                 "the way back begins this long after the drill has arrived")
      ->type_name("DURATION");
  app.add_option("--deadline", arguments.deadline,
                 "an alarm is raised when the group is not back this long after the drill has "
                 "arrived (default: four times --back-after)")
      ->type_name("DURATION");
}

Command command(std::string name, std::string summary, std::string about,
                std::vector<Example> examples) {
  Command made;
  made.name = std::move(name);
  made.usage =
      "GROUP [--to SITE] --reason TEXT [--at TIME] [--plan FILE] [--supersede RUN] [--ticket ID] "
      "[--override GATE]... [--yes]";
  made.summary = std::move(summary);
  made.about = std::move(about);
  made.examples = std::move(examples);
  made.needs = {{"--reason TEXT", &Arguments::reason}};  // and GROUP, which a plan may give
  made.declare = declare;
  made.perform = perform;
  return made;
}

Command drill(const std::string& follows) {
  Command made = command(
      "drill", "make another site active for a while; it comes back by itself",
      "A switchover with a way back that nobody can forget: when the drill has arrived, the move "
      "home is set for its time. If something refuses it then (a gate, a hold), it waits and is "
      "tried until it works; past the deadline an alarm says so. `bascule abort` of the way back "
      "leaves the drill open. A real failover meanwhile ends it as failed." +
          follows,
      {{"bascule drill shop --to berlin --back-after 30m --deadline 2h --reason \"quarterly "
        "drill\"",
        "half an hour at berlin"},
       {"bascule drill shop --back-after 1h --at 02:30 --reason \"tonight's drill\"",
        "an hour in the night; `bascule status` shows it, and when the last good one was"}});
  made.usage =
      "GROUP [--to SITE] --back-after 30m [--deadline 2h] --reason TEXT [--at TIME] [--ticket ID] "
      "[--yes]";
  made.declare = declare_drill;
  return made;
}

}  // namespace

std::string plan_target(const std::string& group, const std::string& to, const std::string& move) {
  return fmt::format("{}?to={}&move={}", path_of({"groups", group, "plan"}),
                     net::percent_encode(to), net::percent_encode(move));
}

Family moving() {
  const std::string follows =
      "\n\nThe run is followed to its end, and the exit code tells how it ended: 0 done, 3 refused "
      "by a gate, 4 failed and rolled back, 5 parked (a person must act), 6 not known. On a "
      "terminal the plan is shown first and must be confirmed.";
  return {
      "Move a group",
      {command("failover", "make another site active; the source is presumed lost",
               "Fences the active site, makes another one active and leads clients there. For "
               "a site that is lost or must be given up: what it had not replicated is lost, "
               "and the plan says how much that can be." +
                   follows,
               {{"bascule failover shop --reason \"INC-2041: amsterdam is dark\"",
                 "to the best candidate"},
                {"bascule failover shop --to berlin --override fence --confirm amsterdam --reason "
                 "\"rack is off, seen by ana\"",
                 "without a proof that the source is stopped"},
                {"bascule failover --plan shop-to-berlin.json --reason INC-2041",
                 "exactly what was planned, or nothing"},
                {"bascule failover shop --to cluj --supersede r-0042 --reason INC-2041",
                 "instead of a run that is parked"},
                {"bascule failover shop --local -c shop.yaml --reason INC-2041",
                 "when no daemon is left"}}),
       command("switchover", "make another site active; planned, nothing is lost",
               "Drains the active site, waits until the target has everything, and only then "
               "makes it active. Both sites must be well." +
                   follows,
               {{"bascule switchover shop --to berlin --reason \"kernel update\" --ticket "
                 "CHG-77",
                 "move while both are well"},
                {"bascule switchover shop --to berlin --at 02:30 --reason \"kernel update\"",
                 "tonight; the gates are asked then"}}),
       command("failback", "make the home site active again; planned, nothing is lost",
               "A switchover to the first site of the group, its home." + follows,
               {{"bascule failback shop --reason \"amsterdam is repaired\"", "go home"}}),
       drill(follows)}};
}

}  // namespace bascule::app
