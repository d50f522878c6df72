#include "providers/dns/name_server_for_test.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <stdexcept>
#include <vector>

#include "net/resolver.h"
#include "providers/dns/zone_client.h"

namespace bascule::dns {
namespace {

std::string knot_configuration(const std::string& folder, std::uint16_t port) {
  return fmt::format(R"(server:
    listen: 127.0.0.1@{1}
    rundir: {0}
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
log:
  - target: stderr
    any: info
database:
    storage: {0}
    journal-db-max-size: 16M
control:
    listen: {0}/control
key:
  - id: {2}
    algorithm: hmac-sha256
    secret: {3}
acl:
  - id: signed_updates
    key: {2}
    action: update
zone:
  - domain: {4}
    storage: {0}
    file: zone
    acl: signed_updates
    zonefile-sync: -1
    zonefile-load: whole
)",
                     folder, port, kTestKey, kTestSecret, kTestZone);
}

std::string bind_configuration(const std::string& folder, std::uint16_t port) {
  return fmt::format(R"(options {{
    directory "{0}";
    listen-on port {1} {{ 127.0.0.1; }};
    listen-on-v6 {{ none; }};
    pid-file "{0}/named.pid";
    session-keyfile "{0}/session.key";
    recursion no;
    notify no;
    dnssec-validation no;
}};
controls {{ }};
key "{2}" {{ algorithm hmac-sha256; secret "{3}"; }};
zone "{4}" {{
    type primary;
    file "zone";
    allow-update {{ key "{2}"; }};
}};
)",
                     folder, port, kTestKey, kTestSecret, kTestZone);
}

bool can_bind(int kind, std::uint16_t port) {
  const int probe = ::socket(AF_INET, kind | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const bool bound =
      ::bind(probe, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  ::close(probe);
  return bound;
}

// Never returns to the test.
[[noreturn]] void become(const std::vector<std::string>& command, int output) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::setpgid(0, 0);
  ::dup2(output, STDOUT_FILENO);
  ::dup2(output, STDERR_FILENO);
  std::vector<char*> arguments;
  arguments.reserve(command.size() + 1);
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  // house-rules: allow shell because a daemon outlives the call and has to die with the test
  ::execv(arguments.front(), arguments.data());
  ::_exit(127);
}

}  // namespace

std::string name_of(Product product) {
  return product == Product::knot ? "Knot" : "BIND";
}
std::string package_of(Product product) {
  return product == Product::knot ? "knot" : "bind9";
}

std::optional<std::string> program_of(Product product) {
  const std::string program = product == Product::knot ? "knotd" : "named";
  for (const char* folder : {"/usr/sbin/", "/usr/local/sbin/", "/usr/bin/", "/usr/local/bin/"}) {
    if (::access((folder + program).c_str(), X_OK) == 0) return folder + program;
  }
  return std::nullopt;
}

std::uint16_t free_dns_port() {
  constexpr std::uint16_t kLowest = 20'000, kHighest = 32'000;
  // Tests run side by side: each process starts looking somewhere else.
  static std::uint16_t next = static_cast<std::uint16_t>(kLowest + ::getpid() * 37 % 12'000);
  for (int i = kLowest; i < kHighest; ++i) {
    next = next >= kHighest ? kLowest : static_cast<std::uint16_t>(next + 1);
    if (can_bind(SOCK_STREAM, next) && can_bind(SOCK_DGRAM, next)) return next;
  }
  throw std::runtime_error("no port is free");
}

NameServer::NameServer(PlainWorld& world, Product product, const std::string& records)
    : port_(free_dns_port()) {
  folder_.write("zone", fmt::format("$ORIGIN {}\n$TTL 30\n@ SOA ns hostmaster 1 3600 600 86400 1\n"
                                    "@ NS ns\nns A 127.0.0.1\n{}\n",
                                    kTestZone, records));
  start(program_of(product).value(), product);
  auto resolver = net::Resolver::make(world.context, world.clock, {});
  ZoneClient client(world.clock, **resolver, kTestZone, {address()}, Key{});
  const bool serves = world.becomes(
      [&] {
        const auto apex = world.wait(client.ask(0, kTestZone, "SOA", world.in(Duration{200})));
        return apex && *apex;
      },
      Duration{15'000});
  if (!serves) throw std::runtime_error(name_of(product) + " does not serve:\n" + log());
}

void NameServer::start(const std::string& program, Product product) {
  const bool knot = product == Product::knot;
  const std::string folder = folder_.path("");
  const std::string here = folder.substr(0, folder.size() - 1);
  folder_.write("configuration",
                knot ? knot_configuration(here, port_) : bind_configuration(here, port_));
  std::vector<std::string> command = {program, "-c", folder_.path("configuration")};
  if (!knot) {
    // A copy, for Debian's AppArmor profile keeps the installed one out of every other folder.
    std::filesystem::copy_file(program, folder_.path("named"));
    command.front() = folder_.path("named");
    command.emplace_back("-g");
  }
  const int output =
      ::open(folder_.path("log").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  // house-rules: allow shell because a daemon outlives the call and has to die with the test
  process_ = ::fork();
  if (process_ == 0) become(command, output);
  ::close(output);
}

NameServer::~NameServer() {
  if (process_ <= 0) return;
  ::kill(process_, SIGKILL);
  ::waitpid(process_, nullptr, 0);
}

void NameServer::freeze() const {
  ::kill(process_, SIGSTOP);
  ::waitpid(process_, nullptr, WUNTRACED);
}
void NameServer::thaw() const {
  ::kill(process_, SIGCONT);
}

}  // namespace bascule::dns
