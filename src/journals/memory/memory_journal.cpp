#include "journals/memory/memory_journal.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "model/chain.h"

namespace bascule {

using boost::asio::awaitable;

MemoryJournal::MemoryJournal(Clock& clock, std::shared_ptr<MemoryStore> store)
    : clock_(clock), store_(store ? std::move(store) : std::make_shared<MemoryStore>()) {}

MemoryJournal::~MemoryJournal() {
  if (store_->holder_ == this) free_lease();
}

JournalHead MemoryJournal::head_now() const {
  if (store_->stored_.empty()) return {};
  return {store_->stored_.back().seq, store_->stored_.back().hash};
}

bool MemoryJournal::holds(Term term) const {
  return store_->holder_ == this && store_->term_ == term;
}

awaitable<Result<JournalHead>> MemoryJournal::append(std::vector<Record> records, Term term) {
  if (slowness_ > Duration{0}) co_await wait_for(clock_, slowness_);
  if (!holds(term)) {
    co_return fail(ErrorCode::term_over, "term {} is over: term {} has begun", term, store_->term_);
  }
  if (auto error = std::exchange(next_append_fails_, std::nullopt)) co_return fail(*error);
  if (full_) co_return fail(ErrorCode::unavailable, "the store is full");
  const JournalHead before = head_now();
  auto links = extend_chain(before.seq, before.hash, records, term);
  if (!links) co_return error_of(links);
  for (ChainLink& link : *links) {
    store_->stored_.push_back({link.seq, link.hash, std::move(link.bytes)});
  }
  if (std::exchange(next_reply_is_lost_, false)) {
    co_return fail(ErrorCode::outcome_unknown, "the store did not answer");
  }
  co_return head_now();
}

awaitable<Result<std::vector<StoredRecord>>> MemoryJournal::read(Sequence after,
                                                                 std::size_t limit) {
  if (slowness_ > Duration{0}) co_await wait_for(clock_, slowness_);
  const auto& all = store_->stored_;
  const std::size_t from = std::min<std::size_t>(after, all.size());
  const std::size_t count = std::min(limit, all.size() - from);
  co_return std::vector<StoredRecord>(all.begin() + static_cast<std::ptrdiff_t>(from),
                                      all.begin() + static_cast<std::ptrdiff_t>(from + count));
}

awaitable<Result<JournalHead>> MemoryJournal::head() {
  co_return head_now();
}

awaitable<Result<Term>> MemoryJournal::acquire(std::string holder, Deadline deadline) {
  if (slowness_ > Duration{0}) co_await wait_for(clock_, slowness_);
  if (deadline.has_passed(clock_)) co_return fail(ErrorCode::timeout, "the store took too long");
  const bool is_ours = store_->holder_ == this;
  if (!is_ours && (store_->holder_ != nullptr || !store_->held_by_.empty())) {
    co_return fail(ErrorCode::unavailable, "held by {}", store_->held_by_);
  }
  store_->holder_ = this;
  store_->held_by_ = holder + " since " + to_rfc3339(clock_.now());
  co_return ++store_->term_;
}

awaitable<Result<void>> MemoryJournal::renew(Term term, Deadline deadline) {
  if (slowness_ > Duration{0}) co_await wait_for(clock_, slowness_);
  if (deadline.has_passed(clock_)) co_return fail(ErrorCode::timeout, "the store took too long");
  if (!holds(term)) {
    co_return fail(ErrorCode::term_over, "term {} is over: term {} has begun", term, store_->term_);
  }
  co_return Result<void>();
}

awaitable<Result<void>> MemoryJournal::release(Term term) {
  if (!holds(term)) {
    co_return fail(ErrorCode::term_over, "term {} is not ours to release", term);
  }
  free_lease();
  co_return Result<void>();
}

void MemoryJournal::lose_lease(std::string by) {
  ++store_->term_;
  store_->holder_ = nullptr;
  store_->held_by_ = by + " since " + to_rfc3339(clock_.now());
}

void MemoryJournal::free_lease() {
  store_->holder_ = nullptr;
  store_->held_by_.clear();
}

std::vector<Record> MemoryJournal::records() const {
  std::vector<Record> records;
  for (const StoredRecord& stored : store_->stored_) {
    Result<Record> record = decode(stored.bytes);
    BASCULE_ASSERT(record.has_value(), "what this build has written it can read");
    records.push_back(*std::move(record));
  }
  return records;
}

}  // namespace bascule
