#include "providers/postgres/rejoin.h"

#include <algorithm>

#include "async/child_process.h"
#include "providers/postgres/loss.h"
#include "providers/postgres/seal.h"

namespace bascule::postgres {
namespace {

constexpr Duration kLookFirst{20};
constexpr Duration kLookMax{500};

// What a server that is not a standby yet leaves behind, as the prior of the step keeps it: the
// command makes it impossible to find out afterwards.
struct LeftBehind {
  std::optional<Loss> loss;
  std::optional<std::string> read_only_before;
  std::string because;  // why the loss is not known
};

Json to_json(const LeftBehind& left) {
  Json json = {{"lost_bytes", nullptr}, {"lost_transactions", nullptr}};
  json["read_only_before"] = left.read_only_before ? Json(*left.read_only_before) : Json();
  if (left.loss) {
    json["lost_bytes"] = left.loss->bytes;
    if (left.loss->transactions) json["lost_transactions"] = *left.loss->transactions;
  }
  return json;
}

// The end of what a command said, for people.
std::string last_line(const std::string& text) {
  const std::size_t end = text.find_last_not_of(" \t\r\n");
  if (end == std::string::npos) return "";
  const std::size_t begin = text.find_last_of('\n', end);
  return text.substr(begin == std::string::npos ? 0 : begin + 1,
                     end - (begin == std::string::npos ? 0 : begin + 1) + 1);
}

class Rejoin final : public Action {
 public:
  Rejoin(Surroundings surroundings, Database database, ActionContext context, std::string check)
      : surroundings_(surroundings),
        clock_(surroundings.services.clock),
        database_(std::move(database)),
        context_(std::move(context)),
        check_(std::move(check)),
        argv_(texts_or_empty(context_.settings, "run")),
        run_when_down_(text_or(context_.settings, "when_down") == "run") {}

  awaitable<Result<Inspection>> inspect(StepCall call) override;
  awaitable<Result<Outputs>> apply(StepCall call) override;
  awaitable<Result<void>> revert(StepCall call) override;

 private:
  // Both servers at one moment. `here` is nothing when the site's does not answer.
  struct Sight {
    SiteName active_site;
    std::unique_ptr<Connection> active_connection, here_connection;
    DatabaseFacts active;
    std::optional<DatabaseFacts> here;
    std::optional<Error> silence;  // why it does not answer

    [[nodiscard]] bool follows() const {
      return here && here->role == DatabaseRole::replica && here->streaming &&
             here->timeline == active.timeline;
    }
  };

  awaitable<Result<Sight>> look(StepCall call);
  awaitable<Result<LeftBehind>> measure(Sight& sight, Deadline deadline);
  awaitable<Result<void>> write_timeline_down(Connection& active, Deadline deadline);
  awaitable<Result<void>> run(StepCall call);
  awaitable<Result<void>> wait_until_it_follows(StepCall call, std::optional<std::string> before);
  [[nodiscard]] std::string objection(const Sight& sight) const;
  [[nodiscard]] std::string sentence(const SiteName& active) const {
    return fmt::format("rejoin {} as standby of {}", context_.site, active);
  }

  Surroundings surroundings_;
  Clock& clock_;
  Database database_;
  ActionContext context_;
  std::string check_;
  std::vector<std::string> argv_;
  bool run_when_down_;
};

awaitable<Result<Rejoin::Sight>> Rejoin::look(StepCall call) {
  Sight sight;
  sight.active_site = call.target == context_.site ? call.source : call.target;
  const auto active = Database::find(surroundings_, *context_.group, sight.active_site, check_);
  if (!active) co_return error_of(active);
  auto there = co_await active->look(call.deadline);
  if (!there) co_return error_of(there);
  sight.active_connection = std::move(there->connection);
  sight.active = there->facts;

  auto here = co_await database_.admin(call.deadline);
  if (!here) {
    if (here.error().code != ErrorCode::unavailable && here.error().code != ErrorCode::timeout) {
      co_return error_of(here);
    }
    sight.silence = here.error();
    co_return std::move(sight);
  }
  sight.here_connection = std::move(*here);
  const auto own = co_await read_facts(*sight.here_connection, clock_, call.deadline);
  if (!own) co_return fail(database_.named(own.error()));
  sight.here = *own;
  co_return std::move(sight);
}

// Why nothing may be done; empty when it may.
std::string Rejoin::objection(const Sight& sight) const {
  if (sight.active.role != DatabaseRole::primary) {
    return fmt::format("{} is a standby itself", sight.active_site);
  }
  if (!sight.here) return "";
  if (sight.here->system_identifier != sight.active.system_identifier) {
    return fmt::format("{} is another system than {}: their system identifiers differ",
                       context_.site, sight.active_site);
  }
  if (sight.here->role == DatabaseRole::primary && sight.here->timeline >= sight.active.timeline) {
    return fmt::format("{} is primary on timeline {}, and {} only on {}", context_.site,
                       sight.here->timeline, sight.active_site, sight.active.timeline);
  }
  return "";
}

awaitable<Result<LeftBehind>> Rejoin::measure(Sight& sight, Deadline deadline) {
  LeftBehind left;
  const auto state =
      co_await read_seal_state(*sight.here_connection, database_.check().monitor.user, deadline);
  if (!state) co_return fail(database_.named(state.error()));
  if (state->mark) left.read_only_before = state->mark->read_only_before;
  if (sight.here->role == DatabaseRole::replica) co_return left;
  const auto history =
      co_await read_history(*sight.active_connection, sight.active.timeline, deadline);
  if (!history) co_return error_of(history);
  const Fork fork = fork_from(*history, sight.active.timeline, sight.here->timeline);
  if (!fork.position) {
    left.because =
        fmt::format("{} never was on its timeline {}", sight.active_site, sight.here->timeline);
    co_return left;
  }
  const auto loss =
      co_await measure_loss(*sight.here_connection, *sight.here, *state, *fork.position, deadline);
  if (!loss) co_return fail(database_.named(loss.error()));
  left.loss = *loss;
  if (!loss->because.empty()) {
    left.because = "the loss is an upper bound: " + loss->because;
  }
  co_return left;
}

awaitable<Result<Inspection>> Rejoin::inspect(StepCall call) {
  auto sight = co_await look(call);
  if (!sight) co_return error_of(sight);
  Inspection inspection;
  inspection.fingerprint = sight->active.system_identifier;
  inspection.because = objection(*sight);
  if (!inspection.because.empty()) {
    inspection.finding = Finding::blocked;
    co_return inspection;
  }
  if (sight->follows()) {
    inspection.finding = Finding::done;
    inspection.because =
        fmt::format("streams from {}, timeline {}", sight->active_site, sight->here->timeline);
    co_return inspection;
  }
  inspection.finding = Finding::needed;
  inspection.change = sentence(sight->active_site);
  if (!sight->here) {
    // It may come back any moment, and only then can the loss be measured.
    if (!run_when_down_) co_return fail(*sight->silence);
    inspection.prior = to_json(LeftBehind());
    co_return inspection;
  }
  const auto left = co_await measure(*sight, call.deadline);
  if (!left) co_return error_of(left);
  inspection.because = left->because;
  inspection.prior = to_json(*left);
  inspection.facts = inspection.prior;
  if (left->loss && left->loss->bytes > 0) {
    inspection.change += ", discarding " + bytes_for_people(left->loss->bytes);
  }
  co_return inspection;
}

// Until its first checkpoint the control file of a promoted server names the timeline before, and
// pg_rewind, which believes it, finds that there is nothing to wind back.
awaitable<Result<void>> Rejoin::write_timeline_down(Connection& active, Deadline deadline) {
  const auto rows = co_await active.query(
      "SELECT timeline_id::bigint <> ('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), "
      "8))::bit(32)::bigint AS behind FROM pg_control_checkpoint()",
      {}, deadline);
  if (!rows) co_return error_of(rows);
  if (!rows->boolean(0, "behind")) co_return Result<void>();
  const auto written = co_await active.query("CHECKPOINT", {}, deadline);
  if (!written) co_return error_of(written);
  co_return Result<void>();
}

awaitable<Result<void>> Rejoin::run(StepCall call) {
  Command command;
  command.argv = argv_;
  command.environment = {{"BASCULE_GROUP", call.group.text()},
                         {"BASCULE_SITE", context_.site.text()},
                         {"BASCULE_SOURCE", call.source.text()},
                         {"BASCULE_TARGET", call.target.text()},
                         {"BASCULE_MOVE", std::string(to_string(call.move))},
                         {"BASCULE_RUN", call.run.text()},
                         {"BASCULE_STEP", call.step.text()},
                         {"BASCULE_TERM", std::to_string(call.term)},
                         {"BASCULE_GENERATION", std::to_string(call.generation)},
                         {"BASCULE_ATTEMPT", std::to_string(call.attempt)}};
  const auto exit = co_await run_command(clock_, std::move(command), call.deadline);
  if (!exit) co_return fail(in_context(argv_.front(), exit.error()));
  if (exit->succeeded()) co_return Result<void>();
  std::string said = last_line(exit->standard_error.text());
  if (said.empty()) said = last_line(exit->standard_output.text());
  // What is owed is tried again: a host that is still coming up refuses at first.
  co_return fail(ErrorCode::unavailable, "{} {}{}{}", argv_.front(), exit->sentence(),
                 said.empty() ? "" : ": ", said);
}

// The command has started a server; it takes its time to find the active site. What a fence has
// left in the server's own files goes with the proof.
awaitable<Result<void>> Rejoin::wait_until_it_follows(StepCall call,
                                                      std::optional<std::string> before) {
  Duration pause = kLookFirst;
  std::string because;
  while (!call.deadline.has_passed(clock_)) {
    auto sight = co_await look(call);
    if (!sight) {
      because = sight.error().message;
    } else if (!sight->follows()) {
      because = sight->silence ? sight->silence->message : "it does not stream";
    } else {
      const auto state = co_await read_seal_state(*sight->here_connection,
                                                  database_.check().monitor.user, call.deadline);
      if (!state) co_return fail(database_.named(state.error()));
      if (state->read_only != "on" || before == "on") co_return Result<void>();
      const auto reset = co_await set_read_only(*sight->here_connection, before, call.deadline);
      if (!reset) co_return fail(database_.named(reset.error()));
      co_return Result<void>();
    }
    co_await wait_for(clock_, pause);
    pause = std::min(2 * pause, kLookMax);
  }
  co_return fail(ErrorCode::timeout,
                 "{}: the command ended, but it does not follow the active "
                 "site ({})",
                 database_.label(), because);
}

awaitable<Result<Outputs>> Rejoin::apply(StepCall call) {
  auto sight = co_await look(call);
  if (!sight) co_return error_of(sight);
  if (const std::string wrong = objection(*sight); !wrong.empty()) {
    co_return fail(ErrorCode::conflict, "{}: {}", database_.label(), wrong);
  }
  if (!sight->here && !run_when_down_) co_return fail(*sight->silence);
  Json left = call.prior.is_object() ? call.prior : to_json(LeftBehind());
  if (!sight->follows()) {
    if (sight->here && sight->here->role == DatabaseRole::primary) {
      // Should it not have been sealed, it has gone on writing since the inspection.
      const auto measured = co_await measure(*sight, call.deadline);
      if (!measured) co_return error_of(measured);
      left = to_json(*measured);
    }
    const auto down = co_await write_timeline_down(*sight->active_connection, call.deadline);
    if (!down) co_return fail(in_context(sight->active_site.text(), down.error()));
    if (sight->here_connection) sight->here_connection->close();
    const auto ran = co_await run(call);
    if (!ran) co_return error_of(ran);
  }
  const std::string before = text_or(left, "read_only_before");
  const auto follows =
      co_await wait_until_it_follows(call, before.empty() ? std::nullopt : std::optional(before));
  if (!follows) co_return error_of(follows);
  Outputs outputs;
  for (const char* name : {"lost_bytes", "lost_transactions"}) {
    if (left.contains(name) && !left[name].is_null()) outputs[name] = left[name];
  }
  co_return outputs;
}

awaitable<Result<void>> Rejoin::revert(StepCall /*call*/) {
  co_return fail(ErrorCode::invalid, "{}: what was wound back cannot be brought back",
                 database_.label());
}

}  // namespace

std::shared_ptr<Action> make_rejoin(Surroundings surroundings, Database database,
                                    ActionContext context, std::string check) {
  return std::make_shared<Rejoin>(surroundings, std::move(database), std::move(context),
                                  std::move(check));
}

}  // namespace bascule::postgres
