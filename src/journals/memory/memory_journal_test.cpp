#include "journals/memory/memory_journal.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <gtest/gtest.h>

#include "ports/journal_contract_test.h"

namespace bascule {
namespace {

struct MemoryFactory {
  explicit MemoryFactory(Clock& clock_value) : clock(clock_value) {}
  std::unique_ptr<MemoryJournal> open() { return std::make_unique<MemoryJournal>(clock, store); }
  std::unique_ptr<Journal> open_reader() { return open(); }

  Clock& clock;
  std::shared_ptr<MemoryStore> store = std::make_shared<MemoryStore>();
};
INSTANTIATE_TYPED_TEST_SUITE_P(Memory, JournalContract, MemoryFactory);

class MemoryJournals : public testing::Test {
 protected:
  static std::vector<Record> one(Sequence seq) {
    return {{seq, examples::moment(0), 1, "ana", "", examples::example<RunParked>()}};
  }
  Result<JournalHead> append(Sequence seq) {
    return block_on(context_, journal_.append(one(seq), 1));
  }
  void SetUp() override {
    ASSERT_EQ(block_on(context_, journal_.acquire("laptop", Deadline::held_outside())), Term{1});
  }

  boost::asio::io_context context_;
  SimulatedClock clock_{context_, examples::moment(0)};
  MemoryJournal journal_{clock_};
};

TEST_F(MemoryJournals, AnAppendCanBeMadeToFailOnceAndKeepsNothing) {
  journal_.fail_next_append({ErrorCode::unavailable, "the disk is slow today", "", std::nullopt});
  EXPECT_EQ(append(1).error().message, "the disk is slow today");
  EXPECT_TRUE(journal_.records().empty());
  EXPECT_TRUE(append(1));
}

TEST_F(MemoryJournals, AReplyCanBeLostAfterEverythingWasKept) {
  journal_.lose_next_reply();
  EXPECT_EQ(append(1).error().code, ErrorCode::outcome_unknown);
  ASSERT_EQ(journal_.records().size(), 1U);
  EXPECT_EQ(type_name(journal_.records()[0].body), "RunParked");
}

TEST_F(MemoryJournals, AFullStoreKeepsWhatItHas) {
  ASSERT_TRUE(append(1));
  journal_.be_full(true);
  EXPECT_EQ(append(2).error().code, ErrorCode::unavailable);
  EXPECT_EQ(journal_.store()->stored().size(), 1U);
  journal_.be_full(false);
  EXPECT_TRUE(append(2));
}

TEST_F(MemoryJournals, ALostLeaseEndsTheTermUntilItIsFreeAgain) {
  journal_.lose_lease("desktop");
  EXPECT_EQ(append(1).error().code, ErrorCode::term_over);
  const auto refused = block_on(context_, journal_.acquire("laptop", Deadline::held_outside()));
  EXPECT_EQ(refused.error().message, "held by desktop since 2026-11-23T16:37:25.000Z");
  journal_.free_lease();
  EXPECT_EQ(block_on(context_, journal_.acquire("laptop", Deadline::held_outside())), Term{3});
}

boost::asio::awaitable<void> append_into(MemoryJournal& journal, std::vector<Record> records,
                                         std::optional<Result<JournalHead>>& answer) {
  answer = co_await journal.append(std::move(records), 1);
}

TEST_F(MemoryJournals, ASlowStoreAnswersWhenItsTimeHasCome) {
  journal_.be_slow(Duration{500});
  std::optional<Result<JournalHead>> answer;
  boost::asio::co_spawn(context_, append_into(journal_, one(1), answer), boost::asio::detached);
  clock_.advance(Duration{499});
  EXPECT_FALSE(answer.has_value());
  clock_.advance(Duration{1});
  ASSERT_TRUE(answer.has_value());
  EXPECT_TRUE(answer->has_value());
}

}  // namespace
}  // namespace bascule
