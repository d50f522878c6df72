// Holds the reading of exported journals: what they say, and that nothing crooked gets through.
#include "runtime/journal_import.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "engine/test_world.h"
#include "model/chain.h"
#include "model/journal_line.h"

namespace bascule::runtime {
namespace {

using namespace engine::test_world;  // NOLINT: the vocabulary of these tests

Record record(Sequence seq, RecordBody body) {
  return Record{seq, at(static_cast<std::int64_t>(seq)), 1, "ana", "by hand", std::move(body)};
}

Plan to_berlin() {
  Plan plan;
  plan.group = kShop;
  plan.move = Move::failover;
  plan.source = kAmsterdam;
  plan.target = kBerlin;
  Step claim;
  claim.id = StepId("claim/generation");
  claim.phase = Phase::claim;
  claim.operation = "claim";
  plan.steps = {claim};
  return plan;
}

// A term, the shop, amsterdam adopted, and a run to berlin that has claimed generation 42.
std::vector<Record> desk_journal() {
  const Configuration configuration = two_site_configuration();
  RunOpened opened;
  opened.run = RunId("r-0001");
  opened.plan = to_berlin();
  const StepId claim("claim/generation");
  std::vector<Record> records;
  const auto add = [&](RecordBody body) {
    records.push_back(record(records.size() + 1, std::move(body)));
  };
  add(TermOpened{ObserverName("desk"), "test", "demo", "7f3a9c21"});
  add(ConfigurationLoaded{"c0ffee", to_json(configuration)});
  add(ActiveSiteChanged{kShop, kAmsterdam, RunId(), "adopted"});
  add(opened);
  add(StepStarted{RunId("r-0001"), claim, 1, nullptr, "take generation 42"});
  add(StepApplied{RunId("r-0001"), claim, {{"generation", Json(42)}}});
  add(StepEnded{RunId("r-0001"), claim, StepState::done, {}, "", {}});
  add(ActiveSiteChanged{kShop, kBerlin, RunId("r-0001"), "failover"});
  add(RunEnded{RunId("r-0001"), RunState::done, "berlin is active", {}, {}});
  return records;
}

std::vector<std::string> lines_of(const std::vector<Record>& records) {
  const auto links = extend_chain(0, Hash{}, records, 1);
  EXPECT_TRUE(links) << links.error().message;
  std::vector<std::string> lines;
  Hash previous{};
  for (const ChainLink& link : *links) {
    lines.push_back(to_text(JournalLine{link.seq, previous, link.hash, link.bytes}));
    previous = link.hash;
  }
  return lines;
}

std::string text_of(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

Error error_reading(const std::string& text) {
  const auto read = read_export(text);
  EXPECT_FALSE(read);
  return read ? Error{} : read.error();
}

TEST(JournalImport, TellsWhatTheJournalKnows) {
  const auto read = read_export(text_of(lines_of(desk_journal())));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->open_run, "");
  EXPECT_EQ(read->journal.cluster, "demo");
  EXPECT_EQ(read->journal.observer, ObserverName("desk"));
  EXPECT_EQ(read->journal.head_seq, 9U);
  ASSERT_EQ(read->journal.groups.size(), 1U);
  const ImportedGroup& shop = read->journal.groups.front();
  EXPECT_EQ(shop.active, kBerlin);
  EXPECT_EQ(shop.generation, 42U);
  EXPECT_EQ(shop.claimed_by, "r-0001@7f3a9c21");
  ASSERT_EQ(shop.runs.size(), 1U);
  EXPECT_EQ(shop.runs.front().run, "r-0001@7f3a9c21");
  EXPECT_EQ(shop.runs.front().state, RunState::done);
}

TEST(JournalImport, TwoExportsOfOneJournalAgreeOnWhichItIs) {
  const std::vector<Record> records = desk_journal();
  const auto whole = read_export(text_of(lines_of(records)));
  const auto begun = read_export(text_of(lines_of({records.begin(), records.begin() + 4})));
  ASSERT_TRUE(whole && begun);
  EXPECT_EQ(whole->journal.journal, begun->journal.journal);
  EXPECT_NE(whole->journal.head_hash, begun->journal.head_hash);
  EXPECT_EQ(begun->open_run, "r-0001");
}

TEST(JournalImport, NamesTheLineWhereTheChainBreaks) {
  std::vector<std::string> lines = lines_of(desk_journal());
  const std::string reason = "by hand";
  lines[3].replace(lines[3].find(reason), reason.size(), "by mind");
  const Error changed = error_reading(text_of(lines));
  EXPECT_EQ(changed.code, ErrorCode::corrupt);
  EXPECT_NE(changed.message.find("line 4"), std::string::npos) << changed.message;
  EXPECT_NE(changed.message.find("does not fit its hash"), std::string::npos) << changed.message;
  EXPECT_FALSE(changed.what_to_do.empty());

  lines = lines_of(desk_journal());
  lines.erase(lines.begin() + 2);
  EXPECT_NE(error_reading(text_of(lines)).message.find("record 3 is missing"), std::string::npos);
}

TEST(JournalImport, RecordsThatDoNotFitEachOtherAreRefused) {
  const StepId claim("claim/generation");
  const std::vector<RecordBody> misfits{
      StepStarted{RunId("r-0009"), claim, 1, nullptr, ""},
      StepStarted{RunId("r-0001"), StepId("fence/seal"), 1, nullptr, ""},
      ActiveSiteChanged{GroupName("shed"), kBerlin, RunId(), ""},
      ActiveSiteChanged{kShop, kBerlin, RunId("r-0009"), ""},
      ObligationEnded{RunId("o-0009"), "", GroupName("shop"), SiteName("berlin"),
                      ObligationKind::fence},
      SiteAttested{GroupName("shed"), kBerlin},
      RunEnded{RunId("r-0009"), RunState::done, "", {}, {}},
      ConfigurationLoaded{"c0ffee", Json{{"groups", 7}}},
      JournalImported{"", 1, "", "demo", ObserverName("desk"), {ImportedGroup{}}}};
  for (const RecordBody& misfit : misfits) {
    SCOPED_TRACE(type_name(misfit));
    std::vector<Record> records = desk_journal();
    records.push_back(record(records.size() + 1, misfit));
    const Error error = error_reading(text_of(lines_of(records)));
    EXPECT_EQ(error.code, ErrorCode::corrupt) << error.message;
    EXPECT_NE(error.message.find("does not fit the ones before it"), std::string::npos)
        << error.message;
  }
}

TEST(JournalImport, AHoldOfEverythingNamesNoGroup) {
  const std::vector<RecordBody> bodies{AutomationHeld{}, HoldAlarmRaised{}, AutomationReleased{}};
  std::vector<Record> records = desk_journal();
  for (const RecordBody& body : bodies) records.push_back(record(records.size() + 1, body));
  const auto read = read_export(text_of(lines_of(records)));
  EXPECT_TRUE(read) << read.error().message;
}

TEST(JournalImport, WhatIsNoJournalIsSaid) {
  EXPECT_EQ(error_reading("").code, ErrorCode::invalid);
  EXPECT_EQ(error_reading("\n\n").code, ErrorCode::invalid);
  EXPECT_EQ(error_reading("no journal\n").code, ErrorCode::corrupt);
  EXPECT_EQ(error_reading("{}\n").code, ErrorCode::corrupt);
}

}  // namespace
}  // namespace bascule::runtime
