// The shapes of what the API answers, beside the views that make it (views.cpp, plan_view.cpp,
// follower_view.cpp, standby_view.cpp, report/, engine/explain). tests/api hold what is served to
// them: every member that is served stands here, and every one that stands here is served.
#include <fmt/format.h>

#include <initializer_list>
#include <string>
#include <utility>

#include "api/openapi.h"
#include "model/words.h"

namespace bascule::api {
namespace {

Json text() {
  return Json{{"type", "string"}};
}
Json integer() {
  return Json{{"type", "integer"}};
}
Json number() {
  return Json{{"type", "number"}};
}
Json boolean() {
  return Json{{"type", "boolean"}};
}
Json moment() {
  return Json{{"type", "string"}, {"format", "date-time"}};
}
Json any_object() {
  return Json{{"type", "object"}};
}
Json list_of(Json items) {
  return Json{{"type", "array"}, {"items", std::move(items)}};
}
Json shape(std::string_view name) {
  return Json{{"$ref", fmt::format("#/components/schemas/{}", name)}};
}
Json hash() {
  return Json{{"type", "string"}, {"pattern", "^[0-9a-f]{64}$"}};
}

// Or null, where the value is not there.
Json maybe(Json value) {
  return Json{{"anyOf", Json::array({std::move(value), Json{{"type", "null"}}})}};
}

Json one_of_words(std::initializer_list<std::string_view> known) {
  Json choices = Json::array();
  for (const std::string_view word : known) choices.push_back(word);
  return Json{{"type", "string"}, {"enum", std::move(choices)}};
}

template <typename Enum>
Json word_of() {
  Json choices = Json::array();
  for (const auto& word : words<Enum>()) choices.push_back(word.text);
  return Json{{"type", "string"}, {"enum", std::move(choices)}};
}

// Every member is always there; more may be added, so that unknown ones are to be ignored.
Json object(std::string_view description, Json members) {
  Json required = Json::array();
  for (const auto& [name, value] : members.items()) required.push_back(name);
  return Json{{"type", "object"},
              {"description", description},
              {"properties", std::move(members)},
              {"required", std::move(required)}};
}

Json check() {
  return object("A check as it is judged now.", {{"check", text()},
                                                 {"kind", text()},
                                                 {"health", word_of<Health>()},
                                                 {"down", boolean()},
                                                 {"latency_ms", maybe(number())},
                                                 {"since", maybe(moment())},
                                                 {"detail", text()},
                                                 {"at", maybe(moment())}});
}

Json site() {
  return object("A site and its checks.", {{"site", text()},
                                           {"at", text()},
                                           {"active", boolean()},
                                           {"checks", list_of(shape("Check"))}});
}

Json hold() {
  return object(
      "Who holds automation, why, and until when.",
      {{"by", text()}, {"reason", text()}, {"since", moment()}, {"until", maybe(moment())}});
}

Json obligation() {
  return object("What a finished run still owes.", {{"id", text()},
                                                    {"kind", word_of<ObligationKind>()},
                                                    {"site", text()},
                                                    {"since", moment()},
                                                    {"because", text()},
                                                    {"tries", integer()},
                                                    {"standing", boolean()},
                                                    {"next_at", maybe(moment())}});
}

Json standby() {
  return object("The site that protects the active one.", {{"site", text()},
                                                           {"behind_bytes", maybe(integer())},
                                                           {"lag_ms", maybe(integer())},
                                                           {"seen_at", moment()}});
}

Json shadow() {
  const Json episode = object("What would have been done.", {{"began_at", moment()},
                                                             {"ended_at", maybe(moment())},
                                                             {"source", text()},
                                                             {"target", text()},
                                                             {"because", text()}});
  return object("What mode shadow would have done.", {{"times", integer()},
                                                      {"longest_ms", integer()},
                                                      {"sentence", text()},
                                                      {"episodes", list_of(episode)}});
}

Json drift() {
  return object("How the front door differs from what was left there.",
                {{"kind", word_of<Drift>()},
                 {"since", moment()},
                 {"expected", text()},
                 {"found", text()},
                 {"because", text()},
                 {"left_because", maybe(text())}});
}

Json front_door_line() {
  return object("Who looks after the front door, as it said when it was last read.",
                {{"generation", maybe(integer())},
                 {"cluster", maybe(text())},
                 {"claimant", maybe(text())},
                 {"target", maybe(text())},
                 {"ours", boolean()},
                 {"text", text()}});
}

Json drill() {
  return object("A drill that is under way.", {{"run", text()},
                                               {"site", text()},
                                               {"home", text()},
                                               {"since", moment()},
                                               {"back_at", moment()},
                                               {"deadline", moment()},
                                               {"overdue", boolean()},
                                               {"left_open", boolean()},
                                               {"sentence", text()}});
}

Json last_drill() {
  return object("How the last drill ended.", {{"run", text()},
                                              {"ended_at", moment()},
                                              {"succeeded", boolean()},
                                              {"because", text()},
                                              {"last_good_at", maybe(moment())},
                                              {"sentence", text()}});
}

Json group() {
  const Json silent =
      object("Since when it cannot be read.", {{"since", moment()}, {"because", text()}});
  const Json unready =
      object("A preflight item that fails.",
             {{"site", text()}, {"item", text()}, {"since", moment()}, {"because", text()}});
  return object("What moves as one.", {{"group", text()},
                                       {"state", word_of<GroupState>()},
                                       {"because", text()},
                                       {"since", moment()},
                                       {"active", maybe(text())},
                                       {"protection", word_of<Protection>()},
                                       {"protection_because", text()},
                                       {"standby", maybe(shape("Standby"))},
                                       {"automation", text()},
                                       {"hold", maybe(shape("Hold"))},
                                       {"generation", maybe(integer())},
                                       {"front_door", maybe(text())},
                                       {"open_run", maybe(shape("RunHead"))},
                                       {"waiting_runs", list_of(shape("RunHead"))},
                                       {"shadow", maybe(shape("Shadow"))},
                                       {"last_run", maybe(shape("RunHead"))},
                                       {"obligations", list_of(shape("Obligation"))},
                                       {"checks", list_of(shape("Check"))},
                                       {"sites", list_of(shape("Site"))},
                                       {"drift", maybe(shape("Drift"))},
                                       {"front_door_line", maybe(shape("FrontDoorLine"))},
                                       {"front_door_silent", maybe(silent)},
                                       {"role_change", maybe(text())},
                                       {"way_home", maybe(text())},
                                       {"drill", maybe(shape("Drill"))},
                                       {"last_drill", maybe(shape("LastDrill"))},
                                       {"unready", list_of(unready)}});
}

Json status() {
  return object("The installation as this process sees it.",
                {{"cluster", text()},
                 {"observer", text()},
                 {"leader", boolean()},
                 {"trouble", maybe(text())},
                 {"term", integer()},
                 {"seq", integer()},
                 {"now", moment()},
                 {"automation", one_of_words({"on", "held"})},
                 {"hold", maybe(shape("Hold"))},
                 {"groups", list_of(shape("Group"))}});
}

Json run_head() {
  const Json wait = object("Why it did not begin when it was opened.",
                           {{"for", word_of<WaitFor>()},
                            {"until", moment()},
                            {"on_timeout", maybe(one_of_words({"proceed", "abort"}))},
                            {"begun_by", maybe(text())},
                            {"begun_because", maybe(text())}});
  const Json outage = object("As measured.", {{"began_at", maybe(moment())},
                                              {"ended_at", maybe(moment())},
                                              {"measured_ms", maybe(integer())},
                                              {"detection_ms", maybe(integer())},
                                              {"decision_ms", maybe(integer())},
                                              {"steps_ms", maybe(integer())}});
  const Json loss =
      object("At most, and exactly once it is known.", {{"bound_ms", maybe(integer())},
                                                        {"bound_bytes", maybe(integer())},
                                                        {"exact_rows", maybe(integer())},
                                                        {"exact_bytes", maybe(integer())}});
  return object("One execution of a plan.", {{"run", text()},
                                             {"group", text()},
                                             {"move", word_of<Move>()},
                                             {"source", text()},
                                             {"target", text()},
                                             {"trigger", word_of<Trigger>()},
                                             {"actor", text()},
                                             {"reason", text()},
                                             {"ticket", maybe(text())},
                                             {"state", word_of<RunState>()},
                                             {"rolling_back", boolean()},
                                             {"past_no_return", boolean()},
                                             {"because", maybe(text())},
                                             {"opened_at", moment()},
                                             {"started_at", maybe(moment())},
                                             {"wait", maybe(wait)},
                                             {"supersedes", maybe(text())},
                                             {"superseded_by", maybe(text())},
                                             {"ended_at", maybe(moment())},
                                             {"term", integer()},
                                             {"generation", maybe(integer())},
                                             {"outage", outage},
                                             {"loss", loss},
                                             {"exposures", list_of(text())},
                                             {"next", text()},
                                             {"obligations", list_of(shape("Obligation"))}});
}

Json step() {
  const Json seen = object(
      "What its newest inspection found, while the run goes on.",
      {{"at", moment()}, {"finding", maybe(word_of<Finding>())}, {"because", maybe(text())}});
  Json step = object("A node of a run's plan.", {{"id", text()},
                                                 {"phase", word_of<Phase>()},
                                                 {"name", text()},
                                                 {"uses", text()},
                                                 {"site", maybe(text())},
                                                 {"state", word_of<StepState>()},
                                                 {"attempts", integer()},
                                                 {"started_at", maybe(moment())},
                                                 {"ended_at", maybe(moment())},
                                                 {"change", text()},
                                                 {"because", maybe(text())},
                                                 {"reversible", boolean()},
                                                 {"needs", list_of(text())},
                                                 {"request_ids", list_of(text())}});
  step["properties"]["seen"] = maybe(seen);  // where one run is asked for
  return step;
}

Json run() {
  Json whole = run_head();
  whole["properties"]["gates"] = list_of(shape("Gate"));
  whole["properties"]["overrides"] = list_of(text());
  whole["properties"]["steps"] = list_of(shape("Step"));
  for (const char* name : {"gates", "overrides", "steps"}) whole["required"].push_back(name);
  return whole;
}

Json gate() {
  return object("One condition that must hold before something is done.",
                {{"number", integer()},
                 {"name", text()},
                 {"binds", one_of_words({"everyone", "automation"})},
                 {"holds", boolean()},
                 {"because", text()},
                 {"evidence", any_object()},
                 {"since", maybe(moment())},
                 {"until", maybe(moment())}});
}

Json explanation() {
  const Json would = object("", {{"move", word_of<Move>()}, {"target", text()}});
  return object("Why something or nothing is being done.",
                {{"group", text()},
                 {"active", maybe(text())},
                 {"state", word_of<GroupState>()},
                 {"protection", word_of<Protection>()},
                 {"automation", one_of_words({"on", "held"})},
                 {"would", Json{{"anyOf", Json::array({would, Json{{"const", "nothing"}}})}}},
                 {"sentence", text()},
                 {"gates", list_of(shape("Gate"))},
                 {"last_move", list_of(text())},
                 {"notes", list_of(text())},
                 {"what_helps", list_of(text())}});
}

Json plan() {
  const Json step =
      object("What one step would change.",
             {{"id", text()},
              {"phase", word_of<Phase>()},
              {"name", text()},
              {"uses", text()},
              {"site", maybe(text())},
              {"needs", list_of(text())},
              {"reversible", boolean()},
              {"rung", maybe(word_of<Rung>())},
              {"timeout_ms", integer()},
              {"on_failure", word_of<OnFailure>()},
              {"state", one_of_words({"done", "needed", "pending", "blocked", "unknown"})},
              {"change", text()},
              {"because", maybe(text())},
              {"settings", any_object()}});
  const Json estimate = object("From past runs.", {{"outage_ms", maybe(number())},
                                                   {"critical_path", list_of(text())},
                                                   {"past_runs", integer()}});
  const Json basis = object("What the plan rests on; a saved one is refused when it has changed.",
                            {{"configuration", text()},
                             {"active", text()},
                             {"last_run", maybe(text())},
                             {"steps", any_object()},
                             {"identities", any_object()}});
  return object("The steps of one move, inspected.", {{"group", text()},
                                                      {"move", word_of<Move>()},
                                                      {"source", text()},
                                                      {"target", text()},
                                                      {"because", text()},
                                                      {"fingerprint", text()},
                                                      {"basis", basis},
                                                      {"exposures", list_of(text())},
                                                      {"afterwards", list_of(text())},
                                                      {"steps", list_of(step)},
                                                      {"estimate", estimate}});
}

Json checklist() {
  const Json item =
      object("One thing that must be ready.", {{"item", text()},
                                               {"of", one_of_words({"preflight", "plan"})},
                                               {"uses", text()},
                                               {"site", maybe(text())},
                                               {"blocks", word_of<Blocks>()},
                                               {"state", text()},
                                               {"because", maybe(text())},
                                               {"evidence", Json::object()},
                                               {"what_to_do", maybe(text())},
                                               {"stops_failover", boolean()},
                                               {"stops_planned", boolean()},
                                               {"took_ms", integer()}});
  const Json verdict =
      object("Whether such a move is let through.",
             {{"ready", boolean()}, {"because", maybe(text())}, {"what_to_do", maybe(text())}});
  return object("Every item, asked now.",
                {{"group", text()},
                 {"source", text()},
                 {"target", text()},
                 {"items", list_of(item)},
                 {"verdict", object("", {{"failover", verdict}, {"planned", verdict}})}});
}

Json report() {
  const Json moment_of_it =
      object("", {{"at", moment()}, {"offset_ms", integer()}, {"what", text()}, {"text", text()}});
  const Json bar = object("", {{"step", text()},
                               {"phase", maybe(word_of<Phase>())},
                               {"state", text()},
                               {"begins_ms", integer()},
                               {"lasts_ms", integer()},
                               {"critical", boolean()}});
  const Json range =
      object("The part of the journal that tells the run.", {{"first_seq", integer()},
                                                             {"first_hash", hash()},
                                                             {"last_seq", integer()},
                                                             {"last_hash", hash()}});
  return object("What a person reads the morning after.", {{"version", integer()},
                                                           {"cluster", text()},
                                                           {"made_at", moment()},
                                                           {"run", shape("Run")},
                                                           {"timeline", list_of(moment_of_it)},
                                                           {"bars", list_of(bar)},
                                                           {"critical_path", list_of(text())},
                                                           {"journal", range}});
}

Json journal() {
  const Json record = object("One record, with the members that were hashed, and its hash.",
                             {{"v", integer()},
                              {"seq", integer()},
                              {"at", moment()},
                              {"term", integer()},
                              {"actor", text()},
                              {"reason", text()},
                              {"type", text()},
                              {"data", any_object()},
                              {"hash", hash()}});
  const Json head = object("The newest record.", {{"seq", integer()}, {"hash", hash()}});
  const Json told = object("What people are told of a record.",
                           {{"seq", integer()},
                            {"at", moment()},
                            {"severity", one_of_words({"info", "warning", "critical"})},
                            {"type", text()},
                            {"group", maybe(text())},
                            {"run", maybe(text())},
                            {"title", text()},
                            {"text", text()}});
  Json part = object("A part of the journal.", {{"records", list_of(record)}, {"head", head}});
  part["properties"]["told"] = list_of(told);  // where it was asked for
  return part;
}

Json answer() {
  return object("What became of a command, and the run as it stands afterwards.",
                {{"accepted", boolean()},
                 {"text", text()},
                 {"refused_by", maybe(text())},
                 {"error", maybe(shape("Problem"))},
                 {"run", maybe(shape("Run"))}});
}

}  // namespace

Json answer_shapes() {
  const Json problem =
      object("What went wrong, and what helps.",
             {{"code", text()}, {"message", text()}, {"what_to_do", maybe(text())}});
  return Json{{"Status", status()},
              {"Groups", list_of(shape("Group"))},
              {"Group", group()},
              {"Check", check()},
              {"Site", site()},
              {"Hold", hold()},
              {"Standby", standby()},
              {"Shadow", shadow()},
              {"Drift", drift()},
              {"FrontDoorLine", front_door_line()},
              {"Drill", drill()},
              {"LastDrill", last_drill()},
              {"Obligation", obligation()},
              {"RunHead", run_head()},
              {"Run", run()},
              {"Runs", list_of(shape("RunHead"))},
              {"Step", step()},
              {"Gate", gate()},
              {"Explanation", explanation()},
              {"Plan", plan()},
              {"Checklist", checklist()},
              {"Report", report()},
              {"Journal", journal()},
              {"Answer", answer()},
              {"Problem", problem},
              {"Error", object("An error.", {{"error", shape("Problem")}})}};
}

}  // namespace bascule::api
