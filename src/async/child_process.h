// Runs a program and waits for its end: hooks, proofs, rejoin scripts. The program gets its own
// process group, only the descriptors 0, 1 and 2, default signal handling and a small environment.
// No shell is involved; who wants one writes {"sh", "-c", …}.
//
// What ends in time is left alone, and so are processes that it started in the background (a hook
// may start a server on purpose); what does not end in time is killed with its whole group.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "async/awaitable.h"
#include "async/clock.h"
#include "async/deadline.h"
#include "base/result.h"

namespace bascule {

struct Command {
  // The program and its arguments; a program without a slash is looked for in PATH.
  std::vector<std::string> argv;
  // Added to PATH, HOME, USER, LOGNAME, SHELL, LANG, LANGUAGE, LC_*, TZ, TMPDIR and TERM of our own
  // environment; nothing else of it is passed on.
  std::map<std::string, std::string> environment;
  std::string working_directory;         // empty: ours
  std::string standard_input;            // empty: end of file at once
  std::size_t output_limit = 64 * 1024;  // per stream, in bytes: the first half and the last half
  Duration grace{2000};                  // between SIGTERM and SIGKILL; it comes after the deadline
};

// One captured stream, as valid UTF-8: bytes that are not become U+FFFD.
struct Output {
  std::string head;         // the beginning; everything when nothing was left out
  std::string tail;         // the end, when something was left out between
  std::uint64_t bytes = 0;  // what the program wrote, in all
  std::uint64_t left_out = 0;

  [[nodiscard]] bool truncated() const { return left_out > 0; }
  // Head and tail with a line between them that says how much was left out.
  [[nodiscard]] std::string text() const;
};

struct Exit {
  int code = 0;               // 128 + signal when a signal ended it
  std::optional<int> signal;  // the signal that ended it
  Output standard_output;
  Output standard_error;
  pid_t process_group = 0;  // may still hold background processes
  Microseconds took{0};

  [[nodiscard]] bool succeeded() const { return code == 0 && !signal; }
  // "ended with code 3", "was ended by signal 9 (Killed)".
  [[nodiscard]] std::string sentence() const;
};

struct ChildWatcher {
  // Called once the program runs, with its process id (also its group's id).
  std::function<void(pid_t)> on_started;
  // Called when the deadline or a cancellation ended it, with what it said until then.
  std::function<void(const Exit&)> on_killed;
};

// Starts the command and returns its Exit, whatever its code. Errors: not_found (no such program or
// working directory), denied (not executable), invalid (empty argv, a NUL inside an argument),
// unavailable (no process or descriptor to be had), timeout, canceled.
//
// At the deadline, or when the caller is canceled, the group gets SIGTERM, and after `grace` (or as
// soon as the program itself has ended) SIGKILL; the call returns after the program has been
// reaped. It never waits for others that hold the program's output: what the program wrote before
// its end is read, then the pipes are closed. Standard input is a file, so nothing waits for its
// reader. `clock` outlives the call. The program's time is real time, whatever the clock says.
awaitable<Result<Exit>> run_command(Clock& clock, Command command, Deadline deadline,
                                    ChildWatcher watcher = ChildWatcher());

}  // namespace bascule
