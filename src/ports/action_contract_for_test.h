// What every action promises, asked of any action, real or fake. Only tests include this.
//
//   inspect is read-only; apply may be repeated, also when the first one's answer was lost; inspect
//   after apply says done; revert takes back to the recorded prior and may be repeated too.
#pragma once

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <utility>

#include "async/block_on.h"
#include "async/clock.h"
#include "ports/action.h"

namespace bascule {

struct ActionContract {
  boost::asio::io_context& context;
  Clock& clock;
  std::shared_ptr<Action> action;
  // A fresh call with a deadline; the contract fills in attempt and prior.
  std::function<StepCall()> call;
  // What somebody beside the action sees of what it changes.
  std::function<Json()> world;
  // What must be as before once it was taken back; the whole world unless said otherwise.
  std::function<Json(const Json& world)> restored = [](const Json& seen) { return seen; };
  bool reversible = true;

  void check() const {
    const Json before = world();
    const Result<Inspection> first = inspect(0, nullptr);
    ASSERT_TRUE(first) << first.error().message;
    EXPECT_EQ(first->finding, Finding::needed) << first->because;
    EXPECT_FALSE(first->change.empty());
    EXPECT_EQ(world(), before) << "inspect is read-only";
    const Json prior = first->prior;

    const Result<Outputs> applied = apply(1, prior);
    ASSERT_TRUE(applied) << applied.error().message;
    expect_done(1, prior);
    const Json after = world();
    EXPECT_NE(after, before);

    const Result<Outputs> again = apply(2, prior);
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ(world(), after) << "apply may be repeated";
    expect_done(2, prior);
    EXPECT_EQ(world(), after) << "inspect is read-only";

    if (!reversible) {
      const Result<void> refused = revert(2, prior);
      ASSERT_FALSE(refused);
      EXPECT_EQ(refused.error().code, ErrorCode::invalid);
      EXPECT_EQ(world(), after);
      return;
    }
    const Result<void> reverted = revert(2, prior);
    ASSERT_TRUE(reverted) << reverted.error().message;
    const Json back = world();
    EXPECT_EQ(restored(back), restored(before));
    const Result<void> repeated = revert(2, prior);
    ASSERT_TRUE(repeated) << repeated.error().message;
    EXPECT_EQ(world(), back) << "revert may be repeated";
  }

 private:
  [[nodiscard]] StepCall filled(std::int64_t attempt, const Json& prior) const {
    StepCall made = call();
    made.attempt = attempt;
    made.prior = prior;
    return made;
  }
  [[nodiscard]] Result<Inspection> inspect(std::int64_t attempt, const Json& prior) const {
    return block_on(context, action->inspect(filled(attempt, prior)));
  }
  [[nodiscard]] Result<Outputs> apply(std::int64_t attempt, const Json& prior) const {
    return block_on(context, action->apply(filled(attempt, prior)));
  }
  [[nodiscard]] Result<void> revert(std::int64_t attempt, const Json& prior) const {
    return block_on(context, action->revert(filled(attempt, prior)));
  }

  // A slow provider may say `pending` for a while.
  void expect_done(std::int64_t attempt, const Json& prior) const {
    const Deadline patience = Deadline::in(clock, Duration{5'000});
    while (true) {
      const Result<Inspection> found = inspect(attempt, prior);
      ASSERT_TRUE(found) << found.error().message;
      if (found->finding == Finding::done) return;
      ASSERT_EQ(found->finding, Finding::pending) << found->because;
      ASSERT_FALSE(patience.has_passed(clock)) << found->because;
      block_on(context, wait_for(clock, Duration{20}));
    }
  }
};

}  // namespace bascule
