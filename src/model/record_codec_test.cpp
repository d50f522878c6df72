// The stored form of records is a promise for ever: testdata/journal_v1.jsonl and its hashes were
// written once and are never changed. A new type of record is appended to them with
// BASCULE_REWRITE=1, which refuses to touch the lines that are there.
#include "model/record_codec.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>

#include "model/record_examples.h"

namespace bascule {
namespace {

const std::filesystem::path kFolder = std::filesystem::path(__FILE__).parent_path() / "testdata";
const std::filesystem::path kBytes = kFolder / "journal_v1.jsonl";
const std::filesystem::path kHashes = kFolder / "journal_v1.sha256";

std::vector<std::string> lines_of(const std::filesystem::path& path) {
  std::vector<std::string> lines;
  std::ifstream file(path, std::ios::binary);
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

// Adds an example of each type that the golden file does not have yet.
void append_missing_types() {
  std::vector<std::string> bytes = lines_of(kBytes);
  std::set<std::string> known;
  Hash hash{};
  for (const std::string& line : bytes) {
    known.insert(text_or(*parse_json(line), "type"));
    hash = chain(hash, line);
  }
  std::ofstream bytes_file(kBytes, std::ios::binary | std::ios::app);
  std::ofstream hashes_file(kHashes, std::ios::binary | std::ios::app);
  Sequence seq = bytes.size();
  for (Record record : examples::records()) {
    if (known.contains(std::string(type_name(record.body)))) continue;
    record.seq = ++seq;
    record.at = examples::moment(static_cast<std::int64_t>(seq) * 10);
    const std::string line = encode(record);
    hash = chain(hash, line);
    bytes_file << line << '\n';
    hashes_file << to_hex(hash) << '\n';
  }
}

// A line from before a member was `added_later` has all others; every other line is the same bytes.
void expect_written_alike(const Json& golden, const Json& now, const std::string& where) {
  if (!golden.is_object() || golden.empty()) {
    EXPECT_EQ(now, golden) << where;
    return;
  }
  for (const auto& [key, value] : golden.items()) {
    ASSERT_TRUE(now.contains(key)) << where << "." << key;
    expect_written_alike(value, now[key], where + "." + key);
  }
}

TEST(RecordCodec, TheGoldenJournalIsReadAndWrittenToTheByteForEver) {
  if (std::getenv("BASCULE_REWRITE") != nullptr) append_missing_types();
  const auto bytes = lines_of(kBytes);
  const auto hashes = lines_of(kHashes);
  ASSERT_EQ(bytes.size(), hashes.size());
  ASSERT_GE(bytes.size(), 28U);
  Hash hash{};
  std::map<std::string, Json> data;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    hash = chain(hash, bytes[i]);
    EXPECT_EQ(to_hex(hash), hashes[i]) << "record " << i + 1;
    const auto record = decode(bytes[i]);
    ASSERT_TRUE(record) << record.error().message;
    EXPECT_EQ(record->seq, i + 1);
    expect_written_alike(*parse_json(bytes[i]), to_json(*record), fmt::format("record {}", i + 1));
    if (encode(*record).size() == bytes[i].size()) EXPECT_EQ(encode(*record), bytes[i]);
    data.emplace(type_name(record->body), (*parse_json(bytes[i]))["data"]);
  }
  for (const Record& record : examples::records()) {
    const std::string type(type_name(record.body));
    ASSERT_TRUE(data.contains(type)) << "run once with BASCULE_REWRITE=1 to add " << type;
    expect_written_alike(data[type], to_json(record)["data"], type);
  }
}

TEST(RecordCodec, EveryTypeOfRecordComesBackAsItWas) {
  std::set<std::string> names;
  for (const Record& record : examples::records(57, 3)) {
    const std::string bytes = encode(record);
    const auto back = decode(bytes);
    ASSERT_TRUE(back) << type_name(record.body) << ": " << back.error().message;
    EXPECT_EQ(back->body.index(), record.body.index());
    EXPECT_EQ(back->seq, record.seq);
    EXPECT_EQ(back->at, record.at);
    EXPECT_EQ(back->term, record.term);
    EXPECT_EQ(back->actor, record.actor);
    EXPECT_EQ(back->reason, record.reason);
    EXPECT_EQ(encode(*back), bytes);
    names.insert(std::string(type_name(record.body)));
  }
  EXPECT_EQ(names.size(), std::variant_size_v<RecordBody>);
}

TEST(RecordCodec, MembersComeBackWithTheirValues) {
  Record record = examples::records(57, 3).front();
  record.body = examples::example<RunOpened>();
  const auto back = decode(encode(record));
  ASSERT_TRUE(back);
  const auto& opened = std::get<RunOpened>(back->body);
  EXPECT_EQ(opened.plan.steps.at(0).settings, examples::step().settings);
  EXPECT_EQ(opened.plan.steps.at(0).timeout, Duration{90'000});
  EXPECT_EQ(opened.plan.steps.at(0).retries, 3);
  EXPECT_EQ(opened.plan.move, Move::switchover);
  EXPECT_EQ(opened.trigger, Trigger::automatic);
  EXPECT_EQ(opened.first_sign_at, examples::moment(-900));
  EXPECT_EQ(opened.loss_bound, Duration{800});
}

TEST(RecordCodec, AbsentValuesAreNullAndDurationsNameTheirUnit) {
  const Record record{1, examples::moment(0), 1, "ana", "", RunOpened{}};
  const Json json = to_json(record);
  EXPECT_EQ(json["data"]["loss_bound_ms"], nullptr);
  EXPECT_EQ(json["data"]["first_sign_at"], nullptr);
  EXPECT_EQ(json["at"], "2026-11-23T16:37:25.000Z");
  EXPECT_EQ(json["v"], kRecordVersion);
  const auto back = decode(encode(record));
  ASSERT_TRUE(back);
  EXPECT_EQ(std::get<RunOpened>(back->body).loss_bound, std::nullopt);
}

TEST(RecordCodec, BytesAreCanonical) {
  Record record{1,
                examples::moment(0),
                1,
                "an\xff"
                "a",
                "",
                StepStarted{}};
  std::get<StepStarted>(record.body).prior = {{"weight", 0.25}, {"a", Json::array({1, 2.5})}};
  EXPECT_EQ(encode(record),
            "{\"actor\":\"an\xEF\xBF\xBD"
            "a\",\"at\":\"2026-11-23T16:37:25.000Z\",\"data\":{\"attempt\":1,"
            "\"change\":\"\",\"prior\":{\"a\":[1,\"2.5\"],\"weight\":\"0.25\"},\"run\":\"\","
            "\"step\":\"\",\"unseen\":false},\"reason\":\"\",\"seq\":1,\"term\":1,\"type\":"
            "\"StepStarted\","
            "\"v\":1}");
}

TEST(RecordCodec, WhateverWasWrittenCanBeRead) {
  Json deep = "ground";
  for (std::size_t i = 0; i < 2 * kJsonDepthMax; ++i) deep = Json::array({std::move(deep)});
  Record record{~std::uint64_t{0}, Instant{Duration{0}}, 1, "ana", "", StepStarted{}};
  auto& started = std::get<StepStarted>(record.body);
  started.prior = {{"deep", deep}, {"bytes", Json::binary({1, 2})}, {"\xff", "\xc0"}};
  const auto back = decode(encode(record));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(encode(*back), encode(record));
}

Json example_json() {
  return to_json(examples::records(57, 3).front());
}

TEST(RecordCodec, RecordsOfANewerBuildAreRefusedByName) {
  Json json = example_json();
  json["type"] = "SiteTeleported";
  json["v"] = 2;
  auto refused = decode(to_text(json));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::invalid);
  EXPECT_EQ(refused.error().message,
            "record 57 has type SiteTeleported, written by version 2: this build does not know it");

  json = example_json();
  json["v"] = 2;
  EXPECT_EQ(decode(to_text(json)).error().code, ErrorCode::invalid);

  json = example_json();
  json["data"]["moon"] = "full";
  refused = decode(to_text(json));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::invalid);
  EXPECT_EQ(refused.error().message,
            "record 57: data.moon is a member that this build does not know");
}

TEST(RecordCodec, WhatIsNotARecordIsCorrupt) {
  std::vector<Json> broken{Json::array(), "text", 7, nullptr, Json::object()};
  for (const char* key : {"seq", "at", "term", "actor", "reason", "data", "v", "type"}) {
    Json json = example_json();
    json.erase(key);
    broken.push_back(json);
    json[key] = Json::array();
    broken.push_back(json);
    json[key] = -1;
    broken.push_back(json);
  }
  Json json = example_json();
  json["data"].erase("version");
  broken.push_back(json);
  json["data"]["version"] = 3;
  broken.push_back(json);
  for (const Json& one : broken) {
    const auto refused = decode(to_text(one));
    ASSERT_FALSE(refused) << to_text(one);
    EXPECT_EQ(refused.error().code, ErrorCode::corrupt) << to_text(one);
  }
  for (const char* text : {"", "{", "\xff\xfe", "{}{}"}) {
    EXPECT_EQ(decode(text).error().code, ErrorCode::corrupt) << text;
  }
}

TEST(RecordCodec, ProblemsSayWhereTheyAre) {
  Json json = to_json(Record{9, Instant{}, 1, "", "", examples::example<RunOpened>()});
  json["data"]["plan"]["steps"][0]["timeout_ms"] = "90s";
  const auto refused = decode(to_text(json));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message,
            "record 9: data.plan.steps[0].timeout_ms is not a whole number");
}

// Whatever comes back must at least be a record that can be written.
void survives(std::string_view bytes) {
  const auto record = decode(bytes);
  if (record) {
    EXPECT_FALSE(encode(*record).empty());
  } else {
    EXPECT_TRUE(record.error().code == ErrorCode::corrupt ||
                record.error().code == ErrorCode::invalid);
  }
}

TEST(RecordCodec, TruncatedAndFlippedBytesNeverCrash) {
  for (const Record& record : examples::records()) {
    const std::string bytes = encode(record);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      survives(std::string_view(bytes).substr(0, i));
      std::string flipped = bytes;
      flipped[i] = static_cast<char>(flipped[i] ^ (1 << (i % 8)));
      survives(flipped);
      flipped.erase(i, 1);
      survives(flipped);
    }
  }
}

TEST(RecordCodec, HashesHaveATextForm) {
  const Hash hash = chain(Hash{}, "bascule");
  EXPECT_EQ(to_hex(hash).size(), 64U);
  ASSERT_TRUE(hash_from_hex(to_hex(hash)));
  EXPECT_EQ(*hash_from_hex(to_hex(hash)), hash);
  EXPECT_NE(chain(hash, "bascule"), hash);
  for (const std::string& text : {std::string(), std::string(63, 'a'), std::string(64, 'g')}) {
    EXPECT_FALSE(hash_from_hex(text)) << text;
  }
}

}  // namespace
}  // namespace bascule
