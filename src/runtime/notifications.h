// Follows the journal and tells people. Each channel has a bounded queue and a coroutine of its
// own: a dead channel delays neither a run nor another channel. What overflows is counted and said
// in the next message that gets through.
//
// Each channel has a cursor: what was not delivered when the process ended is told by the next one,
// and what was is not told again. A message that nobody takes for a day is given up.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "async/event.h"
#include "async/scope.h"
#include "ports/kinds.h"
#include "runtime/cursors.h"
#include "runtime/follower.h"

namespace bascule::runtime {

class Notifications final : public Follower {
 public:
  // `cursors`: the file that keeps them; empty: none.
  Notifications(Clock& clock, boost::asio::any_io_executor executor, std::vector<Channel> channels,
                const std::string& cursors);

  void recorded(const Record& record, const engine::State& state) override;
  void noticed(const Message& message) override;
  [[nodiscard]] Sequence heard_up_to() const override;

  // What became of each message: sent, failed, dropped; `retried` for each attempt before that.
  // Called on the loop's thread.
  using OnResult = std::function<void(const std::string& channel, const std::string& result)>;
  void count_with(OnResult on_result) { on_result_ = std::move(on_result); }
  // Tells every channel each minute how things stand.
  void refresh_with(std::function<std::vector<Standing>()> standings);

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
    Sequence heard = 0;  // the newest record that has passed here
  };
  void enqueue(Outbox& outbox, const Message& message);
  awaitable<void> send_all(std::shared_ptr<Outbox> outbox);
  awaitable<std::string> deliver(std::shared_ptr<Outbox> outbox, Message message);
  awaitable<void> keep_refreshing(std::function<std::vector<Standing>()> standings);
  [[nodiscard]] Sequence heard_by(const Outbox& outbox) const;
  void count(const Outbox& outbox, const std::string& result);

  void open(std::vector<Channel> channels);

  Clock& clock_;
  Cursors cursors_;
  OnResult on_result_;
  bool stopping_ = false;
  Event stopped_;
  Scope scope_;
  std::vector<std::shared_ptr<Outbox>> outboxes_;
};

// The channels that a configuration names, by their kind, the second of a kind "slack-2".
std::vector<std::string> channel_names(const Configuration& configuration);

// Named as channel_names() says. What is below a channel's `min_severity` it
// is not told, but for the end of an incident whose beginning it was.
Result<std::vector<Channel>> make_channels(const Configuration& configuration,
                                           const Catalog& catalog, Services& services);

}  // namespace bascule::runtime
