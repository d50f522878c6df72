#include "providers/dns/zone_client.h"

#include <openssl/rand.h>

#include <array>
#include <utility>

#include "net/datagram.h"

namespace bascule::dns {
namespace {

constexpr std::uint16_t kPort = 53;

// Unpredictable, so that an answer cannot be forged by guessing (RFC 5452).
std::uint16_t random_id() {
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

awaitable<Result<net::Endpoint>> ZoneClient::find_server(std::size_t server, Deadline deadline) {
  Result<net::HostPort> address = net::parse_host_port(servers_[server], kPort);
  if (!address) co_return error_of(address);
  auto found = co_await resolver_.resolve(address->host, net::Family::any, deadline);
  if (!found) co_return fail(in_context(servers_[server], found.error()));
  co_return net::Endpoint{found->front(), address->port};
}

awaitable<Result<std::optional<RecordSet>>> ZoneClient::ask(std::size_t server, std::string name,
                                                            std::string type, Deadline deadline) {
  Result<net::Endpoint> endpoint = co_await find_server(server, deadline);
  if (!endpoint) co_return error_of(endpoint);
  const std::uint16_t id = random_id();
  Result<Bytes> question = make_question(name, type, id);
  if (!question) co_return error_of(question);
  const net::Accept accept = [id](const Bytes& bytes) { return answers(bytes, id); };
  Result<Bytes> bytes = co_await net::exchange_udp(clock_, *endpoint, *question, deadline, accept,
                                                   net::Repeat::safe_to_repeat);
  if (!bytes) co_return fail(in_context("name server " + servers_[server], bytes.error()));
  Result<Answer> answer = read_answer(*bytes, name, type, id);
  if (answer && answer->truncated) {
    bytes = co_await net::exchange_tcp_dns(clock_, *endpoint, *question, deadline,
                                           net::Repeat::safe_to_repeat);
    if (!bytes) co_return fail(in_context("name server " + servers_[server], bytes.error()));
    answer = read_answer(*bytes, name, type, id);
  }
  if (!answer) co_return fail(in_context("name server " + servers_[server], answer.error()));
  if (!answer->authoritative) {
    co_return fail(ErrorCode::unavailable, "name server {} is not authoritative for {}",
                   servers_[server], zone_);
  }
  co_return std::move(answer->records);
}

awaitable<Result<Outcome>> ZoneClient::update(Update update, Deadline deadline) {
  Result<net::Endpoint> endpoint = co_await find_server(0, deadline);
  if (!endpoint) co_return error_of(endpoint);
  Result<SignedMessage> message = make_update(update, key_, random_id());
  if (!message) co_return error_of(message);
  Result<Bytes> bytes = co_await net::exchange_tcp_dns(clock_, *endpoint, message->bytes, deadline,
                                                       net::Repeat::never);
  if (!bytes) co_return fail(in_context("name server " + servers_[0], bytes.error()));
  Result<Outcome> outcome = read_update_answer(*bytes, *message, key_);
  if (!outcome) co_return fail(in_context("name server " + servers_[0], outcome.error()));
  co_return *outcome;
}

}  // namespace bascule::dns
