#include "providers/postgres/test_cluster.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <pwd.h>
#include <signal.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>
#include <stdexcept>

#include "async/child_process.h"
#include "providers/postgres/kinds.h"

namespace bascule::postgres {
namespace {

constexpr const char* kBin = "/usr/lib/postgresql/15/bin/";
constexpr Duration kProgramLimit{60'000};
constexpr std::uint16_t kPortFirst = 20'000;
constexpr std::uint16_t kPortEnd = 32'000;

constexpr const char* kSettings = R"(
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
fsync = off
max_connections = 30
superuser_reserved_connections = 3
shared_buffers = 16MB
dynamic_shared_memory_type = mmap
wal_log_hints = on
wal_keep_size = 256MB
wal_receiver_status_interval = 1s
log_min_messages = warning
)";

constexpr const char* kAccess = R"(
host all         all        127.0.0.0/8 scram-sha-256
host replication replicator 127.0.0.0/8 scram-sha-256
)";

constexpr const char* kRoles = R"(
CREATE ROLE monitor LOGIN PASSWORD 'monitor';
GRANT pg_monitor TO monitor;
CREATE ROLE app LOGIN PASSWORD 'app';
CREATE ROLE reports LOGIN PASSWORD 'reports';
CREATE ROLE archived PASSWORD 'archived';
CREATE ROLE replicator LOGIN REPLICATION PASSWORD 'replicator';
CREATE TABLE public.orders (id bigint PRIMARY KEY);
ALTER TABLE public.orders OWNER TO app;
)";

void require(bool holds, const std::string& what) {
  if (!holds) throw std::runtime_error(what);
}

const passwd* postgres_user() {
  return ::geteuid() == 0 ? ::getpwnam("postgres") : ::getpwuid(::geteuid());
}

// A new folder that the servers' user owns.
std::filesystem::path make_folder() {
  std::string path = (std::filesystem::temp_directory_path() / "bascule-postgres-XXXXXX").string();
  require(::mkdtemp(path.data()) != nullptr, "no temporary folder");
  const passwd* user = postgres_user();
  require(user != nullptr && ::chown(path.c_str(), user->pw_uid, user->pw_gid) == 0,
          "the folder cannot be given to the user postgres");
  return path;
}

void append(const std::filesystem::path& path, const std::string& text) {
  std::ofstream file(path, std::ios::app);
  file << text;
  require(file.good(), "cannot write " + path.string());
}

std::vector<std::string> lines_of(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

void run_or_throw(TestWorld& world, std::vector<std::string> argv) {
  const auto ran = run_as_postgres(world, std::move(argv));
  require(ran.has_value(), ran ? "" : ran.error().message);
}

void copy_data(TestWorld& world, const std::filesystem::path& from,
               const std::filesystem::path& to) {
  run_or_throw(world, {"cp", "-a", from.string(), to.string()});
}

// The data folder that every server is a copy of.
class Template {
 public:
  explicit Template(TestWorld& world) : folder_(make_folder()), data_(folder_ / "data") {
    append(folder_ / "password", "bascule_admin");
    std::filesystem::permissions(folder_ / "password", std::filesystem::perms::others_read |
                                                           std::filesystem::perms::owner_read);
    run_or_throw(world, {postgres_program("initdb"), "-D", data_.string(), "-U", "bascule_admin",
                         "--pwfile", (folder_ / "password").string(), "--auth=scram-sha-256",
                         "--no-locale", "--encoding=UTF8", "--no-sync", "--no-instructions"});
    append(data_ / "postgresql.conf", kSettings);
    std::ofstream(data_ / "pg_hba.conf") << kAccess;
  }
  ~Template() { std::filesystem::remove_all(folder_); }
  Template(const Template&) = delete;
  Template& operator=(const Template&) = delete;

  [[nodiscard]] const std::filesystem::path& data() const { return data_; }
  bool has_roles = false;

 private:
  std::filesystem::path folder_;
  std::filesystem::path data_;
};

Template& the_template(TestWorld& world) {
  static Template made(world);
  return made;
}

std::multimap<pid_t, pid_t> children_by_parent() {
  std::multimap<pid_t, pid_t> children;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    std::ifstream file(entry.path() / "stat");
    std::string text;
    std::getline(file, text);
    const std::size_t after = text.rfind(')');
    if (after == std::string::npos) continue;
    std::istringstream rest(text.substr(after + 1));
    std::string state;
    pid_t parent = 0;
    rest >> state >> parent;
    if (state != "Z") children.emplace(parent, std::stoi(name));
  }
  return children;
}

bool runs(pid_t process) {
  std::ifstream file("/proc/" + std::to_string(process) + "/stat");
  std::string text;
  std::getline(file, text);
  const std::size_t after = text.rfind(')');
  return after != std::string::npos && text.substr(after + 2, 1) != "Z";
}

}  // namespace

Result<std::string> PlainSecrets::reveal(const Json& setting) const {
  if (!setting.is_string()) return fail(ErrorCode::not_found, "it is not there");
  return setting.get<std::string>();
}

TestWorld::TestWorld() {
  auto made = net::Resolver::make(context, clock, {});
  require(made.has_value(), "no resolver");
  resolver = std::move(*made);
}

bool TestWorld::wait_until(const std::function<bool()>& condition, Duration limit) {
  const Deadline deadline = in(limit);
  while (!condition()) {
    if (deadline.has_passed(clock)) return false;
    run(wait_for(clock, Duration(2)));
  }
  return true;
}

std::string postgres_program(const std::string& name) {
  return kBin + name;
}

Result<std::string> run_as_postgres(TestWorld& world, std::vector<std::string> argv) {
  Command command;
  command.argv = std::move(argv);
  command.working_directory = "/";
  if (::geteuid() == 0) {
    const std::vector<std::string> prefix = {"runuser", "-u", "postgres", "--"};
    command.argv.insert(command.argv.begin(), prefix.begin(), prefix.end());
  }
  const auto exit = world.run(run_command(world.clock, command, world.in(kProgramLimit)));
  if (!exit) return error_of(exit);
  std::string output = exit->standard_output.text() + exit->standard_error.text();
  if (!exit->succeeded()) {
    return fail(ErrorCode::unavailable, "{}: {}", exit->sentence(), output);
  }
  return output;
}

std::uint16_t free_port() {
  static std::uint16_t next =
      static_cast<std::uint16_t>(kPortFirst + ::getpid() * 37 % (kPortEnd - kPortFirst));
  for (int tries = 0; tries < kPortEnd - kPortFirst; ++tries) {
    const std::uint16_t port = next;
    next = next + 1 < kPortEnd ? static_cast<std::uint16_t>(next + 1) : kPortFirst;
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const bool free =
        ::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
    ::close(socket);
    if (free) return port;
  }
  throw std::runtime_error("no free port");
}

TestServer::TestServer(TestWorld& world)
    : world_(world), folder_(make_folder()), data_(folder_ / "data"), port_(free_port()) {
  Template& made = the_template(world);
  copy_data(world, made.data(), data_);
  if (made.has_roles) return;
  // The first server of the process makes the roles, and becomes the template.
  start();
  const auto admin = session("bascule_admin");
  const auto done = world.run(admin->run_script(kRoles, world.in(kProgramLimit)));
  require(done.has_value(), done ? "" : done.error().message);
  admin->close();
  stop();
  std::filesystem::remove_all(made.data());
  copy_data(world, data_, made.data());
  made.has_roles = true;
}

TestServer::~TestServer() {
  try {
    thaw();
    kill_all();
    const auto lines = lines_of(data_ / "postmaster.pid");
    // What a killed server leaves behind: its System V segment, the second number of line 7.
    if (lines.size() > 6) {
      std::istringstream numbers(lines[6]);
      unsigned long key = 0;
      int identifier = -1;
      if (numbers >> key >> identifier) ::shmctl(identifier, IPC_RMID, nullptr);
    }
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  } catch (const std::exception& problem) {
    ADD_FAILURE() << "a server is left behind in " << folder_ << ": " << problem.what();
  }
}

void TestServer::start(const std::map<std::string, std::string>& options) {
  if (!options.empty()) options_ = options;
  // The lock file of a killed server; where nobody reaps it, its process id still exists.
  if (processes().empty()) std::filesystem::remove(data_ / "postmaster.pid");
  std::string arguments = "-p " + std::to_string(port_);
  for (const auto& [name, value] : options_) arguments += " -c " + name + "=" + value;
  run_or_throw(world_, {postgres_program("pg_ctl"), "-D", data_.string(), "-l",
                        (folder_ / "log").string(), "-o", arguments, "-s", "-W", "start"});
  wait_until_it_answers();
}

void TestServer::wait_until_it_answers() {
  std::string reason;
  const bool answers = world_.wait_until([&] {
    const auto rows = ask("bascule_admin", "SELECT 1 AS one", Duration(5'000));
    if (!rows) reason = rows.error().message;
    return rows.has_value();
  });
  std::string log;
  for (const std::string& line : lines_of(folder_ / "log")) log.append(line).append("\n");
  require(answers, "the server does not answer: " + reason + "\n" + log);
}

void TestServer::stop() {
  run_or_throw(
      world_, {postgres_program("pg_ctl"), "-D", data_.string(), "-s", "-m", "fast", "-w", "stop"});
}

std::vector<pid_t> TestServer::processes() const {
  const auto lines = lines_of(data_ / "postmaster.pid");
  if (lines.empty()) return {};
  const pid_t postmaster = std::atoi(lines[0].c_str());
  if (postmaster <= 1 || !runs(postmaster)) return {};
  std::vector<pid_t> found = {postmaster};
  const auto children = children_by_parent();
  const auto [begin, end] = children.equal_range(postmaster);
  for (auto child = begin; child != end; ++child) found.push_back(child->second);
  return found;
}

void TestServer::signal_all(int number) {
  for (const pid_t process : processes()) ::kill(process, number);
}

void TestServer::kill_all() {
  const std::vector<pid_t> killed = processes();
  for (const pid_t process : killed) ::kill(process, SIGKILL);
  const bool gone = world_.wait_until([&] { return std::ranges::none_of(killed, runs); });
  require(gone, "a killed server still runs");
}

void TestServer::freeze() {
  signal_all(SIGSTOP);
}

void TestServer::thaw() {
  signal_all(SIGCONT);
}

void TestServer::put_setting(const std::string& line) {
  append(data_ / "postgresql.auto.conf", line + "\n");
}

void TestServer::follow(const TestServer& primary) {
  put_setting("primary_conninfo = 'host=127.0.0.1 port=" + std::to_string(primary.port()) +
              " user=replicator password=replicator sslmode=disable'");
  run_or_throw(world_, {"touch", (data_ / "standby.signal").string()});
}

ConnectionSettings TestServer::settings(const std::string& user) const {
  ConnectionSettings settings;
  settings.host = "127.0.0.1";
  settings.port = port_;
  settings.database = "postgres";
  settings.user = user;
  settings.password = user;
  settings.sslmode = "disable";
  settings.statement_timeout = Duration(60'000);
  return settings;
}

std::unique_ptr<Connection> TestServer::session(const std::string& user) {
  auto connection = std::make_unique<Connection>(world_.context, world_.clock, *world_.resolver);
  const auto opened = world_.run(connection->open(settings(user), world_.in(Duration(10'000))));
  require(opened.has_value(), opened ? "" : user + ": " + opened.error().message);
  return connection;
}

Result<Rows> TestServer::ask(const std::string& user, const std::string& statement,
                             Duration limit) {
  Connection connection(world_.context, world_.clock, *world_.resolver);
  const Deadline deadline = world_.in(limit);
  const auto opened = world_.run(connection.open(settings(user), deadline));
  if (!opened) return error_of(opened);
  return world_.run(connection.query(statement, {}, deadline));
}

std::string TestServer::value(const std::string& statement, const std::string& column) {
  const auto rows = ask("bascule_admin", statement);
  EXPECT_TRUE(rows) << rows.error().message;
  if (!rows || rows->empty()) return "";
  return rows->text(0, column).value_or("NULL");
}

TestPair::TestPair() : group(std::make_shared<GroupSpec>()) {
  amsterdam.start();
  berlin.follow(amsterdam);
  berlin.start();
  wait_until_streaming(berlin, amsterdam);
  group->name = GroupName("shop");
  for (const auto& [name, server] : {std::pair("amsterdam", &amsterdam), {"berlin", &berlin}}) {
    SiteSpec site;
    site.name = SiteName(name);
    site.vars = {{"ip", "127.0.0.1"}};
    CheckSpec check;
    check.name = CheckName("database");
    check.kind = "postgres";
    check.settings = {{"host", "${{ site.ip }}"},
                      {"port", server->port()},
                      {"database", "postgres"},
                      {"user", "monitor"},
                      {"password", "monitor"},
                      {"sslmode", "disable"},
                      {"admin", {{"user", "bascule_admin"}, {"password", "bascule_admin"}}}};
    site.checks = {check};
    group->sites.push_back(site);
  }
}

void TestPair::wait_until_streaming(TestServer& standby, TestServer& primary) {
  const bool streams = world.wait_until([&] {
    const auto end = primary.ask("bascule_admin", "SELECT pg_current_wal_flush_lsn() AS lsn");
    const auto rows = standby.ask(
        "bascule_admin",
        "SELECT pg_last_wal_replay_lsn() AS lsn, EXISTS (SELECT FROM pg_stat_wal_receiver WHERE "
        "status = 'streaming') AS streams");
    return end && rows && rows->boolean(0, "streams") &&
           rows->position(0, "lsn").value_or(0) >= end->position(0, "lsn").value_or(0);
  });
  ASSERT_TRUE(streams) << "the standby does not stream";
}

std::shared_ptr<Action> TestPair::action(const std::string& kind, const std::string& site,
                                         Json settings) {
  settings["check"] = "database";
  for (ActionKind& entry : postgres_actions({*world.resolver, vigils})) {
    if (entry.kind.name != kind) continue;
    auto made = entry.make({group, "test", SiteName(site), settings}, world.services);
    require(made.has_value(), made ? "" : made.error().message);
    return *made;
  }
  throw std::runtime_error("no such kind: " + kind);
}

std::shared_ptr<Probe> TestPair::probe(const std::string& site, Duration timeout) {
  Json settings = group->find_site(SiteName(site))->checks.front().settings;
  settings["host"] = "127.0.0.1";
  auto kinds = postgres_probes({*world.resolver, vigils});
  auto made = kinds.front().make({group, {}, settings, timeout}, world.services);
  require(made.has_value(), made ? "" : made.error().message);
  return *made;
}

StepCall TestPair::call(Move move, Duration limit) const {
  StepCall call(world.in(limit));
  call.group = group->name;
  call.source = SiteName("amsterdam");
  call.target = SiteName("berlin");
  call.move = move;
  call.run = RunId("r-0001");
  call.step = StepId("activate/test");
  call.attempt = 1;
  return call;
}

Json TestPair::do_step(Action& action, StepCall call) {
  const auto found = inspect(action, call);
  EXPECT_TRUE(found) << found.error().message;
  if (!found) return nullptr;
  call.prior = found->prior;
  const auto applied = apply(action, call);
  EXPECT_TRUE(applied) << applied.error().message;
  return found->prior;
}

}  // namespace bascule::postgres
