// Threads for work that blocks: SQLite, files, anything without a non-blocking interface. A pool of
// one thread runs its work strictly one after the other, in the order of the calls.
//
// The pool goes before its callers' io_context and after the last coroutine inside run(). Its
// destructor drops what was not started
// (those callers get `canceled`) and waits for what is running.
#pragma once

#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "async/awaitable.h"
#include "base/result.h"

namespace bascule {

namespace detail {

template <typename T>
struct PoolValue {
  using type = T;
  static constexpr bool is_result = false;
};
template <typename T>
struct PoolValue<Result<T>> {
  using type = T;
  static constexpr bool is_result = true;
};

}  // namespace detail

class BlockingPool {
 public:
  // `queue_bound`: how many calls may wait for a thread, beside those that run.
  BlockingPool(std::size_t threads, std::size_t queue_bound);
  ~BlockingPool();
  BlockingPool(const BlockingPool&) = delete;
  BlockingPool& operator=(const BlockingPool&) = delete;

  // Runs `work()` on a thread of the pool and returns what it returned, on the caller's executor: a
  // T or a Result<T> becomes Result<T>. A full queue is Error throttled; an exception becomes Error
  // unavailable. Work that waits in the queue is dropped when the caller is canceled (Error
  // canceled); work that runs cannot be interrupted: the caller waits for its end, so `work` may
  // refer to what the caller keeps alive.
  template <typename F>
  awaitable<Result<typename detail::PoolValue<std::invoke_result_t<F&>>::type>> run(F work) {
    using Returned = std::invoke_result_t<F&>;
    using Value = typename detail::PoolValue<Returned>::type;
    // Shared with the thread, which may still be running when the whole io_context is destroyed.
    struct Call {
      explicit Call(F function) : work(std::move(function)) {}
      F work;
      std::optional<Result<Value>> result;
    };
    auto call = std::make_shared<Call>(std::move(work));
    std::function<void()> job = [call] {
      if constexpr (detail::PoolValue<Returned>::is_result) {
        call->result.emplace(call->work());
      } else if constexpr (std::is_void_v<Returned>) {
        call->work();
        call->result.emplace();
      } else {
        call->result.emplace(call->work());
      }
    };
    Result<void> ran = co_await execute(std::move(job));
    if (!ran) co_return error_of(ran);
    co_return std::move(*call->result);
  }

  [[nodiscard]] std::size_t queued() const;

 private:
  struct Job;
  struct State;

  awaitable<Result<void>> execute(std::function<void()> work);

  std::unique_ptr<State> state_;
};

}  // namespace bascule
