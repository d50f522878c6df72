#include "app/command_line/asking.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "app/terminal/view_reading.h"

namespace bascule::app {
namespace {

constexpr std::size_t kNarrowestLive = 60;

bool passes_by_itself(const Error& error) {
  return error.code == ErrorCode::unavailable || error.code == ErrorCode::timeout;
}

}  // namespace

awaitable<Result<Json>> ask_once(Backend& backend, std::string target) {
  auto reply = co_await backend.ask("GET", std::move(target), Json::object());
  if (!reply) co_return error_of(reply);
  if (reply->status == 200) co_return std::move(reply->body);
  const bool passes = reply->status >= 500 || reply->status == 429;
  co_return fail(
      passes ? ErrorCode::unavailable : ErrorCode::invalid, "{}",
      text_or(member(reply->body, "error"), "message", fmt::format("HTTP {}", reply->status)));
}

void Patience::heard() {
  silent_since_.reset();
  pause_ = kFirstPause;
}

bool Patience::bear(const Error& error) {
  if (!silent_since_) silent_since_ = clock_.monotonic();
  return passes_by_itself(error) && elapsed(clock_, *silent_since_) < limit_;
}

awaitable<void> Patience::pause() {
  co_await wait_for(clock_, pause_);
  pause_ = std::min(pause_ * 2, kLongestPause);
}

std::optional<Duration> Patience::silent_for() const {
  if (!silent_since_) return std::nullopt;
  return std::chrono::duration_cast<Duration>(elapsed(clock_, *silent_since_));
}

bool can_draw(Session& session) {
  return !session.arguments().wants_view() && session.terminal().shows_data() &&
         session.data_look().columns >= kNarrowestLive &&
         session.variable("TERM").value_or("") != "dumb";
}

awaitable<void> wait_to_show(Clock& clock, Event& changed, bool draws, Deadline deadline,
                             std::function<bool()> is_over) {
  const Deadline next = Deadline::in(clock, kBetweenDrawings);
  co_await changed.wait(clock, draws ? earlier_of(next, deadline) : deadline);
  // Records may come in hundreds.
  while (draws && !is_over() && !next.has_passed(clock)) {
    co_await changed.wait(clock, next);
  }
}

void on_signals(const Signals& signals, std::function<void(int signal)> heard) {
  signals->async_wait(
      [signals, heard = std::move(heard)](boost::system::error_code canceled, int signal) mutable {
        if (canceled) return;
        heard(signal);
        on_signals(signals, std::move(heard));
      });
}

}  // namespace bascule::app
