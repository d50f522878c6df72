#include "runtime/notifications.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>
#include <utility>

#include "async/with_deadline.h"
#include "runtime/messages.h"

namespace bascule::runtime {
namespace {

constexpr Duration kSendTimeout{10'000};
// A notifier ends by itself, and knows better than we do what it was waiting for.
constexpr Duration kGrace{1'000};
constexpr Duration kFirstRetry{500};
constexpr Duration kLongestRetry{60'000};
constexpr Duration kGiveUpAfter{24 * 3'600'000};
constexpr Duration kRefreshEvery{60'000};

awaitable<Result<void>> join_scope(Scope& scope) {
  co_await scope.join();
  co_return Result<void>();
}

// Passes on what is severe enough; what stands in an incident is, from its beginning to its end.
class Selective final : public Notifier {
 public:
  Selective(std::shared_ptr<Notifier> notifier, Severity least)
      : notifier_(std::move(notifier)), least_(least) {}

  awaitable<Result<void>> send(Message message, Deadline deadline) override {
    const bool turns =
        message.stage != IncidentStage::none && message.stage != IncidentStage::ongoing;
    const bool is_test = boolean_or(message.data, "test", false);
    if (message.severity < least_ && !turns && !is_test) co_return Result<void>();
    co_return co_await notifier_->send(std::move(message), deadline);
  }
  awaitable<Result<void>> refresh(std::vector<Standing> groups, Deadline deadline) override {
    co_return co_await notifier_->refresh(std::move(groups), deadline);
  }
  awaitable<Result<void>> reach(Deadline deadline) override {
    co_return co_await notifier_->reach(deadline);
  }

 private:
  std::shared_ptr<Notifier> notifier_;
  Severity least_;
};

std::string said(const Error& error) {
  return error.what_to_do.empty() ? error.message : error.message + " — " + error.what_to_do;
}

Severity severity_from(const std::string& word) {
  for (const Severity severity : {Severity::warning, Severity::critical}) {
    if (to_string(severity) == word) return severity;
  }
  return Severity::info;
}

}  // namespace

bool gives_up(const Error& error) {
  return error.code == ErrorCode::invalid || error.code == ErrorCode::denied;
}

Notifications::Notifications(Clock& clock, boost::asio::any_io_executor executor,
                             std::vector<Channel> channels, const std::string& cursors)
    : clock_(clock),
      cursors_(cursors),
      scope_(executor, [](const std::string&, const std::string&) {}) {
  open(std::move(channels));
}

void Notifications::replace(std::vector<Channel> channels) {
  std::map<std::string, Sequence> heard;
  for (const auto& outbox : outboxes_) {
    heard[outbox->channel.name] = outbox->heard;
    close(*outbox);
  }
  outboxes_.clear();
  open(std::move(channels));
  for (const auto& outbox : outboxes_) outbox->heard = heard[outbox->channel.name];
}

void Notifications::open(std::vector<Channel> channels) {
  for (Channel& channel : channels) {
    const std::string name = channel.name;
    outboxes_.push_back(std::make_shared<Outbox>(std::move(channel)));
    scope_.spawn("notifier " + name, send_all(outboxes_.back()));
    if (standings_) scope_.spawn("standings " + name, keep_refreshing(outboxes_.back()));
  }
}

void Notifications::close(Outbox& outbox) {
  outbox.messages.close();
  outbox.closed.notify_all();
}

Sequence Notifications::heard_by(const Outbox& outbox) const {
  return std::max(outbox.heard, cursors_.of(outbox.channel.name).value_or(0));
}

// A channel that has no cursor yet is new: what was before is not its concern.
Sequence Notifications::heard_up_to() const {
  Sequence heard = std::numeric_limits<Sequence>::max();
  for (const auto& outbox : outboxes_) {
    const bool is_new = outbox->heard == 0 && !cursors_.of(outbox->channel.name);
    if (!is_new) heard = std::min(heard, heard_by(*outbox));
  }
  return heard;
}

void Notifications::opened(const std::string& journal, Sequence head) {
  const std::string wrong = cursors_.follow(journal, head);
  for (const auto& outbox : outboxes_) {
    if (!cursors_.of(outbox->channel.name)) cursors_.move(outbox->channel.name, head);
    if (wrong.empty()) continue;
    outbox->gap = fmt::format(
        "what happened up to record {} may not have been told here: `bascule runs` shows it", head);
  }
  if (wrong.empty()) return;
  report(Severity::warning,
         fmt::format("{}. Only what happens after record {} is told; `bascule runs` shows what "
                     "happened before",
                     wrong, head));
}

void Notifications::recorded(const Record& record, const engine::State& state) {
  if (outboxes_.empty()) return;
  cursors_.belong_to(state.journal);
  const std::optional<Message> message = message_for(record, state);
  for (const auto& outbox : outboxes_) {
    if (record.seq <= heard_by(*outbox)) continue;
    const bool is_new = !cursors_.of(outbox->channel.name);
    if (is_new) cursors_.move(outbox->channel.name, record.seq - 1);
    outbox->heard = record.seq;
    if (message) enqueue(*outbox, *message);
  }
}

void Notifications::noticed(const Message& message) {
  for (const auto& outbox : outboxes_) enqueue(*outbox, message);
}

void Notifications::enqueue(Outbox& outbox, const Message& message) {
  if (outbox.messages.push(message)) return;
  ++outbox.dropped;
  count(outbox, "dropped");
}

void Notifications::count(const Outbox& outbox, const std::string& result) {
  if (on_result_) on_result_(outbox.channel.name, result);
}

void Notifications::report(Severity severity, const std::string& line) {
  if (on_news_) on_news_(severity, line);
}

awaitable<void> Notifications::send_all(std::shared_ptr<Outbox> outbox) {
  while (std::optional<Message> message = co_await outbox->messages.pop()) {
    const std::uint64_t dropped = outbox->dropped;
    const std::string gap = outbox->gap;
    if (dropped > 0) {
      message->text += fmt::format(" ({} messages before this one were dropped)", dropped);
    }
    if (!gap.empty()) message->text += fmt::format(" ({})", gap);
    const Sequence seq = message->seq;
    const std::string title = message->title;
    const Result<void> sent = co_await deliver(outbox, std::move(*message));
    if (sent) {
      outbox->dropped -= dropped;
      outbox->gap.clear();
    } else {
      report(Severity::warning, fmt::format("notifier {}: message #{} is given up ({}): {}",
                                            outbox->channel.name, seq, title, said(sent.error())));
    }
    count(*outbox, sent ? "sent" : "failed");
    cursors_.move(outbox->channel.name, seq);
    co_await keep_cursors();
  }
}

awaitable<void> Notifications::keep_cursors() {
  const Result<void> kept = co_await cursors_.keep();
  std::string trouble = kept ? std::string() : kept.error().message;
  if (trouble == cursors_trouble_) co_return;
  cursors_trouble_ = std::move(trouble);
  if (cursors_trouble_.empty()) co_return;
  report(Severity::warning,
         fmt::format("what was told cannot be noted, and comes twice after a restart: {}",
                     cursors_trouble_));
}

// Until it is taken, refused for good, or so old that it would mislead.
awaitable<Result<void>> Notifications::deliver(std::shared_ptr<Outbox> outbox, Message message) {
  Duration wait = kFirstRetry;
  while (true) {
    if (outbox->quiet_until) co_await wait_for(clock_, outbox->quiet_until->left(clock_));
    const Deadline deadline = Deadline::in(clock_, kSendTimeout);
    Result<void> sent = co_await with_deadline(clock_, Deadline::in(clock_, kSendTimeout + kGrace),
                                               outbox->channel.name,
                                               outbox->channel.notifier->send(message, deadline));
    if (sent) {
      if (!outbox->trouble.empty()) {
        report(Severity::info,
               fmt::format("notifier {} takes messages again", outbox->channel.name));
      }
      outbox->trouble.clear();
      co_return sent;
    }
    const bool is_old = clock_.now() - message.at > kGiveUpAfter;
    if (is_old || gives_up(sent.error())) co_return sent;
    count(*outbox, "retried");
    meet_trouble(*outbox, sent.error());
    co_await wait_for(clock_, wait);
    wait = std::min(wait * 2, kLongestRetry);
  }
}

void Notifications::meet_trouble(Outbox& outbox, const Error& error) {
  if (error.retry_after) outbox.quiet_until = Deadline::in(clock_, *error.retry_after);
  if (outbox.trouble == error.message) return;
  outbox.trouble = error.message;
  report(Severity::warning,
         fmt::format("notifier {} takes no messages, {} more wait; it is tried again: {}",
                     outbox.channel.name, outbox.messages.size(), said(error)));
}

void Notifications::refresh_with(std::function<std::vector<Standing>()> standings) {
  standings_ = std::move(standings);
  for (const auto& outbox : outboxes_) {
    scope_.spawn("standings " + outbox->channel.name, keep_refreshing(outbox));
  }
}

// Nothing is kept of a refresh that failed: the next one is newer.
awaitable<void> Notifications::keep_refreshing(std::shared_ptr<Outbox> outbox) {
  while (!outbox->messages.closed()) {
    co_await outbox->closed.wait(clock_, Deadline::in(clock_, kRefreshEvery));
    if (outbox->messages.closed()) co_return;
    if (outbox->quiet_until && !outbox->quiet_until->has_passed(clock_)) continue;
    const Deadline deadline = Deadline::in(clock_, kSendTimeout);
    const Result<void> told = co_await with_deadline(
        clock_, Deadline::in(clock_, kSendTimeout + kGrace), outbox->channel.name,
        outbox->channel.notifier->refresh(standings_(), deadline));
    if (told) continue;
    count(*outbox, "failed");
    meet_trouble(*outbox, told.error());
  }
}

awaitable<void> Notifications::stop(Deadline deadline) {
  for (const auto& outbox : outboxes_) close(*outbox);
  Result<void> drained = co_await with_deadline(clock_, deadline, "notifiers", join_scope(scope_));
  if (!drained) {
    scope_.request_stop();
    co_await scope_.join();
  }
}

std::vector<std::string> channel_names(const Configuration& configuration) {
  std::vector<std::string> names;
  std::map<std::string, int> seen;
  for (const NotifierSpec& spec : configuration.notifiers) {
    const int number = ++seen[spec.kind];
    names.push_back(number == 1 ? spec.kind : fmt::format("{}-{}", spec.kind, number));
  }
  return names;
}

Result<std::vector<Channel>> make_channels(const Configuration& configuration,
                                           const Catalog& catalog, Services& services) {
  std::vector<Channel> channels;
  const std::vector<std::string> names = channel_names(configuration);
  for (std::size_t i = 0; i < names.size(); ++i) {
    const NotifierSpec& spec = configuration.notifiers[i];
    const NotifierKind* kind = catalog.find_notifier(spec.kind);
    if (kind == nullptr)
      return fail(ErrorCode::invalid, "notifier `{}` is not available in this build", spec.kind);
    auto notifier = kind->make(spec.settings, services);
    if (!notifier) return fail(in_context("notifier " + spec.kind, notifier.error()));
    const Severity least = severity_from(text_or(spec.settings, "min_severity"));
    channels.push_back(Channel{names[i], std::make_shared<Selective>(*notifier, least)});
  }
  return channels;
}

}  // namespace bascule::runtime
