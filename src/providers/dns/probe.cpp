#include "providers/dns/probe.h"

#include <utility>

#include "async/scope.h"

namespace bascule::dns {

DnsProbe::DnsProbe(Services& services, net::Resolver& resolver, std::vector<std::string> servers,
                   Question question, Expectation expectation)
    : services_(services),
      resolver_(resolver),
      client_(services.clock, resolver),
      servers_(std::move(servers)),
      question_(std::move(question)),
      expectation_(std::move(expectation)) {}

awaitable<Observation> DnsProbe::look(Deadline deadline) {
  Result<std::vector<std::string>> servers = servers_;
  if (servers_.empty()) servers = resolver_.servers();
  if (!servers) {
    // Nobody was asked: that says nothing about the name.
    Observation seen;
    seen.health = Health::unknown;
    seen.error = servers.error();
    seen.summary = servers.error().message;
    co_return seen;
  }
  std::vector<ServerAnswer> answers(servers->size());
  std::vector<std::optional<ZoneVersion>> versions(servers->size());
  Scope scope(services_.io.get_executor(), nullptr);
  for (std::size_t i = 0; i < servers->size(); ++i) {
    const std::string& server = (*servers)[i];
    answers[i].server = server;
    scope.spawn("answer of " + server, ask(deadline, &answers[i]));
    scope.spawn("version of " + server, read_version(deadline, server, &versions[i]));
  }
  co_await scope.join();
  for (std::size_t i = 0; i < answers.size(); ++i) answers[i].version = versions[i];
  co_return judge(question_, expectation_, answers);
}

awaitable<void> DnsProbe::ask(Deadline deadline, ServerAnswer* place) {
  const MonotonicInstant began = services_.clock.monotonic();
  place->answer = co_await client_.ask(place->server, question_, deadline);
  if (place->answer) place->latency = elapsed(services_.clock, began);
}

// Asked for by the name itself: where that is not the zone's apex, the zone's SOA record stands
// beside the answer that there is none. What a resolver remembers of it says nothing about now.
awaitable<void> DnsProbe::read_version(Deadline deadline, std::string server,
                                       std::optional<ZoneVersion>* place) {
  const Question about{question_.name, "SOA"};
  const Result<Answer> answer = co_await client_.ask(std::move(server), about, deadline);
  if (answer && answer->authoritative) *place = answer->version;
}

// There is nothing to hold.
awaitable<void> DnsProbe::watch(Watcher&) {
  constexpr Duration kLong{3'600'000};
  while (true) co_await wait_for(services_.clock, kLong);
}

}  // namespace bascule::dns
