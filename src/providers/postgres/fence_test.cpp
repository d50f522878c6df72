#include <gtest/gtest.h>

#include "async/scope.h"
#include "providers/postgres/log_position.h"
#include "providers/postgres/test_cluster.h"

namespace bascule::postgres {
namespace {

using namespace std::chrono_literals;

constexpr const char* kLogins =
    "SELECT string_agg(rolname, ',' ORDER BY rolname) AS roles FROM pg_roles WHERE rolcanlogin AND "
    "rolname !~ '^pg_'";
constexpr const char* kAllLogins = "app,bascule_admin,monitor,replicator,reports";

// The moment a session notices that it was ended.
bool ends(TestWorld& world, Connection& session) {
  return !session.is_open() || !world.run(session.watch_until(world.in(5s)));
}

struct Fenced {
  TestPair pair;
  std::shared_ptr<Action> fence = pair.action("postgres.fence", "amsterdam");

  Result<Rows> write_as_app(int id) {
    return pair.amsterdam.ask("app",
                              "INSERT INTO public.orders VALUES (" + std::to_string(id) + ")");
  }
  std::string logins() { return pair.amsterdam.value(kLogins, "roles"); }
  std::string read_only() {
    return pair.amsterdam.value("SHOW default_transaction_read_only",
                                "default_transaction_read_only");
  }
};

// What goes on beside the test: a seal that waits, and who wants to write or to look meanwhile.
struct Siege : Fenced {
  Siege() {
    pair.group->policy.detect.timeout = 300ms;
    fence = pair.action("postgres.fence", "amsterdam");
  }
  ~Siege() {
    over = true;
    scope.request_stop();
    block_on(pair.world.context, scope.join());
  }

  void announce(Duration limit = 60s) {
    scope.spawn("seal", [](Siege& one, StepCall call) -> awaitable<void> {
      one.sealed = co_await one.fence->apply(std::move(call));
    }(*this, pair.call(Move::failover, limit)));
  }
  // Over the session it has, or a new one; when each write was asked for.
  void intrude() { scope.spawn("intruder", keep_writing()); }
  void keep_looking() { scope.spawn("probe", looks(pair.probe("amsterdam", 5s))); }
  bool wait() {
    return pair.world.wait_until([this] { return sealed.has_value(); });
  }

  std::optional<Result<Outputs>> sealed;
  std::vector<Instant> written;
  std::vector<Observation> seen;
  std::size_t refused = 0;  // logins
  bool over = false;
  Scope scope{pair.world.context.get_executor(),
              [](const std::string& name, const std::string& why) {
                ADD_FAILURE() << name << ": " << why;
              }};

 private:
  awaitable<void> keep_writing() {
    Connection connection(pair.world.context, pair.world.clock, *pair.world.resolver);
    for (int id = 1; !over; ++id) {
      if (!connection.is_open()) {
        const auto in = co_await connection.open(pair.amsterdam.settings("app"), pair.world.in(2s));
        if (!in && connection.failure().login_refused) ++refused;
      }
      const Instant asked_at = pair.world.clock.now();
      const auto wrote = co_await connection.query(
          "INSERT INTO public.orders VALUES (" + std::to_string(id) + ")", {}, pair.world.in(2s));
      if (wrote) written.push_back(asked_at);
      co_await wait_for(pair.world.clock, 1ms);
    }
  }
  awaitable<void> looks(std::shared_ptr<Probe> probe) {
    while (!over) {
      seen.push_back(co_await probe->look(pair.world.in(5s)));
      co_await wait_for(pair.world.clock, 1ms);
    }
  }
};

// S35.
TEST(PostgresFence, AServerThatComesBackIsSealedBeforeItIsSeen) {
  Siege one;
  one.pair.amsterdam.kill_all();
  one.announce();
  one.intrude();
  one.keep_looking();
  one.pair.amsterdam.start();
  ASSERT_TRUE(one.wait());
  ASSERT_TRUE(*one.sealed) << one.sealed->error().message;
  const Outputs& outputs = **one.sealed;
  EXPECT_EQ(outputs.at("roles"), Json({"app", "monitor", "reports"}));
  // It has to be turned away, or its silence would prove nothing.
  ASSERT_TRUE(one.pair.world.wait_until([&] { return one.refused > 0; }));
  const auto answered_at = from_rfc3339(outputs.at("answered_at").get<std::string>());
  ASSERT_TRUE(answered_at);
  for (const Instant asked_at : one.written) EXPECT_LE(asked_at, *answered_at);
  // No look of ours ever came before.
  for (const Observation& look : one.seen) EXPECT_EQ(look.health, Health::failed) << look.summary;
  EXPECT_EQ(one.seen.back().code, "sealed");
  EXPECT_EQ(one.logins(), "bascule_admin,replicator");
  EXPECT_EQ(one.read_only(), "on");
}

TEST(PostgresFence, WaitsForASilentServerTooButNotForEver) {
  Siege one;
  one.pair.amsterdam.freeze();
  one.announce();
  one.pair.world.run(wait_for(one.pair.world.clock, 400ms));
  EXPECT_FALSE(one.sealed);
  one.pair.amsterdam.thaw();
  ASSERT_TRUE(one.wait());
  EXPECT_TRUE(*one.sealed);
  one.pair.amsterdam.kill_all();
  const auto refused = one.pair.apply(*one.fence, one.pair.call(Move::failover, 300ms));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "no answer yet: amsterdam/database: connection refused");
  EXPECT_EQ(refused.error().code, ErrorCode::timeout);
}

TEST(PostgresFence, ThatSomebodyHasSeenDoesNotWait) {
  Fenced one;
  StepCall call = one.pair.call();
  call.prior = one.pair.inspect(*one.fence, call)->prior;
  one.pair.amsterdam.kill_all();
  const auto refused = one.pair.apply(*one.fence, call);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::unavailable);
}

TEST(PostgresFence, ShutsOutOrdinaryRolesAndProvesIt) {
  Fenced one;
  const auto app = one.pair.amsterdam.session("app");
  const auto reports = one.pair.amsterdam.session("reports");
  ASSERT_TRUE(one.write_as_app(1));
  const auto before = one.pair.inspect(*one.fence, one.pair.call());
  ASSERT_TRUE(before) << before.error().message;
  EXPECT_EQ(before->finding, Finding::needed);
  EXPECT_EQ(before->change, "refuse logins, end 2 sessions");
  EXPECT_EQ(before->prior["roles"], Json({"app", "monitor", "reports"}));
  EXPECT_EQ(before->prior["default_transaction_read_only"], "off");

  StepCall call = one.pair.call();
  call.prior = before->prior;
  const auto applied = one.pair.apply(*one.fence, call);
  ASSERT_TRUE(applied) << applied.error().message;
  EXPECT_EQ(applied->at("sessions_ended"), 2);
  EXPECT_EQ(applied->at("roles"), Json({"app", "monitor", "reports"}));
  EXPECT_GT(applied->at("end_position").get<std::uint64_t>(), 0U);
  EXPECT_TRUE(ends(one.pair.world, *app));
  EXPECT_TRUE(ends(one.pair.world, *reports));
  const auto refused = one.write_as_app(2);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "role \"app\" is not permitted to log in (28000)");
  EXPECT_EQ(one.logins(), "bascule_admin,replicator");
  EXPECT_EQ(one.read_only(), "on");

  const auto after = one.pair.inspect(*one.fence, one.pair.call());
  ASSERT_TRUE(after) << after.error().message;
  EXPECT_EQ(after->finding, Finding::done);
  // Nobody's change travels with the log: the standby still follows.
  one.pair.wait_until_streaming(one.pair.berlin, one.pair.amsterdam);
}

TEST(PostgresFence, ReadOnlyByDefaultAloneIsNoFence) {
  Fenced one;
  one.pair.amsterdam.value("ALTER SYSTEM SET default_transaction_read_only = on", "x");
  one.pair.amsterdam.value("SELECT pg_reload_conf() AS done", "done");
  const auto app = one.pair.amsterdam.session("app");
  // Why not: an ordinary role just says that it wants to write.
  ASSERT_TRUE(one.pair.world.run(app->run_script(
      "BEGIN READ WRITE; INSERT INTO public.orders VALUES (1); COMMIT", one.pair.world.in(5s))));
  const auto found = one.pair.inspect(*one.fence, one.pair.call());
  ASSERT_TRUE(found);
  EXPECT_EQ(found->finding, Finding::needed);
  one.pair.do_step(*one.fence, one.pair.call());
  EXPECT_FALSE(one.pair.world.run(app->run_script(
      "BEGIN READ WRITE; INSERT INTO public.orders VALUES (2); COMMIT", one.pair.world.in(5s))));
  EXPECT_EQ(one.pair.amsterdam.value("SELECT count(*) AS n FROM public.orders", "n"), "1");
}

TEST(PostgresFence, IsUndoneExactly) {
  Fenced one;
  // Somebody had set it before, and one role was shut out already.
  one.pair.amsterdam.value("ALTER SYSTEM SET default_transaction_read_only = off", "x");
  const Json prior = one.pair.do_step(*one.fence, one.pair.call());
  StepCall call = one.pair.call();
  call.prior = prior;
  const auto reverted = one.pair.revert(*one.fence, call);
  ASSERT_TRUE(reverted) << reverted.error().message;
  EXPECT_EQ(one.logins(), kAllLogins);
  EXPECT_EQ(one.pair.amsterdam.value("SELECT setting FROM pg_file_settings WHERE name = "
                                     "'default_transaction_read_only'",
                                     "setting"),
            "off");
  EXPECT_EQ(one.pair.amsterdam.value("SELECT count(*) AS n FROM pg_db_role_setting", "n"), "0");
  EXPECT_TRUE(one.write_as_app(1));
  // Once more does no harm.
  EXPECT_TRUE(one.pair.revert(*one.fence, call));
  EXPECT_EQ(one.logins(), kAllLogins);
}

TEST(PostgresFence, ResetsWhatNobodyHadSetBefore) {
  Fenced one;
  StepCall call = one.pair.call();
  call.prior = one.pair.do_step(*one.fence, call);
  ASSERT_TRUE(one.pair.revert(*one.fence, call));
  EXPECT_EQ(one.pair.amsterdam.value("SELECT count(*) AS n FROM pg_file_settings WHERE name = "
                                     "'default_transaction_read_only'",
                                     "n"),
            "0");
}

TEST(PostgresFence, MayBeRepeatedAndThenChangesNothing) {
  Fenced one;
  StepCall call = one.pair.call();
  const auto found = one.pair.inspect(*one.fence, call);
  call.prior = found->prior;
  const auto first = one.pair.apply(*one.fence, call);
  const auto second = one.pair.apply(*one.fence, call);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->at("end_position"), second->at("end_position"));
  EXPECT_EQ(first->at("roles"), second->at("roles"));
  ASSERT_TRUE(one.pair.revert(*one.fence, call));
  EXPECT_EQ(one.logins(), kAllLogins);
}

TEST(PostgresFence, OneThatWasCutShortIsFinishedAndStillUndoneExactly) {
  Fenced one;
  StepCall call = one.pair.call();
  call.prior = one.pair.inspect(*one.fence, call)->prior;
  // It came as far as the setting, and a role has lost its login without a mark.
  one.pair.amsterdam.value("ALTER SYSTEM SET default_transaction_read_only = on", "x");
  one.pair.amsterdam.value("ALTER ROLE reports NOLOGIN", "x");
  ASSERT_TRUE(one.pair.apply(*one.fence, call));
  ASSERT_TRUE(one.pair.revert(*one.fence, call));
  EXPECT_EQ(one.logins(), kAllLogins);
  EXPECT_EQ(one.read_only(), "off");
}

TEST(PostgresFence, ASealFoundInPlaceStaysWhenTheRunIsTakenBack) {
  Fenced one;
  one.pair.do_step(*one.fence, one.pair.call());
  StepCall call = one.pair.call();
  call.run = RunId("r-0002");
  const auto found = one.pair.inspect(*one.fence, call);
  ASSERT_TRUE(found);
  call.prior = found->prior;
  ASSERT_TRUE(one.pair.apply(*one.fence, call));
  ASSERT_TRUE(one.pair.revert(*one.fence, call));
  EXPECT_EQ(one.logins(), "bascule_admin,replicator");
}

TEST(PostgresFence, WorksWhileEverySlotIsTaken) {
  Fenced one;
  one.pair.amsterdam.stop();
  one.pair.amsterdam.start({{"max_connections", "9"}});
  one.pair.wait_until_streaming(one.pair.berlin, one.pair.amsterdam);
  std::vector<std::unique_ptr<Connection>> crowd;
  while (one.pair.amsterdam.ask("app", "SELECT 1 AS one") && crowd.size() < 20) {
    crowd.push_back(one.pair.amsterdam.session("app"));
  }
  ASSERT_LT(crowd.size(), 20U);
  const auto found = one.pair.inspect(*one.fence, one.pair.call());
  ASSERT_TRUE(found) << found.error().message;
  StepCall call = one.pair.call();
  call.prior = found->prior;
  const auto applied = one.pair.apply(*one.fence, call);
  ASSERT_TRUE(applied) << applied.error().message;
  EXPECT_EQ(applied->at("sessions_ended"), crowd.size());
}

TEST(PostgresFence, WorksWhileTheStandbyThatCommitsWaitForIsDead) {
  Fenced one;
  one.pair.amsterdam.value("ALTER SYSTEM SET synchronous_standby_names = '*'", "x");
  one.pair.amsterdam.value("SELECT pg_reload_conf() AS done", "done");
  one.pair.berlin.kill_all();
  const auto found = one.pair.inspect(*one.fence, one.pair.call(Move::failover, 5s));
  ASSERT_TRUE(found) << found.error().message;
  StepCall call = one.pair.call(Move::failover, 5s);
  call.prior = found->prior;
  const auto applied = one.pair.apply(*one.fence, call);
  ASSERT_TRUE(applied) << applied.error().message;
  ASSERT_TRUE(one.pair.revert(*one.fence, call));
}

TEST(PostgresFence, ATransactionInFlightIsLostOrInsideTheEnd) {
  Fenced one;
  // Commits that do not wait for the disk are inside it as well.
  const auto app = one.pair.amsterdam.session("app");
  ASSERT_TRUE(one.pair.world.run(
      app->run_script("SET synchronous_commit = off; INSERT INTO public.orders VALUES (1)",
                      one.pair.world.in(5s))));
  ASSERT_TRUE(one.pair.world.run(
      app->run_script("BEGIN; INSERT INTO public.orders VALUES (2)", one.pair.world.in(5s))));
  StepCall call = one.pair.call();
  call.prior = one.pair.inspect(*one.fence, call)->prior;
  const auto applied = one.pair.apply(*one.fence, call);
  ASSERT_TRUE(applied);
  const auto flushed =
      one.pair.amsterdam.ask("bascule_admin", "SELECT pg_current_wal_flush_lsn() AS lsn");
  EXPECT_GE(flushed->position(0, "lsn").value_or(0),
            applied->at("end_position").get<std::uint64_t>());
  EXPECT_EQ(
      one.pair.amsterdam.value("SELECT string_agg(id::text, ',') AS ids FROM public.orders", "ids"),
      "1");
}

TEST(PostgresFence, SparesOurOwnHeldSessionThatOnlyReads) {
  Fenced one;
  const auto held = one.pair.amsterdam.session("monitor");
  const auto found = one.pair.inspect(*one.fence, one.pair.call());
  EXPECT_EQ(found->change, "refuse logins, end no session");
  one.pair.do_step(*one.fence, one.pair.call());
  EXPECT_TRUE(one.pair.world.run(held->query("SELECT 1 AS one", {}, one.pair.world.in(5s))));
}

TEST(PostgresFence, AStandbyNeedsNoneAndASilentServerIsAnError) {
  Fenced one;
  const auto at_standby = one.pair.action("postgres.fence", "berlin");
  const auto found = one.pair.inspect(*at_standby, one.pair.call());
  ASSERT_TRUE(found);
  EXPECT_EQ(found->finding, Finding::done);
  EXPECT_EQ(found->because, "is a standby");
  const auto applied = one.pair.apply(*at_standby, one.pair.call());
  ASSERT_TRUE(applied) << applied.error().message;
  EXPECT_EQ(applied->at("sessions_ended"), 0);

  one.pair.amsterdam.freeze();
  const auto silent = one.pair.inspect(*one.fence, one.pair.call(Move::failover, 300ms));
  ASSERT_FALSE(silent);
  EXPECT_EQ(silent.error().code, ErrorCode::timeout);
  EXPECT_TRUE(silent.error().message.starts_with("amsterdam/database: ")) << silent.error().message;
  one.pair.amsterdam.thaw();
  one.pair.amsterdam.kill_all();
  const auto dead = one.pair.inspect(*one.fence, one.pair.call());
  ASSERT_FALSE(dead);
  EXPECT_EQ(dead.error().code, ErrorCode::unavailable);
}

TEST(PostgresFence, WithoutAnOrdinaryRoleToProveItWithItIsBlocked) {
  Fenced one;
  one.pair.amsterdam.value("ALTER ROLE monitor SUPERUSER", "x");
  const auto found = one.pair.inspect(*one.fence, one.pair.call());
  ASSERT_TRUE(found);
  EXPECT_EQ(found->finding, Finding::blocked);
  EXPECT_FALSE(one.pair.apply(*one.fence, one.pair.call()));
}

TEST(PostgresFence, RolesWithDifficultNamesAreSealedAndUnsealedToo) {
  Fenced one;
  one.pair.amsterdam.value(R"(CREATE ROLE "o'ne ""two"" \three é" LOGIN)", "x");
  StepCall call = one.pair.call();
  call.prior = one.pair.do_step(*one.fence, call);
  EXPECT_EQ(one.logins(), "bascule_admin,replicator");
  ASSERT_TRUE(one.pair.revert(*one.fence, call));
  EXPECT_EQ(one.pair.amsterdam.value("SELECT count(*) AS n FROM pg_roles WHERE rolcanlogin", "n"),
            "6");
}

}  // namespace
}  // namespace bascule::postgres
