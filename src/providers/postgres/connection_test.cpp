#include "providers/postgres/connection.h"

#include <boost/asio/ip/tcp.hpp>
#include <gtest/gtest.h>

#include "async/scope.h"
#include "providers/postgres/test_cluster.h"

namespace bascule::postgres {
namespace {

using namespace std::chrono_literals;

struct Server {
  TestWorld world;
  TestServer server{world};
  Connection connection{world.context, world.clock, *world.resolver};

  Result<void> open(const ConnectionSettings& settings, Duration limit = 5s) {
    return world.run(connection.open(settings, world.in(limit)));
  }
  Result<Rows> query(const std::string& statement, Parameters parameters = {},
                     Duration limit = 5s) {
    return world.run(connection.query(statement, std::move(parameters), world.in(limit)));
  }
};

TEST(Connection, RowsAreTypedAndParametersArePassedAsTheyAre) {
  Server one;
  one.server.start();
  ASSERT_TRUE(one.open(one.server.settings("monitor")));
  const auto rows = one.query(
      "SELECT $1::text AS text, $2::bigint AS number, '16/B374D848'::pg_lsn AS lsn, true AS yes, "
      "$3::text AS nothing",
      {"it's \"so\"; DROP", "-42", std::nullopt});
  ASSERT_TRUE(rows) << rows.error().message;
  EXPECT_EQ(rows->text(0, "text"), "it's \"so\"; DROP");
  EXPECT_EQ(rows->integer(0, "number"), -42);
  EXPECT_EQ(rows->position(0, "lsn"), 0x16B374D848U);
  EXPECT_TRUE(rows->boolean(0, "yes"));
  EXPECT_FALSE(rows->text(0, "nothing"));
  EXPECT_FALSE(rows->integer(0, "text"));
  const auto session = one.query("SELECT current_setting('application_name') AS name");
  EXPECT_EQ(session->text(0, "name"), "bascule");
  EXPECT_TRUE(one.connection.timing().connect);
  EXPECT_TRUE(one.connection.timing().lookup);
}

TEST(Connection, ARefusedStatementLeavesItOpenAndSaysItsSqlstate) {
  Server one;
  one.server.start();
  ASSERT_TRUE(one.open(one.server.settings("monitor")));
  const auto denied = one.query("SELECT * FROM pg_authid");
  ASSERT_FALSE(denied);
  EXPECT_EQ(denied.error().code, ErrorCode::denied);
  EXPECT_EQ(one.connection.failure().sqlstate, "42501");
  EXPECT_TRUE(one.connection.is_open());
  EXPECT_TRUE(one.query("SELECT 1 AS one"));
  // A notice is no failure.
  EXPECT_TRUE(one.query("DO $$ BEGIN RAISE NOTICE 'hello'; END $$"));
}

TEST(Connection, EachRefusedLoginHasItsCode) {
  Server one;
  one.server.start();
  ConnectionSettings wrong = one.server.settings("monitor");
  wrong.password = "not it";
  auto opened = one.open(wrong);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::denied);
  EXPECT_EQ(opened.error().message, "password authentication failed for user \"monitor\" (28P01)");
  EXPECT_FALSE(one.connection.failure().login_refused);

  opened = one.open(one.server.settings("archived"));
  ASSERT_FALSE(opened);
  EXPECT_TRUE(one.connection.failure().login_refused);

  ConnectionSettings elsewhere = one.server.settings("monitor");
  elsewhere.database = "nowhere";
  opened = one.open(elsewhere);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::not_found);

  one.server.kill_all();
  opened = one.open(one.server.settings("monitor"));
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::unavailable);
  EXPECT_EQ(opened.error().message, "connection refused");
  EXPECT_FALSE(one.connection.is_open());
}

// Makes a certificate for a host name that signs itself, as the server's user.
void make_certificate(TestWorld& world, const std::filesystem::path& folder,
                      const std::string& name, const std::string& host) {
  const auto made = run_as_postgres(
      world,
      {"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
       "-days", "2", "-subj", "/CN=" + host, "-addext", "subjectAltName=DNS:" + host, "-keyout",
       (folder / (name + ".key")).string(), "-out", (folder / (name + ".crt")).string()});
  ASSERT_TRUE(made) << made.error().message;
}

TEST(Connection, TlsIsVerifiedByNameAlthoughTheAddressIsGiven) {
  Server one;
  make_certificate(one.world, one.server.data(), "right", "localhost");
  make_certificate(one.world, one.server.data(), "other", "db.example");
  one.server.start({{"ssl", "on"}, {"ssl_cert_file", "right.crt"}, {"ssl_key_file", "right.key"}});
  ConnectionSettings settings = one.server.settings("monitor");
  settings.sslmode = "verify-full";
  settings.sslrootcert = (one.server.data() / "right.crt").string();
  // ::1 comes first or last, and nobody listens there.
  settings.host = "localhost";
  const auto opened = one.open(settings);
  ASSERT_TRUE(opened) << opened.error().message;
  EXPECT_TRUE(
      one.query("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid() AND ssl")->size());

  settings.sslrootcert = (one.server.data() / "other.crt").string();
  EXPECT_EQ(one.open(settings).error().code, ErrorCode::denied);
  settings.sslrootcert = (one.server.data() / "right.crt").string();
  settings.host = "127.0.0.1";
  EXPECT_EQ(one.open(settings).error().code, ErrorCode::denied);
  settings.sslrootcert = "";
  settings.host = "localhost";
  EXPECT_EQ(one.open(settings).error().code, ErrorCode::denied);

  one.server.stop();
  one.server.start({{"ssl", "off"}});
  EXPECT_EQ(one.open(settings).error().message, "the server does not offer TLS");
}

TEST(Connection, AStatementThatTakesTooLongEndsWithItsConnectionAndSoonAtTheServerToo) {
  Server one;
  one.server.start();
  ConnectionSettings settings = one.server.settings("monitor");
  settings.statement_timeout = 300ms;
  ASSERT_TRUE(one.open(settings));
  const auto slow = one.query("SELECT pg_sleep(60)", {}, 100ms);
  ASSERT_FALSE(slow);
  EXPECT_EQ(slow.error().code, ErrorCode::timeout);
  EXPECT_FALSE(one.connection.is_open());
  EXPECT_TRUE(one.world.wait_until([&] {
    return one.server.value("SELECT count(*) AS n FROM pg_stat_activity WHERE usename = 'monitor'",
                            "n") == "0";
  }));

  ASSERT_TRUE(one.open(settings));
  const auto ended = one.query("SELECT pg_sleep(60)", {}, 10s);
  ASSERT_FALSE(ended);
  EXPECT_EQ(one.connection.failure().sqlstate, "57014");
  EXPECT_EQ(ended.error().code, ErrorCode::timeout);
}

TEST(Connection, AServerThatAcceptsAndSaysNothingIsATimeout) {
  TestWorld world;
  boost::asio::ip::tcp::acceptor silent(world.context,
                                        {boost::asio::ip::make_address("127.0.0.1"), free_port()});
  ConnectionSettings settings;
  settings.host = "127.0.0.1";
  settings.port = silent.local_endpoint().port();
  settings.user = "monitor";
  settings.database = "postgres";
  settings.sslmode = "disable";
  Connection connection(world.context, world.clock, *world.resolver);
  const MonotonicInstant began = world.clock.monotonic();
  const auto opened = world.run(connection.open(settings, world.in(200ms)));
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::timeout);
  EXPECT_LT(elapsed(world.clock, began), 2s);
  EXPECT_FALSE(connection.is_open());
}

TEST(Connection, AWatchedOneTellsWhyItBroke) {
  Server one;
  one.server.start();
  ASSERT_TRUE(one.open(one.server.settings("monitor")));
  EXPECT_TRUE(one.world.run(one.connection.watch_until(one.world.in(50ms))));
  EXPECT_TRUE(one.connection.is_open());
  one.server.value(
      "SELECT pg_terminate_backend(pid) AS done FROM pg_stat_activity WHERE usename = 'monitor'",
      "done");
  const auto quiet = one.world.run(one.connection.watch_until(one.world.in(5s)));
  ASSERT_FALSE(quiet);
  EXPECT_EQ(quiet.error().message, "terminating connection due to administrator command (57P01)");
  EXPECT_FALSE(one.connection.is_open());
}

TEST(Connection, ACanceledCallClosesItAndLeavesNothingBehind) {
  Server one;
  one.server.start();
  ASSERT_TRUE(one.open(one.server.settings("monitor")));
  std::optional<Result<Rows>> answer;
  const auto ask = [](Connection& connection, Clock& clock,
                      std::optional<Result<Rows>>& result) -> awaitable<void> {
    result = co_await connection.query("SELECT pg_sleep(60)", {}, Deadline::in(clock, 60s));
  };
  Scope scope(one.world.context.get_executor(), [](const std::string&, const std::string&) {});
  scope.spawn("ask", ask(one.connection, one.world.clock, answer));
  one.world.run(wait_for(one.world.clock, 30ms));
  scope.request_stop();
  one.world.run(scope.join());
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->error().code, ErrorCode::canceled);
  EXPECT_FALSE(one.connection.is_open());
}

TEST(Connection, QuotedNamesAndLiteralsAreTakenAsTheyAre) {
  EXPECT_EQ(quote_identifier("a\"b"), "\"a\"\"b\"");
  EXPECT_EQ(quote_literal("it's"), "'it''s'");
  EXPECT_EQ(quote_literal("a\\b'"), "E'a\\\\b'''");
}

}  // namespace
}  // namespace bascule::postgres
