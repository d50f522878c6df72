// Runs one coroutine to its end from ordinary code: for main() of a command, and for tests.
#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <exception>
#include <optional>
#include <utility>

#include "async/awaitable.h"
#include "base/assert.h"

namespace bascule {

// Runs `context` until `work` has ended, and returns its value or rethrows its exception. Other
// coroutines of the context run meanwhile and stay where they are afterwards.
// REQUIRES: nobody runs the context; `work` ends by itself (it has a deadline inside).
template <typename T>
T block_on(boost::asio::io_context& context, awaitable<T> work) {
  std::optional<T> value;
  std::exception_ptr failure;
  bool ended = false;
  boost::asio::co_spawn(context, std::move(work), [&](const std::exception_ptr& thrown, T result) {
    failure = thrown;
    if (!thrown) value.emplace(std::move(result));
    ended = true;
  });
  context.restart();
  while (!ended && context.run_one() > 0) {
  }
  if (failure) std::rethrow_exception(failure);
  BASCULE_ASSERT(ended, "a coroutine that nothing will ever resume");
  return std::move(*value);
}

inline void block_on(boost::asio::io_context& context, awaitable<void> work) {
  std::exception_ptr failure;
  bool ended = false;
  boost::asio::co_spawn(context, std::move(work), [&](const std::exception_ptr& thrown) {
    failure = thrown;
    ended = true;
  });
  context.restart();
  while (!ended && context.run_one() > 0) {
  }
  if (failure) std::rethrow_exception(failure);
  BASCULE_ASSERT(ended, "a coroutine that nothing will ever resume");
}

}  // namespace bascule
