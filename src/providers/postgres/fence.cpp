#include "providers/postgres/fence.h"

#include <algorithm>
#include <optional>
#include <set>

#include "providers/postgres/seal.h"

namespace bascule::postgres {
namespace {

// How often a seal that is not proved yet is looked at again, and between which two looks no
// transaction may have written.
constexpr Duration kLookAgain{10};
constexpr Duration kQuietFor{20};
// While the server gives the same answer, the pause between two attempts to get in grows to this
// part of the time that it has given it, within limits.
constexpr int kPausePart = 80;
constexpr Duration kShortestPause{25};
constexpr Duration kLongestPause{250};
// A login under way when the seal fell is given this many looks before it is ended as well.
constexpr int kStartingLooks = 20;

std::string sessions_phrase(std::int64_t count) {
  if (count == 0) return "end no session";
  return count == 1 ? "end 1 session" : fmt::format("end {} sessions", count);
}

// What revert needs. `sealed`: it was so already, and is to stay.
Json prior_of(const SealState& state) {
  Json prior = {{"roles", state.open_roles},
                {"default_transaction_read_only", state.writes_by_default ? "off" : "on"},
                {"sealed", state.mark.has_value()}};
  prior["altered"] = state.read_only ? Json(*state.read_only) : Json();
  return prior;
}

// Whether the server is not there yet: it gives no answer, or says that it is starting.
bool is_silence(const Failure& failure) {
  const ErrorCode code = failure.error.code;
  return (code == ErrorCode::unavailable || code == ErrorCode::timeout) &&
         (failure.sqlstate.empty() || failure.not_ready());
}

// Of a server that has been waited for: it answers, so what it does not do in time is no silence.
constexpr std::string_view kNotInTime = "57014";
Error in_time(Error error) {
  if (error.code == ErrorCode::timeout) error.code = ErrorCode::unavailable;
  return error;
}

class Fence final : public Action {
 public:
  Fence(Surroundings surroundings, Database database, const Policy& policy)
      : clock_(surroundings.services.clock),
        database_(std::move(database)),
        answer_limit_(policy.fence.timeout),
        attempt_limit_(policy.detect.timeout) {}

  awaitable<Result<Inspection>> inspect(StepCall call) override;
  awaitable<Result<Outputs>> apply(StepCall call) override;
  awaitable<Result<void>> revert(StepCall call) override;

 private:
  // What speaks against the seal, or where the log ends that nobody writes any more.
  struct Proof {
    std::string objection;
    LogPosition end = 0;
  };
  // A session at a server whose ordinary roles have been shut out, since when, and by when the seal
  // has to be proved.
  struct Entry {
    std::unique_ptr<Connection> connection;
    Instant answered_at;
    Deadline deadline;
  };

  awaitable<Result<Entry>> enter(StepCall call);
  awaitable<Result<Entry>> try_to_enter(StepCall call, Failure* failure);
  awaitable<Result<Outputs>> finish(Entry entry);
  awaitable<Result<SealState>> read(Connection& connection, Deadline deadline);
  awaitable<Result<void>> check_provable(Connection& connection, Deadline deadline);
  awaitable<Result<std::set<std::int64_t>>> empty(Connection& connection, Deadline deadline);
  awaitable<Result<Proof>> prove(Connection& connection, Deadline deadline);
  awaitable<Result<SealMark>> settle(Connection& connection, SealMark mark,
                                     std::set<std::int64_t>* ended, Deadline deadline);

  Clock& clock_;
  Database database_;
  Duration answer_limit_;
  Duration attempt_limit_;  // of one attempt to get in
};

awaitable<Result<SealState>> Fence::read(Connection& connection, Deadline deadline) {
  auto state = co_await read_seal_state(connection, database_.check().monitor.user, deadline);
  if (!state) co_return fail(database_.named(state.error()));
  co_return state;
}

// The proof needs an ordinary role whose password we have: the check's.
awaitable<Result<void>> Fence::check_provable(Connection& connection, Deadline deadline) {
  const std::string& user = database_.check().monitor.user;
  const auto rows = co_await connection.query(
      "SELECT rolsuper OR rolreplication OR rolname = current_user AS special FROM pg_roles "
      "WHERE rolname = $1",
      {user}, deadline);
  if (!rows) co_return fail(database_.named(rows.error()));
  if (!rows->empty() && !rows->boolean(0, "special")) co_return Result<void>();
  Error error{ErrorCode::invalid,
              fmt::format("{}: the check's user {} is no ordinary role, so a seal cannot be proved "
                          "with it",
                          database_.label(), user),
              "give the check a user that is a member of pg_monitor and nothing else",
              std::nullopt};
  co_return fail(std::move(error));
}

// Reads only. REQUIRES: no session is left that was starting when logins were refused.
awaitable<Result<Fence::Proof>> Fence::prove(Connection& connection, Deadline deadline) {
  const auto before = co_await read(connection, deadline);
  if (!before) co_return error_of(before);
  if (!before->shuts_out()) co_return Proof{"ordinary roles are not shut out"};
  const auto login = co_await database_.try_ordinary_login(deadline);
  if (!login) co_return error_of(login);
  if (*login == LoginAnswer::admitted) co_return Proof{"an ordinary role was let in"};
  co_await wait_for(clock_, kQuietFor);
  const auto after = co_await read(connection, deadline);
  if (!after) co_return error_of(after);
  if (!after->shuts_out()) co_return Proof{"ordinary roles are not shut out"};
  if (after->next_transaction != before->next_transaction) {
    co_return Proof{"transactions still move the end of its log"};
  }
  co_return Proof{"", after->end};
}

awaitable<Result<Inspection>> Fence::inspect(StepCall call) {
  const auto connection = co_await database_.admin(call.deadline);
  if (!connection) co_return error_of(connection);
  const auto state = co_await read(**connection, call.deadline);
  if (!state) co_return error_of(state);
  Inspection inspection;
  inspection.fingerprint = state->system_identifier;
  if (state->replica) {
    inspection.finding = Finding::done;
    inspection.because = "is a standby";
    co_return inspection;
  }
  inspection.prior = prior_of(*state);
  inspection.facts = {{"sessions", state->sessions},
                      {"open_roles", state->open_roles},
                      {"sealed", state->mark.has_value()}};
  if (const auto provable = co_await check_provable(**connection, call.deadline); !provable) {
    if (provable.error().code != ErrorCode::invalid) co_return error_of(provable);
    inspection.finding = Finding::blocked;
    inspection.because = provable.error().message;
    co_return inspection;
  }
  const bool settled = state->shuts_out() && state->mark->end && state->read_only;
  if (settled) {
    const auto proof = co_await prove(**connection, call.deadline);
    if (!proof) co_return error_of(proof);
    if (proof->objection.empty()) {
      inspection.finding = Finding::done;
      inspection.because = "is sealed";
      inspection.facts["end_position"] = *state->mark->end;
      inspection.facts["roles"] = state->mark->roles;
      co_return inspection;
    }
    inspection.because = proof->objection;
  }
  inspection.finding = Finding::needed;
  inspection.change = fmt::format(
      "{}, {}", state->mark && state->open_roles.empty() ? "prove the seal" : "refuse logins",
      sessions_phrase(state->sessions));
  co_return inspection;
}

// Logs in and, before anything else, shuts ordinary roles out.
awaitable<Result<Fence::Entry>> Fence::try_to_enter(StepCall call, Failure* failure) {
  const bool unseen = call.prior.is_null();
  const Deadline attempt = earlier_of(call.deadline, Deadline::in(clock_, attempt_limit_));
  auto connection = database_.connection();
  const auto in = co_await database_.log_in_first(*connection, unseen ? attempt : call.deadline,
                                                  call.deadline.left(clock_));
  if (!in) {
    *failure = connection->failure();
    co_return error_of(in);
  }
  const Deadline deadline =
      unseen ? earlier_of(call.deadline, Deadline::in(clock_, answer_limit_)) : call.deadline;
  ShutOut how{database_.check().monitor.user, std::nullopt, unseen};
  if (call.prior.is_object() && call.prior.contains("altered")) {
    // As recorded before the first attempt: this one may find what that one left half done.
    const std::string altered = text_or(call.prior, "altered");
    how.read_only_before = altered.empty() ? std::nullopt : std::optional(altered);
  }
  const auto shut = co_await shut_out(*connection, std::move(how), deadline);
  if (!shut) {
    *failure = Failure{in_time(shut.error()), "", false};
    if (shut.error().code == ErrorCode::timeout) failure->sqlstate = kNotInTime;
    co_return fail(database_.named(failure->error));
  }
  co_return Entry{std::move(connection), clock_.now(), deadline};
}

// Where nobody has seen the server yet, waits for it.
awaitable<Result<Fence::Entry>> Fence::enter(StepCall call) {
  Failure failure;
  if (!call.prior.is_null()) co_return co_await try_to_enter(std::move(call), &failure);
  Vigils::Vigil vigil = database_.keep_vigil();
  std::string answer;
  MonotonicInstant since = clock_.monotonic();
  for (;;) {
    vigil.begin_turn();
    auto entry = co_await try_to_enter(call, &failure);
    if (entry) co_return std::move(entry);
    vigil.end_turn(failure);
    if (entry.error().message != std::exchange(answer, entry.error().message)) {
      since = clock_.monotonic();
    }
    const auto waited = std::chrono::duration_cast<Duration>(elapsed(clock_, since));
    // What refuses for want of a slot answers, and has as long for it as everything that answers.
    const bool passes = is_silence(failure) || (failure.no_free_slots() && waited < answer_limit_);
    const Duration pause = std::clamp(waited / kPausePart, kShortestPause, kLongestPause);
    if (!passes) co_return error_of(entry);
    if (call.deadline.left(clock_) <= pause) {
      co_return fail(ErrorCode::timeout, "no answer yet: {}", entry.error().message);
    }
    co_await vigil.rest(clock_, pause);
  }
}

// Ends sessions until none is left, and none that was starting when this began and may have missed
// that logins are refused; their process ids.
awaitable<Result<std::set<std::int64_t>>> Fence::empty(Connection& connection, Deadline deadline) {
  std::set<std::int64_t> all;
  const std::string monitor = database_.check().monitor.user;
  std::optional<std::set<std::int64_t>> undecided;
  for (int look = 0;; ++look) {
    const auto ended = co_await end_sessions(connection, monitor, look >= kStartingLooks, deadline);
    if (!ended) co_return fail(database_.named(ended.error()));
    all.insert(ended->begin(), ended->end());
    const auto state = co_await read(connection, deadline);
    if (!state) co_return error_of(state);
    if (!undecided) undecided = state->starting;
    std::erase_if(*undecided,
                  [&](std::int64_t process) { return !state->starting.contains(process); });
    if (state->shuts_out() && undecided->empty()) co_return all;
    if (!state->open_roles.empty()) {
      co_return fail(ErrorCode::conflict, "{}: somebody lets role {} log in again",
                     database_.label(), state->open_roles.front());
    }
    if (deadline.has_passed(clock_)) {
      co_return fail(ErrorCode::timeout, "{}: {} sessions do not end", database_.label(),
                     state->sessions + static_cast<std::int64_t>(undecided->size()));
    }
    co_await wait_for(clock_, kLookAgain);
  }
}

awaitable<Result<Outputs>> Fence::apply(StepCall call) {
  const bool unseen = call.prior.is_null();
  auto entry = co_await enter(std::move(call));
  if (!entry) co_return error_of(entry);
  const Result<Outputs> sealed = co_await finish(*std::move(entry));
  if (sealed || !unseen) co_return sealed;
  co_return fail(in_time(sealed.error()));
}

awaitable<Result<Outputs>> Fence::finish(Entry entry) {
  Connection& connection = *entry.connection;
  const Deadline deadline = entry.deadline;
  const auto state = co_await read(connection, deadline);
  if (!state) co_return error_of(state);
  Outputs outputs = {{"answered_at", to_rfc3339(entry.answered_at)},
                     {"end_position", nullptr},
                     {"sessions_ended", 0},
                     {"roles", Json::array()}};
  if (state->replica) co_return outputs;
  const auto ended = co_await ended_sessions(connection, deadline);
  if (!ended) co_return fail(database_.named(ended.error()));
  const auto provable = co_await check_provable(connection, deadline);
  if (!provable) co_return error_of(provable);
  if (!state->read_only || state->writes_by_default) {
    const auto set = co_await set_read_only(connection, "on", deadline);
    if (!set) co_return fail(database_.named(set.error()));
  }
  std::set<std::int64_t> all(ended->begin(), ended->end());
  const auto mark = co_await settle(connection, state->mark.value_or(SealMark()), &all, deadline);
  if (!mark) co_return error_of(mark);
  outputs["end_position"] = mark->end.value_or(0);
  outputs["sessions_ended"] = all.size();
  outputs["roles"] = mark->roles;
  co_return outputs;
}

// Proves the seal, and writes down where the log then ends. `ended` grows by every session that was
// ended for it.
awaitable<Result<SealMark>> Fence::settle(Connection& connection, SealMark mark,
                                          std::set<std::int64_t>* ended, Deadline deadline) {
  bool wrote = !ended->empty();
  for (;;) {
    const auto more = co_await empty(connection, deadline);
    if (!more) co_return error_of(more);
    ended->insert(more->begin(), more->end());
    // Whoever was ended may have written until then, so an end proved earlier no longer stands.
    wrote = wrote || !more->empty();
    if (wrote) mark.end.reset();
    const auto proof = co_await prove(connection, deadline);
    if (!proof) co_return error_of(proof);
    if (proof->objection.empty()) {
      if (mark.end) co_return mark;
      // Nobody writes any more. The commit of the mark also puts on disk what transactions with
      // asynchronous commit had left in memory.
      mark.end = proof->end;
      auto written = co_await write_mark(connection, mark, deadline);
      if (!written) co_return fail(database_.named(written.error()));
      co_return written;
    }
    if (deadline.has_passed(clock_)) {
      co_return fail(ErrorCode::timeout, "{}: {}", database_.label(), proof->objection);
    }
    co_await wait_for(clock_, kLookAgain);
  }
}

// Gives back exactly what the fence took: what the mark says, or, should the fence not have come
// that far, what was recorded before it.
awaitable<Result<void>> Fence::revert(StepCall call) {
  if (!call.prior.is_object() || boolean_or(call.prior, "sealed")) co_return Result<void>();
  const auto connection = co_await database_.admin(call.deadline);
  if (!connection) co_return error_of(connection);
  const auto state = co_await read(**connection, call.deadline);
  if (!state) co_return error_of(state);
  const std::string altered = text_or(call.prior, "altered");
  const std::optional<std::string> before = altered.empty() ? std::nullopt : std::optional(altered);
  if (state->read_only != before) {
    const auto set = co_await set_read_only(**connection, before, call.deadline);
    if (!set) co_return fail(database_.named(set.error()));
  }
  if (state->replica) co_return Result<void>();
  std::vector<std::string> roles = texts_or_empty(call.prior, "roles");
  if (state->mark) roles.insert(roles.end(), state->mark->roles.begin(), state->mark->roles.end());
  const auto allowed =
      co_await allow_logins(**connection, roles, state->mark_database, call.deadline);
  if (!allowed) co_return fail(database_.named(allowed.error()));
  co_return Result<void>();
}

}  // namespace

std::shared_ptr<Action> make_fence(Surroundings surroundings, Database database,
                                   const Policy& policy) {
  return std::make_shared<Fence>(surroundings, std::move(database), policy);
}

}  // namespace bascule::postgres
