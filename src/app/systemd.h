// What systemd is told of `serve`, by the protocol of sd_notify(3): when it is ready, how it
// stands, that its engine turns, that it reads its configuration again, that it stops. Without
// NOTIFY_SOCKET nothing is told.
//
// A datagram that the socket does not take at once is dropped: a systemd that hangs must not hold
// up a failover. (libsystemd waits for the socket.) Children do not get NOTIFY_SOCKET: what a child
// inherits is in async/child_process.h. One thread, the loop's.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "async/clock.h"
#include "async/deadline.h"
#include "async/scope.h"
#include "ports/notifier.h"

namespace bascule::app {

// What the environment says: sd_notify(3), sd_watchdog_enabled(3).
struct SystemdWishes {
  std::string socket;                    // a path, or '@' and an abstract name; empty: no systemd
  std::optional<Microseconds> watchdog;  // it wants to hear from us at least this often
};
SystemdWishes systemd_wishes();

// How the daemon is, asked by Systemd.
struct SignsOfLife {
  std::function<bool()> is_ready;
  // Whether the engine's loop turned before the deadline.
  std::function<awaitable<bool>(Deadline)> turns;
  // It does not turn because its store does not answer: that is told to people, and another process
  // would not mend a disk.
  std::function<bool()> waits_for_store;
  std::function<std::string()> status;
};

class Systemd {
 public:
  Systemd(Clock& clock, boost::asio::any_io_executor executor, SystemdWishes wishes,
          SignsOfLife signs);

  // Tells what there is to tell until stop(); once.
  void start();
  // Around a reading of the configuration.
  void reload_begins();
  void reload_ended(bool is_taken);
  // A stop was asked for.
  void stop_begins();
  awaitable<void> stop();

  // What a start or a stop may take is prolonged this often, by twice as much, for as long as it
  // goes on; of a stop that hangs systemd may make an end after kLongestStop.
  static constexpr Duration kBeat{5'000};
  static constexpr Duration kLongestStop{60'000};

 private:
  awaitable<void> tell();
  awaitable<void> tell_of_start();
  awaitable<void> tell_of_life();
  awaitable<void> tell_of_stop();
  void send(const std::string& lines) const;
  [[nodiscard]] std::string status() const;

  Clock& clock_;
  SystemdWishes wishes_;
  SignsOfLife signs_;
  Scope scope_;
  bool ready_ = false;
  bool stopping_ = false;
  bool refused_ = false;  // the newest configuration
  std::string told_;      // the newest status
};

// One line on how the groups stand, for `systemctl status`: those that are not well first, and not
// more than a few by name. `trouble`: why nothing can be done at all; empty: it can.
std::string status_line(const std::vector<Standing>& groups, const std::string& trouble);

}  // namespace bascule::app
