#include "model/audit.h"

#include <gtest/gtest.h>

#include "model/chain.h"
#include "model/record_examples.h"

namespace bascule {
namespace {

std::vector<ChainLink> journal() {
  auto links = extend_chain(0, Hash{}, examples::records(), 1);
  EXPECT_TRUE(links);
  return *links;
}

// Hashes anew from `from` on, as somebody would who rewrites history with care.
void rehash(std::vector<ChainLink>& links, std::size_t from) {
  Hash hash = from == 0 ? Hash{} : links[from - 1].hash;
  for (std::size_t i = from; i < links.size(); ++i)
    links[i].hash = hash = chain(hash, links[i].bytes);
}

TEST(Chain, RecordsMustFollowWithoutAGapAndInTheTerm) {
  std::vector<Record> records = examples::records();
  EXPECT_EQ(extend_chain(0, Hash{}, {}, 1).error().code, ErrorCode::invalid);
  EXPECT_EQ(extend_chain(1, Hash{}, records, 1).error().message, "record 1 cannot follow record 1");
  EXPECT_EQ(extend_chain(0, Hash{}, records, 2).error().code, ErrorCode::invalid);
  records[3].seq = 9;
  EXPECT_EQ(extend_chain(0, Hash{}, records, 1).error().message, "record 9 cannot follow record 3");
}

TEST(Chain, RecordsTooLargeToReadAreNotWritten) {
  Record record = examples::records().front();
  record.reason = std::string(kRecordSizeMax, 'a');
  EXPECT_EQ(extend_chain(0, Hash{}, {record}, 1).error().code, ErrorCode::invalid);
}

TEST(Audit, AnUntouchedJournalIsOk) {
  const auto links = journal();
  const AuditReport report = verify_chain(links);
  EXPECT_TRUE(report.intact());
  EXPECT_EQ(report.line(), fmt::format("OK {} {}", links.size(), to_hex(links.back().hash)));
  EXPECT_EQ(verify_chain(std::vector<ChainLink>()).line(), "OK 0 " + std::string(64, '0'));
}

TEST(Audit, ChangedRemovedAndSwappedRecordsAreFound) {
  auto links = journal();
  links[4].bytes[links[4].bytes.size() / 2] ^= 1;
  EXPECT_EQ(verify_chain(links).line(), "BAD 5 record 5 does not match its hash");

  links = journal();
  links.erase(links.begin() + 6);
  EXPECT_EQ(verify_chain(links).line(), "BAD 7 record 7 is missing: record 8 follows record 6");

  links = journal();
  links[7].hash[3] ^= 1;
  EXPECT_EQ(verify_chain(links).first_bad, 8U);

  links = journal();
  std::swap(links[2], links[3]);
  EXPECT_EQ(verify_chain(links).first_bad, 3U);
}

TEST(Audit, ARewrittenHistoryIsFoundByTheHeadThatSomebodySaw) {
  auto links = journal();
  const SeenHead seen{links[10].seq, links[10].hash};
  EXPECT_TRUE(verify_chain(links, seen).intact());
  Record record = *decode(links[4].bytes);
  record.reason = "it was like this";
  links[4].bytes = encode(record);
  rehash(links, 4);
  EXPECT_TRUE(verify_chain(links).intact());
  EXPECT_EQ(verify_chain(links, seen).first_bad, 11U);
}

TEST(Audit, ACutTailIsFoundByTheHeadThatSomebodySaw) {
  auto links = journal();
  const SeenHead seen{links.back().seq, links.back().hash};
  links.resize(links.size() - 2);
  EXPECT_TRUE(verify_chain(links).intact());
  const AuditReport report = verify_chain(links, seen);
  EXPECT_EQ(report.first_bad, links.size() + 1);
  EXPECT_EQ(report.because,
            fmt::format("the journal ends with record {}, but record {} was seen: its tail was cut "
                        "off",
                        links.size(), seen.seq));
}

TEST(Audit, TermsAndTimesNeverRunBackwards) {
  for (const bool term : {true, false}) {
    auto links = journal();
    Record record = *decode(links[9].bytes);
    if (term) {
      record.term = 0;
    } else {
      record.at -= Duration{1'000};
    }
    links[9].bytes = encode(record);
    rehash(links, 9);
    EXPECT_EQ(verify_chain(links).first_bad, 10U);
  }
}

TEST(Audit, RecordsOfANewerBuildAreOnlyChained) {
  auto links = journal();
  Json json = *parse_json(links[5].bytes);
  json["type"] = "SiteTeleported";
  links[5].bytes = to_text(json);
  rehash(links, 5);
  EXPECT_TRUE(verify_chain(links).intact());
  links[6].bytes = "{}";
  rehash(links, 6);
  EXPECT_EQ(verify_chain(links).first_bad, 7U);
}

TEST(Audit, AStoreThatCannotReadOnEndsTheGoodPart) {
  ChainAudit audit;
  const auto links = journal();
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_TRUE(audit.add(links[i].seq, links[i].hash, links[i].bytes));
  }
  audit.broken(Error{ErrorCode::corrupt, "the file is damaged", "", std::nullopt});
  EXPECT_EQ(audit.finish().line(), "BAD 4 the file is damaged");
}

TEST(Audit, HeadsAreWrittenAsNumberAndHash) {
  const SeenHead head{57, chain(Hash{}, "x")};
  EXPECT_EQ(seen_head_from(to_string(head)), head);
  for (const char* text : {"", "57", "57:", ":00", "x:00", "57:12zz"}) {
    EXPECT_EQ(seen_head_from(text).error().code, ErrorCode::invalid) << text;
  }
}

}  // namespace
}  // namespace bascule
