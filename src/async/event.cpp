#include "async/event.h"

#include <boost/asio/error.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include <set>
#include <string>

#include "async/with_deadline.h"

namespace bascule {

namespace asio = boost::asio;

struct Event::Waiters {
  std::set<Waiter*> all;
};

// Registered from its making on, so that a notice between the check of a condition and the wait
// itself is not lost. The timer never expires; a notice cancels it.
struct Event::Waiter {
  Waiter(std::shared_ptr<Waiters> list, const asio::any_io_executor& executor)
      : waiters(std::move(list)), timer(executor, asio::steady_timer::time_point::max()) {
    waiters->all.insert(this);
  }
  ~Waiter() { waiters->all.erase(this); }
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;

  std::shared_ptr<Waiters> waiters;
  asio::steady_timer timer;
  bool noticed = false;
};

namespace {

awaitable<Result<void>> as_result(awaitable<void> work) {
  co_await std::move(work);
  co_return Result<void>();
}

}  // namespace

Event::Event() : waiters_(std::make_shared<Waiters>()) {}

void Event::notify_all() {
  for (Waiter* waiter : waiters_->all) {
    waiter->noticed = true;
    waiter->timer.cancel();
  }
}

awaitable<void> Event::wait_for_notice(Waiter* waiter) {
  if (waiter->noticed) co_return;
  boost::system::error_code ended;
  co_await waiter->timer.async_wait(asio::redirect_error(asio::use_awaitable, ended));
  if (!waiter->noticed) throw boost::system::system_error(asio::error::operation_aborted);
}

awaitable<void> Event::wait() {
  Waiter waiter(waiters_, co_await asio::this_coro::executor);
  co_await wait_for_notice(&waiter);
}

awaitable<bool> Event::wait(Clock& clock, Deadline deadline) {
  Waiter waiter(waiters_, co_await asio::this_coro::executor);
  const Result<void> waited =
      co_await with_deadline(clock, deadline, "event", as_result(wait_for_notice(&waiter)));
  if (waiter.noticed) co_return true;
  if (waited.error().code != ErrorCode::timeout) {
    throw boost::system::system_error(asio::error::operation_aborted);
  }
  co_return false;
}

std::size_t Event::waiting() const {
  return waiters_->all.size();
}

}  // namespace bascule
