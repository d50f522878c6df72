#include "app/daemon.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/signal_set.hpp>
#include <fmt/format.h>
#include <signal.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <memory>
#include <utility>

#include "api/event_stream.h"
#include "api/metrics/metrics.h"
#include "app/configuration_file.h"
#include "app/engine_room.h"
#include "app/exit_code.h"
#include "app/report_keeper.h"
#include "app/served_api.h"
#include "app/systemd.h"
#include "app/version.h"
#include "runtime/messages.h"
#include "runtime/standings.h"

namespace bascule::app {
namespace {

constexpr Duration kStopApi{2'000};

constexpr int kDone = static_cast<int>(ExitCode::done);
constexpr int kFailed = static_cast<int>(ExitCode::no);
constexpr int kConfiguration = static_cast<int>(ExitCode::usage);
constexpr int kNotReachable = static_cast<int>(ExitCode::not_reachable);
constexpr int kSignalled = 128;  // and the signal's number, as shells tell it

// What is recorded, for whoever reads the daemon's log.
class LogFollower final : public runtime::Follower {
 public:
  explicit LogFollower(std::shared_ptr<spdlog::logger> log) : log_(std::move(log)) {}

  void recorded(const Record& record, const engine::State& state) override {
    const std::optional<Message> message = runtime::message_for(record, state);
    if (!message) return;
    const auto level =
        message->severity == Severity::info ? spdlog::level::info : spdlog::level::warn;
    log_->log(level, "#{} {}: {}", record.seq, message->title, message->text);
  }

  void noticed(const Message& message) override {
    const auto level =
        message.severity == Severity::info ? spdlog::level::info : spdlog::level::warn;
    log_->log(level, "{}{}{}", message.title, message.text.empty() ? "" : ": ", message.text);
  }

 private:
  std::shared_ptr<spdlog::logger> log_;
};

struct Daemon {
  boost::asio::io_context io{1};
  boost::asio::signal_set stops{io, SIGTERM, SIGINT};
  boost::asio::signal_set hang_ups{io, SIGHUP};
  bool stop_asked = false;
  bool reload_wanted = false;
  bool reloading = false;
  std::string configuration_path;
  std::shared_ptr<spdlog::logger> log;
  std::unique_ptr<LogFollower> log_follower;
  std::unique_ptr<SystemClock> clock;
  std::unique_ptr<api::Metrics> metrics;
  std::unique_ptr<api::EventStream> events;
  std::unique_ptr<EngineRoom> room;
  std::unique_ptr<ServedApi> api;
  std::unique_ptr<Systemd> systemd;
  std::unique_ptr<ReportKeeper> reports;
  Result<void> ended;
};

awaitable<void> run_daemon(Daemon& daemon) {
  daemon.ended = co_await daemon.room->run();
  daemon.hang_ups.cancel();
  co_await daemon.reports->stop();
  co_await daemon.systemd->stop();
  co_await daemon.api->stop(Deadline::in(daemon.room->clock(), kStopApi));
  daemon.io.stop();
}

awaitable<void> discard_room(Daemon& daemon) {
  daemon.ended = co_await daemon.room->run();
  daemon.io.stop();
}

int exit_code_of(const Error& error) {
  if (error.code == ErrorCode::unavailable || error.code == ErrorCode::conflict ||
      error.code == ErrorCode::term_over || error.code == ErrorCode::unable) {
    return kNotReachable;
  }
  return error.code == ErrorCode::invalid ? kConfiguration : kFailed;
}

int say(Daemon& daemon, const Error& error) {
  daemon.log->error("{}{}{}", error.message, error.what_to_do.empty() ? "" : " — ",
                    error.what_to_do);
  return exit_code_of(error);
}

// What follows the journal besides the notifiers.
void make_followers(Daemon& daemon, const ObserverName& observer) {
  daemon.clock = std::make_unique<SystemClock>(daemon.io);
  daemon.log_follower = std::make_unique<LogFollower>(daemon.log);
  daemon.metrics = std::make_unique<api::Metrics>(kVersion, observer);
  // Nobody reads the stream before the room is open and the server started.
  api::EventStream::Sources sources;
  sources.snapshot = [&daemon] { return daemon.room->routes().status_text().value_or("null"); };
  sources.journal = [&daemon](Sequence after, std::size_t limit) {
    return daemon.room->supervisor().read_journal(after, limit);
  };
  daemon.events = std::make_unique<api::EventStream>(*daemon.clock, std::move(sources));
}

// The report of a run as the API answers it.
awaitable<Result<Json>> report_of(Daemon& daemon, RunId run) {
  api::Reply reply = co_await daemon.room->routes().answer(
      "GET", fmt::format("/api/v1/runs/{}/report", run), Json::object());
  if (reply.status == 200) co_return std::move(reply.body);
  const ErrorCode code = reply.status == 404 ? ErrorCode::not_found : ErrorCode::unavailable;
  const Json error = reply.body.value("error", Json::object());
  co_return fail(code, "{}", text_or(error, "message", fmt::format("HTTP {}", reply.status)));
}

void make_report_keeper(Daemon& daemon, const Configuration& configuration) {
  ReportKeeper::Sources sources;
  sources.report = [&daemon](RunId run) { return report_of(daemon, std::move(run)); };
  sources.folders = [&daemon](const GroupName& group) {
    std::vector<std::string> folders;
    const GroupSpec* spec = daemon.room->configuration().find_group(group);
    if (spec == nullptr) return folders;
    for (const ReportSpec& place : spec->reports)
      folders.push_back(text_or(place.settings, "path"));
    return folders;
  };
  sources.tell = [&daemon](const std::string& sentence, bool is_wrong) {
    daemon.log->log(is_wrong ? spdlog::level::warn : spdlog::level::info, "{}", sentence);
  };
  const bool has_store = !store_path(configuration).empty();
  daemon.reports = std::make_unique<ReportKeeper>(*daemon.clock, daemon.io.get_executor(),
                                                  has_store ? reported_path(configuration) : "",
                                                  std::move(sources));
}

// Whether the engine's loop turned before the deadline; before there is one, whether it may have
// come to be.
awaitable<bool> turns(Daemon& daemon, Deadline deadline) {
  runtime::Supervisor& supervisor = daemon.room->supervisor();
  runtime::Loop* const loop = supervisor.loop();
  Event& event = loop == nullptr ? supervisor.phase_changed() : loop->changed();
  co_return co_await event.wait(daemon.room->clock(), deadline);
}

void tell_systemd(Daemon& daemon) {
  runtime::Supervisor& supervisor = daemon.room->supervisor();
  SignsOfLife signs;
  signs.is_ready = [&supervisor] {
    const runtime::Loop* loop = supervisor.loop();
    return loop != nullptr && !loop->state().configuration_fingerprint.empty();
  };
  signs.turns = [&daemon](Deadline deadline) { return turns(daemon, deadline); };
  signs.waits_for_store = [&supervisor] {
    const runtime::Loop* loop = supervisor.loop();
    return loop != nullptr && !loop->store_answers();
  };
  signs.status = [&supervisor] {
    const runtime::Loop* loop = supervisor.loop();
    return loop == nullptr ? "no term is open"
                           : status_line(runtime::standings(*loop), supervisor.trouble());
  };
  daemon.systemd = std::make_unique<Systemd>(daemon.room->clock(), daemon.io.get_executor(),
                                             systemd_wishes(), std::move(signs));
  daemon.systemd->start();
}

// The configuration is read again. Whatever is wrong with it, the one in force stays.
awaitable<bool> reload(Daemon& daemon) {
  const std::string& path = daemon.configuration_path;
  config::Loaded loaded = load_configuration(path);
  if (!loaded.problems.empty()) std::fputs(config::to_text(loaded.problems).c_str(), stderr);
  if (!loaded.ok()) {
    daemon.log->error("{} was not taken: see its errors above; the one before stays in force",
                      path);
    co_return false;
  }
  const Result<void> taken = co_await daemon.room->reload(std::move(loaded));
  if (taken) {
    daemon.api->reload();
    daemon.log->info("{} was read again and is in force", path);
  } else {
    say(daemon, in_context(path + " was not taken, the one before stays in force", taken.error()));
  }
  co_return taken.has_value();
}

awaitable<void> reload_until_it_is_the_newest(Daemon& daemon) {
  while (std::exchange(daemon.reload_wanted, false)) {
    daemon.systemd->reload_begins();
    const bool is_taken = co_await reload(daemon);
    daemon.metrics->configuration_read(is_taken);
    daemon.systemd->reload_ended(is_taken);
  }
  daemon.reloading = false;
}

void watch_for_reload(Daemon& daemon) {
  daemon.hang_ups.async_wait([&daemon](const boost::system::error_code& problem, int) {
    if (problem) return;
    daemon.reload_wanted = true;
    if (!std::exchange(daemon.reloading, true)) {
      boost::asio::co_spawn(daemon.io, reload_until_it_is_the_newest(daemon),
                            boost::asio::detached);
    }
    watch_for_reload(daemon);
  });
}

// Asked once, it stops in good order; asked again, at once: what is under way goes on at the next
// start either way.
void watch_for_stop(Daemon& daemon) {
  daemon.stops.async_wait([&daemon](const boost::system::error_code& problem, int signal) {
    if (problem) return;
    if (daemon.stop_asked) {
      daemon.log->warn("stopping at once ({} again)", ::strsignal(signal));
      ::_exit(kSignalled + signal);
    }
    daemon.stop_asked = true;
    daemon.log->info("stopping ({}); what is under way goes on at the next start",
                     ::strsignal(signal));
    daemon.systemd->stop_begins();
    daemon.room->supervisor().request_stop();
    watch_for_stop(daemon);
  });
}

// Without its API a daemon is of no use. If another process holds the store, that is the reason to
// tell: it says who that is.
int give_up(Daemon& daemon, const Error& error) {
  daemon.room->supervisor().request_stop();
  boost::asio::co_spawn(daemon.io, discard_room(daemon), boost::asio::detached);
  daemon.io.run();
  return say(daemon, daemon.ended ? error : daemon.ended.error());
}

std::shared_ptr<spdlog::logger> make_log() {
  auto sink = std::make_shared<spdlog::sinks::stderr_color_sink_mt>();
  auto log = std::make_shared<spdlog::logger>("bascule", std::move(sink));
  log->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %^%-7l%$ %v", spdlog::pattern_time_type::utc);
  log->flush_on(spdlog::level::info);
  return log;
}

}  // namespace

int serve(const ServeOptions& options) {
  config::Loaded loaded = load_configuration(options.configuration);
  if (!loaded.problems.empty()) std::fputs(config::to_text(loaded.problems).c_str(), stderr);
  if (!loaded.ok()) return kConfiguration;

  // A file that may not grow is an error of the store, not the end of the process.
  ::signal(SIGXFSZ, SIG_IGN);
  Daemon daemon;
  daemon.configuration_path = options.configuration;
  daemon.log = make_log();
  make_followers(daemon, loaded.configuration.observer.name);
  make_report_keeper(daemon, loaded.configuration);
  auto room = EngineRoom::open(
      daemon.io, std::move(loaded), Access::act,
      {daemon.log_follower.get(), daemon.metrics.get(), daemon.events.get(), daemon.reports.get()});
  if (!room) return say(daemon, room.error());
  daemon.room = std::move(*room);
  daemon.room->notifications()->count_with(
      [&metrics = *daemon.metrics](const std::string& channel, const std::string& result) {
        metrics.notified(channel, result);
      });
  daemon.room->notifications()->report_with(
      [log = daemon.log](Severity severity, const std::string& line) {
        const bool is_good = severity == Severity::info;
        log->log(is_good ? spdlog::level::info : spdlog::level::warn, "{}", line);
      });
  auto api = ServedApi::open(
      daemon.io, ServedApi::Parts{*daemon.room, *daemon.metrics, *daemon.events, daemon.log});
  if (!api) return give_up(daemon, api.error());
  daemon.api = std::move(*api);

  daemon.reports->start();
  tell_systemd(daemon);
  watch_for_stop(daemon);
  watch_for_reload(daemon);
  const Configuration& configuration = daemon.room->configuration();
  daemon.log->info("bascule {} serves cluster {} as observer {} on {}, store {}", kVersion,
                   configuration.cluster, configuration.observer.name.text(), daemon.api->address(),
                   store_path(configuration));
  boost::asio::co_spawn(daemon.io, run_daemon(daemon), boost::asio::detached);
  daemon.io.run();
  if (!daemon.ended) return say(daemon, daemon.ended.error());
  daemon.log->info("stopped");
  return kDone;
}

}  // namespace bascule::app
