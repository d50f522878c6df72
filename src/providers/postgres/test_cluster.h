// Real PostgreSQL 15 servers for tests: a template is made once per test process (initdb, roles, a
// table), each server is a copy of it, and two copies stream after a fraction of a second. Servers
// listen on 127.0.0.1, on free ports below 32768; everything is killed and removed by destructors,
// also when a test fails.
//
// Roles, whose password is their name: bascule_admin (superuser), monitor (pg_monitor), app (owns
// the table orders(id bigint)), reports (an ordinary role), archived (may not log in), replicator.
// REQUIRES: root, who becomes the user postgres for the servers, or any user who can run them.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "async/block_on.h"
#include "async/clock.h"
#include "net/resolver.h"
#include "ports/action.h"
#include "ports/kinds.h"
#include "ports/services.h"
#include "providers/postgres/connection.h"
#include "providers/postgres/settings.h"
#include "providers/postgres/vigils.h"

namespace bascule::postgres {

// Settings hold their secrets as plain text here.
class PlainSecrets final : public Secrets {
 public:
  [[nodiscard]] Result<std::string> reveal(const Json& setting) const override;
};

// The loop and what runs on it.
struct TestWorld {
  TestWorld();

  boost::asio::io_context context;
  SystemClock clock{context};
  PlainSecrets secrets;
  Services services{context, clock, secrets};
  std::unique_ptr<net::Resolver> resolver;

  template <typename T>
  T run(awaitable<T> work) {
    return block_on(context, std::move(work));
  }
  // Runs the loop until the condition holds; false after the limit.
  bool wait_until(const std::function<bool()>& condition, Duration limit = Duration(20'000));
  [[nodiscard]] Deadline in(Duration span) const { return Deadline::in(clock, span); }
};

// A free port of 127.0.0.1, found by binding it.
std::uint16_t free_port();

class TestServer {
 public:
  explicit TestServer(TestWorld& world);
  ~TestServer();
  TestServer(const TestServer&) = delete;
  TestServer& operator=(const TestServer&) = delete;

  // `options` are further server settings: {"max_connections", "10"}.
  void start(const std::map<std::string, std::string>& options = {});
  void stop();                                // in an orderly way ("fast")
  void kill_all();                            // every process, kill -9, at once
  void freeze();                              // SIGSTOP to every process
  void thaw();                                // SIGCONT
  void follow(const TestServer& primary);     // before start(): be a standby of that server
  void put_setting(const std::string& line);  // appended to postgresql.auto.conf

  // One statement as that role over a connection of its own.
  Result<Rows> ask(const std::string& user, const std::string& statement,
                   Duration limit = Duration(10'000));
  // The first column of the first row; a failed expectation when there is none.
  std::string value(const std::string& statement, const std::string& column);
  // A session that stays.
  std::unique_ptr<Connection> session(const std::string& user);

  [[nodiscard]] ConnectionSettings settings(const std::string& user) const;
  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] const std::filesystem::path& data() const { return data_; }
  [[nodiscard]] std::vector<pid_t> processes() const;  // the postmaster first

 private:
  void wait_until_it_answers();
  void signal_all(int number);

  TestWorld& world_;
  std::filesystem::path folder_;
  std::filesystem::path data_;
  std::uint16_t port_;
  std::map<std::string, std::string> options_;
};

// amsterdam, a primary, and berlin, its streaming standby; and the group that describes them.
class TestPair {
 public:
  TestPair();

  TestWorld world;
  TestServer amsterdam{world};
  TestServer berlin{world};
  std::shared_ptr<GroupSpec> group;
  std::shared_ptr<Vigils> vigils = std::make_shared<Vigils>();

  // Waits until berlin streams and has replayed everything of amsterdam.
  void wait_until_streaming(TestServer& standby, TestServer& primary);

  std::shared_ptr<Action> action(const std::string& kind, const std::string& site,
                                 Json settings = Json::object());
  std::shared_ptr<Probe> probe(const std::string& site, Duration timeout = Duration(900));
  [[nodiscard]] StepCall call(Move move = Move::failover, Duration limit = Duration(20'000)) const;

  Result<Inspection> inspect(Action& action, StepCall call) {
    return world.run(action.inspect(std::move(call)));
  }
  Result<Outputs> apply(Action& action, StepCall call) {
    return world.run(action.apply(std::move(call)));
  }
  Result<void> revert(Action& action, StepCall call) {
    return world.run(action.revert(std::move(call)));
  }
  // Inspects, takes the prior, applies with it; the prior comes back.
  Json do_step(Action& action, StepCall call);
};

// A program as the user that servers run as; its output when it failed.
Result<std::string> run_as_postgres(TestWorld& world, std::vector<std::string> argv);
std::string postgres_program(const std::string& name);

}  // namespace bascule::postgres
