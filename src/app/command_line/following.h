// Follows a run to its end: driven by the journal (one question waits for the next record), drawn
// again in place on a terminal, one line for each step's end elsewhere. Ctrl-c leaves; that never
// stops a run of the daemon. A terminal that closes leaves too; a run in this process goes on.
#pragma once

#include <string>

#include "app/backend.h"
#include "app/command_line/session.h"

namespace bascule::app {

struct FollowOptions {
  std::string run;
  Duration limit{3'600'000};
  bool in_this_process = false;  // --local: the run stops where this process ends
  // A run that ended by being taken back is what was asked for (abort).
  bool wants_it_taken_back = false;
};

// Says how it ended and returns the exit code of that: done 0, aborted 1, rolled back 4, parked 5;
// 6 when the limit passed, the daemon was silent for kSilenceMax, or the person left.
awaitable<ExitCode> follow_run(Session& session, Backend& backend, FollowOptions options);

inline constexpr Duration kSilenceMax{60'000};

// The limit of --timeout; nothing when it is not a duration, which has then been said.
std::optional<Duration> wait_limit(Session& session);

}  // namespace bascule::app
