#include <gtest/gtest.h>

#include <fstream>

#include "providers/postgres/test_cluster.h"

namespace bascule::postgres {
namespace {

using namespace std::chrono_literals;

// What an operator would write: stop, wind back, follow, start.
constexpr const char* kScript = R"(#!/bin/sh
set -e
data=$1 port=$2 active=$3 bin=$4
echo "$BASCULE_SITE of $BASCULE_GROUP joins $BASCULE_TARGET" > "$data.told"
$bin/pg_ctl -D "$data" -s -m fast -w stop
$bin/pg_rewind --target-pgdata "$data" --no-sync --source-server \
  "host=127.0.0.1 port=$active user=bascule_admin password=bascule_admin dbname=postgres sslmode=disable"
cat >> "$data/postgresql.auto.conf" <<END
primary_conninfo = 'host=127.0.0.1 port=$active user=replicator password=replicator sslmode=disable'
default_transaction_read_only = on
END
touch "$data/standby.signal"
$bin/pg_ctl -D "$data" -s -W -l "$data.log" -o "-p $port" start
)";

struct Failover {
  TestPair pair;
  std::string script = (pair.amsterdam.data().parent_path() / "rejoin").string();
  std::shared_ptr<Action> promote = pair.action("postgres.promote", "berlin");
  std::shared_ptr<Action> fence = pair.action("postgres.fence", "amsterdam");
  std::shared_ptr<Action> rejoin;

  Failover() {
    std::ofstream(script) << kScript;
    EXPECT_TRUE(run_as_postgres(pair.world, {"test", "-r", script}));
    rejoin = pair.action("postgres.rejoin", "amsterdam", {{"run", command()}});
  }

  Json command() {
    Json argv = Json::array();
    if (::geteuid() == 0) argv = {"runuser", "-u", "postgres", "--"};
    for (const std::string& word :
         {std::string("sh"), script, pair.amsterdam.data().string(),
          std::to_string(pair.amsterdam.port()), std::to_string(pair.berlin.port()),
          std::filesystem::path(postgres_program("x")).parent_path().string()}) {
      argv.push_back(word);
    }
    return argv;
  }

  Result<Rows> insert(TestServer& server, int id) {
    return server.ask("app", "INSERT INTO public.orders VALUES (" + std::to_string(id) + ")");
  }

  // The primary dies, the standby takes over, the old primary comes back and is sealed.
  void fail_over() {
    pair.amsterdam.kill_all();
    const auto promoted = pair.apply(*promote, pair.call());
    ASSERT_TRUE(promoted) << promoted.error().message;
  }
  void come_back() {
    pair.amsterdam.start();
    pair.do_step(*fence, pair.call());
  }
  Result<Outputs> apply_rejoin(Inspection& found) {
    StepCall call = pair.call(Move::failover, 60s);
    call.prior = found.prior;
    return pair.apply(*rejoin, call);
  }
};

TEST(PostgresRejoin, AnOldPrimaryThatLostNothingBecomesAStandbyAndLosesNothing) {
  Failover one;
  ASSERT_TRUE(one.insert(one.pair.amsterdam, 1));
  one.pair.wait_until_streaming(one.pair.berlin, one.pair.amsterdam);
  one.fail_over();
  ASSERT_TRUE(one.insert(one.pair.berlin, 2));

  // Down, it may come back any moment: wait, so that the loss can be measured.
  const auto down = one.pair.inspect(*one.rejoin, one.pair.call());
  ASSERT_FALSE(down);
  EXPECT_EQ(down.error().code, ErrorCode::unavailable);

  one.come_back();
  auto found = one.pair.inspect(*one.rejoin, one.pair.call());
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->finding, Finding::needed);
  EXPECT_EQ(found->change, "rejoin amsterdam as standby of berlin");
  // Its log has a checkpoint and the seal more than berlin's; none of that is anybody's data.
  EXPECT_EQ(found->because, "");
  EXPECT_EQ(found->prior["lost_bytes"], 0);
  EXPECT_EQ(found->prior["lost_transactions"], 0);

  const auto outputs = one.apply_rejoin(*found);
  ASSERT_TRUE(outputs) << outputs.error().message;
  EXPECT_EQ(outputs->at("lost_bytes"), 0);
  const auto after = one.pair.inspect(*one.rejoin, one.pair.call());
  ASSERT_TRUE(after) << after.error().message;
  EXPECT_EQ(after->finding, Finding::done);
  EXPECT_EQ(after->because, "streams from berlin, timeline 2");
  // Both sides of the seal are gone: the setting, and the logins by what it replicates.
  EXPECT_EQ(one.pair.amsterdam.value("SELECT count(*) AS n FROM pg_file_settings WHERE name = "
                                     "'default_transaction_read_only'",
                                     "n"),
            "0");
  one.pair.wait_until_streaming(one.pair.amsterdam, one.pair.berlin);
  EXPECT_EQ(one.pair.amsterdam.ask("app", "SELECT count(*) AS n FROM public.orders")->text(0, "n"),
            "2");
  std::ifstream told(one.pair.amsterdam.data().string() + ".told");
  std::string line;
  std::getline(told, line);
  EXPECT_EQ(line, "amsterdam of shop joins berlin");
  // Repeated, nothing is run again.
  std::filesystem::remove(one.script);
  EXPECT_TRUE(one.apply_rejoin(*found));
}

TEST(PostgresRejoin, CountsExactlyTheTransactionsThatTheActiveSiteNeverGot) {
  Failover one;
  ASSERT_TRUE(one.insert(one.pair.amsterdam, 1));
  one.pair.wait_until_streaming(one.pair.berlin, one.pair.amsterdam);
  // Rows that berlin does not receive, small ones and some that cross pages and segments.
  one.pair.berlin.kill_all();
  for (int id = 2; id <= 8; ++id) ASSERT_TRUE(one.insert(one.pair.amsterdam, id));
  one.pair.amsterdam.value("SELECT pg_switch_wal() AS lsn", "lsn");
  ASSERT_TRUE(one.pair.amsterdam.ask(
      "app", "INSERT INTO public.orders SELECT generate_series(1000, 40000)"));
  const auto rolled_back = one.pair.amsterdam.session("app");
  ASSERT_TRUE(one.pair.world.run(rolled_back->run_script(
      "BEGIN; INSERT INTO public.orders VALUES (9); ROLLBACK", one.pair.world.in(5s))));
  one.pair.amsterdam.kill_all();
  one.pair.berlin.start();
  one.fail_over();
  one.come_back();

  auto found = one.pair.inspect(*one.rejoin, one.pair.call());
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->prior["lost_transactions"], 8);
  EXPECT_GT(found->prior["lost_bytes"].get<std::int64_t>(), std::int64_t{8} << 20);
  EXPECT_TRUE(found->change.find(", discarding ") != std::string::npos) << found->change;
  const auto outputs = one.apply_rejoin(*found);
  ASSERT_TRUE(outputs) << outputs.error().message;
  EXPECT_EQ(outputs->at("lost_transactions"), 8);
  one.pair.wait_until_streaming(one.pair.amsterdam, one.pair.berlin);
  EXPECT_EQ(one.pair.amsterdam.value("SELECT count(*) AS n FROM public.orders", "n"), "1");
}

TEST(PostgresRejoin, AfterASwitchoverTheLossIsNothing) {
  Failover one;
  ASSERT_TRUE(one.insert(one.pair.amsterdam, 1));
  one.pair.do_step(*one.fence, one.pair.call(Move::switchover));
  const auto caught_up = one.pair.action("postgres.caught_up", "berlin");
  ASSERT_TRUE(one.pair.world.wait_until([&] {
    const auto seen = one.pair.inspect(*caught_up, one.pair.call(Move::switchover));
    return seen && seen->finding == Finding::done;
  }));
  ASSERT_TRUE(one.pair.apply(*one.promote, one.pair.call(Move::switchover)));
  auto found = one.pair.inspect(*one.rejoin, one.pair.call(Move::switchover));
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->finding, Finding::needed);
  EXPECT_EQ(found->prior["lost_bytes"], 0);
  EXPECT_EQ(found->prior["lost_transactions"], 0);
  const auto outputs = one.apply_rejoin(*found);
  ASSERT_TRUE(outputs) << outputs.error().message;

  // And back home: the roles of the two have changed.
  one.pair.wait_until_streaming(one.pair.amsterdam, one.pair.berlin);
  StepCall home = one.pair.call(Move::failback);
  std::swap(home.source, home.target);
  one.pair.do_step(*one.pair.action("postgres.fence", "berlin"), home);
  const auto back = one.pair.action("postgres.caught_up", "amsterdam");
  ASSERT_TRUE(one.pair.world.wait_until([&] {
    const auto seen = one.pair.inspect(*back, home);
    return seen && seen->finding == Finding::done;
  }));
  const auto promoted = one.pair.apply(*one.pair.action("postgres.promote", "amsterdam"), home);
  ASSERT_TRUE(promoted) << promoted.error().message;
  EXPECT_EQ(promoted->at("timeline"), 3);
  EXPECT_TRUE(one.insert(one.pair.amsterdam, 2));
}

TEST(PostgresRejoin, ACommandThatFailsIsAnErrorWithItsLastWords) {
  Failover one;
  one.fail_over();
  one.come_back();
  one.rejoin =
      one.pair.action("postgres.rejoin", "amsterdam",
                      {{"run", {"sh", "-c", "echo working; echo the disk is full >&2; exit 3"}}});
  auto found = one.pair.inspect(*one.rejoin, one.pair.call());
  ASSERT_TRUE(found) << found.error().message;
  const auto outputs = one.apply_rejoin(*found);
  ASSERT_FALSE(outputs);
  EXPECT_EQ(outputs.error().code, ErrorCode::unavailable);
  EXPECT_EQ(outputs.error().message, "sh ended with code 3: the disk is full");
}

// S22: the one step that destroys data refuses the wrong node.
TEST(PostgresRejoin, NothingIsWoundBackToASiteThatIsNoPrimaryOrIsBehind) {
  Failover one;
  // berlin still is a standby.
  auto found = one.pair.inspect(*one.rejoin, one.pair.call());
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->finding, Finding::blocked);
  EXPECT_FALSE(one.apply_rejoin(*found));

  // Asked the wrong way round, the newer primary would be wound back to the older.
  one.pair.berlin.value("SELECT pg_promote(true) AS done", "done");
  const auto wrong = one.pair.action("postgres.rejoin", "berlin", {{"run", one.command()}});
  StepCall call = one.pair.call();
  call.target = SiteName("amsterdam");
  call.source = SiteName("berlin");
  found = one.pair.inspect(*wrong, call);
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->finding, Finding::blocked);
}

TEST(PostgresRejoin, AServerThatIsDownIsRebuiltOnlyWhereThatIsAsked) {
  Failover one;
  one.fail_over();
  one.rejoin = one.pair.action("postgres.rejoin", "amsterdam",
                               {{"run", {"sh", "-c", "exit 9"}}, {"when_down", "run"}});
  auto found = one.pair.inspect(*one.rejoin, one.pair.call());
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->finding, Finding::needed);
  EXPECT_TRUE(found->prior["lost_bytes"].is_null());
  const auto outputs = one.apply_rejoin(*found);
  ASSERT_FALSE(outputs);
  EXPECT_EQ(outputs.error().message, "sh ended with code 9");
}

}  // namespace
}  // namespace bascule::postgres
