// Follows the journal and tells people. Each channel has a bounded queue and a coroutine of its
// own: a dead channel delays neither a run nor another channel. What overflows is counted and said
// in the next message that gets through.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "async/event.h"
#include "async/scope.h"
#include "ports/kinds.h"
#include "runtime/follower.h"

namespace bascule::runtime {

class Notifications final : public Follower {
 public:
  Notifications(Clock& clock, boost::asio::any_io_executor executor, std::vector<Channel> channels);

  void recorded(const Record& record, const engine::State& state) override;
  void noticed(const Message& message) override;

  // Other channels from now on; what is queued for the ones before still goes out.
  void replace(std::vector<Channel> channels);

  // Gives what is queued until the deadline to go out, then ends.
  awaitable<void> stop(Deadline deadline);

  static constexpr std::size_t kQueueBound = 1'000;

 private:
  struct Outbox {
    explicit Outbox(Channel channel_value)
        : channel(std::move(channel_value)), messages(kQueueBound) {}
    Channel channel;
    Mailbox<Message> messages;
    std::uint64_t dropped = 0;
  };
  void enqueue(const Message& message);
  awaitable<void> send_all(std::shared_ptr<Outbox> outbox);

  void open(std::vector<Channel> channels);

  Clock& clock_;
  Scope scope_;
  std::vector<std::shared_ptr<Outbox>> outboxes_;
};

Result<std::vector<Channel>> make_channels(const Configuration& configuration,
                                           const Catalog& catalog, Services& services);

}  // namespace bascule::runtime
