#include <gtest/gtest.h>

#include "async/scope.h"
#include "providers/postgres/test_cluster.h"

namespace bascule::postgres {
namespace {

using namespace std::chrono_literals;

Result<Rows> insert(TestServer& server, int id) {
  return server.ask("app", "INSERT INTO public.orders VALUES (" + std::to_string(id) + ")");
}

TEST(PostgresPromote, RightAfterThePrimarysDeathItTakesNoFiveSeconds) {
  for (int round = 0; round < 4; ++round) {
    TestPair pair;
    const auto promote = pair.action("postgres.promote", "berlin");
    ASSERT_TRUE(insert(pair.amsterdam, 1));
    for (const pid_t process : pair.amsterdam.processes()) ::kill(process, SIGKILL);
    const MonotonicInstant began = pair.world.clock.monotonic();
    const auto outputs = pair.apply(*promote, pair.call());
    ASSERT_TRUE(outputs) << outputs.error().message;
    EXPECT_LT(elapsed(pair.world.clock, began), 2s) << "round " << round;
    EXPECT_EQ(outputs->at("timeline"), 2);
    EXPECT_GT(outputs->at("fork_position").get<std::uint64_t>(), 0U);
    EXPECT_GE(outputs->at("position").get<std::uint64_t>(),
              outputs->at("fork_position").get<std::uint64_t>());
    EXPECT_TRUE(insert(pair.berlin, 2));
    const auto after = pair.inspect(*promote, pair.call());
    ASSERT_TRUE(after);
    EXPECT_EQ(after->finding, Finding::done);
    EXPECT_EQ(after->because, "is primary on timeline 2");
    EXPECT_EQ(after->facts["fork_position"], outputs->at("fork_position"));
    // Once more is harmless, and knows the same fork.
    const auto again = pair.apply(*promote, pair.call());
    ASSERT_TRUE(again);
    EXPECT_EQ(again->at("fork_position"), outputs->at("fork_position"));
  }
}

TEST(PostgresPromote, SaysWhatItWouldDoAndRefusesToGoBack) {
  TestPair pair;
  const auto promote = pair.action("postgres.promote", "berlin");
  const auto found = pair.inspect(*promote, pair.call());
  ASSERT_TRUE(found);
  EXPECT_EQ(found->finding, Finding::needed);
  EXPECT_EQ(found->change, "promote berlin/database (0 B left to replay)");
  const auto reverted = pair.revert(*promote, pair.call());
  ASSERT_FALSE(reverted);
  EXPECT_EQ(reverted.error().code, ErrorCode::invalid);
  pair.berlin.kill_all();
  const auto dead = pair.inspect(*promote, pair.call());
  ASSERT_FALSE(dead);
  EXPECT_EQ(dead.error().code, ErrorCode::unavailable);
}

TEST(PostgresPromote, AStandbyOfAnotherSystemIsBlockedInAPlannedMove) {
  TestPair pair;
  TestWorld& world = pair.world;
  // A third system from another initdb takes the place of amsterdam.
  TestServer other(world);
  const auto folder = other.data();
  ASSERT_TRUE(run_as_postgres(world, {"rm", "-rf", folder.string()}));
  ASSERT_TRUE(run_as_postgres(
      world, {postgres_program("initdb"), "-D", folder.string(), "-U", "bascule_admin",
              "--auth=trust", "--no-locale", "--no-sync", "--no-instructions"}));
  other.start({{"unix_socket_directories", folder.string()}});
  pair.group->sites[0].checks[0].settings["port"] = other.port();
  const auto promote = pair.action("postgres.promote", "berlin");
  const auto found = pair.inspect(*promote, pair.call(Move::switchover));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->finding, Finding::blocked);
  const auto caught_up = pair.action("postgres.caught_up", "berlin");
  EXPECT_EQ(pair.inspect(*caught_up, pair.call(Move::switchover))->finding, Finding::blocked);
}

// A pair whose standby lets queries hold replay back for ever, and one that does.
struct Blocked {
  explicit Blocked(const std::string& query) {
    pair.berlin.stop();
    pair.berlin.start({{"max_standby_streaming_delay", "-1"}});
    EXPECT_TRUE(
        pair.amsterdam.ask("app", "INSERT INTO public.orders SELECT generate_series(1, 1000)"));
    EXPECT_TRUE(pair.amsterdam.ask("app", "GRANT SELECT ON public.orders TO reports"));
    pair.wait_until_streaming(pair.berlin, pair.amsterdam);
    reader = pair.berlin.session("reports");
    EXPECT_TRUE(pair.world.run(reader->run_script(query, pair.world.in(5s))));
  }

  void wait_until_blocked() {
    ASSERT_TRUE(pair.world.wait_until([this] {
      return pair.berlin.value(
                 "SELECT coalesce(wait_event, '') LIKE 'RecoveryConflict%' OR "
                 "coalesce(wait_event_type, '') = 'Lock' AS waits "
                 "FROM pg_stat_activity WHERE backend_type = 'startup'",
                 "waits") == "t";
    }));
  }

  TestPair pair;
  std::unique_ptr<Connection> reader;
};

constexpr const char* kSnapshot =
    "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM pg_class";

// A snapshot on the standby that still needs rows which the primary then removes for good.
void remove_what_it_needs(Blocked& one) {
  ASSERT_TRUE(one.pair.amsterdam.ask("app", "DELETE FROM public.orders"));
  ASSERT_TRUE(one.pair.amsterdam.ask("bascule_admin", "VACUUM public.orders"));
  one.wait_until_blocked();
}

TEST(PostgresPromote, SaysWhichQueryHoldsReplayBackAndWaitsForItWhereToldTo) {
  Blocked one(kSnapshot);
  remove_what_it_needs(one);
  const std::string sentence = "replay waits for 1 query of reports since ";
  const auto caught_up = one.pair.action("postgres.caught_up", "berlin");
  const StepCall planned = one.pair.call(Move::switchover);
  one.pair.do_step(*one.pair.action("postgres.fence", "amsterdam"), planned);
  const auto behind = one.pair.inspect(*caught_up, planned);
  ASSERT_TRUE(behind) << behind.error().message;
  EXPECT_EQ(behind->finding, Finding::pending);
  EXPECT_NE(behind->because.find(sentence), std::string::npos) << behind->because;

  one.pair.amsterdam.kill_all();
  const auto patient = one.pair.action("postgres.promote", "berlin",
                                       {{"cancel_blocking", false}, {"blocked_for", 0}});
  const auto found = one.pair.inspect(*patient, one.pair.call());
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->finding, Finding::needed);
  EXPECT_NE(found->change.find(sentence), std::string::npos) << found->change;
  EXPECT_NE(found->change.find("`cancel_blocking: true`"), std::string::npos) << found->change;
  EXPECT_EQ(found->facts["replay_block"]["queries"][0]["user"], "reports");
  const auto waited = one.pair.apply(*patient, one.pair.call(Move::failover, 700ms));
  ASSERT_FALSE(waited);
  EXPECT_EQ(waited.error().code, ErrorCode::timeout);
  EXPECT_NE(waited.error().message.find(sentence), std::string::npos) << waited.error().message;
  EXPECT_TRUE(one.pair.world.run(one.reader->query("SELECT 1 AS one", {}, one.pair.world.in(5s))));

  const auto promoted =
      one.pair.apply(*one.pair.action("postgres.promote", "berlin"), one.pair.call());
  ASSERT_TRUE(promoted) << promoted.error().message;
  EXPECT_FALSE(one.pair.world.run(one.reader->query("SELECT 1 AS one", {}, one.pair.world.in(5s))));
}

TEST(PostgresPromote, EndsOnlyWhoHoldsTheLockThatReplayWaitsFor) {
  Blocked one("BEGIN; SELECT count(*) FROM public.orders");
  const auto bystander = one.pair.berlin.session("reports");
  ASSERT_TRUE(one.pair.world.run(bystander->run_script(kSnapshot, one.pair.world.in(5s))));
  ASSERT_TRUE(one.pair.amsterdam.ask("app", "TRUNCATE public.orders"));
  one.wait_until_blocked();
  one.pair.amsterdam.kill_all();
  const auto promoted =
      one.pair.apply(*one.pair.action("postgres.promote", "berlin"), one.pair.call());
  ASSERT_TRUE(promoted) << promoted.error().message;
  EXPECT_FALSE(one.pair.world.run(one.reader->query("SELECT 1 AS one", {}, one.pair.world.in(5s))));
  EXPECT_TRUE(one.pair.world.run(bystander->query("SELECT 1 AS one", {}, one.pair.world.in(5s))));
}

TEST(PostgresPromote, AQueryThatHoldsReplayBackDoesNotHoldThePromotion) {
  Blocked one(kSnapshot);
  TestPair& pair = one.pair;
  remove_what_it_needs(one);
  pair.amsterdam.kill_all();
  const auto promote = pair.action("postgres.promote", "berlin");
  const MonotonicInstant began = pair.world.clock.monotonic();
  const auto outputs = pair.apply(*promote, pair.call());
  ASSERT_TRUE(outputs) << outputs.error().message;
  EXPECT_LT(elapsed(pair.world.clock, began), 5s);
}

// The whole of a planned move, as its steps do it.
TEST(Switchover, LosesNothingAndLetsTheApplicationWriteAtTheTarget) {
  TestPair pair;
  for (int id = 1; id <= 50; ++id) ASSERT_TRUE(insert(pair.amsterdam, id));
  const auto app = pair.amsterdam.session("app");
  const auto fence = pair.action("postgres.fence", "amsterdam");
  const auto caught_up = pair.action("postgres.caught_up", "berlin");
  const auto promote = pair.action("postgres.promote", "berlin");
  const StepCall call = pair.call(Move::switchover);

  const auto too_early = pair.inspect(*caught_up, call);
  ASSERT_TRUE(too_early) << too_early.error().message;
  EXPECT_EQ(too_early->finding, Finding::pending);
  EXPECT_EQ(too_early->because, "amsterdam is not sealed");

  pair.do_step(*fence, call);
  std::optional<Inspection> last;
  ASSERT_TRUE(pair.world.wait_until([&] {
    auto seen = pair.inspect(*caught_up, call);
    if (seen) last = *seen;
    return last && last->finding == Finding::done;
  })) << last->because;
  EXPECT_TRUE(pair.apply(*caught_up, call));
  // The seal has travelled.
  EXPECT_FALSE(pair.berlin.ask("app", "SELECT 1 AS one"));

  const auto promoted = pair.apply(*promote, call);
  ASSERT_TRUE(promoted) << promoted.error().message;
  EXPECT_TRUE(insert(pair.berlin, 51));
  EXPECT_EQ(pair.berlin.value("SELECT count(*) AS n FROM public.orders", "n"), "51");
  EXPECT_EQ(pair.berlin.value("SELECT count(*) AS n FROM pg_db_role_setting", "n"), "0");
  EXPECT_EQ(pair.berlin.value("SELECT rolcanlogin AS yes FROM pg_roles WHERE rolname = 'archived'",
                              "yes"),
            "f");
  // What was proved stays true when it is asked once more, and the source stays sealed.
  EXPECT_EQ(pair.inspect(*caught_up, call)->finding, Finding::done);
  EXPECT_EQ(pair.inspect(*promote, call)->finding, Finding::done);
  EXPECT_FALSE(insert(pair.amsterdam, 52));
}

TEST(Switchover, ATargetThatIsBehindIsAwaitedWithTheDistanceInWords) {
  TestPair pair;
  const auto fence = pair.action("postgres.fence", "amsterdam");
  const auto caught_up = pair.action("postgres.caught_up", "berlin");
  pair.berlin.value("SELECT pg_wal_replay_pause() AS done", "done");
  ASSERT_TRUE(
      pair.amsterdam.ask("app", "INSERT INTO public.orders SELECT generate_series(1, 30000)"));
  const StepCall call = pair.call(Move::switchover);
  pair.do_step(*fence, call);
  const auto behind = pair.inspect(*caught_up, call);
  ASSERT_TRUE(behind) << behind.error().message;
  EXPECT_EQ(behind->finding, Finding::pending);
  EXPECT_TRUE(behind->because.starts_with("berlin replays, ")) << behind->because;
  EXPECT_TRUE(behind->because.ends_with(" MiB left; replay is paused")) << behind->because;
  pair.berlin.value("SELECT pg_wal_replay_resume() AS done", "done");
  EXPECT_TRUE(pair.world.wait_until(
      [&] { return pair.inspect(*caught_up, call)->finding == Finding::done; }));
}

TEST(ReplicationLag, IsAnItemOfThePreflight) {
  TestPair pair;
  const auto within = pair.action("postgres.replication_lag", "berlin", {{"max", 30'000}});
  EXPECT_EQ(pair.inspect(*within, pair.call())->finding, Finding::done);
  ASSERT_TRUE(insert(pair.amsterdam, 1));
  pair.wait_until_streaming(pair.berlin, pair.amsterdam);
  pair.berlin.value("SELECT pg_wal_replay_pause() AS done", "done");
  ASSERT_TRUE(insert(pair.amsterdam, 2));
  const auto strict = pair.action("postgres.replication_lag", "berlin", {{"max", 0}});
  ASSERT_TRUE(pair.world.wait_until(
      [&] { return pair.inspect(*strict, pair.call())->finding == Finding::blocked; }));
  EXPECT_TRUE(pair.inspect(*strict, pair.call())->because.starts_with("lags by "));
}

}  // namespace
}  // namespace bascule::postgres
