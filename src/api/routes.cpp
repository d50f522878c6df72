#include "api/routes.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "api/forms.h"
#include "engine/gates/gate.h"
#include "model/record_codec.h"
#include "net/http.h"
#include "runtime/messages.h"

namespace bascule::api {
namespace {

constexpr Duration kCommandTimeout{30'000};
constexpr Duration kPreviewTimeout{15'000};
constexpr std::int64_t kLongestWait = 30'000;
constexpr std::size_t kJournalPage = 1'000;
constexpr std::size_t kRunsShown = 50;

// Whoever asked for something wrong is told where what is right can be read, at least.
Reply refusal(Error error) {
  const bool is_a_mistake = error.code == ErrorCode::invalid || error.code == ErrorCode::not_found;
  if (is_a_mistake && error.what_to_do.empty()) error.what_to_do = "bascule status";
  const int status = status_of(error);
  return Reply{status, error_view(error)};
}

Reply no_such(std::string_view what, std::string_view name) {
  return refusal(Error{ErrorCode::not_found, fmt::format("there is no {} `{}`", what, name),
                       what == "run" ? "bascule runs" : "bascule status", std::nullopt});
}

std::unexpected<Error> refuse(ErrorCode code, std::string message, std::string what_to_do) {
  return fail(Error{code, std::move(message), std::move(what_to_do), std::nullopt});
}

std::int64_t number_or(const std::string& text, std::int64_t otherwise) {
  std::int64_t value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  return problem == std::errc{} && end == text.data() + text.size() && value >= 0 ? value
                                                                                  : otherwise;
}

Result<engine::CommandBody> move_from(const GroupName& group, const Json& body) {
  engine::StartMove start;
  start.group = group;
  const std::string word = text_or(body, "move", "failover");
  const std::optional<Move> move = parse_word<Move>(word);
  if (!move) return fail(ErrorCode::invalid, "`{}` is not a move of this build", word);
  start.move = *move;
  if (const std::string to = text_or(body, "to"); !to.empty()) start.to = SiteName(to);
  start.overrides = texts_or_empty(body, "overrides");
  for (const std::string& gate : start.overrides) {
    if (!engine::gate_from(gate))
      return refuse(ErrorCode::invalid, fmt::format("there is no gate `{}`", gate),
                    fmt::format("bascule explain {}", group));
  }
  start.ticket = text_or(body, "ticket");
  start.idempotency_key = text_or(body, "idempotency_key");
  start.confirmed_site = text_or(body, "confirmed_site");
  start.supersedes = RunId(text_or(body, "supersedes"));
  if (const std::string at = text_or(body, "at"); !at.empty()) {
    start.at = from_rfc3339(at);
    if (!start.at) return fail(ErrorCode::invalid, "`at` is not a time as RFC 3339 writes it");
  }
  for (const auto& [key, field] : {std::pair("back_after_ms", &engine::StartMove::back_after),
                                   std::pair("deadline_ms", &engine::StartMove::deadline)}) {
    const std::int64_t written = integer_or(body, key, -1);
    if (body.contains(key) && written < 0)
      return fail(ErrorCode::invalid, "`{}` is not a number of milliseconds", key);
    if (written >= 0) start.*field = Duration{written};
  }
  if (body.contains("plan") && !body["plan"].is_null()) {
    Result<engine::PlanBasis> basis = plan_basis_from(body["plan"]);
    if (!basis) return fail(in_context("`plan`", basis.error()));
    start.planned = *std::move(basis);
    if (!start.to) return fail(ErrorCode::invalid, "a saved plan goes to a site: `to` is missing");
  }
  return start;
}

Result<engine::CommandBody> hold_from(const GroupName& group, const Json& body) {
  engine::HoldAutomation hold{group, std::nullopt};
  const std::int64_t lasting = integer_or(body, "for_ms", 0);
  if (lasting < 0)
    return refuse(
        ErrorCode::invalid, "a hold cannot last for less than nothing",
        fmt::format("bascule hold{}{} --for 2h --reason TEXT", group.empty() ? "" : " ", group));
  if (lasting > 0) hold.lasting = Duration{lasting};
  return hold;
}

// What `bascule import` read from an exported journal, whose chain it has verified.
Result<engine::CommandBody> import_from(const Json& body) {
  if (!body.contains("journal"))
    return fail(ErrorCode::invalid, "`journal` is missing: what was read from an exported journal");
  Result<JournalImported> journal = journal_imported_from_json(body["journal"]);
  if (!journal) return fail(ErrorCode::invalid, "`journal`: {}", journal.error().message);
  return engine::ImportJournal{std::move(*journal), text_or(body, "open_run")};
}

Result<engine::CommandBody> command_of(const Matched& asked, const Json& body) {
  const GroupName group(asked.value("group"));
  const RunId run(asked.value("run"));
  switch (asked.operation->id) {
    case OperationId::move:
      return move_from(group, body);
    case OperationId::hold_group:
    case OperationId::hold_all:
      return hold_from(group, body);
    case OperationId::release_group:
    case OperationId::release_all:
      return engine::ReleaseAutomation{group};
    case OperationId::acknowledge:
      return engine::AcknowledgeMove{group};
    case OperationId::attest:
      return engine::AttestSite{group, SiteName(text_or(body, "site"))};
    case OperationId::adopt:
      return engine::AdoptGroup{group, SiteName(text_or(body, "active"))};
    case OperationId::approve:
      return engine::ApproveRun{run};
    case OperationId::abort:
      return engine::AbortRun{run};
    case OperationId::resume:
      return engine::ResumeRun{run, StepId(text_or(body, "step")), text_or(body, "as")};
    case OperationId::import:
      return import_from(body);
    default:
      return refuse(ErrorCode::not_found, "nothing can be posted there", "GET /openapi.json");
  }
}

// What people are told of a record, with the words of the messages that are sent: written in the
// state as it is now, which knows the record's run.
void tell(const StoredRecord& stored, const engine::State& state, Json& told) {
  const Result<Record> record = decode(stored.bytes);
  if (!record) return;
  const std::optional<Message> message = runtime::message_for(*record, state);
  if (!message) return;
  told.push_back(Json{{"seq", message->seq},
                      {"at", to_rfc3339(message->at)},
                      {"severity", std::string(to_string(message->severity))},
                      {"type", std::string(type_name(record->body))},
                      {"group", text_or_null(message->group.text())},
                      {"run", text_or_null(message->run.text())},
                      {"title", message->title},
                      {"text", message->text}});
}

}  // namespace

int status_of(const Error& error) {
  switch (error.code) {
    case ErrorCode::not_found:
      return 404;
    case ErrorCode::invalid:
      return 400;
    case ErrorCode::denied:
      return 403;
    case ErrorCode::conflict:
      return 409;
    case ErrorCode::superseded:
      return 409;
    case ErrorCode::throttled:
      return 429;
    case ErrorCode::timeout:
      return 504;
    case ErrorCode::outcome_unknown:
      return 504;
    case ErrorCode::corrupt:
      return 500;
    case ErrorCode::unavailable:
    case ErrorCode::unable:
    case ErrorCode::term_over:
    case ErrorCode::canceled:
      return 503;
  }
  return 500;
}

std::string Routes::Question::parameter(std::string_view name) const {
  for (const auto& [key, value] : query) {
    if (key == name) return value;
  }
  return "";
}

Routes::Routes(Clock& clock, runtime::Supervisor& supervisor, Speaker speaker)
    : clock_(clock), supervisor_(supervisor), speaker_(std::move(speaker)) {}

awaitable<Reply> Routes::answer(std::string method, std::string target, Json body) {
  const std::size_t mark = target.find('?');
  Result<Matched> matched = match(method, std::string_view(target).substr(0, mark));
  if (!matched) co_return refusal(matched.error());
  Question question;
  question.asked = *std::move(matched);
  if (mark != std::string::npos)
    question.query = net::parse_query(std::string_view(target).substr(mark + 1));
  question.body = std::move(body);
  const Operation& operation = *question.asked.operation;
  const Result<void> query = check_query(operation, question.query);
  if (!query) co_return refusal(query.error());
  const bool commands = operation.method == "POST";
  const Result<void> checked = commands ? check_body(operation, question.body) : Result<void>();
  if (!checked) co_return refusal(checked.error());
  if (supervisor_.loop() == nullptr) {
    co_return refusal(
        Error{ErrorCode::unavailable, "Bascule has not opened its term yet", "try again", {}});
  }
  if (commands) co_return co_await act(std::move(question));
  co_return co_await read(std::move(question));
}

awaitable<Reply> Routes::read(Question question) {
  const engine::State& state = supervisor_.loop()->state();
  switch (question.asked.operation->id) {
    case OperationId::status:
      co_return Reply{200, status()};
    case OperationId::groups:
      co_return Reply{200, status()["groups"]};
    case OperationId::runs: {
      const std::int64_t limit = number_or(question.parameter("limit"), kRunsShown);
      co_return Reply{200, runs_view(state, static_cast<std::size_t>(limit))};
    }
    case OperationId::run:
    case OperationId::report:
      co_return co_await read_run(std::move(question));
    case OperationId::journal:
      co_return co_await read_journal(std::move(question));
    default:
      co_return co_await read_group(std::move(question));
  }
}

awaitable<Reply> Routes::read_run(Question question) {
  const engine::State& state = supervisor_.loop()->state();
  const RunId id(question.asked.value("run"));
  const auto run = state.runs.find(id);
  if (run == state.runs.end()) co_return no_such("run", id.text());
  if (question.asked.operation->id == OperationId::report) co_return co_await read_report(id);
  co_return Reply{200, run_view(state, supervisor_.loop()->readings(), run->second)};
}

std::optional<std::string> Routes::status_text() {
  const runtime::Loop* loop = supervisor_.loop();
  if (loop == nullptr) return std::nullopt;
  Speaker speaker = speaker_;
  speaker.trouble = supervisor_.trouble();
  return status_text_.write(loop->state(), loop->readings(), speaker, loop->now());
}

Json Routes::status() const {
  const runtime::Loop* loop = supervisor_.loop();
  if (loop == nullptr) return nullptr;
  Speaker speaker = speaker_;
  speaker.trouble = supervisor_.trouble();
  return status_view(loop->state(), loop->readings(), speaker, loop->now());
}

awaitable<Reply> Routes::read_group(Question question) {
  const runtime::Loop& loop = *supervisor_.loop();
  const GroupName group = question.group();
  if (!loop.state().groups.contains(group)) co_return no_such("group", group.text());
  switch (question.asked.operation->id) {
    case OperationId::group:
      co_return Reply{200, group_view(loop.state(), loop.readings(), group, loop.now())};
    case OperationId::explain:
      co_return Reply{
          200, engine::to_json(engine::explain(loop.state(), loop.readings(), group, loop.now()))};
    case OperationId::plan:
      co_return co_await preview(std::move(question));
    case OperationId::preflight:
      co_return co_await preflight(std::move(question));
    default:
      co_return no_such("operation", question.asked.operation->name);
  }
}

// The site that is named, or the best candidate.
Result<SiteName> Routes::target_of(const Question& question, Move move) const {
  const std::string to = question.parameter("to");
  if (!to.empty()) return SiteName(to);
  const GroupName group = question.group();
  const runtime::Loop& loop = *supervisor_.loop();
  const auto target = engine::choose_target(loop.state(), loop.readings(), group, move,
                                            Trigger::manual, loop.now());
  if (target) return *target;
  return fail(Error{ErrorCode::invalid,
                    fmt::format("no site of {} can be the target now", group),
                    fmt::format("bascule explain {}, or name one with --to SITE", group),
                    {}});
}

awaitable<Reply> Routes::preflight(Question question) {
  const GroupName group = question.group();
  Result<SiteName> target = target_of(question, Move::failover);
  // Why there is no candidate is what a checklist tells: of the first site that could be one.
  if (!target) {
    const engine::State& state = supervisor_.loop()->state();
    const auto active = state.groups.at(group).active;
    for (const SiteSpec& site : state.configuration.find_group(group)->sites) {
      if (!target && site.can_be_target && site.name != active) target = site.name;
    }
  }
  if (!target) co_return refusal(target.error());
  auto list = co_await supervisor_.checklist(group, *target, Deadline::in(clock_, kPreviewTimeout));
  if (!list) co_return refusal(list.error());
  co_return Reply{200, checklist_view(*list)};
}

awaitable<Reply> Routes::preview(Question question) {
  const std::string word = question.parameter("move");
  const std::optional<Move> move = parse_word<Move>(word.empty() ? "failover" : word);
  if (!move)
    co_return refusal(Error{ErrorCode::invalid,
                            fmt::format("`{}` is not a move", word),
                            fmt::format("bascule plan {} --move failover", question.group()),
                            {}});
  const GroupName group = question.group();
  Result<SiteName> target = target_of(question, *move);
  if (!target) co_return refusal(target.error());
  auto made =
      co_await supervisor_.preview(group, *move, *target, Deadline::in(clock_, kPreviewTimeout));
  if (!made) co_return refusal(made.error());
  co_return Reply{200, plan_view(*made)};
}

awaitable<Reply> Routes::read_journal(Question question) {
  const auto after = static_cast<Sequence>(number_or(question.parameter("after"), 0));
  const std::int64_t limit =
      number_or(question.parameter("limit"), static_cast<std::int64_t>(kJournalPage));
  const std::int64_t wait = std::min(number_or(question.parameter("wait_ms"), 0), kLongestWait);
  runtime::Loop& loop = *supervisor_.loop();
  const Deadline deadline = Deadline::in(clock_, Duration{wait});
  while (loop.head().seq <= after && !deadline.has_passed(clock_)) {
    if (!co_await loop.changed().wait(clock_, deadline)) break;
  }
  const std::size_t page = std::min(static_cast<std::size_t>(limit), kJournalPage);
  auto stored = co_await supervisor_.read_journal(after, page);
  if (!stored) co_return refusal(stored.error());
  const bool tells = question.parameter("told") == "true";
  Json records = Json::array();
  Json told = Json::array();
  for (const StoredRecord& record : *stored) {
    Result<Json> json = parse_json(record.bytes);
    if (!json) co_return refusal(in_context(fmt::format("record {}", record.seq), json.error()));
    (*json)["hash"] = to_hex(record.hash);
    records.push_back(std::move(*json));
    if (tells) tell(record, loop.state(), told);
  }
  Json view{{"records", std::move(records)},
            {"head", Json{{"seq", loop.head().seq}, {"hash", to_hex(loop.head().hash)}}}};
  if (tells) view["told"] = std::move(told);
  co_return Reply{200, std::move(view)};
}

// From the record that opened the run to the one that ended it, or to the newest.
awaitable<Result<JournalRange>> Routes::range_of(RunId run) {
  const auto found = supervisor_.loop()->state().runs.find(run);
  JournalRange range;
  range.first = found->second.opened_seq;
  Sequence after = range.first - 1;
  while (true) {
    auto page = co_await supervisor_.read_journal(after, kJournalPage);
    if (!page) co_return error_of(page);
    for (const StoredRecord& stored : *page) {
      if (stored.seq == range.first) range.first_hash = stored.hash;
      range.last = after = stored.seq;
      range.last_hash = stored.hash;
      const Result<Record> record = decode(stored.bytes);
      if (!record) co_return error_of(record);
      const auto* ended = std::get_if<RunEnded>(&record->body);
      if (ended != nullptr && ended->run == run) co_return range;
    }
    if (page->size() < kJournalPage) co_return range;
  }
}

awaitable<Reply> Routes::read_report(RunId run) {
  if (!supervisor_.loop()->state().runs.contains(run)) co_return no_such("run", run.text());
  const auto range = co_await range_of(run);
  if (!range) co_return refusal(range.error());
  const runtime::Loop& loop = *supervisor_.loop();
  const auto found = loop.state().runs.find(run);
  if (found == loop.state().runs.end()) co_return no_such("run", run.text());
  co_return Reply{200, report_view(loop.state(), found->second, *range, loop.now())};
}

awaitable<Reply> Routes::act(Question question) {
  Result<engine::CommandBody> made = command_of(question.asked, question.body);
  if (!made) co_return refusal(made.error());
  engine::Command command;
  command.actor = text_or(question.body, "actor");
  command.reason = text_or(question.body, "reason");
  command.body = std::move(*made);
  co_return co_await submit(std::move(command));
}

awaitable<Reply> Routes::submit(engine::Command command) {
  auto answer =
      co_await supervisor_.command(std::move(command), Deadline::in(clock_, kCommandTimeout));
  if (!answer) co_return refusal(answer.error());
  Reply reply{200, answer_view(*answer, supervisor_.loop()->state())};
  if (answer->accepted) co_return reply;
  reply.status = answer->refused_by || !answer->error ? 409 : status_of(*answer->error);
  co_return reply;
}

}  // namespace bascule::api
