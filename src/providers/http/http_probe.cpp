// The probes `http` and `tcp`. Each look is a fresh connection: what is asked is whether a new
// client is served.
#include <fmt/format.h>

#include <utility>

#include "net/stream.h"
#include "providers/http/kinds.h"
#include "providers/http/question.h"

namespace bascule::http {
namespace {

// A probe without anything to hold: waits for its cancellation.
awaitable<void> hold_nothing(Clock& clock) {
  constexpr Duration kLong{3'600'000};
  while (true) co_await wait_for(clock, kLong);
}

class HttpProbe final : public Probe {
 public:
  HttpProbe(Question question, Clock& clock) : question_(std::move(question)), clock_(clock) {}

  awaitable<Observation> look(Deadline deadline) override {
    const Result<net::Response> response = co_await question_.ask(deadline);
    co_return judge_answer(question_, response);
  }
  awaitable<void> watch(Watcher&) override { co_await hold_nothing(clock_); }

 private:
  Question question_;
  Clock& clock_;
};

class TcpProbe final : public Probe {
 public:
  TcpProbe(net::HostPort address, net::Resolver& resolver, Clock& clock)
      : address_(std::move(address)), resolver_(resolver), clock_(clock) {}

  awaitable<Observation> look(Deadline deadline) override {
    Observation observation;
    const MonotonicInstant began = clock_.monotonic();
    auto addresses = co_await resolver_.resolve(address_.host, net::Family::any, deadline);
    if (!addresses) co_return failed(addresses.error());
    observation.timing.lookup = elapsed(clock_, began);
    const MonotonicInstant found = clock_.monotonic();
    auto stream = co_await net::connect_any(clock_, std::move(*addresses), address_.port, deadline);
    if (!stream) co_return failed(stream.error());
    observation.timing.connect = elapsed(clock_, found);
    observation.latency = elapsed(clock_, began);
    (*stream)->abort();
    observation.health = Health::healthy;
    observation.summary = "connected";
    co_return observation;
  }
  awaitable<void> watch(Watcher&) override { co_await hold_nothing(clock_); }

 private:
  static Observation failed(const Error& error) {
    Observation observation;
    observation.health = Health::failed;
    observation.error = error;
    observation.summary = error.message;
    return observation;
  }

  net::HostPort address_;
  net::Resolver& resolver_;
  Clock& clock_;
};

// Those that only a look has: a step's inspection may change nothing, and what is merely degraded
// stops no run.
std::vector<Field> http_fields() {
  std::vector<Field> fields = question_fields();
  net::add_expiry(fields);
  for (Field& field : fields) {
    if (field.name == "method") field.words.emplace_back("POST");
    if (field.name != "expect") continue;
    field.fields.push_back(Field{.name = "otherwise",
                                 .type = FieldType::word,
                                 .summary = "What an expected status with another body is.",
                                 .default_value = "degraded",
                                 .words = {"degraded", "critical"}});
  }
  return fields;
}

}  // namespace

std::vector<ProbeKind> probe_kinds(net::Resolver& resolver) {
  ProbeKind http;
  http.kind.name = "http";
  http.kind.role = KindRole::probe;
  http.kind.summary =
      "An HTTP request: expected status healthy, 500 and above critical, other degraded.";
  http.kind.fields = http_fields();
  http.make = [&resolver](ProbeContext context,
                          Services& services) -> Result<std::shared_ptr<Probe>> {
    Result<Question> question = make_question(context.settings, resolver, services);
    if (!question) return error_of(question);
    return std::make_shared<HttpProbe>(std::move(*question), services.clock);
  };

  ProbeKind tcp;
  tcp.kind.name = "tcp";
  tcp.kind.role = KindRole::probe;
  tcp.kind.summary = "A TCP connection: healthy when it is accepted.";
  tcp.kind.fields = {
      Field{.name = "address", .summary = "HOST:PORT to connect to.", .required = true}};
  tcp.make = [&resolver](ProbeContext context,
                         Services& services) -> Result<std::shared_ptr<Probe>> {
    auto address = net::parse_host_port(text_or(context.settings, "address"));
    if (!address) return fail(in_context("address", address.error()));
    return std::make_shared<TcpProbe>(std::move(*address), resolver, services.clock);
  };
  return {http, tcp};
}

}  // namespace bascule::http
