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

#include <fstream>
#include <map>
#include <sstream>
#include <stdexcept>
#include <utility>
#include <vector>

#include "async/child_process.h"
#include "net/resolver.h"
#include "providers/dns/zone_client.h"

namespace bascule::dns {
namespace {

// The demo's own, so that both mean the same server.
std::string template_of(Product product) {
  const std::string here = __FILE__;
  const std::string path = here.substr(0, here.rfind('/')) + "/../../../demo/" +
                           (product == Product::knot ? "knotd.conf" : "named.conf");
  const std::ifstream file(path);
  if (!file) throw std::runtime_error("cannot read " + path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string filled(std::string text, const std::map<std::string, std::string>& values) {
  for (const auto& [name, value] : values) {
    const std::string word = "@" + name + "@";
    for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at))
      text.replace(at, word.size(), value);
  }
  return text;
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

NameServer::NameServer(PlainWorld& world, Product product, const std::string& records,
                       ServerOptions options)
    : world_(world),
      product_(product),
      options_(options),
      port_(free_dns_port()),
      control_port_(free_dns_port()) {
  folder_.write("shop.test.zone",
                fmt::format("$ORIGIN {}\n$TTL 30\n@ SOA ns hostmaster 1 3600 600 86400 1\n"
                            "@ NS ns\nns A 127.0.0.1\n{}\n",
                            kTestZone, records));
  start(program_of(product).value());
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

void NameServer::start(const std::string& program) {
  const bool knot = product_ == Product::knot;
  const std::string folder = folder_.path("");
  const std::string signs = knot ? (options_.signs ? "on" : "off")  //
                                 : (options_.signs ? "default" : "none");
  const std::string controls = fmt::format(
      "inet 127.0.0.1 port {} allow {{ 127.0.0.1; }} keys {{ \"{}\"; }};", control_port_, kTestKey);
  folder_.write("configuration",
                filled(template_of(product_), {{"PORT", std::to_string(port_)},
                                               {"FOLDER", folder.substr(0, folder.size() - 1)},
                                               {"KEY", kTestKey},
                                               {"SECRET", kTestSecret},
                                               {"CONTROLS", controls},
                                               {"SIGNS", signs}}));
  folder_.write("control.key",
                fmt::format("key \"{}\" {{ algorithm hmac-sha256; secret \"{}\"; }};", kTestKey,
                            kTestSecret));
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

void NameServer::control(const std::string& knot_word, const std::string& bind_word) {
  Command command;
  command.argv = {"/usr/sbin/knotc", "-b", "-s", folder_.path("control"), knot_word, kTestZone};
  if (product_ == Product::bind) {
    command.argv = {"/usr/sbin/rndc",
                    "-s",
                    "127.0.0.1",
                    "-p",
                    std::to_string(control_port_),
                    "-k",
                    folder_.path("control.key"),
                    bind_word,
                    "shop.test"};
  }
  const Result<Exit> exit =
      world_.wait(run_command(world_.clock, std::move(command), world_.in(Duration{20'000})));
  if (!exit) throw std::runtime_error(exit.error().message);
  if (!exit->succeeded()) {
    throw std::runtime_error(exit->sentence() + ": " + exit->standard_output.text() +
                             exit->standard_error.text() + log());
  }
}
void NameServer::freeze_zone() {
  control("zone-freeze", "freeze");
}
void NameServer::thaw_zone() {
  control("zone-thaw", "thaw");
}

}  // namespace bascule::dns
