#include "app/systemd.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

#include "app/environment.h"

namespace bascule::app {
namespace {

constexpr std::size_t kNamed = 3;  // groups in a status
constexpr std::size_t kStatusLimit = 300;
constexpr int kBeatsOfWatchdog = 4;  // a late one, and one that was dropped, do no harm

std::optional<std::int64_t> number_in(const std::string& name) {
  const std::string text = variable(name).value_or("");
  std::int64_t number = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool is_number = problem == std::errc{} && end == text.data() + text.size();
  return is_number && number > 0 ? std::optional(number) : std::nullopt;
}

// The protocol has one variable to a line.
std::string on_one_line(std::string text) {
  std::ranges::replace_if(text, [](char letter) { return letter >= 0 && letter < ' '; }, ' ');
  if (text.size() > kStatusLimit) text.resize(kStatusLimit);
  return text;
}

bool is_well(const Standing& group) {
  return group.state == "HEALTHY" && group.is_protected;
}

std::string short_text(const Standing& group) {
  return fmt::format("{} {}{}{}", group.group.text(), group.state,
                     group.active.empty() ? "" : " at " + group.active,
                     group.is_protected ? "" : ", exposed");
}

}  // namespace

SystemdWishes systemd_wishes() {
  SystemdWishes wishes;
  wishes.socket = variable("NOTIFY_SOCKET").value_or("");
  const auto process = number_in("WATCHDOG_PID");
  if (process && *process != ::getpid()) return wishes;
  if (const auto every = number_in("WATCHDOG_USEC")) wishes.watchdog = Microseconds{*every};
  return wishes;
}

Systemd::Systemd(Clock& clock, boost::asio::any_io_executor executor, SystemdWishes wishes,
                 SignsOfLife signs)
    : clock_(clock),
      wishes_(std::move(wishes)),
      signs_(std::move(signs)),
      scope_(std::move(executor), [](const std::string&, const std::string&) {}) {}

void Systemd::start() {
  if (!wishes_.socket.empty()) scope_.spawn("systemd", tell());
}

void Systemd::reload_begins() {
  if (!ready_) return;
  const auto now = std::chrono::duration_cast<Microseconds>(clock_.monotonic().time_since_epoch());
  send(fmt::format("RELOADING=1\nMONOTONIC_USEC={}", now.count()));
}

void Systemd::reload_ended(bool is_taken) {
  refused_ = !is_taken;
  if (!ready_) return;
  told_ = status();
  send(fmt::format("READY=1\nSTATUS={}", told_));
}

void Systemd::stop_begins() {
  if (std::exchange(stopping_, true)) return;
  send("STOPPING=1\nSTATUS=stopping; what is under way goes on at the next start");
}

awaitable<void> Systemd::stop() {
  scope_.request_stop();
  co_await scope_.join();
}

awaitable<void> Systemd::tell() {
  co_await tell_of_start();
  co_await tell_of_life();
  co_await tell_of_stop();
}

// Reading a long journal takes its time; a start that fails ends the process.
awaitable<void> Systemd::tell_of_start() {
  const std::string patience =
      fmt::format("EXTEND_TIMEOUT_USEC={}", Microseconds(2 * kBeat).count());
  while (!signs_.is_ready() && !stopping_) {
    send(patience + "\nSTATUS=reading the journal and opening a term");
    const Deadline beat = Deadline::in(clock_, kBeat);
    while (!signs_.is_ready() && !stopping_ && !beat.has_passed(clock_)) {
      co_await signs_.turns(beat);
    }
  }
  if (stopping_) co_return;
  ready_ = true;
  told_ = status();
  send(fmt::format("READY=1\nSTATUS={}", told_));
}

// A timer alone would go on while the engine stands still: what systemd hears is that it has
// turned.
awaitable<void> Systemd::tell_of_life() {
  Duration beat = kBeat;
  if (wishes_.watchdog) {
    const auto often = std::chrono::duration_cast<Duration>(*wishes_.watchdog / kBeatsOfWatchdog);
    beat = std::clamp(often, Duration{1}, kBeat);
  }
  while (!stopping_) {
    const bool lives =
        co_await signs_.turns(Deadline::in(clock_, beat)) || signs_.waits_for_store();
    std::string lines = lives && wishes_.watchdog ? "WATCHDOG=1" : "";
    if (std::string now = status(); now != told_) {
      told_ = std::move(now);
      lines += fmt::format("{}STATUS={}", lines.empty() ? "" : "\n", told_);
    }
    if (!lines.empty()) send(lines);
    co_await wait_for(clock_, beat);
  }
}

awaitable<void> Systemd::tell_of_stop() {
  const Deadline last = Deadline::in(clock_, kLongestStop);
  while (!last.has_passed(clock_)) {
    send(fmt::format("EXTEND_TIMEOUT_USEC={}", Microseconds(2 * kBeat).count()));
    co_await wait_for(clock_, kBeat);
  }
}

std::string Systemd::status() const {
  const std::string refused = refused_ ? "; the newest configuration was refused" : "";
  return on_one_line(signs_.status()) + refused;
}

void Systemd::send(const std::string& lines) const {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string& path = wishes_.socket;
  if (path.empty() || path.size() >= sizeof(address.sun_path)) return;
  std::memcpy(address.sun_path, path.data(), path.size());
  if (path.front() == '@') address.sun_path[0] = '\0';
  // An abstract name is as long as it is, a path ends with its zero.
  const std::size_t zero = path.front() == '@' ? 0 : 1;
  const int descriptor = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (descriptor < 0) return;
  // Whoever listens there has heard it or not; nothing here depends on it.
  [[maybe_unused]] const ssize_t sent =
      ::sendto(descriptor, lines.data(), lines.size(), MSG_NOSIGNAL | MSG_DONTWAIT,
               reinterpret_cast<const sockaddr*>(&address),
               static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + zero));
  ::close(descriptor);
}

std::string status_line(const std::vector<Standing>& groups, const std::string& trouble) {
  if (!trouble.empty()) return "can do nothing: " + trouble;
  std::vector<std::string> named;
  std::size_t others = 0;
  bool others_are_well = true;
  for (const bool well : {false, true}) {
    for (const Standing& group : groups) {
      if (is_well(group) != well) continue;
      if (named.size() < kNamed) {
        named.push_back(short_text(group));
      } else {
        ++others;
        others_are_well = others_are_well && well;
      }
    }
  }
  if (groups.empty()) return "no groups";
  std::string line = fmt::format("{}", fmt::join(named, "; "));
  if (others > 0)
    line += fmt::format("; {} {}", others, others_are_well ? "others are well" : "others");
  return line;
}

}  // namespace bascule::app
