// Starts coroutines so that their completion is never lost.
#include "async/spawn.h"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/system/system_error.hpp>

#include <memory>
#include <new>
#include <utility>

#include "base/error.h"

namespace bascule {

namespace {

// Keeps the exception of `work`, and leaves the coroutine unable to throw at its last co_await:
// co_spawn posts after the body of a coroutine that never suspended, and in a canceled coroutine
// that post throws past the completion handler.
awaitable<void> contained(awaitable<void> work, std::shared_ptr<std::exception_ptr> failure) {
  try {
    co_await std::move(work);
  } catch (...) {
    *failure = std::current_exception();
  }
  co_await boost::asio::this_coro::throw_if_cancelled(false);
}

}  // namespace

void spawn_contained(const boost::asio::any_io_executor& executor, awaitable<void> work,
                     boost::asio::cancellation_slot cancel,
                     std::move_only_function<void(std::exception_ptr)> done) {
  auto failure = std::make_shared<std::exception_ptr>();
  auto completed = [failure, done = std::move(done)](std::exception_ptr escaped) mutable {
    done(escaped ? escaped : *failure);
  };
  boost::asio::co_spawn(executor, contained(std::move(work), failure),
                        boost::asio::bind_cancellation_slot(cancel, std::move(completed)));
}

bool is_cancellation(const std::exception_ptr& failure) {
  if (!failure) return false;
  try {
    std::rethrow_exception(failure);
  } catch (const boost::system::system_error& error) {
    return error.code() == boost::asio::error::operation_aborted;
  } catch (...) {
    return false;
  }
}

bool tells_of_exhaustion(const std::exception_ptr& failure) {
  if (!failure) return false;
  try {
    std::rethrow_exception(failure);
  } catch (const boost::system::system_error& error) {
    return lacks_resources(error.code().value());
  } catch (const std::bad_alloc&) {
    return true;
  } catch (...) {
    return false;
  }
}

std::string describe(const std::exception_ptr& failure) {
  if (!failure) return "no exception";
  try {
    std::rethrow_exception(failure);
  } catch (const boost::system::system_error& error) {
    return error.code().message();
  } catch (const std::exception& error) {
    return error.what();
  } catch (...) {
    return "an exception of unknown type";
  }
}

}  // namespace bascule
