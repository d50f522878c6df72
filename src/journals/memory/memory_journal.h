// A journal and its lease in memory: nothing outlives the process. It is what tests of the runtime
// run on, and passes the same contract as the real stores (ports/journal_contract_test.h); and it
// can be told to misbehave as real stores do.
//
// Several MemoryJournals over one MemoryStore are several processes over one file: what one of them
// wrote the others read, and only one of them holds the lease. All calls come on one thread.
#pragma once

#include <boost/asio/awaitable.hpp>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "async/clock.h"
#include "ports/journal.h"

namespace bascule {

class MemoryJournal;

class MemoryStore {
 public:
  MemoryStore() = default;
  // A copy of another journal, up to and with term `term`.
  MemoryStore(std::vector<StoredRecord> stored, Term term)
      : stored_(std::move(stored)), term_(term) {}

  [[nodiscard]] const std::vector<StoredRecord>& stored() const { return stored_; }

 private:
  friend class MemoryJournal;

  std::vector<StoredRecord> stored_;
  Term term_ = 0;
  const MemoryJournal* holder_ = nullptr;
  std::string held_by_;  // "laptop since 2026-11-23T14:02:00.000Z"
};

class MemoryJournal final : public Journal, public Lease {
 public:
  explicit MemoryJournal(Clock& clock, std::shared_ptr<MemoryStore> store = nullptr);
  // Gives the lease back, as the end of a process does.
  ~MemoryJournal() override;
  MemoryJournal(const MemoryJournal&) = delete;
  MemoryJournal& operator=(const MemoryJournal&) = delete;

  boost::asio::awaitable<Result<JournalHead>> append(std::vector<Record> records,
                                                     Term term) override;
  boost::asio::awaitable<Result<std::vector<StoredRecord>>> read(Sequence after,
                                                                 std::size_t limit) override;
  boost::asio::awaitable<Result<JournalHead>> head() override;

  boost::asio::awaitable<Result<Term>> acquire(std::string holder, Deadline deadline) override;
  boost::asio::awaitable<Result<void>> renew(Term term, Deadline deadline) override;
  boost::asio::awaitable<Result<void>> release(Term term) override;

  // The next append keeps nothing and answers with this.
  void fail_next_append(Error error) { next_append_fails_ = std::move(error); }
  // The next append keeps everything, and its answer is lost: outcome_unknown.
  void lose_next_reply() { next_reply_is_lost_ = true; }
  // Every append, read, acquire and renew takes this long on the clock; zero: none.
  void be_slow(Duration span) { slowness_ = span; }
  // While full, no append is kept: unavailable.
  void be_full(bool full) { full_ = full; }
  // Somebody else took over: a newer term has begun, held by `by`.
  void lose_lease(std::string by = "another observer");
  // Nobody holds the lease any more, as when the process that held it has ended.
  void free_lease();

  // Everything written so far, decoded. Cheap enough for tests only.
  [[nodiscard]] std::vector<Record> records() const;
  [[nodiscard]] const std::shared_ptr<MemoryStore>& store() const { return store_; }

 private:
  [[nodiscard]] JournalHead head_now() const;
  [[nodiscard]] bool holds(Term term) const;

  Clock& clock_;
  std::shared_ptr<MemoryStore> store_;
  std::optional<Error> next_append_fails_;
  bool next_reply_is_lost_ = false;
  bool full_ = false;
  Duration slowness_{0};
};

}  // namespace bascule
