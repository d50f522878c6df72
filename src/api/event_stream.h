// The journal as server-sent events (WHATWG HTML, section 9.2): one event per record, its number as
// the id, so that a reader who was cut off comes back with Last-Event-ID and misses nothing.
//
//   event: RunOpened            the record's type
//   id: 4211                    the record's number
//   data: {"record": {…}, "run": {…} or null}       the run as `show` prints it, after the record
//
// `snapshot` (data: the status) comes first to a reader without an id, and to one whose id is
// unknown or too old to catch up with; `heartbeat` comes when nothing else does.
//
// Bounded: the newest records are kept once, for all readers; a reader holds a number, not a queue.
// Who does not read stands still until the server's write timeout cuts it off. One thread, the
// loop's.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "async/clock.h"
#include "async/event.h"
#include "net/http_server.h"
#include "runtime/follower.h"
#include "runtime/loop.h"

namespace bascule::api {

class EventStream final : public runtime::Follower {
 public:
  // What a reader needs besides the stream itself.
  struct Sources {
    std::function<std::string()> snapshot;  // the status, as JSON
    std::function<awaitable<Result<std::vector<StoredRecord>>>(Sequence after, std::size_t limit)>
        journal;
  };
  struct Limits {
    std::size_t kept_bytes = 4 * 1024 * 1024;
    std::size_t chunk_bytes = 64 * 1024;
    std::size_t caught_up_records = 10'000;  // a reader further behind gets a snapshot
    Duration heartbeat{15'000};
  };

  EventStream(Clock& clock, Sources sources) : EventStream(clock, std::move(sources), Limits()) {}
  EventStream(Clock& clock, Sources sources, Limits limits);

  void recorded(const Record& record, const engine::State& state) override;

  // Writes to one reader until it is gone: always an error, that of its write. `after`: the last id
  // that it has seen.
  awaitable<Result<void>> serve(std::shared_ptr<net::BodyWriter> writer,
                                std::optional<Sequence> after);

  [[nodiscard]] std::size_t kept_bytes() const { return kept_; }

 private:
  struct Kept {
    Sequence seq = 0;
    std::string text;
  };

  [[nodiscard]] bool is_kept(Sequence seq) const;
  // Everything kept after `seq`, up to a chunk; moves `seq` on.
  std::string next_chunk(Sequence* seq) const;
  awaitable<Result<std::string>> older_chunk(Sequence* seq);
  [[nodiscard]] std::string snapshot_event() const;
  [[nodiscard]] std::string heartbeat_event() const;

  Clock& clock_;
  Sources sources_;
  Limits limits_;
  std::deque<Kept> newest_;
  std::size_t kept_ = 0;
  Sequence head_ = 0;
  Event arrived_;
};

// What a reader says it has seen; nothing when it says nothing, or nothing that is a number.
std::optional<Sequence> last_event_id(const net::ServerRequest& request);

}  // namespace bascule::api
