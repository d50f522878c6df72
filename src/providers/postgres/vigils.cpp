#include "providers/postgres/vigils.h"

#include <utility>

#include "async/event.h"

namespace bascule::postgres {

struct Vigils::Post {
  std::int64_t begun = 0;  // turns
  std::int64_t ended = 0;
  Failure met;          // by the last turn that ended
  bool wanted = false;  // somebody waits for a turn
  bool over = false;
  Event asked;
  Event changed;
};

Vigils::Vigil::~Vigil() {
  post_->over = true;
  post_->changed.notify_all();
}

void Vigils::Vigil::begin_turn() {
  post_->wanted = false;
  ++post_->begun;
}

void Vigils::Vigil::end_turn(Failure met) {
  post_->ended = post_->begun;
  post_->met = std::move(met);
  post_->changed.notify_all();
}

awaitable<void> Vigils::Vigil::rest(Clock& clock, Duration pause) {
  const std::shared_ptr<Post> post = post_;
  if (!post->wanted) co_await post->asked.wait(clock, Deadline::in(clock, pause));
}

Vigils::Vigil Vigils::keep(const std::string& server) {
  std::erase_if(posts_, [](const auto& entry) { return entry.second.expired(); });
  auto post = std::make_shared<Post>();
  posts_.emplace(server, post);
  return Vigil(std::move(post));
}

awaitable<std::optional<Failure>> Vigils::met_at(Clock& clock, std::string server,
                                                 Deadline deadline) {
  const MonotonicInstant began = clock.monotonic();
  for (;;) {
    std::shared_ptr<Post> post;
    const auto [begin, end] = posts_.equal_range(server);
    for (auto entry = begin; entry != end && (!post || post->over); ++entry) {
      post = entry->second.lock();
    }
    if (!post || post->over) co_return std::nullopt;
    // A turn that is under way may have found the server down before it came up.
    const std::int64_t turn = post->begun + 1;
    post->wanted = true;
    post->asked.notify_all();
    while (!post->over && post->ended < turn) {
      if (co_await post->changed.wait(clock, deadline) || post->over) continue;
      Failure silence;
      silence.error.code = ErrorCode::timeout;
      silence.error.message = fmt::format("{} gave no answer to a connection within {}ms", server,
                                          elapsed(clock, began).count() / 1000);
      co_return silence;
    }
    if (!post->over) co_return post->met;
  }
}

}  // namespace bascule::postgres
