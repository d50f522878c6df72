// What every journal with its lease must do, as tests that run over the fake and the real ones:
//
//   struct MemoryFactory {                       // one store, several processes that open it
//     explicit MemoryFactory(Clock& clock);
//     std::unique_ptr<MemoryJournal> open();     // a Journal and a Lease
//     std::unique_ptr<Journal> open_reader();
//   };
//   INSTANTIATE_TYPED_TEST_SUITE_P(Memory, JournalContract, MemoryFactory);
//
// For tests only; no library includes it.
#pragma once

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "async/block_on.h"
#include "async/clock.h"
#include "model/audit.h"
#include "model/record_examples.h"
#include "ports/journal.h"

namespace bascule {

template <typename Factory>
class JournalContract : public testing::Test {
 protected:
  using Opened = decltype(std::declval<Factory&>().open());

  static std::vector<Record> records(Sequence first, std::size_t count, Term term) {
    std::vector<Record> all;
    all.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
      all.push_back({first + i, examples::moment(static_cast<std::int64_t>(first + i)), term, "ana",
                     "", examples::example<StepStarted>()});
    }
    return all;
  }
  Deadline soon() { return Deadline::in(clock_, Duration{10'000}); }

  Result<Term> acquire(Lease& lease, std::string holder = "laptop") {
    return block_on(context_, lease.acquire(std::move(holder), soon()));
  }
  Result<void> renew(Lease& lease, Term term) {
    return block_on(context_, lease.renew(term, soon()));
  }
  Result<void> release(Lease& lease, Term term) { return block_on(context_, lease.release(term)); }
  Result<JournalHead> append(Journal& journal, std::vector<Record> batch, Term term) {
    return block_on(context_, journal.append(std::move(batch), term));
  }
  Result<std::vector<StoredRecord>> read(Journal& journal, Sequence after = 0,
                                         std::size_t limit = 10'000) {
    return block_on(context_, journal.read(after, limit));
  }
  Sequence newest(Journal& journal) {
    const auto head = block_on(context_, journal.head());
    EXPECT_TRUE(head);
    return head ? head->seq : 0;
  }

  boost::asio::io_context context_;
  SystemClock clock_{context_};
  Factory factory_{clock_};
};

TYPED_TEST_SUITE_P(JournalContract);

TYPED_TEST_P(JournalContract, AnEmptyJournalHasNothingToReadAndAHeadOfZeros) {
  const auto journal = this->factory_.open();
  const auto head = block_on(this->context_, journal->head());
  ASSERT_TRUE(head);
  EXPECT_EQ(head->seq, 0U);
  EXPECT_EQ(head->hash, Hash{});
  EXPECT_TRUE(this->read(*journal)->empty());
  EXPECT_TRUE(this->read(*journal, 7)->empty());
}

TYPED_TEST_P(JournalContract, WhatWasAppendedIsReadInOrderWithItsHashes) {
  const auto journal = this->factory_.open();
  const Term term = *this->acquire(*journal);
  const auto batch = this->records(1, 5, term);
  const auto head = this->append(*journal, batch, term);
  ASSERT_TRUE(head) << head.error().message;
  EXPECT_EQ(head->seq, 5U);
  const auto later = this->append(*journal, this->records(6, 2, term), term);
  ASSERT_TRUE(later);

  const auto all = this->read(*journal);
  ASSERT_TRUE(all);
  ASSERT_EQ(all->size(), 7U);
  for (std::size_t i = 0; i < batch.size(); ++i) EXPECT_EQ(all->at(i).bytes, encode(batch[i]));
  EXPECT_EQ(all->at(4).hash, head->hash);
  EXPECT_EQ(all->back().hash, later->hash);
  EXPECT_TRUE(verify_chain(*all, SeenHead{later->seq, later->hash}).intact());
}

TYPED_TEST_P(JournalContract, ReadingIsPagedByNumberAndLimit) {
  const auto journal = this->factory_.open();
  const Term term = *this->acquire(*journal);
  ASSERT_TRUE(this->append(*journal, this->records(1, 10, term), term));
  const auto page = this->read(*journal, 4, 3);
  ASSERT_TRUE(page);
  ASSERT_EQ(page->size(), 3U);
  EXPECT_EQ(page->front().seq, 5U);
  EXPECT_EQ(page->back().seq, 7U);
  EXPECT_EQ(this->read(*journal, 9, 3)->size(), 1U);
  EXPECT_TRUE(this->read(*journal, 10, 3)->empty());
  EXPECT_TRUE(this->read(*journal, 0, 0)->empty());
}

TYPED_TEST_P(JournalContract, AGapIsRefusedAndNothingOfTheBatchIsKept) {
  const auto journal = this->factory_.open();
  const Term term = *this->acquire(*journal);
  EXPECT_EQ(this->append(*journal, this->records(2, 1, term), term).error().code,
            ErrorCode::invalid);
  auto batch = this->records(1, 3, term);
  batch[2].seq = 4;
  EXPECT_EQ(this->append(*journal, batch, term).error().code, ErrorCode::invalid);
  EXPECT_EQ(this->append(*journal, {}, term).error().code, ErrorCode::invalid);
  EXPECT_EQ(this->newest(*journal), 0U);
  batch[2].seq = 3;
  EXPECT_TRUE(this->append(*journal, batch, term));
  EXPECT_EQ(this->append(*journal, batch, term).error().code, ErrorCode::invalid);
  EXPECT_EQ(this->newest(*journal), 3U);
}

TYPED_TEST_P(JournalContract, ARecordOfAnotherTermIsRefused) {
  const auto journal = this->factory_.open();
  const Term term = *this->acquire(*journal);
  EXPECT_EQ(this->append(*journal, this->records(1, 1, term + 1), term).error().code,
            ErrorCode::invalid);
}

TYPED_TEST_P(JournalContract, NobodyWritesWithoutTheLease) {
  const auto journal = this->factory_.open();
  EXPECT_EQ(this->append(*journal, this->records(1, 1, 1), 1).error().code, ErrorCode::term_over);
  const Term term = *this->acquire(*journal);
  EXPECT_EQ(this->append(*journal, this->records(1, 1, term + 1), term + 1).error().code,
            ErrorCode::term_over);
  ASSERT_TRUE(this->release(*journal, term));
  EXPECT_EQ(this->append(*journal, this->records(1, 1, term), term).error().code,
            ErrorCode::term_over);
  EXPECT_EQ(this->renew(*journal, term).error().code, ErrorCode::term_over);
  EXPECT_EQ(this->release(*journal, term).error().code, ErrorCode::term_over);
}

TYPED_TEST_P(JournalContract, ASecondHolderIsRefusedByTheNameOfTheFirst) {
  const auto first = this->factory_.open();
  const auto second = this->factory_.open();
  const Term term = *this->acquire(*first, "laptop");
  const auto refused = this->acquire(*second, "desktop");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::unavailable);
  EXPECT_NE(refused.error().message.find("held by laptop"), std::string::npos)
      << refused.error().message;
  EXPECT_NE(refused.error().message.find(" since "), std::string::npos) << refused.error().message;
  EXPECT_TRUE(this->renew(*first, term));
  EXPECT_TRUE(this->append(*first, this->records(1, 1, term), term));
}

TYPED_TEST_P(JournalContract, WhoHoldsItCanBeginTheNextTerm) {
  const auto first = this->factory_.open();
  const auto second = this->factory_.open();
  const Term old = *this->acquire(*first, "laptop");
  ASSERT_TRUE(this->append(*first, this->records(1, 1, old), old));
  const auto next = this->acquire(*first, "laptop");
  ASSERT_TRUE(next) << next.error().message;
  EXPECT_GT(*next, old);
  EXPECT_EQ(this->append(*first, this->records(2, 1, old), old).error().code, ErrorCode::term_over);
  EXPECT_EQ(this->renew(*first, old).error().code, ErrorCode::term_over);
  EXPECT_FALSE(this->acquire(*second, "desktop"));
  EXPECT_TRUE(this->append(*first, this->records(2, 1, *next), *next));
  EXPECT_TRUE(this->release(*first, *next));
}

TYPED_TEST_P(JournalContract, TermsGrowWithEveryHolderAndAnOldOneIsOver) {
  const auto first = this->factory_.open();
  const auto second = this->factory_.open();
  const Term old = *this->acquire(*first);
  ASSERT_TRUE(this->release(*first, old));
  const auto newer = this->acquire(*second, "desktop");
  ASSERT_TRUE(newer) << newer.error().message;
  EXPECT_GT(*newer, old);
  EXPECT_EQ(this->append(*first, this->records(1, 1, old), old).error().code, ErrorCode::term_over);
  EXPECT_EQ(this->renew(*first, old).error().code, ErrorCode::term_over);
  EXPECT_EQ(this->release(*first, old).error().code, ErrorCode::term_over);
  EXPECT_TRUE(this->renew(*second, *newer));
  EXPECT_TRUE(this->append(*second, this->records(1, 1, *newer), *newer));
}

TYPED_TEST_P(JournalContract, WhoIsGoneHoldsNothingAndLosesNothing) {
  auto journal = this->factory_.open();
  const Term term = *this->acquire(*journal);
  ASSERT_TRUE(this->append(*journal, this->records(1, 4, term), term));
  journal.reset();
  journal = this->factory_.open();
  const auto next = this->acquire(*journal);
  ASSERT_TRUE(next) << next.error().message;
  EXPECT_GT(*next, term);
  EXPECT_EQ(this->newest(*journal), 4U);
  ASSERT_TRUE(this->append(*journal, this->records(5, 1, *next), *next));
  EXPECT_TRUE(verify_chain(*this->read(*journal)).intact());
}

TYPED_TEST_P(JournalContract, AReaderSeesWhatIsAppendedAndCannotWrite) {
  const auto journal = this->factory_.open();
  const Term term = *this->acquire(*journal);
  const auto reader = this->factory_.open_reader();
  EXPECT_TRUE(this->read(*reader)->empty());
  for (Sequence seq = 1; seq <= 3; ++seq) {
    ASSERT_TRUE(this->append(*journal, this->records(seq, 1, term), term));
    EXPECT_EQ(this->newest(*reader), seq);
    EXPECT_EQ(this->read(*reader, seq - 1)->size(), 1U);
  }
  EXPECT_FALSE(this->append(*reader, this->records(4, 1, term), term));
  EXPECT_EQ(this->newest(*journal), 3U);
}

TYPED_TEST_P(JournalContract, EveryTypeOfRecordIsKeptToTheByte) {
  const auto journal = this->factory_.open();
  const Term term = *this->acquire(*journal);
  const auto batch = examples::records(1, term);
  ASSERT_TRUE(this->append(*journal, batch, term));
  const auto all = this->read(*journal);
  ASSERT_EQ(all->size(), batch.size());
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const auto record = decode(all->at(i).bytes);
    ASSERT_TRUE(record) << record.error().message;
    EXPECT_EQ(encode(*record), encode(batch[i]));
  }
}

REGISTER_TYPED_TEST_SUITE_P(JournalContract, AnEmptyJournalHasNothingToReadAndAHeadOfZeros,
                            WhatWasAppendedIsReadInOrderWithItsHashes,
                            ReadingIsPagedByNumberAndLimit, AGapIsRefusedAndNothingOfTheBatchIsKept,
                            ARecordOfAnotherTermIsRefused, NobodyWritesWithoutTheLease,
                            ASecondHolderIsRefusedByTheNameOfTheFirst,
                            WhoHoldsItCanBeginTheNextTerm,
                            TermsGrowWithEveryHolderAndAnOldOneIsOver,
                            WhoIsGoneHoldsNothingAndLosesNothing,
                            AReaderSeesWhatIsAppendedAndCannotWrite,
                            EveryTypeOfRecordIsKeptToTheByte);

}  // namespace bascule
