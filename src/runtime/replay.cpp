#include "runtime/replay.h"

#include "engine/engine.h"
#include "model/record_codec.h"

namespace bascule::runtime {
namespace {

constexpr std::size_t kBatch = 1'000;

void tell_opened(const std::vector<Follower*>& followers, const std::string& journal,
                 Sequence head) {
  for (Follower* follower : followers) follower->opened(journal, head);
}

Result<void> take_in(Replayed& replayed, const std::vector<Follower*>& followers,
                     const StoredRecord& stored, const JournalHead& head) {
  if (stored.seq != replayed.head.seq + 1) {
    return fail(ErrorCode::corrupt, "record {} is missing (found {} instead)",
                replayed.head.seq + 1, stored.seq);
  }
  const Hash expected = chain(replayed.head.hash, stored.bytes);
  if (expected != stored.hash) {
    return fail(ErrorCode::corrupt,
                "record {} does not fit its hash: it was changed after it was written", stored.seq);
  }
  Result<Record> record = decode(stored.bytes);
  if (!record) return error_of(record);
  engine::evolve(replayed.state, *record);
  replayed.head = JournalHead{stored.seq, stored.hash};
  if (stored.seq == 1) tell_opened(followers, replayed.state.journal, head.seq);
  for (Follower* follower : followers) {
    if (record->seq > follower->heard_up_to()) follower->recorded(*record, replayed.state);
  }
  return {};
}

}  // namespace

awaitable<Result<Replayed>> replay(Journal& journal, std::vector<Follower*> followers) {
  Replayed replayed;
  Result<JournalHead> head = co_await journal.head();
  if (!head) co_return error_of(head);
  if (head->seq == 0) tell_opened(followers, "", 0);
  while (true) {
    Result<std::vector<StoredRecord>> batch = co_await journal.read(replayed.head.seq, kBatch);
    if (!batch) co_return error_of(batch);
    if (batch->empty()) co_return replayed;
    for (const StoredRecord& stored : *batch) {
      if (Result<void> taken = take_in(replayed, followers, stored, *head); !taken)
        co_return error_of(taken);
    }
  }
}

}  // namespace bascule::runtime
