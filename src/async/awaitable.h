// The one spelling of a coroutine's type in this house: `awaitable<T>` is Boost.Asio's.
//
// The rules for every coroutine: one io_context, one thread; arguments by value; no capturing
// lambda coroutine; only `terminal` cancellation is used. A canceled coroutine ends with the
// exception boost::system::system_error(operation_aborted) at its next co_await; with_deadline,
// Scope and spawn_contained take that exception, so it never crosses a room's door.
#pragma once

#include <boost/asio/awaitable.hpp>

namespace bascule {

using boost::asio::awaitable;

}  // namespace bascule
