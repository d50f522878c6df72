// The race between some work, its deadline and its caller's cancellation.
#include "async/with_deadline.h"

#include <boost/asio/async_result.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <functional>
#include <memory>

#include "async/spawn.h"

namespace bascule::detail {

namespace asio = boost::asio;

namespace {

// Shared by the work, the wait and (weakly) the caller's cancellation slot. It lives until both
// coroutines have ended, and their signals with it. It owns the suspended caller, so nothing in the
// caller's frames may own it: they would keep each other alive when the io_context is destroyed.
struct Race : std::enable_shared_from_this<Race> {
  Race(asio::any_io_executor where, Ending* result) : executor(std::move(where)), ending(result) {}

  asio::any_io_executor executor;
  asio::cancellation_signal cancel_work;
  asio::cancellation_signal cancel_wait;
  asio::cancellation_slot parent;
  std::move_only_function<void()> resume;
  bool work_ended = false;
  bool wait_ended = false;
  Ending* ending;  // in the caller's frame

  void cancel_because(EndedBy who) {
    if (work_ended || ending->by != EndedBy::itself) return;
    ending->by = who;
    cancel_work.emit(asio::cancellation_type::terminal);
  }

  void finish_if_over() {
    if (!work_ended || !wait_ended) return;
    asio::post(executor, [self = shared_from_this()] {
      if (self->parent.is_connected()) self->parent.clear();
      self->resume();
    });
  }

  void start(Clock& clock, Deadline deadline, awaitable<void> work) {
    auto self = shared_from_this();
    wait_ended = deadline.is_held_outside();
    spawn_contained(executor, std::move(work), cancel_work.slot(),
                    [self](std::exception_ptr failure) {
                      self->work_ended = true;
                      self->ending->failure = std::move(failure);
                      self->cancel_wait.emit(asio::cancellation_type::terminal);
                      self->finish_if_over();
                    });
    if (wait_ended) return;
    spawn_contained(executor, clock.wait_until(deadline.at()), cancel_wait.slot(),
                    [self](std::exception_ptr canceled) {
                      self->wait_ended = true;
                      if (!canceled) self->cancel_because(EndedBy::deadline);
                      self->finish_if_over();
                    });
  }
};

}  // namespace

awaitable<Ending> run_until(Clock& clock, Deadline deadline, awaitable<void> work) {
  Ending ending;
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  auto initiate = [&executor, &ending, &clock, deadline, &work](auto handler) {
    const auto race = std::make_shared<Race>(executor, &ending);
    race->parent = asio::get_associated_cancellation_slot(handler);
    if (race->parent.is_connected()) {
      race->parent.assign([weak = std::weak_ptr<Race>(race)](asio::cancellation_type) {
        if (auto running = weak.lock()) running->cancel_because(EndedBy::parent);
      });
    }
    race->resume = [handler = std::move(handler)]() mutable { std::move(handler)(); };
    race->start(clock, deadline, std::move(work));
  };
  co_await asio::async_initiate<const asio::use_awaitable_t<>, void()>(std::move(initiate),
                                                                       asio::use_awaitable);
  co_return ending;
}

Error error_of_ending(const Ending& ending, const std::string& what, Duration allowed) {
  if (ending.by == EndedBy::deadline) {
    return fail(ErrorCode::timeout, "{} gave no answer within {}ms", what, allowed.count()).error();
  }
  if (ending.by == EndedBy::parent || !ending.failure || is_cancellation(ending.failure)) {
    return fail(ErrorCode::canceled, "{} was canceled", what).error();
  }
  const ErrorCode code =
      tells_of_exhaustion(ending.failure) ? ErrorCode::unable : ErrorCode::unavailable;
  return fail(code, "{}: {}", what, describe(ending.failure)).error();
}

}  // namespace bascule::detail
