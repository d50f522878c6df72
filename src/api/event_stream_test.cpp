#include "api/event_stream.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "async/world_for_test.h"
#include "model/record_codec.h"
#include "model/record_examples.h"

namespace bascule::api {
namespace {

// A reader: takes what is written while it reads, and stands in its write while it does not.
class Reader final : public net::BodyWriter {
 public:
  awaitable<Result<void>> write(std::string bytes) override {
    while (!reads && !gone) co_await woken.wait();
    if (gone) co_return fail(ErrorCode::unavailable, "gone");
    text += bytes;
    largest = std::max(largest, bytes.size());
    co_return Result<void>();
  }

  // The ids it saw, in order; "snapshot" and "heartbeat" by name.
  [[nodiscard]] std::vector<std::string> seen() const {
    std::vector<std::string> all;
    std::string event;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = text.find('\n', at);
      const std::string line = text.substr(at, end - at);
      at = end + 1;
      if (line.starts_with("event: ")) event = line.substr(7);
      const bool is_own = event == "snapshot" || event == "heartbeat";
      if (line.starts_with("event: ") && is_own) all.push_back(event);
      if (line.starts_with("id: ") && !is_own) all.push_back(line.substr(4));
    }
    return all;
  }

  bool reads = true;
  bool gone = false;
  Event woken;
  std::string text;
  std::size_t largest = 0;
};

class EventStreamTest : public testing::Test {
 public:
  ~EventStreamTest() override {
    for (const auto& reader : readers_) {
      reader->gone = true;
      reader->woken.notify_all();
    }
    record(1);
    world_.clock.drain();
  }

 protected:
  static EventStream::Limits small() {
    EventStream::Limits limits;
    limits.kept_bytes = 4'000;
    limits.chunk_bytes = 1'000;
    limits.caught_up_records = 50;
    return limits;
  }

  void record(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      Record made{++seq_, examples::moment(static_cast<std::int64_t>(seq_)),
                  1,      "ana",
                  "",     examples::example<StepStarted>()};
      stored_.push_back(StoredRecord{seq_, Hash{}, encode(made)});
      stream_.recorded(made, state_);
    }
    world_.clock.drain();
  }

  std::shared_ptr<Reader> reader(std::optional<Sequence> after, bool reads = true) {
    auto made = std::make_shared<Reader>();
    made->reads = reads;
    readers_.push_back(made);
    boost::asio::co_spawn(world_.context, stream_.serve(made, after), boost::asio::detached);
    world_.clock.drain();
    return made;
  }

  static std::vector<std::string> numbers(Sequence first, Sequence last) {
    std::vector<std::string> all;
    for (Sequence seq = first; seq <= last; ++seq) all.push_back(fmt::format("{}", seq));
    return all;
  }

  awaitable<Result<std::vector<StoredRecord>>> read(Sequence after, std::size_t limit) {
    std::vector<StoredRecord> page;
    for (const StoredRecord& stored : stored_) {
      if (stored.seq > after && page.size() < limit) page.push_back(stored);
    }
    co_return page;
  }

  SimulatedWorld world_;
  engine::State state_;
  Sequence seq_ = 0;
  std::vector<StoredRecord> stored_;
  std::vector<std::shared_ptr<Reader>> readers_;
  EventStream stream_{world_.clock,
                      EventStream::Sources{
                          [] { return std::string("{}"); },
                          [this](Sequence after, std::size_t limit) { return read(after, limit); }},
                      small()};
};

TEST_F(EventStreamTest, ANewReaderGetsASnapshotAndThenEachRecord) {
  record(3);
  const auto one = reader(std::nullopt);
  EXPECT_EQ(one->seen(), std::vector<std::string>{"snapshot"});
  EXPECT_NE(one->text.find("id: 3\n"), std::string::npos) << "from where it can come back";
  record(2);
  EXPECT_EQ(one->seen(), (std::vector<std::string>{"snapshot", "4", "5"}));
  EXPECT_NE(one->text.find("event: StepStarted\nid: 5\ndata: {\"record\":{"), std::string::npos);
}

TEST_F(EventStreamTest, WhoComesBackMissesNothing) {
  record(4);
  EXPECT_EQ(reader(Sequence{2})->seen(), numbers(3, 4));
  EXPECT_TRUE(reader(Sequence{4})->seen().empty());
}

TEST_F(EventStreamTest, WhatIsNotKeptComesFromTheJournal) {
  record(40);
  EXPECT_LE(stream_.kept_bytes(), small().kept_bytes);
  const auto one = reader(Sequence{1});
  EXPECT_EQ(one->seen(), numbers(2, 40));
  EXPECT_LE(one->largest, 2 * small().chunk_bytes);
}

TEST_F(EventStreamTest, WhoIsTooFarBehindOrComesFromAnotherJournalGetsASnapshot) {
  record(60);
  EXPECT_EQ(reader(Sequence{1})->seen(), std::vector<std::string>{"snapshot"});
  EXPECT_EQ(reader(Sequence{4'000})->seen(), std::vector<std::string>{"snapshot"});
}

TEST_F(EventStreamTest, WhoDoesNotReadKeepsNothingAndDelaysNobody) {
  record(1);
  const auto silent = reader(std::nullopt, false);
  const auto other = reader(Sequence{1});
  for (int i = 0; i < 20; ++i) record(10);
  EXPECT_EQ(other->seen(), numbers(2, 201));
  EXPECT_LE(stream_.kept_bytes(), small().kept_bytes);
  silent->reads = true;
  silent->woken.notify_all();
  world_.clock.drain();
  EXPECT_EQ(silent->seen(), (std::vector<std::string>{"snapshot", "snapshot"}));
}

TEST_F(EventStreamTest, AQuietStreamHasAPulse) {
  record(1);
  const auto one = reader(Sequence{1});
  world_.clock.advance(Duration{31'000});
  EXPECT_EQ(one->seen(), (std::vector<std::string>{"heartbeat", "heartbeat"}));
}

TEST(LastEventId, IsReadFromHeaderOrQuery) {
  net::ServerRequest request;
  EXPECT_EQ(last_event_id(request), std::nullopt);
  request.query = "after=7";
  EXPECT_EQ(last_event_id(request), 7U);
  request.headers.set("Last-Event-ID", "12");
  EXPECT_EQ(last_event_id(request), 12U);
  for (const char* wrong : {"-1", "12x", "1e3", "99999999999999999999999"}) {
    request.headers.set("Last-Event-ID", wrong);
    EXPECT_EQ(last_event_id(request), std::nullopt) << wrong;
  }
}

}  // namespace
}  // namespace bascule::api
