// Work with a limit of its own: the answer, or the Error `timeout`. The only way in this house to
// put a limit around a coroutine (never `operation || timer`, which swallows errors and waits for
// the timer).
//
//   auto answer = co_await with_deadline(clock, deadline, "amsterdam/database", ask(connection));
#pragma once

#include <exception>
#include <optional>
#include <string>
#include <utility>

#include "async/awaitable.h"
#include "async/clock.h"
#include "async/deadline.h"
#include "base/result.h"

namespace bascule {

namespace detail {

enum class EndedBy { itself, deadline, parent };

struct Ending {
  EndedBy by = EndedBy::itself;
  std::exception_ptr failure;  // what the work threw, if it did
};

// Runs `work` until it ends, canceling it when the deadline passes or the caller is canceled.
awaitable<Ending> run_until(Clock& clock, Deadline deadline, awaitable<void> work);

// The error that an ending without a usable result stands for.
Error error_of_ending(const Ending& ending, const std::string& what, Duration allowed);

template <typename T>
awaitable<void> keep_result(awaitable<Result<T>> work, std::optional<Result<T>>* kept) {
  kept->emplace(co_await std::move(work));
}

}  // namespace detail

// Runs `work` and returns what it returns. When the deadline passes first, `work` is canceled and
// the answer is Error timeout, "WHAT gave no answer within Nms"; when the caller is canceled, so is
// `work`, and the answer is Error canceled. A success that arrives in the same instant still
// counts.
//
// Returns only after the frame of `work` has been destroyed, so `work` may refer to the caller's
// locals. No exception passes: a canceled coroutine becomes `canceled`, any other exception
// `unavailable`. `work` is entered at once, before anything else of the io_context runs.
// With Deadline::held_outside() there is no timer.
template <typename T>
awaitable<Result<T>> with_deadline(Clock& clock, Deadline deadline, std::string what,
                                   awaitable<Result<T>> work) {
  std::optional<Result<T>> result;
  const Duration allowed = deadline.left(clock);
  const detail::Ending ending =
      co_await detail::run_until(clock, deadline, detail::keep_result(std::move(work), &result));
  const bool only_canceled = result && !*result && result->error().code == ErrorCode::canceled;
  if (result && !only_canceled) co_return std::move(*result);
  if (result && ending.by == detail::EndedBy::itself) co_return std::move(*result);
  co_return fail(detail::error_of_ending(ending, what, allowed));
}

}  // namespace bascule
