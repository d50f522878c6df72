#include "providers/dns/client.h"

#include <openssl/rand.h>

#include <array>
#include <utility>

#include "net/datagram.h"

namespace bascule::dns {
namespace {

constexpr std::uint16_t kPort = 53;

std::string name_for_people(const std::string& server) {
  return "name server " + server;
}

// A referral: the server knows who knows, and does not ask them for us.
bool refers_to_others(const Answer& answer) {
  return answer.exists && !answer.authoritative && !answer.looks_further && answer.values.empty() &&
         answer.alias_of.empty();
}

}  // namespace

std::uint16_t unpredictable_id() {
  std::array<unsigned char, 2> bytes{};
  RAND_bytes(bytes.data(), static_cast<int>(bytes.size()));
  return static_cast<std::uint16_t>((bytes[0] << 8) | bytes[1]);
}

Result<void> check_server(const std::string& server) {
  const auto address = net::parse_host_port(server, kPort);
  if (!address) return error_of(address);
  return {};
}

awaitable<Result<std::vector<net::Endpoint>>> Client::find(std::string server, Deadline deadline) {
  const std::string where = name_for_people(server);
  Result<net::HostPort> address = net::parse_host_port(server, kPort);
  if (!address) co_return fail(in_context(where, address.error()));
  auto found = co_await resolver_.resolve(address->host, net::Family::any, deadline);
  if (!found) co_return fail(in_context(where, found.error()));
  std::vector<net::Endpoint> endpoints;
  for (const net::IpAddress& one : *found) endpoints.push_back({one, address->port});
  co_return endpoints;
}

awaitable<Result<Answer>> Client::ask_at(net::Endpoint endpoint, Question question,
                                         Deadline deadline) {
  const std::uint16_t id = unpredictable_id();
  Result<Bytes> sent = make_question(question, id);
  if (!sent) co_return error_of(sent);
  const net::Accept accept = [&sent](const Bytes& bytes) { return answers_question(bytes, *sent); };
  Result<Bytes> bytes = co_await net::exchange_udp(clock_, endpoint, *sent, deadline, accept,
                                                   net::Repeat::safe_to_repeat);
  if (!bytes) co_return error_of(bytes);
  Result<Answer> answer = read_answer(*bytes, question, id);
  if (!answer || !answer->truncated) co_return answer;
  bytes = co_await net::exchange_tcp_dns(clock_, endpoint, *sent, deadline,
                                         net::Repeat::safe_to_repeat);
  if (!bytes) co_return error_of(bytes);
  answer = read_answer(*bytes, question, id);
  if (answer && answer->truncated)
    co_return fail(ErrorCode::unavailable, "the answer is cut short, even over TCP");
  co_return answer;
}

awaitable<Result<Answer>> Client::ask(std::string server, Question question, Deadline deadline) {
  auto endpoints = co_await find(server, deadline);
  if (!endpoints) co_return error_of(endpoints);
  Result<Answer> answer;
  for (const net::Endpoint& endpoint : *endpoints) {
    answer = co_await ask_at(endpoint, question, deadline);
    // One server may have addresses of which only some can be reached from here.
    if (answer || answer.error().code != ErrorCode::unavailable) break;
  }
  if (!answer) co_return fail(in_context(name_for_people(server), answer.error()));
  if (refers_to_others(*answer)) {
    co_return fail(ErrorCode::unavailable, "{} knows nothing of {} and does not look further",
                   name_for_people(server), question.name);
  }
  co_return answer;
}

}  // namespace bascule::dns
