// The one error type of Bascule. A code exists only if some caller reacts to it differently; the
// table of reactions is section 8 of the architecture. Errors are values across every room's door;
// exceptions end inside the room that called the library.
#pragma once

#include <fmt/format.h>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/time.h"

namespace bascule {

enum class ErrorCode {
  timeout,      // no answer in time                          → retry inside the deadline
  unavailable,  // refused, unreachable, server error         → retry inside the deadline
  throttled,    // the other side asked us to slow down       → wait retry_after
  conflict,    // somebody else changed it meanwhile         → inspect again (never at a front door)
  denied,      // credentials or permissions                 → as on_failure says
  invalid,     // the request can never succeed as it is     → as on_failure says
  not_found,   // what it is about does not exist            → as on_failure says
  superseded,  // a newer generation is in force             → park, hold automation
  term_over,   // this leader's term has ended               → step down
  corrupt,     // stored data contradicts itself             → stop, keep the evidence
  outcome_unknown,  // the request may or may not have happened   → inspect
  canceled,         // we no longer want it                       → pass on
  unable,  // we could not ask: no descriptors, no memory, stopped  → retry inside the deadline;
           // it says nothing about whoever was to be asked
};

std::string_view to_string(ErrorCode code);
std::optional<ErrorCode> error_code_from(std::string_view word);

// What went wrong, where and what to do about it. `message` is one clause without a final full
// stop, fit to follow "because"; it never holds a secret.
struct Error {
  ErrorCode code = ErrorCode::invalid;
  std::string message;
  std::string what_to_do;               // a command or an instruction; may be empty
  std::optional<Duration> retry_after;  // only with `throttled`

  friend bool operator==(const Error&, const Error&) = default;
};

// Whether an error number of the system speaks of what this process or machine has run out of
// (descriptors, memory, ports), and so not of anybody else: `unable`.
bool lacks_resources(int system_error);

// Puts context in front: "amsterdam/database: connection refused".
Error in_context(std::string_view context, Error error);

}  // namespace bascule
