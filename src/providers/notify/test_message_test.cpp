// `notify.test` over notifiers that work, refuse, hang, or are not there at all.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "ports/plain_world_for_test.h"
#include "providers/notify/kinds.h"

namespace bascule::notify {
namespace {

struct FakeNotifier final : Notifier {
  FakeNotifier(Clock& its_clock, Result<void> its_answer)
      : clock(its_clock), answer(std::move(its_answer)) {}

  awaitable<Result<void>> send(Message message, Deadline) override {
    messages.push_back(std::move(message));
    if (hangs) co_await wait_for(clock, Duration{3'600'000});
    co_return answer;
  }
  awaitable<Result<void>> reach(Deadline) override {
    ++reached;
    if (hangs) co_await wait_for(clock, Duration{3'600'000});
    co_return answer;
  }

  Clock& clock;
  Result<void> answer;
  bool hangs = false;
  int reached = 0;
  std::vector<Message> messages;
};

struct TestMessageTest : testing::Test {
  PlainWorld world;

  std::shared_ptr<FakeNotifier> add(const std::string& name, Result<void> answer = {}) {
    auto notifier = std::make_shared<FakeNotifier>(world.clock, std::move(answer));
    world.services.channels.push_back(Channel{name, notifier});
    return notifier;
  }
  Inspection ask(AskedBy asked_by, Duration limit = Duration{10'000}) {
    const ActionContext context{nullptr, "demo", SiteName("berlin"), Json::object()};
    const auto action = test_kind().make(context, world.services).value();
    StepCall call(world.in(limit));
    call.group = GroupName("shop");
    call.target = SiteName("berlin");
    call.asked_by = asked_by;
    const Result<Inspection> found = world.wait(action->inspect(call));
    EXPECT_TRUE(found);
    return found.value_or(Inspection());
  }
};

TEST_F(TestMessageTest, APersonWhoAsksGetsAMessageOverEachNotifier) {
  const auto first = add("log");
  const auto second = add("slack");
  const Inspection found = ask(AskedBy::person);
  EXPECT_EQ(found.finding, Finding::done);
  EXPECT_EQ(found.because, "sent over log, slack");
  for (const auto& notifier : {first, second}) {
    ASSERT_EQ(notifier->messages.size(), 1U);
    const Message& message = notifier->messages.front();
    EXPECT_EQ(message.group, GroupName("shop"));
    EXPECT_EQ(message.title, "test message of shop: nothing has happened");
    EXPECT_NE(message.text.find("`bascule preflight shop --to berlin`"), std::string::npos);
    EXPECT_EQ(message.data["test"], true);
    EXPECT_EQ(notifier->reached, 0);
  }
}

TEST_F(TestMessageTest, InTheBackgroundNobodyIsDisturbed) {
  const auto notifier = add("slack");
  const Inspection found = ask(AskedBy::bascule);
  EXPECT_EQ(found.finding, Finding::done);
  EXPECT_EQ(found.because, "slack can be reached");
  EXPECT_TRUE(notifier->messages.empty());
  EXPECT_EQ(notifier->reached, 1);
}

TEST_F(TestMessageTest, WhatCannotBeReachedIsNamedAndTheOthersAreStillTried) {
  add("slack", fail(ErrorCode::unavailable, "connection refused"));
  const auto good = add("log");
  for (const AskedBy asked_by : {AskedBy::person, AskedBy::bascule}) {
    const Inspection found = ask(asked_by);
    EXPECT_EQ(found.finding, Finding::blocked);
    EXPECT_EQ(found.because, "slack: connection refused");
    EXPECT_EQ(found.facts["channels"],
              (Json{{{"name", "slack"}, {"works", false}}, {{"name", "log"}, {"works", true}}}));
  }
  EXPECT_EQ(good->messages.size(), 1U);
}

TEST_F(TestMessageTest, OneThatHangsEndsAtItsDeadlineAndDelaysNoOther) {
  add("pager")->hangs = true;
  const auto good = add("log");
  const Inspection found = ask(AskedBy::person, Duration{200});
  EXPECT_EQ(found.finding, Finding::blocked);
  EXPECT_TRUE(found.because.starts_with("pager: it gave no answer within ")) << found.because;
  EXPECT_EQ(good->messages.size(), 1U);
}

TEST_F(TestMessageTest, WithoutAnyNotifierItIsBlockedWithWhatToDo) {
  const Inspection found = ask(AskedBy::person);
  EXPECT_EQ(found.finding, Finding::blocked);
  EXPECT_NE(found.because.find("`notify:`"), std::string::npos);
}

TEST_F(TestMessageTest, ItIsAnItemOfThePreflightOnly) {
  const ActionKind kind = test_kind();
  EXPECT_TRUE(kind.kind.preflight);
  EXPECT_TRUE(kind.kind.only_preflight);
}

}  // namespace
}  // namespace bascule::notify
