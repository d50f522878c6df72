// Databases on a bad day: whatever a server does, a look ends with a reason and an action with an
// error that says it, in time.
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <gtest/gtest.h>

#include <fstream>

#include "async/scope.h"
#include "providers/postgres/probe.h"
#include "providers/postgres/test_cluster.h"

namespace bascule::postgres {
namespace {

using namespace std::chrono_literals;

Observation look(TestPair& pair, const std::string& site, Duration limit = 10s) {
  return pair.world.run(pair.probe(site, limit)->look(pair.world.in(limit)));
}

void admit(TestServer& server, const std::string& lines) {
  std::ofstream(server.data() / "pg_hba.conf") << "host all bascule_admin all scram-sha-256\n"
                                                  "host replication all all scram-sha-256\n"
                                               << lines;
  server.value("SELECT pg_reload_conf() AS done", "done");
}

TEST(Faults, WhatPgHbaRefusesIsDeniedAndNoSeal) {
  TestPair pair;
  admit(pair.amsterdam, "");
  Observation seen;
  ASSERT_TRUE(pair.world.wait_until([&] {
    seen = look(pair, "amsterdam");
    return seen.health == Health::failed;
  }));
  EXPECT_TRUE(
      seen.summary.starts_with("no pg_hba.conf entry for host \"127.0.0.1\", user "
                               "\"monitor\""))
      << seen.summary;
  EXPECT_EQ(seen.code, "");
  EXPECT_EQ(seen.error->code, ErrorCode::denied);
}

TEST(Faults, AServerThatInsistsOnTlsSaysSo) {
  TestPair pair;
  ASSERT_TRUE(run_as_postgres(
      pair.world, {"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                   "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                   "-keyout", (pair.amsterdam.data() / "server.key").string(), "-out",
                   (pair.amsterdam.data() / "server.crt").string()}));
  pair.amsterdam.stop();
  pair.amsterdam.start({{"ssl", "on"}});
  admit(pair.amsterdam, "hostssl all all all scram-sha-256\n");
  Observation seen;
  ASSERT_TRUE(pair.world.wait_until([&] {
    seen = look(pair, "amsterdam");
    return seen.health == Health::failed;
  }));
  EXPECT_TRUE(seen.summary.ends_with("no encryption (28000)")) << seen.summary;
  EXPECT_EQ(seen.error->code, ErrorCode::denied);
  EXPECT_EQ(seen.code, "");
}

TEST(Faults, AnAdminWithAWrongPasswordIsDeniedByName) {
  TestPair pair;
  pair.group->sites[1].checks[0].settings["admin"]["password"] = "not it";
  for (const char* kind : {"postgres.promote", "postgres.fence", "postgres.caught_up"}) {
    const auto action = pair.action(kind, "berlin");
    const auto found = pair.inspect(*action, pair.call());
    ASSERT_FALSE(found) << kind;
    EXPECT_EQ(found.error().code, ErrorCode::denied);
    EXPECT_EQ(found.error().message,
              "berlin/database: password authentication failed for user \"bascule_admin\" (28P01)");
  }
  // A seal that waits for the server does not wait for a better password.
  const auto refused = pair.apply(*pair.action("postgres.fence", "berlin"), pair.call());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::denied);
}

TEST(Faults, ASlowServerIsHealthyWhereItIsGivenTheTime) {
  TestPair pair;
  pair.amsterdam.stop();
  pair.amsterdam.start({{"post_auth_delay", "1"}});
  const Observation slow = look(pair, "amsterdam", 20s);
  EXPECT_EQ(slow.health, Health::healthy) << slow.summary;
  EXPECT_GE(slow.latency.value_or(Microseconds(0)), 1s);
  const Observation late = look(pair, "amsterdam", 300ms);
  EXPECT_EQ(late.health, Health::failed);
  EXPECT_EQ(late.error->code, ErrorCode::timeout);
}

// Answers every connection with these bytes, and then closes it or says nothing more.
class Babbler {
 public:
  Babbler(TestWorld& world, std::string bytes, bool closes)
      : world_(world),
        acceptor_(world.context, {boost::asio::ip::make_address("127.0.0.1"), free_port()}),
        scope_(world.context.get_executor(), [](const std::string&, const std::string&) {}) {
    scope_.spawn("accept", accept(std::move(bytes), closes));
  }
  ~Babbler() {
    scope_.request_stop();
    block_on(world_.context, scope_.join());
  }
  [[nodiscard]] std::uint16_t port() const { return acceptor_.local_endpoint().port(); }

 private:
  awaitable<void> accept(std::string bytes, bool closes) {
    std::vector<boost::asio::ip::tcp::socket> kept;
    for (;;) {
      auto socket = co_await acceptor_.async_accept(boost::asio::use_awaitable);
      co_await boost::asio::async_write(socket, boost::asio::buffer(bytes),
                                        boost::asio::use_awaitable);
      if (!closes) kept.push_back(std::move(socket));
    }
  }

  TestWorld& world_;
  boost::asio::ip::tcp::acceptor acceptor_;
  Scope scope_;
};

TEST(Faults, NonsenseInsteadOfTheProtocolIsAFailedLookInTime) {
  using std::string_literals::operator""s;
  TestPair pair;
  const std::string admitted = "R\0\0\0\x08\0\0\0\0"s;  // a server that trusts everybody
  const std::string ready = admitted + "K\0\0\0\x0c\0\0\0\x01\0\0\0\x02Z\0\0\0\x05I"s;
  const std::vector<std::string> nonsense = {
      "HTTP/1.1 400 Bad Request\r\n\r\n",
      "\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03"s,
      std::string(100'000, '\xff'),
      "",
      "R",
      "R\0\0\0\x08\0\0\0\x63"s,            // a way to log in that does not exist
      "E\x7f\xff\xff\xff"s,                // an error of two gigabytes
      "E\0\0\0\x04"s,                      // one that says nothing
      admitted + "Z\0\0\0\x01"s,           // shorter than its own length
      ready + "T\0\0\0\x06\xff\xff"s,      // a row of -1 columns
      ready + "D\0\0\0\x0a\0\x01\0\0\0"s,  // half a row nobody has described
      ready + "C\0\0\0\x0dSELECT 1\0Z\0\0\0\x05I"s,
      ready + "G\0\0\0\x07\0\0\0Z\0\0\0\x05I"s,  // COPY
  };
  for (const bool closes : {true, false}) {
    for (const std::string& bytes : nonsense) {
      Babbler babbler(pair.world, bytes, closes);
      pair.group->sites[0].checks[0].settings["port"] = babbler.port();
      const Observation seen = look(pair, "amsterdam", 300ms);
      EXPECT_EQ(seen.health, Health::failed) << bytes.substr(0, 20);
      ASSERT_TRUE(seen.error);
      EXPECT_FALSE(seen.error->message.empty());
      EXPECT_FALSE(seen.database);
      const auto found = pair.inspect(*pair.action("postgres.fence", "amsterdam"),
                                      pair.call(Move::failover, 300ms));
      EXPECT_FALSE(found) << bytes.substr(0, 20);
    }
  }
}

TEST(Faults, OneThatIsPromotedByHandMeanwhileIsPromotedAllTheSame) {
  TestPair pair;
  const auto promote = pair.action("postgres.promote", "berlin");
  ASSERT_EQ(pair.inspect(*promote, pair.call())->finding, Finding::needed);
  pair.amsterdam.kill_all();
  ASSERT_EQ(pair.berlin.value("SELECT pg_promote() AS done", "done"), "t");
  const auto outputs = pair.apply(*promote, pair.call());
  ASSERT_TRUE(outputs) << outputs.error().message;
  EXPECT_EQ(outputs->at("timeline"), 2);
  // A fence finds a primary where it has seen a standby, and does not take it for one.
  const auto fence = pair.action("postgres.fence", "berlin");
  EXPECT_EQ(pair.inspect(*fence, pair.call())->finding, Finding::needed);
}

TEST(Faults, AServerThatRestartsInTheMiddleOfItsPromotionIsPromotedBySomeLaterTry) {
  TestPair pair;
  pair.berlin.value("SELECT pg_wal_replay_pause() AS done", "done");
  ASSERT_TRUE(pair.amsterdam.ask(
      "app", "INSERT INTO public.orders SELECT generate_series(1, 200000)", 60s));
  const std::string end =
      pair.amsterdam.value("SELECT pg_current_wal_flush_lsn()::text AS at", "at");
  // All of it is received, none replayed: a promotion has to replay it before it is one.
  ASSERT_TRUE(pair.world.wait_until([&] {
    return pair.berlin.value("SELECT pg_last_wal_receive_lsn() >= '" + end + "' AS has", "has") ==
           "t";
  }));
  pair.amsterdam.kill_all();
  const auto promote = pair.action("postgres.promote", "berlin");
  std::optional<Result<Outputs>> first;
  Scope scope(pair.world.context.get_executor(), [](const std::string&, const std::string&) {});
  scope.spawn("promote",
              [](TestPair& one, std::shared_ptr<Action> action,
                 std::optional<Result<Outputs>>& result) -> awaitable<void> {
                result = co_await action->apply(one.call(Move::failover, 20s));
              }(pair, promote, first));
  ASSERT_TRUE(pair.world.wait_until([&] {
    return first || pair.berlin.value(
                        "SELECT count(*) AS n FROM pg_stat_activity WHERE "
                        "application_name = 'bascule' AND pid <> pg_backend_pid()",
                        "n") != "0";
  }));
  pair.berlin.kill_all();
  pair.berlin.start();
  ASSERT_TRUE(pair.world.wait_until([&] { return first.has_value(); }));
  pair.world.run(scope.join());
  if (!*first) EXPECT_EQ(first->error().code, ErrorCode::unavailable) << first->error().message;
  const auto second = pair.apply(*promote, pair.call());
  ASSERT_TRUE(second) << second.error().message;
  EXPECT_EQ(pair.inspect(*promote, pair.call())->finding, Finding::done);
  EXPECT_EQ(pair.berlin.value("SELECT count(*) AS n FROM public.orders", "n"), "200000");
}

// A standby that lacks the log up to which its files have been written, and whose source is gone.
TEST(Faults, ARecoveryThatNeverBecomesConsistentIsNoAnswerAndNoHang) {
  TestPair pair;
  pair.amsterdam.value("SELECT pg_switch_wal()::text AS at", "at");
  ASSERT_TRUE(
      pair.amsterdam.ask("app", "INSERT INTO public.orders SELECT generate_series(1, 10000)"));
  pair.wait_until_streaming(pair.berlin, pair.amsterdam);
  const std::string end =
      pair.amsterdam.value("SELECT pg_walfile_name(pg_current_wal_lsn()) AS name", "name");
  // Orderly, so that its control file knows how far its files have been written.
  pair.berlin.stop();
  pair.amsterdam.kill_all();
  ASSERT_TRUE(std::filesystem::remove(pair.berlin.data() / "pg_wal" / end));
  ASSERT_TRUE(run_as_postgres(pair.world,
                              {postgres_program("pg_ctl"), "-D", pair.berlin.data().string(), "-l",
                               (pair.berlin.data() / "server.log").string(), "-o",
                               "-p " + std::to_string(pair.berlin.port()), "-s", "-W", "start"}));
  Observation seen;
  EXPECT_TRUE(pair.world.wait_until([&] {
    seen = look(pair, "berlin", 2s);
    return seen.summary == "the database system is not yet accepting connections (57P03)";
  })) << seen.summary;
  EXPECT_EQ(seen.health, Health::failed);
  EXPECT_EQ(seen.error->code, ErrorCode::unavailable);
  const auto promote = pair.action("postgres.promote", "berlin");
  EXPECT_EQ(pair.inspect(*promote, pair.call()).error().code, ErrorCode::unavailable);
  const auto promoted = pair.apply(*promote, pair.call(Move::failover, 300ms));
  ASSERT_FALSE(promoted);
  EXPECT_EQ(promoted.error().code, ErrorCode::unavailable) << promoted.error().message;
}

}  // namespace
}  // namespace bascule::postgres
