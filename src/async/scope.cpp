#include "async/scope.h"

#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <map>
#include <utility>
#include <vector>

#include "async/spawn.h"
#include "base/assert.h"

namespace bascule {

namespace asio = boost::asio;

struct Scope::State : std::enable_shared_from_this<Scope::State> {
  struct Running {
    std::string name;
    asio::cancellation_signal cancel;
    bool canceled = false;
  };

  State(asio::any_io_executor where, OnFailure failed)
      : executor(std::move(where)), on_failure(std::move(failed)) {}

  asio::any_io_executor executor;
  OnFailure on_failure;
  std::map<Child, std::shared_ptr<Running>> children;
  std::vector<asio::steady_timer*> joiners;
  Child last_child = 0;
  bool stop_requested = false;

  void cancel(const std::shared_ptr<Running>& child) {
    if (child->canceled) return;
    child->canceled = true;
    child->cancel.emit(asio::cancellation_type::terminal);
  }

  void request_stop() {
    stop_requested = true;
    const auto snapshot = children;
    for (const auto& [id, child] : snapshot) cancel(child);
  }

  void ended(Child id, std::exception_ptr failure) {
    // The signal must outlive this call: it runs inside the child's completion.
    const std::shared_ptr<Running> child = children.at(id);
    children.erase(id);
    const bool as_asked = child->canceled && is_cancellation(failure);
    if (failure && !as_asked && on_failure) on_failure(child->name, describe(failure));
    if (children.empty()) {
      for (asio::steady_timer* joiner : joiners) joiner->cancel();
    }
    asio::post(executor, [child] {});
  }
};

namespace {

// The child begins in a turn of its own, never inside spawn().
awaitable<void> begin_later(awaitable<void> work) {
  co_await asio::post(asio::use_awaitable);
  co_await std::move(work);
}

}  // namespace

Scope::Scope(asio::any_io_executor executor, OnFailure on_failure)
    : state_(std::make_shared<State>(std::move(executor), std::move(on_failure))) {}

Scope::~Scope() {
  BASCULE_ASSERT(state_->children.empty(), "a scope is joined before it goes");
}

Scope::Child Scope::spawn(std::string name, awaitable<void> work) {
  if (state_->stop_requested) return 0;
  const Child id = ++state_->last_child;
  auto child = std::make_shared<State::Running>();
  child->name = std::move(name);
  state_->children.emplace(id, child);
  spawn_contained(state_->executor, begin_later(std::move(work)), child->cancel.slot(),
                  [state = state_, id, child](std::exception_ptr failure) {
                    state->ended(id, std::move(failure));
                  });
  return id;
}

void Scope::cancel(Child child) {
  const auto found = state_->children.find(child);
  if (found == state_->children.end()) return;
  const auto running = found->second;
  state_->cancel(running);
}

void Scope::request_stop() {
  state_->request_stop();
}

awaitable<void> Scope::join() {
  const std::shared_ptr<State> state = state_;
  const bool throws = co_await asio::this_coro::throw_if_cancelled();
  co_await asio::this_coro::throw_if_cancelled(false);
  while (!state->children.empty()) {
    asio::steady_timer joined(state->executor, asio::steady_timer::time_point::max());
    state->joiners.push_back(&joined);
    boost::system::error_code ended;
    co_await joined.async_wait(asio::redirect_error(asio::use_awaitable, ended));
    std::erase(state->joiners, &joined);
    if (!state->children.empty()) state->request_stop();
  }
  co_await asio::this_coro::throw_if_cancelled(throws);
}

std::size_t Scope::running() const {
  return state_->children.size();
}
bool Scope::is_running(Child child) const {
  return state_->children.contains(child);
}
bool Scope::stop_requested() const {
  return state_->stop_requested;
}

}  // namespace bascule
