// Holds the table of messages: who is told what, and who is woken up by it. docs/messages.md is
// this table.
#include "runtime/messages.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <set>
#include <sstream>

#include "engine/engine.h"
#include "engine/test_world.h"
#include "model/record_examples.h"

namespace bascule::runtime {
namespace {

using namespace engine::test_world;  // NOLINT: the vocabulary of these tests
using examples::example;

const RunId kRun("r-0042");

engine::State state_with_run() {
  engine::State state = two_site_state(at(0));
  state.cluster = "demo";
  state.journal = "7f3a9c21";
  engine::Run run;
  run.id = kRun;
  run.plan.group = kShop;
  run.plan.move = Move::failover;
  run.plan.source = kAmsterdam;
  run.plan.target = kBerlin;
  Step promote;
  promote.id = StepId("activate/promote");
  promote.phase = Phase::activate;
  promote.reversible = false;
  run.plan.steps = {promote};
  run.execution.steps = run.plan.steps;
  run.execution.progress[promote.id].change = "berlin: replica → primary";
  state.runs.emplace(run.id, run);
  return state;
}

struct Row {
  std::string occasion;
  std::optional<Severity> severity;
  RecordBody body;
  std::string actor = engine::kAutomation;
  std::string reason = {};
  std::function<void(engine::State&)> before = {};
};

std::optional<Message> message_of(const Row& row) {
  engine::State state = state_with_run();
  if (row.before) row.before(state);
  return message_for(Record{7, at(86'400'000), 3, row.actor, row.reason, row.body}, state);
}
std::optional<Message> message_of(RecordBody body) {
  return message_of(Row{"", std::nullopt, std::move(body), "ana"});
}

template <typename Body>
Body of_run() {
  Body body;
  body.run = kRun;
  return body;
}
// The example of its type, but for what `change` changes.
template <typename Body, typename Change>
Body but(Change change) {
  Body body = example<Body>();
  change(body);
  return body;
}

void make_automatic(engine::State& state) {
  state.runs.at(kRun).trigger = Trigger::automatic;
}
void let_it_wait(engine::State& state) {
  state.runs.at(kRun).wait = RunWait{WaitFor::moment, at(3'600'000), false};
}

void let_it_drift(engine::State& state, Drift kind) {
  engine::FrontDoorDrift drift;
  drift.kind = kind;
  state.groups.at(kShop).drift = drift;
}
void hold_it(engine::State& state) {
  state.groups.at(kShop).hold = engine::Hold{at(0), std::nullopt, "ana", "planned work"};
}

const std::string kAna = "ana";
const std::string kWork = "planned work";
const std::string kDown = "database is down: 3 of 3 looks failed in 0.4s (connection refused)";
constexpr auto kCritical = Severity::critical;
constexpr auto kWarning = Severity::warning;
constexpr auto kInfo = Severity::info;

std::vector<Row> rows_of_runs() {
  const auto opened = [](Trigger trigger, std::optional<RunWait> wait) {
    RunOpened body = of_run<RunOpened>();
    body.trigger = trigger;
    body.wait = wait;
    return body;
  };
  const RunWait approval{WaitFor::approval, at(86'700'000), false};
  const RunWait moment{WaitFor::moment, at(90'000'000), false};
  const auto ended = [](RunState state, const std::string& because) {
    RunEnded body = of_run<RunEnded>();
    body.state = state;
    body.because = because;
    if (state == RunState::done) {
      body.outage_began_at = at(0);
      body.outage_ended_at = at(2'140);
    }
    return body;
  };
  const auto step = [](StepState state, const std::string& because) {
    StepEnded body = of_run<StepEnded>();
    body.step = StepId("activate/promote");
    body.state = state;
    body.because = because;
    return body;
  };
  StepStarted promotion = of_run<StepStarted>();
  promotion.step = StepId("activate/promote");
  promotion.change = "berlin: replica → primary";
  RunBegun approved = of_run<RunBegun>();
  approved.because = "approved";
  RunBegun due = of_run<RunBegun>();
  due.because = "its time has come";
  return {
      {"a move starts by itself", kCritical, opened(Trigger::automatic, {}), "bascule", kDown},
      {"a move that starts by itself waits for an approval", kCritical,
       opened(Trigger::automatic, approval), "bascule", kDown},
      {"a person starts a move", kInfo, opened(Trigger::manual, {}), kAna, kWork},
      {"a person sets a move for later", kInfo, opened(Trigger::manual, moment), kAna, kWork},
      {"a move that was approved begins", kCritical, approved, kAna, "go", make_automatic},
      {"a person's move begins at its time", kInfo, due, "bascule", ""},
      {"a promotion starts: the point of no return", kCritical, promotion},
      {"a step has ended", kInfo, step(StepState::done, "")},
      {"a step has failed", kWarning, step(StepState::failed, "the standby is gone")},
      {"a step was taken back", kInfo,
       but<StepReverted>([](auto& body) { body.succeeded = true, body.because = ""; })},
      {"a step could not be taken back", kWarning, example<StepReverted>()},
      {"a run goes back", kWarning, example<RollbackBegun>()},
      {"a run is done", kCritical, ended(RunState::done, "")},
      {"a run is rolled back", kCritical, ended(RunState::rolled_back, "everything is as before")},
      {"a run was aborted", kInfo, ended(RunState::aborted, "before its first step"), kAna},
      {"a move that somebody counts on did not begin", kWarning,
       ended(RunState::aborted, "gate target forbids it"), "bascule", "", let_it_wait},
      {"a run is parked", kCritical, example<RunParked>()},
      {"a person lets a run go on", kInfo, example<RunResumed>(), kAna, "seen"},
      {"another site is active", kInfo, example<ActiveSiteChanged>()},
      {"the exact loss of a move is known", kInfo, example<LossMeasured>()}};
}

std::vector<Row> rows_of_groups() {
  const auto turned = [](GroupState from, GroupState to, const std::string& because) {
    return GroupStateChanged{kShop, from, to, because};
  };
  return {{"two sites accept writes", kCritical, example<TwoWritersSeen>()},
          {"one site accepts writes again", kInfo, example<TwoWritersEnded>()},
          {"a site was promoted by somebody else", kCritical, example<RoleChangeSeen>()},
          {"the roles are as they should be again", kInfo, example<RoleChangeEnded>()},
          {"automation is held", kCritical, example<AutomationHeld>(), kAna, kWork},
          {"automation is released", kInfo, example<AutomationReleased>(), kAna, "done"},
          {"a hold is old", kWarning, HoldAlarmRaised{kShop, at(0)}, "bascule", "", hold_it},
          {"the state of a group is CRITICAL", kWarning,
           turned(GroupState::healthy, GroupState::critical, kDown)},
          {"the state of a group is DEGRADED", kWarning,
           turned(GroupState::healthy, GroupState::degraded, "amsterdam/app is failed")},
          {"the state of a group is HEALTHY again", kInfo,
           turned(GroupState::degraded, GroupState::healthy, "every check of amsterdam is well")},
          {"mode shadow would have failed over", kWarning, example<WouldHaveFailedOver>()},
          {"no other site could take over without more loss than is allowed", kWarning,
           ProtectionChanged{kShop, Protection::exposed, "berlin does not stream from amsterdam"}},
          {"another site could take over", kInfo, example<ProtectionChanged>()},
          {"a fence or a standby is owed", kWarning, example<ObligationOpened>()},
          {"what was owed is settled", kInfo, example<ObligationEnded>()},
          {"an item of a preflight began to fail", kWarning, example<PreflightChanged>()},
          {"an item of a preflight is well again", kInfo, but<PreflightChanged>([](auto& body) {
             body.ready = true, body.because = "80 GiB free";
           })},
          {"the group could go home by itself, or could no more", kInfo,
           example<HomeReadinessChanged>()},
          {"the front door was changed", kWarning,
           FrontDoorDrifted{kShop, Drift::address, "127.0.1.1", "127.0.1.9",
                            "www.shop.test shows 127.0.1.9, not 127.0.1.1"},
           "bascule", "", [](engine::State& state) { let_it_drift(state, Drift::address); }},
          {"the front door is held by somebody else", kCritical, example<FrontDoorDrifted>(),
           "bascule", "", [](engine::State& state) { let_it_drift(state, Drift::superseded); }},
          {"the front door cannot be read for long", kWarning, example<FrontDoorSilent>()},
          {"the front door is as it should be again", kInfo, example<FrontDoorRestored>()}};
}

std::vector<Row> rows_of_people_and_drills() {
  return {
      {"a person acknowledges a move", kInfo, example<MoveAcknowledged>(), kAna, "read it"},
      {"a person attests that a site is stopped", kInfo, example<SiteAttested>(), kAna,
       "power is off"},
      {"a person brings in another journal", kInfo, example<JournalImported>(), kAna, "the desk"},
      {"a drill has arrived", kInfo, example<DrillBegun>()},
      {"a drill is overdue", kCritical, example<DrillOverdue>()},
      {"a drill succeeded", kInfo, example<DrillEnded>()},
      {"a drill failed", kWarning, but<DrillEnded>([](auto& body) { body.succeeded = false; })}};
}

std::vector<Row> rows_of_silence() {
  return {{"", {}, example<TermOpened>()},     {"", {}, example<ConfigurationLoaded>()},
          {"", {}, example<VerdictChanged>()}, {"", {}, example<StepApplied>()},
          {"", {}, example<StepRetried>()},    {"", {}, example<ObligationRetried>()}};
}

std::vector<Row> table() {
  std::vector<Row> all;
  for (auto rows :
       {rows_of_runs(), rows_of_groups(), rows_of_people_and_drills(), rows_of_silence()}) {
    for (Row& row : rows) all.push_back(std::move(row));
  }
  return all;
}

TEST(Messages, EveryRecordHasItsSeverity) {
  std::set<std::string_view> types;
  for (const Row& row : table()) {
    SCOPED_TRACE(std::string(type_name(row.body)) + " " + row.occasion);
    types.insert(type_name(row.body));
    const std::optional<Message> message = message_of(row);
    ASSERT_EQ(message.has_value(), row.severity.has_value());
    if (message) EXPECT_EQ(message->severity, *row.severity);
  }
  EXPECT_EQ(types.size(), std::variant_size_v<RecordBody>) << "a type has no row";
}

TEST(Messages, EveryMessageNamesItsGroupItsMoveAndACommand) {
  for (const Row& row : table()) {
    const std::optional<Message> message = message_of(row);
    if (!message) continue;
    SCOPED_TRACE(message->title + " | " + message->text);
    const auto names = [&](const std::string& text) {
      return (message->title + message->text).find(text) != std::string::npos;
    };
    EXPECT_NE(message->text.find("bascule "), std::string::npos);
    EXPECT_TRUE(names("shop"));
    if (message->run.empty()) continue;
    EXPECT_EQ(message->run, kRun);
    for (const char* part : {"amsterdam", "berlin", "bascule show r-0042"}) {
      EXPECT_TRUE(names(part)) << part;
    }
    EXPECT_EQ(message->data["source"], "amsterdam");
    EXPECT_EQ(message->data["target"], "berlin");
  }
}

TEST(Messages, EachHasANameOfItsOwn) {
  const Row row{"", kInfo, example<TwoWritersEnded>()};
  EXPECT_EQ(message_of(row)->delivery, "demo/7f3a9c21/7");
}

TEST(Messages, AMessageNamesTheMoveAndTheCommandThatShowsMore) {
  RunParked parked = of_run<RunParked>();
  parked.because = "the fence is not reached";
  const std::optional<Message> message = message_of(parked);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->title,
            "r-0042 is parked: a person must act (failover of shop: amsterdam → berlin)");
  EXPECT_EQ(message->text, "the fence is not reached — bascule show r-0042");
}

TEST(Messages, AProposalNamesTheCommandThatLetsItBegin) {
  RunOpened proposed = of_run<RunOpened>();
  proposed.trigger = Trigger::automatic;
  proposed.wait = RunWait{WaitFor::approval, Instant(), true};
  const std::optional<Message> message = message_of(proposed);
  ASSERT_TRUE(message);
  EXPECT_NE(message->title.find("waits for an approval"), std::string::npos) << message->title;
  EXPECT_NE(message->title.find("then it begins by itself"), std::string::npos) << message->title;
  EXPECT_NE(message->text.find("bascule approve r-0042 --reason TEXT"), std::string::npos);
}

TEST(Messages, OnlyTheFirstAttemptOfAPromotionWakesPeople) {
  StepStarted again = of_run<StepStarted>();
  again.step = StepId("activate/promote");
  again.attempt = 2;
  EXPECT_FALSE(message_of(again));
}

TEST(Messages, ANovelOfAReasonIsCut) {
  const Row row{"", kCritical, example<AutomationHeld>(), kAna, std::string(1'000'000, 'x')};
  const std::optional<Message> message = message_of(row);
  ASSERT_TRUE(message);
  EXPECT_LT(to_text(message->data).size() + message->title.size() + message->text.size(), 10'000U);
  EXPECT_NE(message->text.find("… — bascule explain shop"), std::string::npos);
}

TEST(Messages, OfAHoldOnEverythingEveryGroupIsMeant) {
  const std::optional<Message> message = message_of(AutomationHeld{GroupName(), std::nullopt});
  ASSERT_TRUE(message);
  EXPECT_EQ(message->title, "automation of every group is held by ana");
  EXPECT_EQ(message->text, "`bascule release --reason TEXT` ends it — bascule status");
}

// --- the page ---------------------------------------------------------------------------------

constexpr const char* kPageBegin = R"(# Messages

What Bascule tells people, and how loudly. Every message is made from one record of the journal, by
the table in `src/runtime/messages.cpp`; this page is made from it, and a test holds it to that.
[notifications.md](notifications.md) says over which channels they go.

*critical* wakes people up, *warning* is for the working day, *info* is for the record. Each message
has a title of one line and a text; it names the group, the source, the target and the run where
there are any, and ends with the command that shows more. Where a channel has room for it
(`webhook`, `log`), `data` carries the type of the record, who did it and why, and the parts of the
move by themselves.

| when | severity | record | for example |
| --- | --- | --- | --- |
)";

constexpr const char* kPageEnd = R"(
## What no record can tell

How a process of Bascule itself is doing is told by the process, for its journal may be what has
failed:

| when | severity |
| --- | --- |
| it can do nothing (its store takes no records, its clock is not steady, it has no descriptors), and why | critical, and opens an incident of the observer; info when it can act again |
| its journal was changed or cut: automation is held until a person has looked | critical |
| it did not run for a while, or its clock was set: it begins another term | warning |

## Incidents

`pagerduty` and `alertmanager` keep one thing open for each incident, under one key from first to
last: `bascule/CLUSTER/GROUP/NUMBER`. An incident of a group begins with the record after which
somebody has to be called (the group is CRITICAL, two sites accept writes, a move has started by
itself, a run is parked, somebody else holds the front door), is acknowledged by the first thing
that a person does about it, and is resolved by the record after which nobody needs to be called any
more. A move that a person has started calls nobody, unless it is parked.
)";

std::string cell(const std::string& text) {
  std::string shown;
  for (const char letter : text) shown += letter == '|' ? "\\|" : std::string(1, letter);
  return shown;
}

std::string page() {
  std::string text = kPageBegin;
  std::string silent;
  for (const Row& row : table()) {
    const std::optional<Message> message = message_of(row);
    const std::string type(type_name(row.body));
    if (!message) {
      silent += fmt::format("{}`{}`", silent.empty() ? "" : ", ", type);
      continue;
    }
    text +=
        fmt::format("| {} | {} | `{}` | **{}** {} |\n", row.occasion, to_string(message->severity),
                    type, cell(message->title), cell(message->text));
  }
  return text + fmt::format("\nNobody is told of {}.\n", silent) + kPageEnd;
}

// BASCULE_REWRITE=1 writes the page.
TEST(Messages, AreThePageOfTheDocumentation) {
  const auto path = std::filesystem::path(__FILE__).parent_path() / "../../docs/messages.md";
  if (std::getenv("BASCULE_REWRITE") != nullptr) std::ofstream(path) << page();
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  EXPECT_EQ(text.str(), page()) << "BASCULE_REWRITE=1 writes it anew";
}

}  // namespace
}  // namespace bascule::runtime
