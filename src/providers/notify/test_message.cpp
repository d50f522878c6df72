#include <fmt/format.h>
#include <fmt/ranges.h>

#include <utility>
#include <vector>

#include "async/random.h"
#include "async/scope.h"
#include "async/with_deadline.h"
#include "providers/notify/kinds.h"

namespace bascule::notify {
namespace {

// For one channel; what is left then is for telling.
constexpr Duration kChannelLimit{5'000};

Message test_message(const StepCall& call, const std::string& cluster, const SiteName& site,
                     Instant now) {
  Message message;
  message.cluster = cluster;
  message.delivery = fmt::format("{}/test/{}", cluster, random_mark());
  message.group = call.group;
  message.at = now;
  message.title = fmt::format("test message of {}: nothing has happened", call.group);
  message.text = fmt::format(
      "a person runs the preflight of {}: this is how you would hear of a failover "
      "(`bascule preflight {} --to {}`)",
      site, call.group, site);
  message.data = {{"test", true}, {"site", site.text()}};
  return message;
}

awaitable<void> ask_into(Clock& clock, Channel channel, std::optional<Message> message,
                         Deadline deadline, Result<void>* place) {
  auto asked = message ? channel.notifier->send(std::move(*message), deadline)
                       : channel.notifier->reach(deadline);
  *place = co_await with_deadline(clock, deadline, "it", std::move(asked));
}

class TestMessage final : public Action {
 public:
  TestMessage(std::string cluster, SiteName site, Services& services)
      : cluster_(std::move(cluster)), site_(std::move(site)), services_(services) {}

  awaitable<Result<Inspection>> inspect(StepCall call) override {
    const bool sends = call.asked_by == AskedBy::person;
    const std::vector<Channel> channels = services_.channels;
    Inspection inspection;
    inspection.change = "send a test message over every notifier";
    inspection.finding = Finding::blocked;
    if (channels.empty()) {
      inspection.because = "nobody would hear of a failover: add a notifier under `notify:`";
      co_return inspection;
    }
    std::optional<Message> message;
    if (sends) message = test_message(call, cluster_, site_, services_.clock.now());
    const Deadline limit = earlier_of(call.deadline, Deadline::in(services_.clock, kChannelLimit));
    std::vector<Result<void>> answers(channels.size());
    Scope scope(services_.io.get_executor(), nullptr);
    for (std::size_t i = 0; i < channels.size(); ++i) {
      scope.spawn("notifier " + channels[i].name,
                  ask_into(services_.clock, channels[i], message, limit, &answers[i]));
    }
    co_await scope.join();
    std::vector<std::string> good;
    std::vector<std::string> bad;
    inspection.facts["channels"] = Json::array();
    for (std::size_t i = 0; i < channels.size(); ++i) {
      const std::string& name = channels[i].name;
      (answers[i] ? good : bad)
          .push_back(answers[i] ? name : in_context(name, answers[i].error()).message);
      inspection.facts["channels"].push_back({{"name", name}, {"works", answers[i].has_value()}});
    }
    if (bad.empty()) inspection.finding = Finding::done;
    inspection.because =
        bad.empty() ? fmt::format(fmt::runtime(sends ? "sent over {}" : "{} can be reached"),
                                  fmt::join(good, ", "))
                    : fmt::format("{}", fmt::join(bad, "; "));
    co_return inspection;
  }

  awaitable<Result<Outputs>> apply(StepCall) override {
    co_return fail(ErrorCode::invalid, "notify.test is an item of the preflight, not a step");
  }
  awaitable<Result<void>> revert(StepCall) override { co_return Result<void>(); }

 private:
  std::string cluster_;
  SiteName site_;
  Services& services_;
};

}  // namespace

ActionKind test_kind() {
  ActionKind test;
  test.kind.name = "notify.test";
  test.kind.summary =
      "Every notifier works: asked by a person it sends a test message, in the background it only "
      "looks whether each can be reached.";
  test.kind.preflight = true;
  test.kind.only_preflight = true;
  test.remedy = "see why the notifiers named there cannot be reached, or add one under `notify:`";
  test.make = [](ActionContext context, Services& services) -> Result<std::shared_ptr<Action>> {
    return std::make_shared<TestMessage>(context.cluster, context.site, services);
  };
  return test;
}

}  // namespace bascule::notify
