#include "providers/dns/zone_client.h"

#include <openssl/rand.h>

#include <array>
#include <utility>

#include "net/datagram.h"

namespace bascule::dns {
namespace {

constexpr std::uint16_t kPort = 53;
constexpr Duration kQuestionLimit{3'000};
constexpr Duration kUpdateLimit{5'000};

// Unpredictable, so that an answer cannot be forged by guessing (RFC 5452).
std::uint16_t unpredictable_id() {
  std::array<unsigned char, 2> bytes{};
  RAND_bytes(bytes.data(), static_cast<int>(bytes.size()));
  return static_cast<std::uint16_t>((bytes[0] << 8) | bytes[1]);
}

}  // namespace

ZoneClient::ZoneClient(Clock& clock, net::Resolver& resolver, std::string zone,
                       std::vector<std::string> servers, Key key)
    : clock_(clock),
      resolver_(resolver),
      zone_(std::move(zone)),
      servers_(std::move(servers)),
      key_(std::move(key)) {}

awaitable<Result<std::vector<net::Endpoint>>> ZoneClient::find_server(std::size_t server,
                                                                      Deadline deadline) {
  Result<net::HostPort> address = net::parse_host_port(servers_[server], kPort);
  if (!address) co_return error_of(address);
  auto found = co_await resolver_.resolve(address->host, net::Family::any, deadline);
  if (!found) co_return error_of(found);
  std::vector<net::Endpoint> endpoints;
  for (const net::IpAddress& one : *found) endpoints.push_back({one, address->port});
  co_return endpoints;
}

awaitable<Result<Answer>> ZoneClient::ask_at(net::Endpoint endpoint, std::string name,
                                             std::string type, Deadline deadline) {
  const std::uint16_t id = unpredictable_id();
  Result<Bytes> question = make_question(name, type, id);
  if (!question) co_return error_of(question);
  const net::Accept accept = [id](const Bytes& bytes) { return answers(bytes, id); };
  Result<Bytes> bytes = co_await net::exchange_udp(clock_, endpoint, *question, deadline, accept,
                                                   net::Repeat::safe_to_repeat);
  if (!bytes) co_return error_of(bytes);
  Result<Answer> answer = read_answer(*bytes, name, type, id);
  if (!answer || !answer->truncated) co_return answer;
  bytes = co_await net::exchange_tcp_dns(clock_, endpoint, *question, deadline,
                                         net::Repeat::safe_to_repeat);
  if (!bytes) co_return error_of(bytes);
  answer = read_answer(*bytes, name, type, id);
  if (answer && answer->truncated)
    co_return fail(ErrorCode::unavailable, "the answer is cut short, even over TCP");
  co_return answer;
}

awaitable<Result<std::optional<RecordSet>>> ZoneClient::ask(std::size_t server, std::string name,
                                                            std::string type, Deadline deadline) {
  const std::string where = "name server " + servers_[server];
  const Deadline limit = earlier_of(deadline, Deadline::in(clock_, kQuestionLimit));
  auto endpoints = co_await find_server(server, limit);
  if (!endpoints) co_return fail(in_context(where, endpoints.error()));
  Result<Answer> answer;
  for (const net::Endpoint& endpoint : *endpoints) {
    answer = co_await ask_at(endpoint, name, type, limit);
    // One server may have addresses of which only some can be reached from here.
    if (answer || answer.error().code != ErrorCode::unavailable) break;
  }
  if (!answer) co_return fail(in_context(where, answer.error()));
  if (!answer->authoritative) {
    co_return fail(ErrorCode::unavailable, "{} is not authoritative for {}", where, zone_);
  }
  if (!answer->alias_of.empty() && type != "CNAME") {
    co_return fail(ErrorCode::invalid, "{}: {} is an alias of {}, so it cannot hold a record of {}",
                   where, name, answer->alias_of, type);
  }
  co_return std::move(answer->records);
}

awaitable<Result<Outcome>> ZoneClient::update(Update update, Deadline deadline) {
  const std::string where = "name server " + servers_.front();
  const Deadline limit = earlier_of(deadline, Deadline::in(clock_, kUpdateLimit));
  auto endpoints = co_await find_server(0, limit);
  if (!endpoints) co_return fail(in_context(where, endpoints.error()));
  Result<SignedMessage> message = make_update(update, key_, unpredictable_id());
  if (!message) co_return error_of(message);
  Result<Bytes> bytes;
  for (const net::Endpoint& endpoint : *endpoints) {
    bytes =
        co_await net::exchange_tcp_dns(clock_, endpoint, message->bytes, limit, net::Repeat::never);
    // `unavailable` means that nothing was sent: another address of the server may be tried.
    if (bytes || bytes.error().code != ErrorCode::unavailable) break;
  }
  if (!bytes) co_return fail(in_context(where, bytes.error()));
  Result<Outcome> outcome = read_update_answer(*bytes, *message, key_);
  if (!outcome) co_return fail(in_context(where, outcome.error()));
  co_return *outcome;
}

}  // namespace bascule::dns
