#include "runtime/replay.h"

#include "engine/engine.h"
#include "model/record_codec.h"

namespace bascule::runtime {
namespace {

constexpr std::size_t kBatch = 1'000;

Result<void> take_in(Replayed& replayed, const std::vector<Follower*>& followers,
                     const StoredRecord& stored) {
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
  for (Follower* follower : followers) {
    if (record->seq > follower->heard_up_to()) follower->recorded(*record, replayed.state);
  }
  return {};
}

}  // namespace

awaitable<Result<Replayed>> replay(Journal& journal, std::vector<Follower*> followers) {
  Replayed replayed;
  while (true) {
    Result<std::vector<StoredRecord>> batch = co_await journal.read(replayed.head.seq, kBatch);
    if (!batch) co_return error_of(batch);
    if (batch->empty()) co_return replayed;
    for (const StoredRecord& stored : *batch) {
      if (Result<void> taken = take_in(replayed, followers, stored); !taken)
        co_return error_of(taken);
    }
  }
}

}  // namespace bascule::runtime
