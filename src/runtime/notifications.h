// Follows the journal and tells people. Each channel has a bounded queue and a coroutine of its
// own: a dead channel delays neither a run nor another channel. What overflows is counted and said
// in the next message that gets through.
//
// Each channel has a cursor: what was not delivered when the process ended is told by the next one,
// and what was is not told again, but for a message whose delivery the process did not outlive. The
// messages of a channel keep their order: what is not taken is tried again, with waits that grow to
// a minute or are as long as the receiver asks for, while the others wait. What is refused for
// good, or not taken for a day, is given up.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "async/event.h"
#include "async/scope.h"
#include "ports/kinds.h"
#include "runtime/cursors.h"
#include "runtime/follower.h"

namespace bascule::runtime {

// Whether an error of a notifier is its last word on a message; else it is tried again.
[[nodiscard]] bool gives_up(const Error& error);

class Notifications final : public Follower {
 public:
  // `cursors`: the file that keeps them; empty: none.
  Notifications(Clock& clock, boost::asio::any_io_executor executor, std::vector<Channel> channels,
                const std::string& cursors);

  void opened(const std::string& journal, Sequence head) override;
  void recorded(const Record& record, const engine::State& state) override;
  void noticed(const Message& message) override;
  [[nodiscard]] Sequence heard_up_to() const override;

  // What became of each message: sent, failed, dropped; `retried` for each attempt before that.
  // Called on the loop's thread.
  using OnResult = std::function<void(const std::string& channel, const std::string& result)>;
  void count_with(OnResult on_result) { on_result_ = std::move(on_result); }
  // What a person has to know about the channels themselves, as one line: that one does not take
  // messages and why, that it does again, what was given up. Called on the loop's thread.
  using OnNews = std::function<void(Severity, const std::string& line)>;
  void report_with(OnNews on_news) { on_news_ = std::move(on_news); }
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
    Event closed;
    std::uint64_t dropped = 0;
    std::string gap;      // said with the next message: why some before it may be missing
    Sequence heard = 0;   // the newest record that has passed here
    std::string trouble;  // why it takes nothing now; empty: it does
    std::optional<Deadline> quiet_until;  // nothing is sent before: the receiver asked for that
  };
  void open(std::vector<Channel> channels);
  static void close(Outbox& outbox);
  void enqueue(Outbox& outbox, const Message& message);
  awaitable<void> send_all(std::shared_ptr<Outbox> outbox);
  awaitable<Result<void>> deliver(std::shared_ptr<Outbox> outbox, Message message);
  awaitable<void> keep_cursors();
  awaitable<void> keep_refreshing(std::shared_ptr<Outbox> outbox);
  void meet_trouble(Outbox& outbox, const Error& error);
  [[nodiscard]] Sequence heard_by(const Outbox& outbox) const;
  void count(const Outbox& outbox, const std::string& result);
  void report(Severity severity, const std::string& line);

  Clock& clock_;
  Cursors cursors_;
  OnResult on_result_;
  OnNews on_news_;
  std::function<std::vector<Standing>()> standings_;
  std::string cursors_trouble_;
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
