#include "runtime/notifications.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "async/with_deadline.h"
#include "runtime/messages.h"

namespace bascule::runtime {
namespace {

constexpr Duration kSendTimeout{10'000};
constexpr Duration kFirstRetry{500};
constexpr Duration kLongestRetry{60'000};
constexpr int kTries = 20;

awaitable<Result<void>> join_scope(Scope& scope) {
  co_await scope.join();
  co_return Result<void>();
}

}  // namespace

Notifications::Notifications(Clock& clock, boost::asio::any_io_executor executor,
                             std::vector<Channel> channels)
    : clock_(clock), scope_(executor, [](const std::string&, const std::string&) {}) {
  open(std::move(channels));
}

void Notifications::replace(std::vector<Channel> channels) {
  for (const auto& outbox : outboxes_) outbox->messages.close();
  outboxes_.clear();
  open(std::move(channels));
}

void Notifications::open(std::vector<Channel> channels) {
  for (Channel& channel : channels) {
    const std::string name = channel.name;
    outboxes_.push_back(std::make_shared<Outbox>(std::move(channel)));
    scope_.spawn("notifier " + name, send_all(outboxes_.back()));
  }
}

void Notifications::recorded(const Record& record, const engine::State& state) {
  if (outboxes_.empty()) return;
  const std::optional<Message> message = message_for(record, state);
  if (message) enqueue(*message);
}

void Notifications::noticed(const Message& message) {
  enqueue(message);
}

void Notifications::enqueue(const Message& message) {
  for (const auto& outbox : outboxes_) {
    if (!outbox->messages.push(message)) ++outbox->dropped;
  }
}

awaitable<void> Notifications::send_all(std::shared_ptr<Outbox> outbox) {
  while (std::optional<Message> message = co_await outbox->messages.pop()) {
    if (outbox->dropped > 0) {
      message->text += fmt::format(" ({} messages before this one were dropped)", outbox->dropped);
      outbox->dropped = 0;
    }
    Duration wait = kFirstRetry;
    for (int attempt = 1; attempt <= kTries; ++attempt) {
      const Deadline deadline = Deadline::in(clock_, kSendTimeout);
      Result<void> sent =
          co_await with_deadline(clock_, deadline, outbox->channel.name,
                                 outbox->channel.notifier->send(*message, deadline));
      if (sent || sent.error().code == ErrorCode::invalid || sent.error().code == ErrorCode::denied)
        break;
      co_await wait_for(clock_, sent.error().retry_after.value_or(wait));
      wait = std::min(wait * 2, kLongestRetry);
    }
  }
}

awaitable<void> Notifications::stop(Deadline deadline) {
  for (const auto& outbox : outboxes_) outbox->messages.close();
  Result<void> drained = co_await with_deadline(clock_, deadline, "notifiers", join_scope(scope_));
  if (!drained) {
    scope_.request_stop();
    co_await scope_.join();
  }
}

Result<std::vector<Channel>> make_channels(const Configuration& configuration,
                                           const Catalog& catalog, Services& services) {
  std::vector<Channel> channels;
  for (const NotifierSpec& spec : configuration.notifiers) {
    const NotifierKind* kind = catalog.find_notifier(spec.kind);
    if (kind == nullptr)
      return fail(ErrorCode::invalid, "notifier `{}` is not available in this build", spec.kind);
    auto notifier = kind->make(spec.settings, services);
    if (!notifier) return fail(in_context("notifier " + spec.kind, notifier.error()));
    channels.push_back(Channel{spec.kind, *notifier});
  }
  return channels;
}

}  // namespace bascule::runtime
