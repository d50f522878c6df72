#include "model/journal_line.h"

#include <gtest/gtest.h>

#include "model/audit.h"
#include "model/chain.h"
#include "model/json.h"
#include "model/record_examples.h"

namespace bascule {
namespace {

TEST(JournalLine, EveryRecordComesBackWithTheBytesThatWereHashed) {
  const auto links = extend_chain(0, Hash{}, examples::records(), 1);
  ASSERT_TRUE(links);
  ChainAudit audit;
  Hash previous{};
  for (const ChainLink& link : *links) {
    const std::string text = to_text(JournalLine{link.seq, previous, link.hash, link.bytes});
    EXPECT_EQ(text.find('\n'), std::string::npos);
    EXPECT_EQ(to_text(*parse_json(text)), text) << "any tool that keeps keys sorted writes it so";
    const auto line = journal_line_from(text);
    ASSERT_TRUE(line) << line.error().message;
    EXPECT_EQ(line->bytes, link.bytes);
    EXPECT_EQ(line->previous, previous);
    EXPECT_TRUE(audit.add(line->seq, line->hash, line->bytes));
    previous = link.hash;
  }
  EXPECT_TRUE(audit.finish().intact());
}

TEST(JournalLine, APieceIsVerifiedFromTheRecordBeforeIt) {
  const auto links = extend_chain(0, Hash{}, examples::records(), 1);
  ASSERT_TRUE(links);
  ChainAudit audit(std::nullopt, SeenHead{3, (*links)[2].hash});
  for (std::size_t i = 3; i < links->size(); ++i) {
    EXPECT_TRUE(audit.add((*links)[i].seq, (*links)[i].hash, (*links)[i].bytes));
  }
  EXPECT_TRUE(audit.finish().intact());
  ChainAudit elsewhere(std::nullopt, SeenHead{3, (*links)[1].hash});
  EXPECT_FALSE(elsewhere.add(4, (*links)[3].hash, (*links)[3].bytes));
}

TEST(JournalLine, WhatIsNotALineIsRefused) {
  const std::string zeros(64, '0');
  for (const std::string& text :
       {std::string(), std::string("x"), std::string("{}"), std::string("[1]"),
        R"({"hash":")" + zeros + R"(","previous":")" + zeros + R"(","record":7,"seq":1})",
        R"({"hash":")" + zeros + R"(","previous":")" + zeros + R"(","record":{},"seq":-1})",
        R"({"hash":")" + zeros + R"(","previous":"0","record":{},"seq":1})"}) {
    const auto line = journal_line_from(text);
    ASSERT_FALSE(line) << text;
    EXPECT_EQ(line.error().code, ErrorCode::corrupt);
  }
}

}  // namespace
}  // namespace bascule
