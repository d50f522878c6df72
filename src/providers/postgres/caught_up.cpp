#include "providers/postgres/caught_up.h"

#include <algorithm>

#include "providers/postgres/replay.h"
#include "providers/postgres/seal.h"

namespace bascule::postgres {
namespace {

// Applying or reverting something that only looks changes nothing.
class LookingAction : public Action {
 public:
  awaitable<Result<Outputs>> apply(StepCall /*call*/) override { co_return Outputs(); }
  awaitable<Result<void>> revert(StepCall /*call*/) override { co_return Result<void>(); }
};

Inspection found(Finding finding, std::string because) {
  Inspection inspection;
  inspection.finding = finding;
  inspection.because = std::move(because);
  return inspection;
}

// Where the source's log ends, and whether anybody may still move it.
struct SourceEnd {
  DatabaseFacts facts;
  LogPosition flushed = 0;
  bool sealed = false;
};

class CaughtUp final : public LookingAction {
 public:
  CaughtUp(Surroundings surroundings, Database database, ActionContext context, std::string check)
      : surroundings_(surroundings),
        database_(std::move(database)),
        context_(std::move(context)),
        check_(std::move(check)) {}

  awaitable<Result<Inspection>> inspect(StepCall call) override;

 private:
  awaitable<Result<SourceEnd>> read_source(StepCall call);
  awaitable<Result<Inspection>> of_primary(Connection& target, DatabaseFacts facts,
                                           SourceEnd source, StepCall call);

  Surroundings surroundings_;
  Database database_;
  ActionContext context_;
  std::string check_;
};

awaitable<Result<SourceEnd>> CaughtUp::read_source(StepCall call) {
  const auto source = Database::find(surroundings_, *context_.group, call.source, check_);
  if (!source) co_return error_of(source);
  const auto seen = co_await source->look(call.deadline);
  if (!seen) co_return error_of(seen);
  SourceEnd end;
  end.facts = seen->facts;
  if (end.facts.role == DatabaseRole::replica) co_return end;
  const auto state =
      co_await read_seal_state(*seen->connection, source->check().monitor.user, call.deadline);
  if (!state) co_return fail(source->named(state.error()));
  end.sealed = state->shuts_out() && state->mark->end;
  // Only what is flushed can be sent. The mark of the seal was committed after everything that
  // transactions had written, so all of that is in it.
  const auto rows = co_await seen->connection->query("SELECT pg_current_wal_flush_lsn() AS flushed",
                                                     {}, call.deadline);
  if (!rows) co_return fail(source->named(rows.error()));
  end.flushed = rows->position(0, "flushed").value_or(0);
  co_return end;
}

// The target was promoted already: it has everything if it left the source's timeline not before
// the source's transactions ended.
awaitable<Result<Inspection>> CaughtUp::of_primary(Connection& target, DatabaseFacts facts,
                                                   SourceEnd source, StepCall call) {
  const auto history = co_await read_history(target, facts.timeline, call.deadline);
  if (!history) co_return fail(database_.named(history.error()));
  const Fork fork = fork_from(*history, facts.timeline, source.facts.timeline);
  if (fork.shared && fork.position && *fork.position >= source.flushed) {
    co_return found(Finding::done, fmt::format("{} was promoted with everything", call.target));
  }
  co_return found(Finding::blocked, fmt::format("{} is a primary by itself", call.target));
}

awaitable<Result<Inspection>> CaughtUp::inspect(StepCall call) {
  // The source first: what the target has is to be compared with a moment that has passed.
  const auto source = co_await read_source(call);
  if (!source) co_return error_of(source);
  const auto target = co_await database_.look(call.deadline);
  if (!target) co_return error_of(target);
  const DatabaseFacts* facts = &target->facts;
  if (facts->system_identifier != source->facts.system_identifier) {
    co_return found(Finding::blocked,
                    fmt::format("{} is no copy of {}: their system identifiers differ", call.target,
                                call.source));
  }
  if (source->facts.role == DatabaseRole::replica) {
    co_return found(Finding::blocked, fmt::format("{} is a standby itself", call.source));
  }
  if (facts->role == DatabaseRole::primary) {
    co_return co_await of_primary(*target->connection, *facts, *source, call);
  }
  if (!source->sealed) {
    co_return found(Finding::pending, fmt::format("{} is not sealed", call.source));
  }
  Inspection inspection = found(Finding::done, fmt::format("{} has everything", call.target));
  inspection.fingerprint = facts->system_identifier;
  inspection.facts = {{"end_position", source->flushed}, {"replayed", facts->replayed}};
  if (facts->replayed >= source->flushed) co_return inspection;
  inspection.finding = Finding::pending;
  inspection.because = fmt::format("{} replays, {} left", call.target,
                                   bytes_for_people(source->flushed - facts->replayed));
  const auto block = co_await read_replay_block(*target->connection, call.deadline);
  if (!block) co_return fail(database_.named(block.error()));
  if (!block->empty()) inspection.because += "; " + to_sentence(*block);
  inspection.facts["replay_block"] = to_json(*block);
  co_return inspection;
}

class ReplicationLag final : public LookingAction {
 public:
  ReplicationLag(Database database, Duration max) : database_(std::move(database)), max_(max) {}

  awaitable<Result<Inspection>> inspect(StepCall call) override;

 private:
  Database database_;
  Duration max_;
};

awaitable<Result<Inspection>> ReplicationLag::inspect(StepCall call) {
  const auto seen = co_await database_.look(call.deadline);
  if (!seen) co_return error_of(seen);
  const DatabaseFacts* facts = &seen->facts;
  Inspection inspection = found(Finding::done, "");
  inspection.fingerprint = facts->system_identifier;
  inspection.facts = {{"role", to_string(facts->role)}, {"streaming", facts->streaming}};
  inspection.facts["lag_ms"] = facts->lag ? Json(facts->lag->count()) : Json();
  if (facts->role == DatabaseRole::primary) {
    inspection.because = "is a primary, which lags behind nobody";
  } else if (!facts->lag) {
    inspection.finding = Finding::blocked;
    inspection.because = "its lag is not known: it does not stream and has replayed no transaction";
  } else if (*facts->lag > max_) {
    inspection.finding = Finding::blocked;
    inspection.because =
        fmt::format("lags by {}, more than {}", to_rough(*facts->lag), to_string(max_));
    const auto block = co_await read_replay_block(*seen->connection, call.deadline);
    if (!block) co_return fail(database_.named(block.error()));
    if (!block->empty()) inspection.because += ": " + to_sentence(*block);
  } else {
    inspection.because = fmt::format("lags by {}", to_rough(*facts->lag));
  }
  co_return inspection;
}

}  // namespace

std::shared_ptr<Action> make_caught_up(Surroundings surroundings, Database database,
                                       ActionContext context, std::string check) {
  return std::make_shared<CaughtUp>(surroundings, std::move(database), std::move(context),
                                    std::move(check));
}

std::shared_ptr<Action> make_replication_lag(Database database, Duration max) {
  return std::make_shared<ReplicationLag>(std::move(database), max);
}

}  // namespace bascule::postgres
