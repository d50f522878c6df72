#include "providers/postgres/facts.h"

#include <gtest/gtest.h>

#include <map>

namespace bascule::postgres {
namespace {

using namespace std::chrono_literals;
using Cells = std::map<std::string, std::optional<std::string>>;

const Instant kAskedAt{Duration(1'000'000)};

Rows one_row(const Cells& changes) {
  Cells cells = {{"replica", "f"},
                 {"system", "7711414869482606224"},
                 {"segment_bytes", "16777216"},
                 {"inserted", "0/5000060"},
                 {"segment", "000000050000000000000005"},
                 {"known_timeline", "4"},
                 {"received_timeline", std::nullopt},
                 {"received", std::nullopt},
                 {"replayed", std::nullopt},
                 {"receiver", std::nullopt},
                 {"sender_host", std::nullopt},
                 {"message_age_ms", std::nullopt},
                 {"replay_age_ms", std::nullopt},
                 {"writes_by_default", "t"}};
  for (const auto& [name, value] : changes) cells[name] = value;
  std::vector<std::string> columns;
  std::vector<std::optional<std::string>> row;
  for (const auto& [name, value] : cells) {
    columns.push_back(name);
    row.push_back(value);
  }
  return {columns, {row}};
}

Cells standby() {
  return {{"replica", "t"},
          {"inserted", std::nullopt},
          {"segment", std::nullopt},
          {"received", "0/500"},
          {"replayed", "0/500"},
          {"receiver", "streaming"},
          {"sender_host", "10.0.0.1"},
          {"received_timeline", "5"},
          {"message_age_ms", "40"},
          {"replay_age_ms", "90000"}};
}

TEST(Facts, APrimaryIsOnTheTimelineItWrites) {
  const auto facts = facts_from(one_row({}), kAskedAt);
  ASSERT_TRUE(facts);
  EXPECT_EQ(facts->role, DatabaseRole::primary);
  EXPECT_TRUE(facts->accepts_writes);
  EXPECT_EQ(facts->timeline, 5);
  EXPECT_EQ(facts->position, 0x5000060U);
  EXPECT_FALSE(facts->lag);
  EXPECT_EQ(summary_of(*facts), "primary, timeline 5");
  EXPECT_FALSE(facts_from(one_row({{"writes_by_default", "f"}}), kAskedAt)->accepts_writes);
}

TEST(Facts, AReplicaThatStreamsAndHasReplayedEverythingHasNoLagHoweverQuietItsSourceIs) {
  const auto facts = facts_from(one_row(standby()), kAskedAt);
  ASSERT_TRUE(facts);
  EXPECT_EQ(facts->role, DatabaseRole::replica);
  EXPECT_TRUE(facts->streaming);
  EXPECT_EQ(facts->lag, Duration(0));
  EXPECT_EQ(facts->last_received_at, kAskedAt - 40ms);
  EXPECT_EQ(health_of(*facts, {}), Health::healthy);
}

TEST(Facts, AReplicaThatIsBehindOrDoesNotStreamLagsSinceItsLastTransaction) {
  Cells behind = standby();
  behind["received"] = "0/900";
  auto facts = facts_from(one_row(behind), kAskedAt);
  ASSERT_TRUE(facts);
  EXPECT_EQ(facts->lag, Duration(90'000));
  EXPECT_EQ(facts->position, 0x900U);
  EXPECT_EQ(facts->replayed, 0x500U);
  EXPECT_EQ(health_of(*facts, {}), Health::degraded);
  EXPECT_EQ(health_of(*facts, {.degraded = 1s, .critical = 90s}), Health::critical);
  EXPECT_EQ(summary_of(*facts), "replica, timeline 5, streams, 1.0 KiB to replay");

  Cells alone = standby();
  for (const char* name : {"receiver", "sender_host", "received_timeline", "message_age_ms"}) {
    alone[name] = std::nullopt;
  }
  facts = facts_from(one_row(alone), kAskedAt);
  ASSERT_TRUE(facts);
  EXPECT_FALSE(facts->streaming);
  EXPECT_EQ(facts->timeline, 4);
  EXPECT_EQ(facts->lag, Duration(90'000));
}

TEST(Facts, AReplicaThatHasNeverReplayedATransactionHasAnUnknownLag) {
  Cells fresh = standby();
  fresh["received"] = "0/900";
  fresh["replay_age_ms"] = std::nullopt;
  const auto facts = facts_from(one_row(fresh), kAskedAt);
  ASSERT_TRUE(facts);
  EXPECT_FALSE(facts->lag);
  EXPECT_EQ(health_of(*facts, {}), Health::healthy);
  EXPECT_TRUE(detail_of(*facts)["lag_ms"].is_null());
}

TEST(Facts, NonsenseIsAnErrorAndNoFact) {
  EXPECT_FALSE(facts_from(one_row({{"inserted", "soon"}}), kAskedAt));
  EXPECT_FALSE(facts_from(one_row({{"system", std::nullopt}}), kAskedAt));
  EXPECT_FALSE(facts_from(Rows(), kAskedAt));
}

}  // namespace
}  // namespace bascule::postgres
