#include "providers/dns/zone_client.h"

#include <utility>

#include "net/datagram.h"

namespace bascule::dns {
namespace {

constexpr Duration kQuestionLimit{3'000};
constexpr Duration kUpdateLimit{5'000};

}  // namespace

ZoneClient::ZoneClient(Clock& clock, net::Resolver& resolver, std::string zone,
                       std::vector<std::string> servers, Key key)
    : clock_(clock),
      client_(clock, resolver),
      zone_(std::move(zone)),
      servers_(std::move(servers)),
      key_(std::move(key)) {}

awaitable<Result<std::optional<RecordSet>>> ZoneClient::ask(std::size_t server, std::string name,
                                                            std::string type, Deadline deadline) {
  const std::string where = "name server " + servers_[server];
  const Deadline limit = earlier_of(deadline, Deadline::in(clock_, kQuestionLimit));
  Result<Answer> answer = co_await client_.ask(servers_[server], Question{name, type}, limit);
  if (!answer) co_return error_of(answer);
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
  auto endpoints = co_await client_.find(servers_.front(), limit);
  if (!endpoints) co_return error_of(endpoints);
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
