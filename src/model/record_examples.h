// One example of each type of record, every member set to something that is not its default: for
// tests of the codec and of the journals. A type of record without an example does not compile.
#pragma once

#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "model/record.h"

namespace bascule::examples {

inline Instant moment(std::int64_t milliseconds) {
  return Instant{Duration{1'795'451'845'000 + milliseconds}};
}

inline Step step() {
  Step step;
  step.id = StepId("front_door/switch");
  step.phase = Phase::front_door;
  step.name = "switch";
  step.uses = "dns.record";
  step.site = SiteName("amsterdam");
  step.operation = "switch";
  step.settings = {{"zone", "shop.test."},
                   {"ttl", 5'000},
                   {"key", {{"$secret", "file:/etc/bascule/tsig"}}},
                   {"servers", {"127.0.0.1:5300"}},
                   {"endpoint", "${{ steps.promote.endpoint }}"}};
  step.needs = {StepId("activate/promote"), StepId("activate/scale")};
  step.on_failure = OnFailure::park;
  step.timeout = Duration{90'000};
  step.retries = 3;
  step.reversible = false;
  step.rung = Rung::cut;
  step.delivery = Delivery::at_most_once;
  return step;
}

inline Plan plan() {
  Plan plan;
  plan.group = GroupName("shop");
  plan.move = Move::switchover;
  plan.source = SiteName("berlin");
  plan.target = SiteName("amsterdam");
  plan.steps = {step()};
  plan.exposures = {"two writers are possible until berlin is fenced"};
  plan.fingerprint = "5f3a00c1d2e3";
  return plan;
}

template <typename Body>
Body example();

template <>
inline TermOpened example() {
  return {ObserverName("laptop"), "0.1.0", "demo", "7f3a9c21"};
}
template <>
inline ConfigurationLoaded example() {
  return {"0123456789ab", {{"cluster", "demo"}, {"groups", Json::array()}}};
}
template <>
inline ActiveSiteChanged example() {
  return {GroupName("shop"), SiteName("amsterdam"), RunId("r-0042"), "promote has ended"};
}
template <>
inline VerdictChanged example() {
  return {{GroupName("shop"), SiteName("berlin"), CheckName("database")},
          Health::healthy,
          Health::failed,
          true,
          "3 of 3 looks failed in 0.4s (connection refused)",
          moment(-400)};
}
template <>
inline GroupStateChanged example() {
  return {GroupName("shop"), GroupState::healthy, GroupState::critical, "the fence is missing"};
}
template <>
inline ProtectionChanged example() {
  return {GroupName("shop"), Protection::protected_, "amsterdam streams from berlin"};
}
template <>
inline AutomationHeld example() {
  return {GroupName("shop"), moment(3'600'000)};
}
template <>
inline AutomationReleased example() {
  return {GroupName("shop")};
}
template <>
inline MoveAcknowledged example() {
  return {GroupName("shop")};
}
template <>
inline SiteAttested example() {
  return {GroupName("shop"), SiteName("berlin")};
}
template <>
inline RunOpened example() {
  RunOpened opened;
  opened.run = RunId("r-0042");
  opened.plan = plan();
  opened.trigger = Trigger::automatic;
  opened.ticket = "OPS-7";
  opened.idempotency_key = "c0ffee";
  opened.overrides = {"cool-down"};
  opened.gates = {{{"number", 6}, {"name", "target"}, {"holds", true}, {"because", "it answers"}}};
  opened.first_sign_at = moment(-900);
  opened.first_failed_at = moment(-400);
  opened.verdict_at = moment(-10);
  opened.loss_bound = Duration{800};
  opened.loss_bound_bytes = 4'096;
  opened.back_after = Duration{1'800'000};
  opened.deadline = Duration{7'200'000};
  opened.way_back_of = RunId("r-0041");
  opened.wait = RunWait{WaitFor::moment, moment(3'600'000), true};
  opened.supersedes = RunId("r-0041");
  return opened;
}
template <>
inline StepStarted example() {
  return {RunId("r-0042"),
          StepId("front_door/switch"),
          2,
          Json{{"address", {"127.0.1.1"}}, {"generation", 6}},
          "www.shop.test: 127.0.1.1 → 127.0.1.2",
          true};
}
template <>
inline StepApplied example() {
  return {RunId("r-0042"),
          StepId("claim/claim"),
          {{"generation", 7}, {"address", {"127.0.1.1"}}, {"previous_generation", nullptr}}};
}
template <>
inline StepRetried example() {
  return {RunId("r-0042"), StepId("front_door/switch"), ErrorCode::timeout,
          "no answer from 127.0.0.1:5300", moment(250)};
}
template <>
inline StepEnded example() {
  return {RunId("r-0042"),   StepId("activate/promote"), StepState::failed,
          {{"timeline", 6}}, "the standby is gone",      ErrorCode::not_found};
}
template <>
inline RollbackBegun example() {
  return {RunId("r-0042"), "verify failed: 503"};
}
template <>
inline StepReverted example() {
  return {RunId("r-0042"), StepId("fence/seal"), false, "logins are still refused"};
}
template <>
inline RunParked example() {
  return {RunId("r-0042"), "superseded by generation 9 of cluster other"};
}
template <>
inline RunResumed example() {
  return {RunId("r-0042"), StepId("activate/promote"), "done"};
}
template <>
inline RunEnded example() {
  return {RunId("r-0042"), RunState::rolled_back, "everything is as before",
          moment(-400),    moment(1'500),         true};
}
template <>
inline ObligationOpened example() {
  return {RunId("o-0007"),
          GroupName("shop"),
          ObligationKind::fence,
          SiteName("berlin"),
          RunId("r-0042"),
          "berlin did not answer",
          {step()},
          true};
}
template <>
inline ObligationRetried example() {
  return {RunId("o-0007"), "connection refused", moment(60'000)};
}
template <>
inline ObligationEnded example() {
  return {RunId("o-0007"), "berlin streams from amsterdam", GroupName("shop"), SiteName("berlin"),
          ObligationKind::standby};
}
template <>
inline LossMeasured example() {
  return {RunId("r-0042"), SiteName("berlin"), 512, 3};
}
template <>
inline TwoWritersSeen example() {
  return {GroupName("shop"),
          {SiteName("amsterdam"), SiteName("berlin")},
          "both accepted a write at 16:37:25"};
}
template <>
inline TwoWritersEnded example() {
  return {GroupName("shop"), "berlin is sealed"};
}
template <>
inline RoleChangeSeen example() {
  return {GroupName("shop"), SiteName("berlin"), "berlin was promoted by somebody else", 7, 4'096};
}
template <>
inline RoleChangeEnded example() {
  return {GroupName("shop"), "berlin is a replica"};
}
template <>
inline FrontDoorDrifted example() {
  return {GroupName("shop"), Drift::superseded, "7", "9 other r-0003 berlin",
          "generation 9 was written by r-0003 of cluster other"};
}
template <>
inline FrontDoorSilent example() {
  return {GroupName("shop"), moment(-60'000), "no answer from 127.0.0.1:5300"};
}
template <>
inline FrontDoorRestored example() {
  return {GroupName("shop"), "www.shop.test shows 127.0.1.1"};
}
template <>
inline HoldAlarmRaised example() {
  return {GroupName("shop"), moment(-86'400'000)};
}
template <>
inline HomeReadinessChanged example() {
  return {GroupName("shop"), true, "amsterdam streams from berlin"};
}
template <>
inline PreflightChanged example() {
  return {GroupName("shop"), SiteName("berlin"), "disk", false, "12 GiB free, 50 GiB are needed"};
}
template <>
inline DrillBegun example() {
  return {GroupName("shop"),     RunId("r-0042"),   SiteName("berlin"),
          SiteName("amsterdam"), moment(1'800'000), moment(7'200'000)};
}
template <>
inline DrillOverdue example() {
  return {GroupName("shop"), RunId("r-0042"), "amsterdam owes a standby"};
}
template <>
inline DrillEnded example() {
  return {GroupName("shop"), RunId("r-0042"), true, "amsterdam is active again"};
}
template <>
inline RunBegun example() {
  RunBegun begun;
  begun.run = RunId("r-0042");
  begun.because = "its time has come";
  begun.gates = {{{"number", 6}, {"name", "target"}, {"holds", true}, {"because", "it answers"}}};
  begun.first_sign_at = moment(-900);
  begun.first_failed_at = moment(-400);
  begun.verdict_at = moment(-10);
  begun.loss_bound = Duration{800};
  begun.loss_bound_bytes = 4'096;
  return begun;
}
template <>
inline WouldHaveFailedOver example() {
  WouldHaveFailedOver would;
  would.group = GroupName("shop");
  would.source = SiteName("amsterdam");
  would.target = SiteName("berlin");
  would.because = "database is down: 3 of 3 looks failed in 0.4s (connection refused)";
  would.gates = {{{"number", 6}, {"name", "target"}, {"holds", true}, {"because", "it answers"}}};
  would.first_failed_at = moment(-400);
  would.loss_bound = Duration{800};
  would.loss_bound_bytes = 4'096;
  return would;
}
template <>
inline JournalImported example() {
  const ImportedRun run{"r-0002@1f0c77a2",  Move::failover, SiteName("amsterdam"),
                        SiteName("berlin"), RunState::done, "ana@laptop",
                        "the rack is dark", moment(-900),   moment(-100)};
  const ImportedGroup group{GroupName("shop"),
                            SiteName("berlin"),
                            moment(-300),
                            9,
                            "r-0002@1f0c77a2",
                            {SiteName("amsterdam")},
                            {run},
                            {{ObligationKind::fence, SiteName("amsterdam"), "it did not answer"}}};
  return {std::string(64, 'a'), 57, std::string(64, 'b'), "demo", ObserverName("laptop"), {group}};
}

// A journal of them: one record of each type, numbered from `first` on.
inline std::vector<Record> records(Sequence first = 1, Term term = 1) {
  std::vector<Record> all;
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    const auto add = [&](RecordBody body) {
      const Sequence seq = first + all.size();
      all.push_back({seq, moment(static_cast<std::int64_t>(seq) * 10), term, "ana",
                     "planned work in Zürich", std::move(body)});
    };
    (add(example<std::variant_alternative_t<I, RecordBody>>()), ...);
  }(std::make_index_sequence<std::variant_size_v<RecordBody>>());
  return all;
}

}  // namespace bascule::examples
