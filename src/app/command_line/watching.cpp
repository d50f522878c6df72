#include "app/command_line/watching.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <signal.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "app/command_line/asking.h"
#include "app/command_line/backends.h"
#include "app/command_line/following.h"
#include "app/terminal/live_area.h"
#include "app/terminal/texts.h"
#include "app/terminal/view_reading.h"
#include "async/scope.h"

namespace bascule::app {
namespace {

// While it is drawn, what no record tells (latencies, how far a standby is behind) is asked again.
constexpr Duration kBetweenLooks{1'000};
constexpr int kRecordsAtOnce = 100;

// What is known, shared by who asks and who shows.
struct Sight {
  Json status = nullptr;  // of the groups that are watched
  MonotonicInstant received;
  std::vector<Json> runs;   // the open ones
  std::vector<Json> ended;  // to be left as a record
  std::vector<Json> told;   // what people are told of new records
  bool is_news = false;     // more than time has passed since it was shown
  std::optional<Duration> silent_for;
  std::string silent_because;
  std::optional<Error> failure;  // asking has ended
  bool left = false;             // ctrl-c
  Event changed;
};

class Asker {
 public:
  Asker(Session& session, Backend& backend, Duration silence, bool draws, Sight& sight)
      : clock_(session.clock()),
        backend_(backend),
        group_(session.arguments().group),
        wait_(draws ? kBetweenLooks : kJournalWait),
        sight_(sight),
        patience_(session.clock(), silence) {}

  awaitable<void> ask() {
    while (!sight_.failure) {
      Result<void> looked = co_await look();
      if (looked) looked = co_await read_on();
      if (!looked) co_await endure(looked.error());
    }
    sight_.changed.notify_all();
  }

 private:
  awaitable<Result<void>> look() {
    auto status = co_await ask_once(backend_, path_of({"status"}));
    if (!status) co_return error_of(status);
    if (auto chosen = choose(*status); !chosen) co_return chosen;
    std::vector<Json> runs;
    for (const Json& group : list(*status, "groups")) {
      const std::string open = text_or(member(group, "open_run"), "run");
      if (open.empty()) continue;
      auto run = co_await ask_once(backend_, path_of({"runs", open}));
      if (!run) co_return error_of(run);
      runs.push_back(std::move(*run));
    }
    patience_.heard();
    if (after_ == 0) {
      after_ = integer_or(*status, "seq");
      sight_.is_news = true;
    }
    sight_.status = std::move(*status);
    sight_.received = clock_.monotonic();
    sight_.runs = std::move(runs);
    std::ranges::move(ended_, std::back_inserter(sight_.ended));
    std::ranges::move(told_, std::back_inserter(sight_.told));
    sight_.is_news = sight_.is_news || std::exchange(has_read_, false);
    ended_.clear();
    told_.clear();
    sight_.silent_for.reset();
    sight_.changed.notify_all();
    co_return Result<void>();
  }

  // Leaves the groups that are watched.
  Result<void> choose(Json& status) const {
    if (!list(status, "groups").is_array() || !status.contains("groups"))
      return fail(ErrorCode::invalid, "the answer is not one of Bascule's");
    if (group_.empty()) return {};
    Json chosen = Json::array();
    for (const Json& group : status["groups"]) {
      if (text_or(group, "group") == group_) chosen.push_back(group);
    }
    if (chosen.empty()) {
      return fail(Error{ErrorCode::not_found, fmt::format("there is no group `{}`", group_),
                        "bascule status", std::nullopt});
    }
    status["groups"] = std::move(chosen);
    return {};
  }

  // Waits for the records that follow.
  awaitable<Result<void>> read_on() {
    const auto page = co_await ask_once(
        backend_, fmt::format("{}?after={}&limit={}&wait_ms={}&told=true", path_of({"journal"}),
                              after_, kRecordsAtOnce, wait_.count()));
    if (!page) co_return error_of(page);
    for (const Json& told : list(*page, "told")) {
      if (concerns(text_or(told, "group"))) told_.push_back(told);
    }
    for (const Json& record : list(*page, "records")) {
      after_ = std::max(after_, integer_or(record, "seq"));
      has_read_ = true;
      if (text_or(record, "type") != "RunEnded") continue;
      auto run =
          co_await ask_once(backend_, path_of({"runs", text_or(member(record, "data"), "run")}));
      if (run && concerns(text_or(*run, "group"))) ended_.push_back(std::move(*run));
    }
    // Another journal, which is shorter.
    if (const auto head = number(member(*page, "head"), "seq"); head && *head < after_)
      after_ = *head;
    co_return Result<void>();
  }

  [[nodiscard]] bool concerns(const std::string& group) const {
    return group_.empty() || group.empty() || group == group_;
  }

  // Waits before the next question, or gives up.
  awaitable<void> endure(Error error) {
    const bool knows_something = sight_.status.is_object();
    const bool goes_on = patience_.bear(error) && knows_something;
    sight_.silent_for = patience_.silent_for();
    sight_.silent_because = error.message;
    if (!goes_on) sight_.failure = std::move(error);
    sight_.changed.notify_all();
    if (goes_on) co_await patience_.pause();
  }

  Clock& clock_;
  Backend& backend_;
  std::string group_;  // empty: all
  Duration wait_;
  Sight& sight_;
  Patience patience_;
  std::int64_t after_ = 0;
  bool has_read_ = false;
  std::vector<Json> ended_, told_;  // until the next status shows the groups as they are after it
};

// Shows what is in sight: as a picture on a terminal, else as lines or as views.
class Display {
 public:
  explicit Display(Session& session) : session_(session), live_(can_draw(session)) {}

  [[nodiscard]] bool is_live() const { return live_; }

  void update(Sight& sight) {
    if (!sight.status.is_object()) return;
    if (live_) {
      leave_ended(sight);
      draw(sight, footer(sight));
    } else {
      tell_silence(sight);
      if (std::exchange(sight.is_news, false)) {
        session_.arguments().wants_view() ? add_views(sight) : add_lines(sight);
      }
    }
    sight.ended.clear();
    sight.told.clear();
  }

  // What has come meanwhile is shown; the last picture stays.
  void finish(Sight& sight) {
    if (!sight.status.is_object()) return;
    if (!live_) return update(sight);
    leave_ended(sight);
    draw(sight, to_rfc3339(now(sight)));
  }

 private:
  // The daemon's time: its ages are told by its own clock.
  [[nodiscard]] Instant now(const Sight& sight) {
    const Duration since =
        std::chrono::duration_cast<Duration>(elapsed(session_.clock(), sight.received));
    return instant(sight.status, "now").value_or(session_.clock().now()) + since;
  }

  std::string footer(const Sight& sight) {
    if (!sight.silent_for) return to_rfc3339(now(sight)).substr(0, 19) + "Z · ctrl-c leaves";
    return fmt::format("{} silent for {} ({}): this is what was known; it is asked again", kFailed,
                       to_rough(*sight.silent_for), sight.silent_because);
  }

  void leave_ended(const Sight& sight) {
    const Look look = session_.data_look_now();
    for (const Json& run : sight.ended) {
      area_.leave(session_.terminal(),
                  live_run_text(run, look, now(sight), "") + "\n" + run_end_text(run, look) + "\n");
    }
  }

  void draw(const Sight& sight, const std::string& footer) {
    const std::size_t rows = session_.terminal().rows();
    const Watched watched{sight.status, sight.runs, now(sight), footer};
    area_.draw(session_.terminal(),
               watch_text(watched, session_.data_look_now(), rows > 1 ? rows - 1 : 0));
  }

  void add_lines(const Sight& sight) {
    const Look& look = session_.data_look();
    if (!std::exchange(has_begun_, true)) {
      for (const Json& group : list(sight.status, "groups"))
        session_.show_text(group_line(group, look, now(sight)));
    }
    for (const Json& told : sight.told) session_.show_text(told_line(told, look));
  }

  void add_views(const Sight& sight) {
    for (const Json& told : sight.told)
      session_.show_one_of_many(Json{{"kind", "told"}, {"told", told}});
    for (const auto* runs : {&sight.ended, &sight.runs}) {
      for (const Json& run : *runs) session_.show_one_of_many(Json{{"kind", "run"}, {"run", run}});
    }
    session_.show_one_of_many(Json{{"kind", "status"}, {"status", sight.status}});
  }

  void tell_silence(const Sight& sight) {
    if (sight.silent_for) {
      silent_for_ = *sight.silent_for;
      if (!std::exchange(said_silent_, true))
        session_.say(
            fmt::format("bascule: no answer ({}); it is asked again", sight.silent_because));
    } else if (std::exchange(said_silent_, false)) {
      session_.say(fmt::format("bascule: answers again, after at least {}", to_rough(silent_for_)));
    }
  }

  Session& session_;
  bool live_;
  LiveArea area_;
  bool has_begun_ = false;
  bool said_silent_ = false;
  Duration silent_for_{0};
};

// A terminal that closes, and whoever ends this process, leaves as ctrl-c does. A window of another
// size is drawn anew at once.
void wait_for_leaving(const Signals& signals, const std::shared_ptr<Sight>& sight) {
  on_signals(signals, [sight](int signal) {
    sight->left = sight->left || signal != SIGWINCH;
    sight->changed.notify_all();
  });
}

}  // namespace

awaitable<ExitCode> watch_groups(Session& session, Backend& backend, Duration silence) {
  // Shared with the signal's handler, which may be under way when this ends.
  const auto shared = std::make_shared<Sight>();
  Sight& sight = *shared;
  Display display(session);
  Asker asker(session, backend, silence, display.is_live(), sight);
  const auto signals =
      std::make_shared<boost::asio::signal_set>(session.io(), SIGINT, SIGTERM, SIGHUP);
  signals->add(SIGWINCH);
  wait_for_leaving(signals, shared);
  Scope scope(
      session.io().get_executor(), [&sight](const std::string& name, const std::string& why) {
        sight.failure =
            Error{ErrorCode::unavailable, fmt::format("{}: {}", name, why), "", std::nullopt};
        sight.changed.notify_all();
      });
  scope.spawn("watching", asker.ask());
  const auto is_over = [&sight] { return sight.left || sight.failure; };
  // Nothing but silence or a person ends it; this wait is only the longest between two drawings.
  while (!is_over()) {
    const Deadline quiet = Deadline::in(session.clock(), kJournalWait);
    co_await wait_to_show(session.clock(), sight.changed, display.is_live(), quiet, is_over);
    if (!is_over()) display.update(sight);
  }
  signals->cancel();
  scope.request_stop();
  co_await scope.join();
  display.finish(sight);
  if (sight.left || !sight.failure) co_return ExitCode::done;
  if (sight.silent_for && sight.status.is_object() && *sight.silent_for >= silence) {
    sight.failure->message = fmt::format("Bascule has been silent for {}: {}",
                                         to_rough(*sight.silent_for), sight.failure->message);
  }
  co_return session.fail(*sight.failure);
}

namespace {

awaitable<ExitCode> watch(Session& session, Backend& backend) {
  const auto silence = wait_limit(session);
  if (!silence) co_return ExitCode::usage;
  co_return co_await watch_groups(session, backend, *silence);
}

ExitCode perform_watch(Session& session) {
  return ask_backend(session, Purpose::look, watch);
}

void declare_watch(CLI::App& app, Arguments& arguments) {
  app.add_option("GROUP", arguments.group, "");
  app.add_option("--timeout", arguments.wait_limit,
                 "give up when Bascule has been silent for this long (default 1h)")
      ->type_name("DURATION");
}

}  // namespace

Command watch_command() {
  return {
      "watch",
      "[GROUP] [--timeout DURATION]",
      "the groups and every open run, live",
      "Where the groups stand, what is wrong, and each open run step by step: how long it takes, "
      "what it waits for, and the outage so far. A terminal is drawn again in place, in as many "
      "lines as it has; a run that has ended stays above as a record. Elsewhere every event that "
      "a person would be told of is a line with its time, and with -o json every event, run and "
      "status is a line of JSON. A daemon that goes away is waited for. ctrl-c leaves, with exit "
      "code 0; nothing stops because of it.",
      {{"bascule watch", "everything"},
       {"bascule watch shop", "one group"},
       {"bascule watch shop >> events.log", "a line for each event"},
       {"bascule watch -o json", "for a program"}},
      {},
      declare_watch,
      perform_watch};
}

}  // namespace bascule::app
