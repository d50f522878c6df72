#include "providers/postgres/probe.h"

#include <boost/asio/ip/tcp.hpp>
#include <gtest/gtest.h>

#include "async/scope.h"
#include "providers/postgres/test_cluster.h"

namespace bascule::postgres {
namespace {

using namespace std::chrono_literals;

// Remembers what a watch told.
struct Notes final : Watcher {
  explicit Notes(Clock& clock_value) : clock(clock_value) {}
  void wake(std::string what) override {
    wakes.push_back(std::move(what));
    woken_at = clock.monotonic();
  }
  void sample(DatabaseFacts facts) override { samples.push_back(std::move(facts)); }

  Clock& clock;
  std::vector<std::string> wakes;
  std::vector<DatabaseFacts> samples;
  MonotonicInstant woken_at;
};

// A watch that runs beside the test.
class Watching {
 public:
  Watching(TestWorld& world, std::shared_ptr<Probe> probe)
      : notes(world.clock),
        world_(world),
        probe_(std::move(probe)),
        scope_(world.context.get_executor(), [](const std::string& name, const std::string& why) {
          ADD_FAILURE() << name << ": " << why;
        }) {
    scope_.spawn("watch", probe_->watch(notes));
  }
  ~Watching() {
    scope_.request_stop();
    block_on(world_.context, scope_.join());
  }

  Notes notes;

 private:
  TestWorld& world_;
  std::shared_ptr<Probe> probe_;
  Scope scope_;
};

Observation look(TestWorld& world, Probe& probe, Duration limit = 900ms) {
  return world.run(probe.look(world.in(limit)));
}

TEST(PostgresProbe, SeesAPrimaryAndItsStandbyAsTheyAre) {
  TestPair pair;
  const Observation primary = look(pair.world, *pair.probe("amsterdam"));
  ASSERT_TRUE(primary.database) << primary.summary;
  EXPECT_EQ(primary.health, Health::healthy);
  EXPECT_EQ(primary.summary, "primary, timeline 1");
  EXPECT_EQ(primary.database->role, DatabaseRole::primary);
  EXPECT_TRUE(primary.database->accepts_writes);
  EXPECT_GT(primary.database->position, 0U);
  EXPECT_TRUE(primary.latency);
  EXPECT_TRUE(primary.timing.lookup && primary.timing.connect && primary.timing.first_byte);
  EXPECT_FALSE(primary.error);

  const Observation standby = look(pair.world, *pair.probe("berlin"));
  ASSERT_TRUE(standby.database) << standby.summary;
  EXPECT_EQ(standby.health, Health::healthy);
  EXPECT_EQ(standby.database->role, DatabaseRole::replica);
  EXPECT_FALSE(standby.database->accepts_writes);
  EXPECT_TRUE(standby.database->streaming);
  EXPECT_EQ(standby.database->lag, Duration(0));
  EXPECT_EQ(standby.database->timeline, 1);
  EXPECT_EQ(standby.database->source_host, "127.0.0.1");
  EXPECT_TRUE(standby.database->last_received_at);
  EXPECT_EQ(standby.database->system_identifier, primary.database->system_identifier);
  // Idle, both ends are the same byte.
  EXPECT_EQ(standby.database->position, primary.database->position);
  EXPECT_EQ(standby.detail.size(), primary.detail.size());
}

TEST(PostgresProbe, SeesReadOnlyAndAChangeOfRole) {
  TestPair pair;
  const auto amsterdam = pair.probe("amsterdam");
  const auto berlin = pair.probe("berlin");
  Watching watching(pair.world, berlin);
  ASSERT_TRUE(pair.world.wait_until([&] { return !watching.notes.samples.empty(); }));
  pair.amsterdam.value("ALTER SYSTEM SET default_transaction_read_only = on; ", "x");
  pair.amsterdam.value("SELECT pg_reload_conf() AS done", "done");
  ASSERT_TRUE(pair.world.wait_until([&] {
    const Observation seen = look(pair.world, *amsterdam);
    return seen.database && !seen.database->accepts_writes;
  }));
  EXPECT_EQ(look(pair.world, *amsterdam).summary, "primary, timeline 1, read-only");

  pair.berlin.value("SELECT pg_promote(true) AS done", "done");
  const Observation promoted = look(pair.world, *berlin);
  ASSERT_TRUE(promoted.database);
  EXPECT_EQ(promoted.database->role, DatabaseRole::primary);
  // At once, although its control file still says 1.
  EXPECT_EQ(promoted.database->timeline, 2);
  EXPECT_TRUE(pair.world.wait_until([&] { return !watching.notes.wakes.empty(); }));
  EXPECT_EQ(watching.notes.wakes.front(), "the database is now primary, timeline 2");
}

TEST(PostgresProbe, AKilledServerWakesWithinATenthOfASecondAndThenFailsWithTheReason) {
  TestPair pair;
  const auto probe = pair.probe("amsterdam");
  Watching watching(pair.world, probe);
  ASSERT_TRUE(pair.world.wait_until([&] { return watching.notes.samples.size() >= 2; }));
  EXPECT_TRUE(watching.notes.wakes.empty());
  const std::vector<pid_t> processes = pair.amsterdam.processes();
  const MonotonicInstant killed = pair.world.clock.monotonic();
  for (const pid_t process : processes) ::kill(process, SIGKILL);
  ASSERT_TRUE(pair.world.wait_until([&] { return !watching.notes.wakes.empty(); }, 5s));
  EXPECT_LT(watching.notes.woken_at - killed, 100ms);
  EXPECT_TRUE(watching.notes.wakes.front().starts_with("the held connection broke ("))
      << watching.notes.wakes.front();
  pair.amsterdam.kill_all();
  const Observation seen = look(pair.world, *probe);
  EXPECT_EQ(seen.health, Health::failed);
  ASSERT_TRUE(seen.error);
  EXPECT_EQ(seen.error->code, ErrorCode::unavailable);
  EXPECT_EQ(seen.summary, "connection refused");
  EXPECT_FALSE(seen.latency);
  EXPECT_FALSE(seen.database);

  // It comes back by itself, and says so.
  const std::size_t samples = watching.notes.samples.size();
  pair.amsterdam.start();
  ASSERT_TRUE(pair.world.wait_until([&] { return watching.notes.samples.size() > samples; }, 10s));
  EXPECT_EQ(watching.notes.wakes.back(), "the database takes connections again");
}

TEST(PostgresProbe, AFrozenServerIsATimeoutOnBothConnections) {
  TestPair pair;
  const auto probe = pair.probe("amsterdam", 300ms);
  Watching watching(pair.world, probe);
  ASSERT_TRUE(pair.world.wait_until([&] { return !watching.notes.samples.empty(); }));
  pair.amsterdam.freeze();
  const Observation seen = look(pair.world, *probe, 300ms);
  EXPECT_EQ(seen.health, Health::failed);
  ASSERT_TRUE(seen.error);
  EXPECT_EQ(seen.error->code, ErrorCode::timeout);
  EXPECT_TRUE(pair.world.wait_until([&] { return !watching.notes.wakes.empty(); }, 5s));
  pair.amsterdam.thaw();
}

// S06: a crowd is no death, as long as the held session is answered.
TEST(PostgresProbe, WithoutFreeSlotsAServerThatAnswersIsDegradedAndOneThatDoesNotHasFailed) {
  TestPair pair;
  pair.amsterdam.stop();
  pair.amsterdam.start({{"max_connections", "9"}});
  const auto watched = pair.probe("amsterdam");
  const auto unwatched = pair.probe("amsterdam");
  Watching watching(pair.world, watched);
  ASSERT_TRUE(pair.world.wait_until([&] { return !watching.notes.samples.empty(); }));
  std::vector<std::unique_ptr<Connection>> crowd;
  crowd.reserve(5);
  for (int i = 0; i < 5; ++i) crowd.push_back(pair.amsterdam.session("app"));
  ASSERT_FALSE(pair.amsterdam.ask("app", "SELECT 1 AS one"));

  const Observation overloaded = look(pair.world, *watched);
  EXPECT_EQ(overloaded.health, Health::degraded);
  EXPECT_EQ(overloaded.code, "no_new_sessions");
  EXPECT_TRUE(overloaded.database);
  const Observation alone = look(pair.world, *unwatched);
  EXPECT_EQ(alone.health, Health::failed);
  EXPECT_EQ(alone.code, "no_new_sessions");
  EXPECT_EQ(alone.error->message, "no free connection slots (53300)");
}

TEST(PostgresProbe, AWrongPasswordAndASealedRoleAreToldApart) {
  TestPair pair;
  pair.amsterdam.value("ALTER ROLE monitor PASSWORD 'rotated'", "x");
  const Observation wrong = look(pair.world, *pair.probe("amsterdam"));
  EXPECT_EQ(wrong.health, Health::failed);
  EXPECT_EQ(wrong.error->code, ErrorCode::denied);
  EXPECT_EQ(wrong.code, "");
  pair.amsterdam.value("ALTER ROLE monitor PASSWORD 'monitor' NOLOGIN", "x");
  const Observation sealed = look(pair.world, *pair.probe("amsterdam"));
  EXPECT_EQ(sealed.health, Health::failed);
  EXPECT_EQ(sealed.code, "sealed");
}

TEST(PostgresProbe, AListenerThatNeverSpeaksIsATimeoutWithinTheDeadline) {
  TestWorld world;
  boost::asio::ip::tcp::acceptor silent(world.context,
                                        {boost::asio::ip::make_address("127.0.0.1"), free_port()});
  CheckSettings settings;
  settings.host = "127.0.0.1";
  settings.port = silent.local_endpoint().port();
  settings.database = "postgres";
  settings.monitor = {"monitor", "monitor"};
  settings.sslmode = "disable";
  Vigils vigils;
  const auto probe = make_probe(settings, 200ms, {world.services, *world.resolver, vigils});
  const MonotonicInstant began = world.clock.monotonic();
  const Observation seen = look(world, *probe, 200ms);
  EXPECT_LT(elapsed(world.clock, began), 2s);
  EXPECT_EQ(seen.health, Health::failed);
  EXPECT_EQ(seen.error->code, ErrorCode::timeout);
}

TEST(PostgresProbe, AReplicaWhoseSourceIsGoneLagsAndDoesNotStream) {
  TestPair pair;
  ASSERT_TRUE(pair.amsterdam.ask("app", "INSERT INTO public.orders VALUES (1)"));
  pair.wait_until_streaming(pair.berlin, pair.amsterdam);
  pair.amsterdam.kill_all();
  const auto probe = pair.probe("berlin");
  ASSERT_TRUE(pair.world.wait_until([&] {
    const Observation seen = look(pair.world, *probe);
    return seen.database && !seen.database->streaming;
  }));
  const Observation seen = look(pair.world, *probe);
  ASSERT_TRUE(seen.database && seen.database->lag);
  EXPECT_GT(*seen.database->lag, Duration(0));
  EXPECT_EQ(seen.database->timeline, 1);
}

}  // namespace
}  // namespace bascule::postgres
