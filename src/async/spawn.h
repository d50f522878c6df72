// The one place that starts a coroutine beside the caller's. For the other files of this room;
// everybody else uses Scope (long-lived) or with_deadline (one call).
//
// It exists because boost::asio::co_spawn of 1.81 loses its completion when a coroutine is canceled
// before it was suspended for the first time.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include <exception>
#include <functional>
#include <string>

#include "async/awaitable.h"

namespace bascule {

// Starts `work` and calls `done` exactly once, on `executor`, after the frame of `work` has been
// destroyed; with the exception that ended it, or null. `done` is never called from within this
// call. `cancel` must stay valid until `done` has returned; emit `terminal` on its signal, on the
// thread of the executor. When the io_context is destroyed first, `done` is destroyed uncalled.
void spawn_contained(const boost::asio::any_io_executor& executor, awaitable<void> work,
                     boost::asio::cancellation_slot cancel,
                     std::move_only_function<void(std::exception_ptr)> done);

// Whether a coroutine ended because it was canceled.
[[nodiscard]] bool is_cancellation(const std::exception_ptr& failure);

// What an exception says, for people.
[[nodiscard]] std::string describe(const std::exception_ptr& failure);

// Whether it says that this process has run out of something: no memory, no descriptors.
bool tells_of_exhaustion(const std::exception_ptr& failure);

}  // namespace bascule
