#include "api/operations.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>

#include "base/time.h"
#include "net/http.h"

namespace bascule::api {
namespace {

using enum OperationId;
using enum ValueType;

// Whoever changes something says who and why; both are recorded.
std::vector<Parameter> with_reason(std::vector<Parameter> own) {
  std::vector<Parameter> all{
      {"actor", text, "Who asks, as records tell it.", true},
      {"reason", text, "Why, as records tell it.", true},
  };
  all.insert(all.end(), own.begin(), own.end());
  return all;
}

std::vector<Operation> queries() {
  const auto viewer = Role::viewer;
  return {
      {status,
       "getStatus",
       "GET",
       "/status",
       viewer,
       "The installation and all its groups.",
       {},
       {},
       "Status"},
      {groups, "listGroups", "GET", "/groups", viewer, "All groups.", {}, {}, "Groups"},
      {group, "getGroup", "GET", "/groups/{group}", viewer, "One group.", {}, {}, "Group"},
      {explain,
       "explainGroup",
       "GET",
       "/groups/{group}/explain",
       viewer,
       "Every gate, its answer and its evidence: why something or nothing is being done.",
       {},
       {},
       "Explanation"},
      {plan,
       "planMove",
       "GET",
       "/groups/{group}/plan",
       viewer,
       "What a move would do now, each step inspected. Changes nothing.",
       {{"to", text, "The target; default the best candidate."},
        {"move", text, "failover (default), switchover, failback or drill."}},
       {},
       "Plan"},
      // It may send a test message to everybody (`notify.test`).
      {preflight,
       "runPreflight",
       "GET",
       "/groups/{group}/preflight",
       Role::operator_,
       "The checklist of the moves there, asked now.",
       {{"to", text, "The target; default the best candidate."}},
       {},
       "Checklist"},
      {runs,
       "listRuns",
       "GET",
       "/runs",
       viewer,
       "Runs without their steps, newest first.",
       {{"limit", integer, "At most so many; default 50."}},
       {},
       "Runs"},
      {run,
       "getRun",
       "GET",
       "/runs/{run}",
       viewer,
       "One run with its steps and gates.",
       {},
       {},
       "Run"},
      {report,
       "getReport",
       "GET",
       "/runs/{run}/report",
       viewer,
       "The report of a run.",
       {},
       {},
       "Report"},
      {journal,
       "readJournal",
       "GET",
       "/journal",
       viewer,
       "Records of the journal, oldest first.",
       {{"after", integer, "Only records after this one; default 0."},
        {"limit", integer, "At most so many; default and at most 1000."},
        {"wait_ms", integer, "Wait so long for a record; default 0, at most 30000."},
        {"told", boolean, "Also what people are told of these records; default false."}},
       {},
       "Journal"},
      {events,
       "followEvents",
       "GET",
       "/events",
       viewer,
       "The journal as server-sent events; resumable with Last-Event-ID.",
       {{"after", integer, "As Last-Event-ID, for readers that cannot set it."}},
       {},
       "Events"},
  };
}

std::vector<Operation> commands_of_groups() {
  const auto operator_ = Role::operator_;
  return {
      {move,
       "startMove",
       "POST",
       "/groups/{group}/moves",
       operator_,
       "Start a move.",
       {},
       with_reason(
           {{"move", text, "failover (default), switchover, failback or drill."},
            {"to", text, "The target; default the best candidate."},
            {"ticket", text, "Of the change or the incident."},
            {"overrides", texts, "Names of gates that this move passes."},
            {"confirmed_site", text, "The site's name as a person typed it, for an override."},
            {"idempotency_key", text,
             "A request that is sent again with it finds the run that it started."},
            {"supersedes", text, "A parked run that this move ends."},
            {"at", time, "Not before this time."},
            {"back_after_ms", integer, "Of a drill: when the way back begins."},
            {"deadline_ms", integer, "Of a drill: when an alarm is raised."},
            {"plan", object, "The `basis` of a plan: refused unless that plan still holds."}}),
       "Answer"},
      {hold_group,
       "holdGroup",
       "POST",
       "/groups/{group}/hold",
       operator_,
       "Hold the automation of a group.",
       {},
       with_reason({{"for_ms", integer, "It ends by itself after this long."}}),
       "Answer"},
      {release_group,
       "releaseGroup",
       "POST",
       "/groups/{group}/release",
       operator_,
       "End the hold of a group.",
       {},
       with_reason({}),
       "Answer"},
      {acknowledge,
       "acknowledgeMove",
       "POST",
       "/groups/{group}/ack",
       operator_,
       "End the cool-down after an automatic move.",
       {},
       with_reason({}),
       "Answer"},
      {attest,
       "attestSite",
       "POST",
       "/groups/{group}/attest",
       operator_,
       "Say that a site is off: fenced as surely as a person can tell.",
       {},
       with_reason({{"site", text, "The site.", true}}),
       "Answer"},
      {adopt,
       "adoptGroup",
       "POST",
       "/groups/{group}/adopt",
       Role::admin,
       "Say which site is active.",
       {},
       with_reason({{"active", text, "The site.", true}}),
       "Answer"},
  };
}

std::vector<Operation> other_commands() {
  const auto operator_ = Role::operator_;
  return {
      {hold_all,
       "holdEverything",
       "POST",
       "/hold",
       operator_,
       "Hold all automation.",
       {},
       with_reason({{"for_ms", integer, "It ends by itself after this long."}}),
       "Answer"},
      {release_all,
       "releaseEverything",
       "POST",
       "/release",
       operator_,
       "End the hold of everything.",
       {},
       with_reason({}),
       "Answer"},
      {approve,
       "approveRun",
       "POST",
       "/runs/{run}/approve",
       operator_,
       "Let a run begin that waits for a person.",
       {},
       with_reason({}),
       "Answer"},
      {abort,
       "abortRun",
       "POST",
       "/runs/{run}/abort",
       operator_,
       "Cancel a waiting run; take back or stop one that has begun.",
       {},
       with_reason({}),
       "Answer"},
      {resume,
       "resumeRun",
       "POST",
       "/runs/{run}/resume",
       operator_,
       "Go on with a parked run.",
       {},
       with_reason({{"step", text, "A step whose outcome a person knows."},
                    {"as", text, "That outcome: done, failed or retry."}}),
       "Answer"},
      {import,
       "importJournal",
       "POST",
       "/import",
       Role::admin,
       "Take over what another journal says was done.",
       {},
       with_reason({{"journal", object, "What was read from it.", true},
                    {"open_run", text, "A run of it that has not ended."}}),
       "Answer"},
  };
}

std::vector<std::string_view> parts_of(std::string_view path) {
  std::vector<std::string_view> parts;
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    if (slash != 0) parts.push_back(path.substr(0, slash));
    path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
  }
  return parts;
}

bool is_placeholder(std::string_view part) {
  return part.starts_with('{');
}

// What the path says of a pattern's placeholders; nothing when it is another path.
std::optional<Matched> fit(const Operation& operation, const std::vector<std::string_view>& path) {
  const std::vector<std::string_view> pattern = parts_of(operation.path);
  if (pattern.size() != path.size()) return std::nullopt;
  Matched matched{&operation, {}};
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (is_placeholder(pattern[i])) {
      const std::string_view name = pattern[i].substr(1, pattern[i].size() - 2);
      matched.values.emplace(name, net::percent_decode(path[i]).value_or(std::string(path[i])));
    } else if (pattern[i] != path[i]) {
      return std::nullopt;
    }
  }
  return matched;
}

std::vector<Matched> all_at(std::string_view path) {
  std::vector<Matched> all;
  if (!path.starts_with(kApiPrefix)) return all;
  const std::vector<std::string_view> parts = parts_of(path.substr(kApiPrefix.size()));
  for (const Operation& operation : operations()) {
    if (std::optional<Matched> matched = fit(operation, parts)) all.push_back(*std::move(matched));
  }
  return all;
}

std::string_view words_for(ValueType type) {
  switch (type) {
    case text:
      return "a text";
    case integer:
      return "a whole number, not negative";
    case boolean:
      return "true or false";
    case time:
      return "a time as RFC 3339 writes it";
    case texts:
      return "a list of texts";
    case object:
      return "an object";
  }
  return "a value";
}

bool is_count(std::string_view written) {
  std::int64_t value = 0;
  const char* end = written.data() + written.size();
  const auto [stopped, problem] = std::from_chars(written.data(), end, value);
  return problem == std::errc{} && stopped == end && value >= 0;
}

// In a query everything is written as text.
bool is_written_as(std::string_view written, ValueType type) {
  if (type == integer) return is_count(written);
  if (type == boolean) return written == "true" || written == "false";
  return true;
}

bool fits(const Json& value, ValueType type) {
  switch (type) {
    case text:
      return value.is_string();
    case integer:
      return value.is_number_integer() && (value.is_number_unsigned() || value >= 0);
    case boolean:
      return value.is_boolean();
    case time:
      return value.is_string() && from_rfc3339(value.get_ref<const std::string&>()).has_value();
    case texts:
      return value.is_array() &&
             std::ranges::all_of(value, [](const Json& item) { return item.is_string(); });
    case object:
      return value.is_object();
  }
  return false;
}

std::unexpected<Error> mistake(std::string message, std::string what_to_do) {
  return fail(Error{ErrorCode::invalid, std::move(message), std::move(what_to_do), std::nullopt});
}

std::string known_names(const std::vector<Parameter>& parameters) {
  std::vector<std::string_view> names;
  for (const Parameter& parameter : parameters) names.push_back(parameter.name);
  if (names.empty()) return "nothing can be given here";
  return fmt::format("known here: {}", fmt::join(names, ", "));
}

}  // namespace

const std::vector<Operation>& operations() {
  static const std::vector<Operation> kOperations = [] {
    std::vector<Operation> all = queries();
    for (const std::vector<Operation>& more : {commands_of_groups(), other_commands()}) {
      all.insert(all.end(), more.begin(), more.end());
    }
    return all;
  }();
  return kOperations;
}

std::string Matched::value(std::string_view name) const {
  const auto found = values.find(name);
  return found == values.end() ? std::string() : found->second;
}

Result<Matched> match(std::string_view method, std::string_view path) {
  const std::string_view asked = method == "HEAD" ? std::string_view("GET") : method;
  bool is_known = false;
  for (Matched& matched : all_at(path)) {
    if (matched.operation->method == asked) return std::move(matched);
    is_known = true;
  }
  if (is_known) {
    return mistake(fmt::format("{} has no meaning there", method),
                   fmt::format("use {}", methods_of(path)));
  }
  return fail(Error{ErrorCode::not_found, fmt::format("there is nothing at {}", path),
                    "GET /openapi.json lists what there is", std::nullopt});
}

std::string methods_of(std::string_view path) {
  std::vector<std::string_view> methods;
  for (const Matched& matched : all_at(path)) {
    methods.push_back(matched.operation->method);
    if (matched.operation->method == "GET") methods.emplace_back("HEAD");
  }
  return fmt::format("{}", fmt::join(methods, ", "));
}

Result<void> check_query(const Operation& operation,
                         const std::vector<std::pair<std::string, std::string>>& query) {
  std::set<std::string_view> seen;
  for (const auto& [name, value] : query) {
    const auto known = std::ranges::find(operation.query, name, &Parameter::name);
    if (known == operation.query.end()) {
      return mistake(fmt::format("`{}` is not known in the query", name),
                     known_names(operation.query));
    }
    if (!seen.insert(known->name).second) {
      return mistake(fmt::format("`{}` is given twice in the query", name), "give it once");
    }
    if (!is_written_as(value, known->type)) {
      return mistake(fmt::format("`{}` takes {}", name, words_for(known->type)),
                     std::string(known->summary));
    }
  }
  return {};
}

Result<void> check_body(const Operation& operation, const Json& body) {
  if (!body.is_object()) {
    return mistake("the body is not a JSON object", known_names(operation.body));
  }
  for (const auto& [name, value] : body.items()) {
    const auto known = std::ranges::find(operation.body, name, &Parameter::name);
    if (known == operation.body.end()) {
      return mistake(fmt::format("`{}` is not known in the body", name),
                     known_names(operation.body));
    }
    if (!value.is_null() && !fits(value, known->type)) {
      return mistake(fmt::format("`{}` takes {}", name, words_for(known->type)),
                     std::string(known->summary));
    }
  }
  for (const Parameter& parameter : operation.body) {
    const auto given = body.find(parameter.name);
    const bool is_there = given != body.end() && !given->is_null() && *given != "";
    if (parameter.required && !is_there) {
      return mistake(fmt::format("`{}` is missing", parameter.name),
                     std::string(parameter.summary));
    }
  }
  return {};
}

}  // namespace bascule::api
