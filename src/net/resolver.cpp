// One c-ares channel per lookup: its sockets are watched by Asio, its timeouts by the Clock, and
// destroying it is how a lookup is canceled. A and AAAA are asked as two questions, so that a
// server that swallows one of them delays the other's answer by kSecondFamily only.
#include "net/resolver.h"

#include <ares.h>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/this_coro.hpp>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
#include <memory>
#include <system_error>
#include <utility>

#include "async/event.h"
#include "async/with_deadline.h"

namespace bascule::net {

namespace asio = boost::asio;

namespace {

// c-ares does not say why it has no socket: a name server that refuses, or we that have none left.
Result<void> can_open_sockets() {
  const int descriptor = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0 && lacks_resources(errno)) {
    return fail(ErrorCode::unable, "{}", std::generic_category().message(errno));
  }
  if (descriptor >= 0) ::close(descriptor);
  return {};
}

// RFC 8305, section 3: how long to wait for the other family once one has answered.
constexpr Duration kSecondFamily{50};
// One round more than there is time for, so that the deadline ends a silent lookup, not c-ares.
constexpr int kRounds = 4;

struct Question {
  int family = AF_INET;
  bool done = false;
  int status = ARES_SUCCESS;
  std::vector<IpAddress> addresses;
};

class Lookup : public std::enable_shared_from_this<Lookup> {
 public:
  Lookup(Clock& clock, asio::any_io_executor executor)
      : clock_(clock), executor_(std::move(executor)) {}
  ~Lookup() { close(); }
  Lookup(const Lookup&) = delete;
  Lookup& operator=(const Lookup&) = delete;

  // `try_timeout`: for the first round; each further round takes twice as long.
  Result<void> open(const std::string& servers, Duration try_timeout) {
    ares_options options{};
    int mask = ARES_OPT_SOCK_STATE_CB | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES;
    options.sock_state_cb = &Lookup::on_socket_state;
    options.sock_state_cb_data = this;
    options.timeout = static_cast<int>(try_timeout.count());
    options.tries = kRounds;
    std::array<char, 2> dns_only = {'b', '\0'};
    if (!servers.empty()) {
      mask |= ARES_OPT_FLAGS | ARES_OPT_LOOKUPS | ARES_OPT_DOMAINS;
      options.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES;
      options.lookups = dns_only.data();
    }
    int status = ares_init_options(&channel_, &options, mask);
    if (status == ARES_SUCCESS && !servers.empty()) {
      status = ares_set_servers_ports_csv(channel_, servers.c_str());
    }
    if (status == ARES_SUCCESS) return {};
    if (const Result<void> able = can_open_sockets(); !able) return able;
    return fail(ErrorCode::unavailable, "the resolver cannot be set up: {}", ares_strerror(status));
  }

  // Destroying the channel calls back for every open question and socket.
  void close() {
    if (channel_ == nullptr) return;
    ares_destroy(std::exchange(channel_, nullptr));
    sockets_.clear();
  }

  void ask(const std::string& host, Question* question) {
    ares_addrinfo_hints hints{};
    hints.ai_family = question->family;
    hints.ai_flags = ARES_AI_NOSORT;
    ares_getaddrinfo(channel_, host.c_str(), nullptr, &hints, &Lookup::on_answer, question);
  }

  // Until every question is answered, or one is and the other had its extra time.
  awaitable<void> wait_for(std::vector<Question>* questions) {
    std::optional<Deadline> second_family;
    while (true) {
      const bool all = std::all_of(questions->begin(), questions->end(),
                                   [](const Question& question) { return question.done; });
      const bool some = std::any_of(questions->begin(), questions->end(), [](const Question& q) {
        return q.done && !q.addresses.empty();
      });
      if (all) co_return;
      if (some && !second_family) second_family = Deadline::in(clock_, kSecondFamily);
      if (second_family && second_family->has_passed(clock_)) co_return;

      timeval buffer{};
      const timeval* next = ares_timeout(channel_, nullptr, &buffer);
      Duration span{1000};
      if (next != nullptr) {
        span = Duration(next->tv_sec * 1000 + (next->tv_usec + 999) / 1000);
      }
      Deadline until = Deadline::in(clock_, std::max(span, Duration{1}));
      if (second_family) until = earlier_of(until, *second_family);
      if (!co_await changed_.wait(clock_, until)) {
        ares_process_fd(channel_, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
      }
    }
  }

 private:
  struct Watched {
    Watched(const asio::any_io_executor& executor, int fd) : descriptor(executor, fd) {}
    ~Watched() { let_go(); }
    Watched(const Watched&) = delete;
    Watched& operator=(const Watched&) = delete;

    // c-ares closes what it opened, right after it told us.
    void let_go() {
      if (descriptor.is_open()) descriptor.release();
    }

    asio::posix::stream_descriptor descriptor;
    bool wants_read = false;
    bool wants_write = false;
    bool reading = false;
    bool writing = false;
  };
  using Wait = asio::posix::stream_descriptor::wait_type;

  static void on_socket_state(void* self, int fd, int readable, int writable) {
    static_cast<Lookup*>(self)->watch(fd, readable != 0, writable != 0);
  }

  static void on_answer(void* argument, int status, int, ares_addrinfo* answer) {
    auto* question = static_cast<Question*>(argument);
    if (status == ARES_EDESTRUCTION) return;  // nobody waits any more
    question->done = true;
    question->status = status;
    for (auto* node = answer == nullptr ? nullptr : answer->nodes; node != nullptr;
         node = node->ai_next) {
      if (node->ai_family == AF_INET) {
        const auto* v4 = reinterpret_cast<const sockaddr_in*>(node->ai_addr);
        question->addresses.emplace_back(asio::ip::address_v4(ntohl(v4->sin_addr.s_addr)));
      } else if (node->ai_family == AF_INET6) {
        const auto* v6 = reinterpret_cast<const sockaddr_in6*>(node->ai_addr);
        asio::ip::address_v6::bytes_type bytes;
        std::copy_n(v6->sin6_addr.s6_addr, bytes.size(), bytes.begin());
        question->addresses.emplace_back(asio::ip::address_v6(bytes, v6->sin6_scope_id));
      }
    }
    if (answer != nullptr) ares_freeaddrinfo(answer);
  }

  void watch(int fd, bool readable, bool writable) {
    if (!readable && !writable) {
      const auto known = sockets_.find(fd);
      if (known == sockets_.end()) return;
      known->second->let_go();
      sockets_.erase(known);
      return;
    }
    std::shared_ptr<Watched>& watched = sockets_[fd];
    if (!watched) watched = std::make_shared<Watched>(executor_, fd);
    watched->wants_read = readable;
    watched->wants_write = writable;
    arm(fd, watched);
  }

  auto ready(int fd, std::weak_ptr<Watched> weak, bool Watched::* armed) {
    return [self = weak_from_this(), fd, weak, armed](boost::system::error_code failed) {
      const auto lookup = self.lock();
      const auto watched = weak.lock();
      if (!lookup || !watched) return;
      (*watched).*armed = false;
      if (failed || lookup->channel_ == nullptr) return;
      const bool read = armed == &Watched::reading;
      ares_process_fd(lookup->channel_, read ? fd : ARES_SOCKET_BAD, read ? ARES_SOCKET_BAD : fd);
      lookup->changed_.notify_all();
      const auto still = lookup->sockets_.find(fd);
      if (still != lookup->sockets_.end() && still->second == watched) lookup->arm(fd, watched);
    };
  }

  void arm(int fd, const std::shared_ptr<Watched>& watched) {
    if (watched->wants_read && !watched->reading) {
      watched->reading = true;
      watched->descriptor.async_wait(Wait::wait_read, ready(fd, watched, &Watched::reading));
    }
    if (watched->wants_write && !watched->writing) {
      watched->writing = true;
      watched->descriptor.async_wait(Wait::wait_write, ready(fd, watched, &Watched::writing));
    }
  }

  Clock& clock_;
  asio::any_io_executor executor_;
  ares_channel channel_ = nullptr;
  std::map<int, std::shared_ptr<Watched>> sockets_;
  Event changed_;
};

std::unexpected<Error> no_address(const std::string& host, const std::vector<Question>& questions) {
  const auto some = [&](int status) {
    return std::any_of(questions.begin(), questions.end(),
                       [&](const Question& question) { return question.status == status; });
  };
  if (some(ARES_ECONNREFUSED)) {
    if (const Result<void> able = can_open_sockets(); !able) return error_of(able);
    return fail(ErrorCode::unavailable, "no name server takes questions (connection refused)");
  }
  if (some(ARES_ETIMEOUT)) return fail(ErrorCode::timeout, "no name server answered");
  if (some(ARES_EREFUSED)) {
    return fail(ErrorCode::unavailable, "the name server refuses to answer for {}", host);
  }
  if (some(ARES_ENODATA)) return fail(ErrorCode::not_found, "{} has no address", host);
  if (some(ARES_ENOTFOUND)) return fail(ErrorCode::not_found, "{} does not exist", host);
  if (some(ARES_EBADNAME)) return fail(ErrorCode::invalid, "\"{}\" is not a name", host);
  if (some(ARES_ESERVFAIL)) {
    return fail(ErrorCode::unavailable, "the name server failed on {} (SERVFAIL)", host);
  }
  const int status = questions.front().status;
  return fail(ErrorCode::unavailable, "{} cannot be looked up: {}", host, ares_strerror(status));
}

// One address of each family in turn, IPv6 first (RFC 8305, section 4).
std::vector<IpAddress> alternate(const std::vector<Question>& questions) {
  std::vector<IpAddress> all;
  for (std::size_t i = 0; true; ++i) {
    const std::size_t before = all.size();
    for (const Question& question : questions) {
      if (i < question.addresses.size()) all.push_back(question.addresses[i]);
    }
    if (all.size() == before) return all;
  }
}

std::vector<Question> questions_for(Family family) {
  std::vector<Question> questions;
  if (family != Family::v4) questions.push_back(Question{AF_INET6, false, ARES_SUCCESS, {}});
  if (family != Family::v6) questions.push_back(Question{AF_INET, false, ARES_SUCCESS, {}});
  return questions;
}

awaitable<Result<std::vector<IpAddress>>> look_up(Clock& clock, std::string servers,
                                                  std::string host, Family family,
                                                  Duration try_timeout) {
  std::vector<Question> questions = questions_for(family);
  auto lookup = std::make_shared<Lookup>(clock, co_await asio::this_coro::executor);
  // The questions are written to until the channel is closed, whoever ends this frame.
  const std::unique_ptr<Lookup, void (*)(Lookup*)> closes(lookup.get(),
                                                          [](Lookup* open) { open->close(); });
  if (const Result<void> opened = lookup->open(servers, try_timeout); !opened) {
    co_return error_of(opened);
  }
  for (Question& question : questions) lookup->ask(host, &question);
  co_await lookup->wait_for(&questions);
  std::vector<IpAddress> addresses = alternate(questions);
  if (addresses.empty()) co_return no_address(host, questions);
  co_return addresses;
}

Endpoint endpoint_of(const ares_addr_port_node& node) {
  constexpr std::uint16_t kDnsPort = 53;
  const auto port = static_cast<std::uint16_t>(node.udp_port == 0 ? kDnsPort : node.udp_port);
  if (node.family == AF_INET) return {asio::ip::address_v4(ntohl(node.addr.addr4.s_addr)), port};
  asio::ip::address_v6::bytes_type bytes;
  std::copy_n(reinterpret_cast<const unsigned char*>(&node.addr.addr6), bytes.size(),
              bytes.begin());
  return {asio::ip::address_v6(bytes), port};
}

bool is_localhost(std::string_view host) {
  if (host.ends_with('.')) host.remove_suffix(1);
  return host == "localhost" || host.ends_with(".localhost");
}

Result<std::vector<IpAddress>> of_family(std::vector<IpAddress> addresses, Family family,
                                         const std::string& host) {
  std::erase_if(addresses, [&](const IpAddress& address) {
    return (family == Family::v4 && !address.is_v4()) || (family == Family::v6 && !address.is_v6());
  });
  if (!addresses.empty()) return addresses;
  return fail(ErrorCode::not_found, "{} has no {} address", host,
              family == Family::v4 ? "IPv4" : "IPv6");
}

}  // namespace

struct Resolver::Settings {
  Clock& clock;
  std::vector<std::string> given;
  std::string servers;  // the same with commas between, as c-ares takes them
  int server_count;
};

Result<std::unique_ptr<Resolver>> Resolver::make(asio::io_context&, Clock& clock,
                                                 std::vector<std::string> servers) {
  std::string list;
  std::vector<std::string> given;
  for (const std::string& server : servers) {
    const Result<Endpoint> endpoint = parse_endpoint(server, 53);
    if (!endpoint) return fail(in_context("name server", endpoint.error()));
    if (!list.empty()) list += ',';
    list += to_string(*endpoint);
    given.push_back(to_string(*endpoint));
  }
  // The system's file rarely names more than two.
  const int count = servers.empty() ? 2 : static_cast<int>(servers.size());
  auto settings = std::make_unique<Settings>(clock, std::move(given), std::move(list), count);
  return std::unique_ptr<Resolver>(new Resolver(std::move(settings)));
}

Resolver::Resolver(std::unique_ptr<Settings> settings) : settings_(std::move(settings)) {}
Resolver::~Resolver() = default;

Result<std::vector<std::string>> Resolver::servers() const {
  if (!settings_->given.empty()) return settings_->given;
  ares_channel channel = nullptr;
  ares_addr_port_node* first = nullptr;
  int status = ares_init(&channel);
  if (status == ARES_SUCCESS) status = ares_get_servers_ports(channel, &first);
  std::vector<std::string> named;
  for (const ares_addr_port_node* node = first; node != nullptr; node = node->next) {
    named.push_back(to_string(endpoint_of(*node)));
  }
  if (first != nullptr) ares_free_data(first);
  if (channel != nullptr) ares_destroy(channel);
  if (status != ARES_SUCCESS) {
    return fail(ErrorCode::unavailable, "the system's resolver configuration cannot be read: {}",
                ares_strerror(status));
  }
  if (named.empty()) return fail(ErrorCode::unavailable, "the system names no name server");
  return named;
}

awaitable<Result<std::vector<IpAddress>>> Resolver::resolve(std::string host, Family family,
                                                            Deadline deadline) {
  if (const std::optional<IpAddress> literal = parse_address(host)) {
    co_return of_family(std::vector<IpAddress>{*literal}, family, host);
  }
  if (is_localhost(host)) {
    std::vector<IpAddress> loopback = {asio::ip::address_v4::loopback(),
                                       asio::ip::address_v6::loopback()};
    co_return of_family(std::move(loopback), family, host);
  }
  if (!is_host_name(host)) co_return fail(ErrorCode::invalid, "\"{}\" is not a name", host);
  Clock& clock = settings_->clock;
  const MonotonicInstant begun = clock.monotonic();
  const Duration allowed = deadline.left(clock);
  // The first three rounds take 1 + 2 + 4 parts for each server.
  const Duration part = allowed / (7 * settings_->server_count);
  const Duration try_timeout = std::clamp(part, Duration{50}, Duration{2000});
  Result<std::vector<IpAddress>> addresses = co_await with_deadline(
      clock, deadline, host, look_up(clock, settings_->servers, host, family, try_timeout));
  if (!addresses && addresses.error().code == ErrorCode::timeout) {
    // c-ares may have given up before the deadline.
    const Duration waited = std::chrono::ceil<Duration>(elapsed(clock, begun));
    co_return fail(ErrorCode::timeout, "no name server answered within {}ms",
                   std::min(allowed, waited).count());
  }
  co_return addresses;
}

}  // namespace bascule::net
