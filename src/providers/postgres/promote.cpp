#include "providers/postgres/promote.h"

#include <algorithm>

#include "providers/postgres/replay.h"
#include "providers/postgres/seal.h"

namespace bascule::postgres {
namespace {

// A promotion asked for in the first milliseconds after the primary's death can be forgotten by a
// server that is just noticing it (6 of 10 measured took 5 s); asked for again, none was.
constexpr Duration kAskAgain{50};
constexpr Duration kLook{5};
// Left of the time of a promotion to say what kept it.
constexpr Duration kLastWord{50};
// Between asking a query that blocks replay to end and ending its session.
constexpr Duration kEndAfterCancel{250};
constexpr Duration kSourceAnswer{1'000};

std::string replay_phrase(const DatabaseFacts& facts) {
  return fmt::format("{} left to replay",
                     bytes_for_people(facts.position - std::min(facts.replayed, facts.position)));
}

class Promote final : public Action {
 public:
  Promote(Surroundings surroundings, Database database, ActionContext context, std::string check)
      : surroundings_(surroundings),
        clock_(surroundings.services.clock),
        database_(std::move(database)),
        context_(std::move(context)),
        check_(std::move(check)),
        cancel_blocking_(boolean_or(context_.settings, "cancel_blocking", true)),
        blocked_for_(integer_or(context_.settings, "blocked_for", kBlockedFor.count())) {}

  awaitable<Result<Inspection>> inspect(StepCall call) override;
  awaitable<Result<Outputs>> apply(StepCall call) override;
  awaitable<Result<void>> revert(StepCall call) override;

 private:
  awaitable<std::string> contradiction(StepCall call, DatabaseFacts target);
  [[nodiscard]] std::string what_becomes_of(const ReplayBlock& block) const;
  awaitable<Result<std::unique_ptr<Connection>>> connect_patiently(Deadline deadline);
  awaitable<Result<void>> leave_recovery(Connection& connection, Deadline deadline);
  awaitable<Result<void>> free_replay(Connection& connection, ReplayBlock block, Deadline deadline);
  awaitable<Result<void>> open_for_writes(Connection& connection, Deadline deadline);
  awaitable<Json> fork_position(Connection& connection, std::int64_t timeline, Deadline deadline);
  awaitable<Result<void>> write_once(Connection& connection, Deadline deadline);

  Surroundings surroundings_;
  Clock& clock_;
  Database database_;
  ActionContext context_;
  std::string check_;
  bool cancel_blocking_;
  Duration blocked_for_;
  // Of this promotion: since when replay is blocked, and when its blockers were asked to end.
  std::optional<MonotonicInstant> blocked_since_;
  std::optional<MonotonicInstant> canceled_at_;
};

// In a planned move the source answers, and says whether this is a standby of its own. In a
// failover nobody waits for it: there the gate judges by what was seen before.
awaitable<std::string> Promote::contradiction(StepCall call, DatabaseFacts target) {
  if (call.move == Move::failover || call.source.empty()) co_return "";
  const auto source = Database::find(surroundings_, *context_.group, call.source, check_);
  if (!source) co_return "";
  const Deadline deadline = earlier_of(call.deadline, Deadline::in(clock_, kSourceAnswer));
  const auto seen = co_await source->look(deadline);
  if (!seen) co_return "";
  const DatabaseFacts& facts = seen->facts;
  if (facts.system_identifier != target.system_identifier) {
    co_return fmt::format("{} is no copy of {}: their system identifiers differ", call.target,
                          call.source);
  }
  if (facts.role == DatabaseRole::primary && facts.timeline < target.timeline) {
    co_return fmt::format("{} is on timeline {}, ahead of {} on {}", call.target, target.timeline,
                          call.source, facts.timeline);
  }
  co_return "";
}

awaitable<Result<Inspection>> Promote::inspect(StepCall call) {
  const auto seen = co_await database_.look(call.deadline);
  if (!seen) co_return error_of(seen);
  Connection& connection = *seen->connection;
  const DatabaseFacts& facts = seen->facts;
  Inspection inspection;
  inspection.fingerprint = facts.system_identifier;
  inspection.facts = {{"role", to_string(facts.role)},
                      {"timeline", facts.timeline},
                      {"position", facts.position},
                      {"replayed", facts.replayed}};
  if (facts.role == DatabaseRole::replica) {
    const auto block = co_await read_replay_block(connection, call.deadline);
    if (!block) co_return fail(database_.named(block.error()));
    inspection.facts["replay_block"] = to_json(*block);
    inspection.because = co_await contradiction(call, facts);
    inspection.finding = inspection.because.empty() ? Finding::needed : Finding::blocked;
    inspection.change = fmt::format("promote {} ({})", database_.label(), replay_phrase(facts));
    if (!block->empty()) {
      inspection.change += "; " + to_sentence(*block) + what_becomes_of(*block);
    }
    co_return inspection;
  }
  const auto state =
      co_await read_seal_state(connection, database_.check().monitor.user, call.deadline);
  if (!state) co_return fail(database_.named(state.error()));
  if (!state->mark && state->writes_by_default) {
    inspection.finding = Finding::done;
    inspection.facts["fork_position"] =
        co_await fork_position(connection, facts.timeline, call.deadline);
    inspection.because = fmt::format("is primary on timeline {}", facts.timeline);
    co_return inspection;
  }
  inspection.finding = Finding::needed;
  inspection.change =
      fmt::format("let ordinary roles write at {}, which is primary", database_.label());
  co_return inspection;
}

std::string Promote::what_becomes_of(const ReplayBlock& block) const {
  if (block.queries.empty()) return "";
  return cancel_blocking_
             ? fmt::format(": canceled when it still waits {} later", to_string(blocked_for_))
             : std::string(": `cancel_blocking: true` would cancel them");
}

// A standby may be restarting, or have no slot for a moment; that passes, a refusal does not.
awaitable<Result<std::unique_ptr<Connection>>> Promote::connect_patiently(Deadline deadline) {
  for (;;) {
    auto connection = co_await database_.admin(deadline);
    const bool passes = !connection && connection.error().code == ErrorCode::unavailable;
    if (!passes || deadline.left(clock_) <= kAskAgain) co_return std::move(connection);
    co_await wait_for(clock_, kAskAgain);
  }
}

awaitable<Result<void>> Promote::leave_recovery(Connection& connection, Deadline deadline) {
  const MonotonicInstant began = clock_.monotonic();
  MonotonicInstant ask_at = began;
  for (;;) {
    const auto rows =
        co_await connection.query("SELECT pg_is_in_recovery() AS replica", {}, deadline);
    if (!rows) co_return error_of(rows);
    if (!rows->boolean(0, "replica")) co_return Result<void>();
    const MonotonicInstant now = clock_.monotonic();
    if (now >= ask_at) {
      const auto asked = co_await connection.query("SELECT pg_promote(false)", {}, deadline);
      // It may have left recovery since we looked: then it refuses, and the next look ends this.
      if (!asked && asked.error().code != ErrorCode::conflict) co_return error_of(asked);
      ask_at = now + kAskAgain;
    }
    const auto block = co_await read_replay_block(connection, deadline);
    if (!block) co_return error_of(block);
    const auto freed = co_await free_replay(connection, *block, deadline);
    if (!freed) co_return freed;
    if (deadline.left(clock_) <= kLastWord) {
      const std::string why = to_sentence(*block);
      co_return fail(ErrorCode::timeout, "it is still in recovery after {}ms{}{}",
                     elapsed(clock_, began).count() / 1000, why.empty() ? "" : ": ", why);
    }
    co_await wait_for(clock_, kLook);
  }
}

// Clients need the primary more than one of them needs its answer: a query that replay waits for
// would hold the promotion back for max_standby_streaming_delay, which may be for ever.
awaitable<Result<void>> Promote::free_replay(Connection& connection, ReplayBlock block,
                                             Deadline deadline) {
  const MonotonicInstant now = clock_.monotonic();
  if (block.queries.empty()) {
    blocked_since_.reset();
    canceled_at_.reset();
    co_return Result<void>();
  }
  if (!blocked_since_) blocked_since_ = now;
  if (!cancel_blocking_ || now < *blocked_since_ + blocked_for_) co_return Result<void>();
  if (canceled_at_ && now < *canceled_at_ + kEndAfterCancel) co_return Result<void>();
  const Ending how = canceled_at_ ? Ending::terminate : Ending::cancel;
  canceled_at_ = now;
  co_return co_await end_queries(connection, std::move(block), how, deadline);
}

// Undoes what a fence left here: the replicated NOLOGIN, and read-only set by ALTER SYSTEM, which
// pg_rewind or a base backup may have brought along.
awaitable<Result<void>> Promote::open_for_writes(Connection& connection, Deadline deadline) {
  const std::string monitor = database_.check().monitor.user;
  const auto state = co_await read_seal_state(connection, monitor, deadline);
  if (!state) co_return error_of(state);
  if (state->read_only && !state->writes_by_default) {
    const auto set = co_await set_read_only(connection, std::nullopt, deadline);
    if (!set) co_return set;
  }
  if (state->mark) {
    const auto allowed =
        co_await allow_logins(connection, state->mark->roles, state->mark_database, deadline);
    if (!allowed) co_return allowed;
  }
  const auto now = co_await read_seal_state(connection, monitor, deadline);
  if (!now) co_return error_of(now);
  if (now->writes_by_default) co_return Result<void>();
  Error error{ErrorCode::invalid, "it is primary, but default_transaction_read_only is on",
              "remove that setting from postgresql.conf, or from the role or database it is set on",
              std::nullopt};
  co_return fail(std::move(error));
}

// Where it left the timeline before; null on the first timeline, or when its history is not there.
awaitable<Json> Promote::fork_position(Connection& connection, std::int64_t timeline,
                                       Deadline deadline) {
  const auto history = co_await read_history(connection, timeline, deadline);
  if (!history || history->empty()) co_return Json();
  co_return Json(history->back().end);
}

awaitable<Result<void>> Promote::write_once(Connection& connection, Deadline deadline) {
  const auto began = co_await connection.run_script("BEGIN", deadline);
  if (!began) co_return began;
  const auto written = co_await connection.query("SELECT pg_current_xact_id()::text", {}, deadline);
  if (!written) {
    connection.close();
    co_return error_of(written);
  }
  co_return co_await connection.run_script("COMMIT", deadline);
}

awaitable<Result<Outputs>> Promote::apply(StepCall call) {
  const auto connection = co_await connect_patiently(call.deadline);
  if (!connection) co_return error_of(connection);
  Result<void> done = co_await leave_recovery(**connection, call.deadline);
  if (done) done = co_await open_for_writes(**connection, call.deadline);
  if (done) done = co_await write_once(**connection, call.deadline);
  if (!done) co_return fail(database_.named(done.error()));
  const auto facts = co_await read_facts(**connection, clock_, call.deadline);
  if (!facts) co_return fail(database_.named(facts.error()));
  Outputs outputs = {{"timeline", facts->timeline}, {"position", facts->position}};
  outputs["fork_position"] = co_await fork_position(**connection, facts->timeline, call.deadline);
  co_return outputs;
}

awaitable<Result<void>> Promote::revert(StepCall /*call*/) {
  co_return fail(ErrorCode::invalid,
                 "{}: a promotion cannot be taken back; a switchover moves the service again",
                 database_.label());
}

}  // namespace

std::shared_ptr<Action> make_promote(Surroundings surroundings, Database database,
                                     ActionContext context, std::string check) {
  return std::make_shared<Promote>(surroundings, std::move(database), std::move(context),
                                   std::move(check));
}

}  // namespace bascule::postgres
