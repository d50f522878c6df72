#include "async/pool.h"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "async/spawn.h"
#include "base/assert.h"

namespace bascule {

namespace asio = boost::asio;

// `outcome` and `timer` belong to the caller's thread; a pool thread reaches them only by a post,
// which the guard keeps the io_context alive for.
struct BlockingPool::Job : std::enable_shared_from_this<Job> {
  Job(const asio::any_io_executor& where, std::function<void()> function)
      : work(std::move(function)),
        executor(where),
        guard(where),
        timer(where, asio::steady_timer::time_point::max()) {}

  std::function<void()> work;
  asio::any_io_executor executor;
  asio::executor_work_guard<asio::any_io_executor> guard;
  asio::steady_timer timer;
  std::optional<Result<void>> outcome;

  void settle(Result<void> result) {
    asio::post(executor, [self = shared_from_this(), settled = std::move(result)]() mutable {
      self->outcome.emplace(std::move(settled));
      self->timer.cancel();
    });
    guard.reset();
  }

  void perform() {
    Result<void> result;
    try {
      work();
    } catch (...) {
      const std::exception_ptr failure = std::current_exception();
      const ErrorCode code =
          tells_of_exhaustion(failure) ? ErrorCode::unable : ErrorCode::unavailable;
      result = fail(code, "{}", describe(failure));
    }
    settle(std::move(result));
  }
};

struct BlockingPool::State {
  explicit State(std::size_t bound) : queue_bound(bound) {}

  const std::size_t queue_bound;
  mutable std::mutex mutex;
  std::condition_variable changed;
  std::deque<std::shared_ptr<Job>> queue;
  std::size_t idle_threads = 0;
  bool stopping = false;
  std::vector<std::jthread> threads;

  bool add(std::shared_ptr<Job> job) {
    const std::lock_guard lock(mutex);
    if (stopping || queue.size() >= queue_bound + idle_threads) return false;
    queue.push_back(std::move(job));
    changed.notify_one();
    return true;
  }

  // True when the job had not been started; it never will be.
  bool remove(const std::shared_ptr<Job>& job) {
    const std::lock_guard lock(mutex);
    return std::erase(queue, job) > 0;
  }

  void serve() {
    std::unique_lock lock(mutex);
    while (true) {
      changed.wait(lock, [this] { return stopping || !queue.empty(); });
      if (stopping) return;
      std::shared_ptr<Job> job = std::move(queue.front());
      queue.pop_front();
      --idle_threads;
      lock.unlock();
      job->perform();
      job.reset();
      lock.lock();
      ++idle_threads;
    }
  }
};

BlockingPool::BlockingPool(std::size_t threads, std::size_t queue_bound)
    : state_(std::make_unique<State>(queue_bound)) {
  BASCULE_ASSERT(threads > 0, "a pool needs a thread");
  state_->idle_threads = threads;
  for (std::size_t i = 0; i < threads; ++i) {
    state_->threads.emplace_back([state = state_.get()] { state->serve(); });
  }
}

BlockingPool::~BlockingPool() {
  std::deque<std::shared_ptr<Job>> dropped;
  {
    const std::lock_guard lock(state_->mutex);
    state_->stopping = true;
    dropped.swap(state_->queue);
  }
  state_->changed.notify_all();
  state_->threads.clear();
  for (const auto& job : dropped) {
    job->settle(fail(ErrorCode::canceled, "the pool was stopped"));
  }
}

std::size_t BlockingPool::queued() const {
  const std::lock_guard lock(state_->mutex);
  return state_->queue.size();
}

awaitable<Result<void>> BlockingPool::execute(std::function<void()> work) {
  auto job = std::make_shared<Job>(co_await asio::this_coro::executor, std::move(work));
  if (!state_->add(job)) {
    co_return fail(ErrorCode::throttled, "too much work is waiting ({} calls)",
                   state_->queue_bound);
  }
  const bool throws = co_await asio::this_coro::throw_if_cancelled();
  co_await asio::this_coro::throw_if_cancelled(false);
  while (!job->outcome) {
    boost::system::error_code ended;
    co_await job->timer.async_wait(asio::redirect_error(asio::use_awaitable, ended));
    if (!job->outcome && state_->remove(job)) {
      job->outcome.emplace(fail(ErrorCode::canceled, "the work was canceled before it began"));
    }
  }
  co_await asio::this_coro::throw_if_cancelled(throws);
  co_return std::move(*job->outcome);
}

}  // namespace bascule
