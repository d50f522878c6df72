// Owns coroutines that run beside their owner, so that none is ever left behind: whoever starts
// something ends it, and waits for its last frame.
//
//   Scope scope(executor, [](const std::string& name, const std::string& why) { … });
//   scope.spawn("probe amsterdam/database", watch(…));
//   …
//   scope.request_stop();
//   co_await scope.join();
//
// One thread: all calls come from the thread of the executor. Not copied, not moved.
#pragma once

#include <boost/asio/any_io_executor.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "async/awaitable.h"

namespace bascule {

class Scope {
 public:
  // Names a child within its scope; never used twice. 0 names none.
  using Child = std::uint64_t;
  // A child ended with an exception other than its own cancellation. Called once per such child,
  // after its frame is gone; must not throw.
  using OnFailure = std::function<void(const std::string& name, const std::string& why)>;

  Scope(boost::asio::any_io_executor executor, OnFailure on_failure);
  // Asserts that no child is running: join() before the scope goes.
  ~Scope();
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;

  // Starts `work` soon, never within this call. After request_stop() it is not started at all but
  // destroyed, and the answer is 0.
  Child spawn(std::string name, awaitable<void> work);

  // Cancels one child. It may take its time to end; nothing happens when it has ended already.
  void cancel(Child child);

  // Cancels every child; from now on no new one is started.
  void request_stop();

  // Returns when no child is running. Does not cancel by itself; but when the joining coroutine is
  // canceled meanwhile, join requests a stop and still waits for the children. A coroutine that has
  // already been canceled cannot co_await this (Asio throws first): join from an owner that is
  // stopped by an Event, not by cancellation.
  awaitable<void> join();

  [[nodiscard]] std::size_t running() const;
  [[nodiscard]] bool is_running(Child child) const;
  [[nodiscard]] bool stop_requested() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace bascule
