// Asking a Bascule again and again, for as long as somebody watches: a daemon that is started anew
// is waited for, with pauses that grow, and not for ever. Shared by all that follow.
#pragma once

#include <boost/asio/signal_set.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "app/backend.h"
#include "app/command_line/session.h"
#include "async/event.h"

namespace bascule::app {

// How long a question for the next record waits for one.
inline constexpr Duration kJournalWait{15'000};
// No more than five drawings a second.
inline constexpr Duration kBetweenDrawings{200};

// An answer of status 200, or why there is none. `unavailable` and `timeout`: the question may be
// asked again; everything else stays as it is.
awaitable<Result<Json>> ask_once(Backend& backend, std::string target);

// How long a Bascule has been silent, and how long that is borne.
class Patience {
 public:
  // The clock outlives it.
  Patience(Clock& clock, Duration limit) : clock_(clock), limit_(limit) {}

  void heard();
  // Nothing was answered. False: it has been silent for too long, or will not answer differently.
  // `silent_for` is known from here on.
  bool bear(const Error& error);
  // Before the question is asked again: longer each time.
  awaitable<void> pause();

  // Nothing: it has answered.
  [[nodiscard]] std::optional<Duration> silent_for() const;

 private:
  static constexpr Duration kFirstPause{200};
  static constexpr Duration kLongestPause{2'000};

  Clock& clock_;
  Duration limit_;
  Duration pause_ = kFirstPause;
  std::optional<MonotonicInstant> silent_since_;
};

// Whether text can be drawn again in place where this session's data goes.
bool can_draw(Session& session);

// Waits until something has changed, no longer than until `deadline`, and when it is drawn
// (`draws`) no longer than until the time that has passed shows; then until the next drawing may be
// made. `is_over`: nothing more is waited for.
awaitable<void> wait_to_show(Clock& clock, Event& changed, bool draws, Deadline deadline,
                             std::function<bool()> is_over);

using Signals = std::shared_ptr<boost::asio::signal_set>;
// Calls `heard` for each of the signals until the set is canceled; `heard` may cancel it.
void on_signals(const Signals& signals, std::function<void(int signal)> heard);

}  // namespace bascule::app
