#include "providers/postgres/probe.h"

#include <algorithm>

#include "providers/postgres/connection.h"
#include "providers/postgres/facts.h"

namespace bascule::postgres {
namespace {

constexpr Duration kReconnectFirst{100};
constexpr Duration kReconnectMax{1'000};
// Between two readings of a lag, see confirm_lag().
constexpr Duration kLagAgain{100};

// What the held connection knows, for a look that gets none of its own.
struct Held {
  bool alive = false;
  MonotonicInstant answered_at;
  DatabaseFacts facts;
};

class PostgresProbe final : public Probe {
 public:
  PostgresProbe(CheckSettings settings, Duration timeout, Surroundings surroundings)
      : settings_(std::move(settings)),
        timeout_(timeout),
        services_(surroundings.services),
        resolver_(surroundings.resolver),
        vigils_(surroundings.vigils) {}

  awaitable<Observation> look(Deadline deadline) override;
  awaitable<void> watch(Watcher& watcher) override;

 private:
  awaitable<Result<DatabaseFacts>> ask(Connection& connection, Deadline deadline);
  awaitable<DatabaseFacts> confirm_lag(Connection& connection, DatabaseFacts first,
                                       Deadline deadline);
  awaitable<Result<void>> open(Connection& connection, Deadline deadline);
  awaitable<Error> hold(Connection& connection, Watcher& watcher);
  void take(Watcher& watcher, const DatabaseFacts& facts);
  void describe_failure(Observation& observation, const Error& error, const Failure& failure) const;
  [[nodiscard]] bool held_answers() const;

  const CheckSettings settings_;
  const Duration timeout_;
  Services& services_;
  net::Resolver& resolver_;
  Vigils& vigils_;
  Held held_;
};

awaitable<Result<void>> PostgresProbe::open(Connection& connection, Deadline deadline) {
  auto settings = connection_settings(settings_, settings_.monitor, services_.secrets);
  if (!settings) co_return error_of(settings);
  settings->statement_timeout = timeout_;
  co_return co_await connection.open(std::move(*settings), deadline);
}

awaitable<Result<DatabaseFacts>> PostgresProbe::ask(Connection& connection, Deadline deadline) {
  const Instant asked_at = services_.clock.now();
  const auto rows = co_await connection.query(std::string(kFactsQuery), {}, deadline);
  if (!rows) co_return error_of(rows);
  co_return facts_from(*rows, asked_at);
}

// The first transaction after a quiet hour makes a streaming replica look an hour behind for the
// instant until it is replayed. A lag that is real is still there a moment later.
awaitable<DatabaseFacts> PostgresProbe::confirm_lag(Connection& connection, DatabaseFacts first,
                                                    Deadline deadline) {
  if (!first.streaming || health_of(first, settings_.limits) == Health::healthy ||
      deadline.left(services_.clock) < 3 * kLagAgain) {
    co_return first;
  }
  co_await wait_for(services_.clock, kLagAgain);
  const auto second = co_await ask(connection, deadline);
  co_return second ? *second : first;
}

awaitable<Observation> PostgresProbe::look(Deadline deadline) {
  Observation observation;
  observation.at = services_.clock.now();
  if (const auto met = co_await vigils_.met_at(services_.clock, server_of(settings_), deadline)) {
    describe_failure(observation, met->error, *met);
    co_return observation;
  }
  const MonotonicInstant began = services_.clock.monotonic();
  Connection connection(services_.io, services_.clock, resolver_);
  const Result<void> opened = co_await open(connection, deadline);
  observation.timing.lookup = connection.timing().lookup;
  observation.timing.connect = connection.timing().connect;
  if (!opened) {
    describe_failure(observation, opened.error(), connection.failure());
    co_return observation;
  }
  const auto facts = co_await ask(connection, deadline);
  if (!facts) {
    describe_failure(observation, facts.error(), connection.failure());
    co_return observation;
  }
  observation.latency = elapsed(services_.clock, began);
  observation.timing.first_byte = *observation.latency -
                                  observation.timing.lookup.value_or(Microseconds(0)) -
                                  observation.timing.connect.value_or(Microseconds(0));
  observation.database = co_await confirm_lag(connection, *facts, deadline);
  observation.health = health_of(*observation.database, settings_.limits);
  observation.summary = summary_of(*observation.database);
  observation.detail = detail_of(*observation.database);
  co_return observation;
}

// Decision table of a look without an answer:
//   no free slots, held connection answers   degraded  no_new_sessions  (overload is not death)
//   no free slots, it does not               failed    no_new_sessions
//   the role may not log in                  failed    sealed
//   anything else                            failed    –
void PostgresProbe::describe_failure(Observation& observation, const Error& error,
                                     const Failure& failure) const {
  observation.health = Health::failed;
  observation.error = error;
  observation.summary = error.message;
  if (failure.login_refused) observation.code = "sealed";
  if (!failure.no_free_slots()) return;
  observation.code = "no_new_sessions";
  if (!held_answers()) return;
  observation.health = Health::degraded;
  observation.database = held_.facts;
  observation.detail = detail_of(held_.facts);
  observation.summary = summary_of(held_.facts) + ", no free connection slots";
}

bool PostgresProbe::held_answers() const {
  return held_.alive &&
         services_.clock.monotonic() - held_.answered_at <= kSampleInterval + timeout_;
}

void PostgresProbe::take(Watcher& watcher, const DatabaseFacts& facts) {
  const bool changed = held_.alive && (held_.facts.role != facts.role ||
                                       held_.facts.accepts_writes != facts.accepts_writes ||
                                       held_.facts.streaming != facts.streaming);
  held_ = {true, services_.clock.monotonic(), facts};
  watcher.sample(facts);
  if (changed) watcher.wake("the database is now " + summary_of(facts));
}

// Samples until the connection is of no use any more, and says why.
awaitable<Error> PostgresProbe::hold(Connection& connection, Watcher& watcher) {
  for (;;) {
    const MonotonicInstant asked = services_.clock.monotonic();
    const auto facts = co_await ask(connection, Deadline::in(services_.clock, timeout_));
    if (!facts) co_return facts.error();
    take(watcher, *facts);
    const Result<void> quiet = co_await connection.watch_until(Deadline(asked + kSampleInterval));
    if (!quiet) co_return quiet.error();
  }
}

awaitable<void> PostgresProbe::watch(Watcher& watcher) {
  Duration pause = kReconnectFirst;
  bool lost = false;
  for (;;) {
    const Deadline limit = Deadline::in(services_.clock, timeout_);
    Connection connection(services_.io, services_.clock, resolver_);
    const bool kept_out =
        (co_await vigils_.met_at(services_.clock, server_of(settings_), limit)).has_value();
    if (!kept_out && co_await open(connection, limit)) {
      if (lost) watcher.wake("the database takes connections again");
      const Error why = co_await hold(connection, watcher);
      if (why.code != ErrorCode::canceled) {
        // An answer that makes no sense is no reason to reconnect at full speed.
        pause = held_.alive ? kReconnectFirst : std::min(2 * pause, kReconnectMax);
        held_.alive = false;
        lost = true;
        watcher.wake("the held connection broke (" + why.message + ")");
      }
    } else {
      pause = std::min(2 * pause, kReconnectMax);
    }
    // Here a canceled watch ends.
    co_await wait_for(services_.clock, pause);
  }
}

}  // namespace

std::shared_ptr<Probe> make_probe(CheckSettings settings, Duration timeout,
                                  Surroundings surroundings) {
  return std::make_shared<PostgresProbe>(std::move(settings), timeout, surroundings);
}

}  // namespace bascule::postgres
