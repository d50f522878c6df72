#include "api/event_stream.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "api/views.h"
#include "engine/lookups.h"
#include "model/record_codec.h"

namespace bascule::api {
namespace {

constexpr std::size_t kPage = 200;

// Canonical JSON has no line breaks, so one data line is enough.
std::string event_text(std::string_view type, Sequence seq, std::string_view record,
                       std::string_view run) {
  return fmt::format("event: {}\nid: {}\ndata: {{\"record\":{},\"run\":{}}}\n\n", type, seq, record,
                     run);
}

std::string type_of(const std::string& bytes) {
  const Result<Json> json = parse_json(bytes);
  return json ? text_or(*json, "type", "record") : "record";
}

}  // namespace

EventStream::EventStream(Clock& clock, Sources sources, Limits limits)
    : clock_(clock), sources_(std::move(sources)), limits_(limits) {}

void EventStream::recorded(const Record& record, const engine::State& state) {
  const engine::Run* run = engine::run_of(record.body, state);
  const std::string view = run == nullptr ? "null" : to_text(run_view(state, *run));
  Kept kept{record.seq, event_text(type_name(record.body), record.seq, encode(record), view)};
  head_ = record.seq;
  kept_ += kept.text.size();
  newest_.push_back(std::move(kept));
  while (kept_ > limits_.kept_bytes && newest_.size() > 1) {
    kept_ -= newest_.front().text.size();
    newest_.pop_front();
  }
  arrived_.notify_all();
}

bool EventStream::is_kept(Sequence seq) const {
  return !newest_.empty() && seq >= newest_.front().seq;
}

std::string EventStream::next_chunk(Sequence* seq) const {
  std::string chunk;
  const auto first = newest_.begin() + static_cast<std::ptrdiff_t>(*seq + 1 - newest_.front().seq);
  for (auto at = first; at != newest_.end() && chunk.size() < limits_.chunk_bytes; ++at) {
    chunk += at->text;
    *seq = at->seq;
  }
  return chunk;
}

// What is not kept any more is still in the journal; how the run stood then is not.
awaitable<Result<std::string>> EventStream::older_chunk(Sequence* seq) {
  auto page = co_await sources_.journal(*seq, kPage);
  if (!page) co_return error_of(page);
  std::string chunk;
  for (const StoredRecord& stored : *page) {
    if (chunk.size() >= limits_.chunk_bytes) break;
    chunk += event_text(type_of(stored.bytes), stored.seq, stored.bytes, "null");
    *seq = stored.seq;
  }
  if (chunk.empty()) co_return fail(ErrorCode::not_found, "record {} is not there", *seq + 1);
  co_return chunk;
}

std::string EventStream::snapshot_event() const {
  return fmt::format("event: snapshot\nid: {}\ndata: {}\n\n", head_, sources_.snapshot());
}

std::string EventStream::heartbeat_event() const {
  const Json data{{"now", to_rfc3339(clock_.now())}, {"seq", head_}};
  return fmt::format("event: heartbeat\ndata: {}\n\n", to_text(data));
}

awaitable<Result<void>> EventStream::serve(std::shared_ptr<net::BodyWriter> writer,
                                           std::optional<Sequence> after) {
  Sequence seen = after.value_or(0);
  bool lost = !after || *after > head_;
  while (true) {
    std::string chunk;
    if (!lost && seen < head_ && !is_kept(seen + 1)) {
      lost = head_ - seen > limits_.caught_up_records;
      if (!lost) {
        Result<std::string> older = co_await older_chunk(&seen);
        lost = !older;
        if (older) chunk = *std::move(older);
      }
    } else if (!lost && seen < head_) {
      chunk = next_chunk(&seen);
    }
    if (lost) {
      chunk = snapshot_event();
      seen = head_;
      lost = false;
    }
    if (chunk.empty()) {
      const Deadline quiet = Deadline::in(clock_, limits_.heartbeat);
      if (co_await arrived_.wait(clock_, quiet)) continue;
      chunk = heartbeat_event();
    }
    const Result<void> written = co_await writer->write(std::move(chunk));
    if (!written) co_return written;
  }
}

std::optional<Sequence> last_event_id(const net::ServerRequest& request) {
  std::string text;
  if (const auto header = request.headers.find("Last-Event-ID")) text = *header;
  for (const auto& [name, value] : net::parse_query(request.query)) {
    if (name == "after" && text.empty()) text = value;
  }
  Sequence seq = 0;
  const char* const end = text.data() + text.size();
  const auto [stopped, problem] = std::from_chars(text.data(), end, seq);
  const bool is_number = problem == std::errc{} && stopped == end && !text.empty();
  return is_number ? std::optional(seq) : std::nullopt;
}

}  // namespace bascule::api
