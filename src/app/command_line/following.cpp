#include "app/command_line/following.h"

#include <fmt/format.h>
#include <signal.h>

#include <algorithm>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "app/command_line/asking.h"
#include "app/command_line/backends.h"
#include "app/terminal/live_area.h"
#include "app/terminal/texts.h"
#include "app/terminal/view_reading.h"
#include "async/event.h"
#include "async/scope.h"

namespace bascule::app {
namespace {

// What is known of the run, shared by who asks and who shows.
struct Sight {
  Json run = nullptr;
  bool is_silent = false;
  std::optional<Error> failure;  // asking has ended without the run's end
  bool at_rest = false;
  bool left = false;  // ctrl-c
  Event changed;
};

class Watcher {
 public:
  Watcher(Clock& clock, Backend& backend, std::string run, Sight& sight)
      : backend_(backend), run_(std::move(run)), sight_(sight), patience_(clock, kSilenceMax) {}

  awaitable<void> watch() {
    while (!sight_.failure && !sight_.at_rest) {
      auto view = co_await ask_once(backend_, path_of({"runs", run_}));
      if (!view) {
        co_await endure(view.error());
        continue;
      }
      heard(std::move(*view));
      if (sight_.at_rest) break;
      // The first page only tells where the journal ends; then each question waits for the next
      // record.
      const std::string target = fmt::format("{}?after={}&limit=1&wait_ms={}", path_of({"journal"}),
                                             after_, after_ == 0 ? 0 : kJournalWait.count());
      auto page = co_await ask_once(backend_, target);
      if (!page) {
        co_await endure(page.error());
        continue;
      }
      const Json& head = member(*page, "head");
      after_ = std::max<std::int64_t>(integer_or(head, "seq"), 1);
    }
    sight_.changed.notify_all();
  }

 private:
  void heard(Json view) {
    patience_.heard();
    sight_.is_silent = false;
    sight_.run = std::move(view);
    sight_.at_rest = has_come_to_rest(text_or(sight_.run, "state"));
    sight_.changed.notify_all();
  }

  // Waits before the next question, or gives up.
  awaitable<void> endure(Error error) {
    const bool goes_on = patience_.bear(error);
    sight_.is_silent = true;
    if (!goes_on) sight_.failure = std::move(error);
    sight_.changed.notify_all();
    if (goes_on) co_await patience_.pause();
  }

  Backend& backend_;
  std::string run_;
  Sight& sight_;
  Patience patience_;
  std::int64_t after_ = 0;
};

bool has_ended(const std::string& state) {
  return state != "waiting" && state != "started" && state != "applied";
}

// Shows what is in sight: as a drawing on a terminal, else as lines.
class Display {
 public:
  Display(Session& session, const FollowOptions& options)
      : session_(session), options_(options), live_(can_draw(session)) {}

  [[nodiscard]] bool is_live() const { return live_; }

  void update(const Sight& sight) {
    if (!sight.run.is_object()) return;
    live_ ? draw(sight) : add_lines(sight);
  }

  void finish(const Sight& sight) {
    if (sight.run.is_object()) {
      if (live_) {
        area_.leave(session_.terminal(),
                    live_run_text(sight.run, session_.data_look_now(), session_.clock().now(), ""));
      } else {
        add_lines(sight);
      }
    }
    if (sight.at_rest) {
      session_.show_text(live_ ? "\n" : "");
      session_.show(sight.run, run_end_text(sight.run, session_.data_look()));
    }
  }

 private:
  void draw(const Sight& sight) {
    std::string leaving = options_.in_this_process ? "ctrl-c stops here; it can go on later"
                                                   : "ctrl-c leaves; the run goes on";
    if (sight.is_silent) leaving = "Bascule is silent; the run goes on with it";
    const std::size_t rows = session_.terminal().rows();
    area_.draw(session_.terminal(),
               live_run_text(sight.run, session_.data_look_now(), session_.clock().now(), leaving,
                             rows > 0 ? rows - 1 : 0));
  }

  // With -o json the lines are progress, beside the data.
  void write(const std::string& text) {
    session_.arguments().wants_view() ? session_.say_text(text) : session_.show_text(text);
  }

  void add_lines(const Sight& sight) {
    const Look& look =
        session_.arguments().wants_view() ? session_.message_look() : session_.data_look();
    if (!std::exchange(has_head_, true)) write(run_head_text(sight.run, look));
    // In the order in which they ended; of those that ended together, in the order of the plan.
    std::map<std::string, std::vector<const Json*>> ended;
    for (const Json& step : list(sight.run, "steps")) {
      const std::string state = text_or(step, "state");
      if (has_ended(state) && shown_[text_or(step, "id")] != state)
        ended[text_or(step, "ended_at")].push_back(&step);
    }
    for (const auto& [at, steps] : ended) {
      for (const Json* step : steps) {
        shown_[text_or(*step, "id")] = text_or(*step, "state");
        write(step_ended_text(sight.run, *step, look));
      }
    }
    if (sight.is_silent && !std::exchange(said_silent_, true))
      session_.say("bascule: no answer at the moment; the run goes on with its daemon");
    if (!sight.is_silent) said_silent_ = false;
  }

  Session& session_;
  const FollowOptions& options_;
  bool live_;
  LiveArea area_;
  bool has_head_ = false;
  bool said_silent_ = false;
  std::map<std::string, std::string> shown_;
};

// A terminal that closes leaves a run of the daemon to it. A run in this process goes on to its end
// all the same: nobody else would take it there.
void wait_for_leaving(const Signals& signals, const std::shared_ptr<Sight>& sight,
                      bool in_this_process) {
  on_signals(signals, [sight, in_this_process](int signal) {
    if (signal == SIGHUP && in_this_process) return;
    sight->left = true;
    sight->changed.notify_all();
  });
}

ExitCode exit_code_of_run(const Json& run, bool wants_it_taken_back) {
  const std::string state = text_or(run, "state");
  if (state == "done") return wants_it_taken_back ? ExitCode::no : ExitCode::done;
  if (state == "parked") return ExitCode::parked;
  if (wants_it_taken_back) return ExitCode::done;
  return state == "rolled_back" ? ExitCode::rolled_back : ExitCode::no;
}

ExitCode say_why_it_ended(Session& session, const Sight& sight, const FollowOptions& options) {
  const std::string again = fmt::format("bascule show {} --follow", options.run);
  if (sight.left) {
    session.say(options.in_this_process
                    ? fmt::format("left; run {} stands where its journal says, and goes on with "
                                  "the next Bascule that opens it: bascule serve -c FILE",
                                  options.run)
                    : fmt::format("left; run {} goes on: {}", options.run, again));
    return ExitCode::unknown;
  }
  if (sight.failure) {
    Error error = *sight.failure;
    error.message = fmt::format("how run {} ended is not known: {}", options.run, error.message);
    error.what_to_do = again;
    session.fail(error);
    return ExitCode::unknown;
  }
  session.fail(Error{ErrorCode::timeout,
                     fmt::format("run {} has not ended within {}, and goes on", options.run,
                                 to_string(options.limit)),
                     again, std::nullopt});
  return ExitCode::unknown;
}

}  // namespace

awaitable<ExitCode> follow_run(Session& session, Backend& backend, FollowOptions options) {
  // Shared with the signal's handler, which may be under way when this ends.
  const auto shared = std::make_shared<Sight>();
  Sight& sight = *shared;
  Display display(session, options);
  Watcher watcher(session.clock(), backend, options.run, sight);
  const auto signals =
      std::make_shared<boost::asio::signal_set>(session.io(), SIGINT, SIGTERM, SIGHUP);
  wait_for_leaving(signals, shared, options.in_this_process);
  Scope scope(
      session.io().get_executor(), [&sight](const std::string& name, const std::string& why) {
        sight.failure =
            Error{ErrorCode::unavailable, fmt::format("{}: {}", name, why), "", std::nullopt};
        sight.changed.notify_all();
      });
  scope.spawn("watching the run", watcher.watch());
  const Deadline deadline = Deadline::in(session.clock(), options.limit);
  const auto is_over = [&sight] { return sight.at_rest || sight.left || sight.failure; };
  while (!is_over() && !deadline.has_passed(session.clock())) {
    co_await wait_to_show(session.clock(), sight.changed, display.is_live(), deadline, is_over);
    display.update(sight);
  }
  signals->cancel();
  scope.request_stop();
  co_await scope.join();
  display.finish(sight);
  if (!sight.at_rest) co_return say_why_it_ended(session, sight, options);
  co_return exit_code_of_run(sight.run, options.wants_it_taken_back);
}

std::optional<Duration> wait_limit(Session& session) {
  const std::string& text = session.arguments().wait_limit;
  if (text.empty()) return FollowOptions().limit;
  const auto limit = parse_duration(text);
  if (!limit || *limit <= Duration{0}) {
    session.fail_usage(fmt::format("`--timeout {}` is not a duration", text),
                       "write 30s, 5m or 1h");
    return std::nullopt;
  }
  return limit;
}

}  // namespace bascule::app
