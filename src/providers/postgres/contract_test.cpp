// The `postgres` probe and the actions that change something keep what every probe and every action
// promises; asked of real servers.
#include <gtest/gtest.h>

#include "ports/action_contract_for_test.h"
#include "ports/probe_contract_for_test.h"
#include "providers/postgres/test_cluster.h"

namespace bascule::postgres {
namespace {

using namespace std::chrono_literals;

TEST(PostgresContract, HoldsForTheProbe) {
  TestPair pair;
  TestServer& server = pair.amsterdam;
  const std::filesystem::path standby = server.data() / "standby.signal";
  const auto answer_as = [&](bool replica) {
    server.thaw();
    const bool runs = !server.processes().empty();
    if (runs && std::filesystem::exists(standby) == replica) return;
    if (runs) server.kill_all();
    std::filesystem::remove(standby);
    if (replica) ASSERT_TRUE(run_as_postgres(pair.world, {"touch", standby.string()}));
    server.start();
  };
  ProbeContract contract{pair.world.context, pair.world.clock, pair.probe("amsterdam")};
  contract.until = [&](const std::function<bool()>& condition) {
    return pair.world.wait_until(condition);
  };
  contract.answers = [&] { answer_as(false); };
  contract.turns = [&] { answer_as(true); };
  contract.refuses = [&] { server.kill_all(); };
  contract.hangs = [&] {
    answer_as(false);
    server.freeze();
  };
  contract.wakes = contract.refuses;
  contract.samples = true;
  contract.check();
}

TEST(PostgresContract, HoldsForTheFence) {
  TestPair pair;
  ActionContract contract{
      pair.world.context, pair.world.clock, pair.action("postgres.fence", "amsterdam"), {}, {}};
  contract.call = [&] { return pair.call(); };
  contract.world = [&] {
    return Json{
        {"logins", pair.amsterdam.value("SELECT json_agg(rolname ORDER BY rolname)::text AS roles "
                                        "FROM pg_roles WHERE rolcanlogin",
                                        "roles")},
        {"read_only", pair.amsterdam.value("SHOW default_transaction_read_only",
                                           "default_transaction_read_only")},
        {"marks", pair.amsterdam.value("SELECT count(*) AS n FROM pg_db_role_setting", "n")}};
  };
  contract.check();
}

TEST(PostgresContract, HoldsForThePromotion) {
  TestPair pair;
  ActionContract contract{
      pair.world.context, pair.world.clock, pair.action("postgres.promote", "berlin"), {}, {}};
  contract.call = [&] { return pair.call(); };
  contract.world = [&] {
    return Json{{"replica", pair.berlin.value("SELECT pg_is_in_recovery() AS yes", "yes")}};
  };
  contract.reversible = false;
  contract.check();
}

}  // namespace
}  // namespace bascule::postgres
