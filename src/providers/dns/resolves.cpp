#include "providers/dns/resolves.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "async/scope.h"
#include "net/stream.h"

namespace bascule::dns {
namespace {

// Names first, connections afterwards, each within half of this.
constexpr Duration kLimit{8'000};

// Without the final dot, which only name servers need.
std::string name_for_people(std::string name) {
  if (name.size() > 1 && name.back() == '.') name.pop_back();
  return name;
}

}  // namespace

Resolves::Resolves(Services& services, net::Resolver& resolver, ResolvesSettings settings)
    : services_(services),
      resolver_(resolver),
      client_(services.clock, resolver),
      settings_(std::move(settings)) {}

awaitable<Result<Inspection>> Resolves::inspect(StepCall call) {
  std::vector<std::string> names;
  names.reserve(settings_.names.size());
  for (const std::string& name : settings_.names) names.push_back(name_for_people(name));
  Inspection inspection;
  inspection.finding = Finding::blocked;
  inspection.change = fmt::format("resolve {}", fmt::join(names, ", "));
  Result<std::vector<std::string>> servers = settings_.servers;
  if (servers->empty()) servers = resolver_.servers();
  if (!servers) {
    inspection.because = servers.error().message + ": name some under `resolvers:`";
    co_return inspection;
  }
  const Duration left = std::min(call.deadline.left(services_.clock), kLimit);
  const std::vector<Lookup> lookups =
      co_await look_up_all(std::move(*servers), Deadline::in(services_.clock, left / 2));
  std::vector<std::string> complaints;
  std::vector<Connection> connections;
  Json addresses = Json::object();
  for (const Lookup& lookup : lookups) {
    if (!lookup.complaint.empty()) complaints.push_back(lookup.complaint);
    Json& known = addresses[name_for_people(lookup.name)];
    if (known.is_null()) known = Json::array();
    for (const net::IpAddress& address : lookup.addresses) {
      if (std::ranges::find(known, Json(address.to_string())) != known.end()) continue;
      known.push_back(address.to_string());
      if (settings_.connect)
        connections.push_back({lookup.name, {address, *settings_.connect}, std::string()});
    }
  }
  connections =
      co_await connect_to_all(std::move(connections), Deadline::in(services_.clock, left / 2));
  for (const Connection& connection : connections) {
    if (!connection.complaint.empty()) complaints.push_back(connection.complaint);
  }
  inspection.facts = {{"addresses", std::move(addresses)}};
  inspection.because = fmt::format("{}", fmt::join(complaints, "; "));
  if (complaints.empty()) {
    inspection.finding = Finding::done;
    inspection.because = fmt::format("{} of {} resolve{}", names.size(), names.size(),
                                     settings_.connect ? " and take connections" : "");
  }
  co_return inspection;
}

awaitable<std::vector<Resolves::Lookup>> Resolves::look_up_all(std::vector<std::string> servers,
                                                               Deadline deadline) {
  std::vector<Lookup> lookups;
  for (const std::string& name : settings_.names) {
    for (const std::string& server : servers) lookups.push_back({name, server, {}, {}});
  }
  Scope scope(services_.io.get_executor(), nullptr);
  for (Lookup& lookup : lookups) {
    scope.spawn(lookup.name + " at " + lookup.server, look_up(deadline, &lookup));
  }
  co_await scope.join();
  co_return lookups;
}

awaitable<void> Resolves::look_up(Deadline deadline, Lookup* lookup) {
  const std::string name = name_for_people(lookup->name);
  bool exists = true;
  // A name has addresses of one family or of both; one is enough.
  for (const char* type : {"A", "AAAA"}) {
    const Result<Answer> answer =
        co_await client_.ask(lookup->server, Question{lookup->name, type, true}, deadline);
    if (!answer) {
      lookup->complaint = fmt::format(
          "{}: {} (see that it runs, that it may be asked from here, and that "
          "`resolvers` names it rightly)",
          name, answer.error().message);
      co_return;
    }
    exists = exists && answer->exists;
    for (const std::string& value : answer->values) {
      if (const auto address = net::parse_address(value)) lookup->addresses.push_back(*address);
    }
  }
  if (!lookup->addresses.empty()) co_return;
  lookup->complaint =
      fmt::format("{} {} at name server {} (add it to its zone, or correct `names`)", name,
                  exists ? "has no address" : "does not exist", lookup->server);
}

awaitable<std::vector<Resolves::Connection>> Resolves::connect_to_all(
    std::vector<Connection> connections, Deadline deadline) {
  Scope scope(services_.io.get_executor(), nullptr);
  for (Connection& connection : connections) {
    scope.spawn("connect to " + net::to_string(connection.endpoint),
                connect(deadline, &connection));
  }
  co_await scope.join();
  co_return connections;
}

awaitable<void> Resolves::connect(Deadline deadline, Connection* connection) {
  auto stream = co_await net::connect(services_.clock, connection->endpoint, deadline);
  if (stream) {
    (*stream)->abort();
    co_return;
  }
  connection->complaint =
      fmt::format("{} at {}: {} (see that something listens there and that no firewall is between)",
                  name_for_people(connection->name), net::to_string(connection->endpoint),
                  stream.error().message);
}

awaitable<Result<Outputs>> Resolves::apply(StepCall) {
  co_return fail(ErrorCode::invalid, "dns.resolves is an item of the preflight, not a step");
}

awaitable<Result<void>> Resolves::revert(StepCall) {
  co_return Result<void>();
}

}  // namespace bascule::dns
