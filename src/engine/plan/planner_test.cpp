#include "engine/plan/planner.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "engine/test_world.h"

namespace bascule::engine {
namespace {

using test_world::at;
using test_world::kAmsterdam;
using test_world::kBerlin;
using test_world::kShop;
using test_world::shop_in;

class Planner : public testing::Test {
 protected:
  Plan plan(Move move) {
    const SiteName& source = move == Move::failback ? kBerlin : kAmsterdam;
    const SiteName& target = move == Move::failback ? kAmsterdam : kBerlin;
    auto result = plan_move(state_, kShop, move, source, target);
    EXPECT_TRUE(result) << result.error().message;
    return result.value_or(Plan());
  }
  std::string refusal(Move move, const SiteName& source, const SiteName& target) {
    const auto result = plan_move(state_, kShop, move, source, target);
    EXPECT_FALSE(result);
    if (result) return "";
    EXPECT_EQ(result.error().code, ErrorCode::invalid);
    return result.error().message;
  }

  State state_ = test_world::two_site_state(at(0));
};

// "fence/cut < fence/seal" for a step and what it needs.
std::vector<std::string> shape(const std::vector<Step>& steps) {
  std::vector<std::string> lines;
  for (const Step& step : steps) {
    std::string line = step.id.text();
    for (const StepId& need : step.needs) line += " < " + need.text();
    lines.push_back(line);
  }
  return lines;
}
using Shape = std::vector<std::string>;

const Step& step_of(const Plan& plan, const std::string& id) {
  const Step* step = plan.find(StepId(id));
  EXPECT_NE(step, nullptr) << id;
  static const Step kNone;
  return step == nullptr ? kNone : *step;
}

TEST_F(Planner, plans_a_failover_with_every_fence_step_of_the_source) {
  const Plan failover = plan(Move::failover);
  EXPECT_EQ(shape(failover.steps),
            (Shape{"claim/generation", "fence/seal", "fence/cut", "activate/promote",
                   "front_door/address", "verify/answers"}));
  EXPECT_TRUE(failover.exposures.empty());
  EXPECT_EQ(failover.fingerprint.size(), 12U);
  EXPECT_EQ(step_of(failover, "fence/cut").site, kAmsterdam);
  EXPECT_EQ(step_of(failover, "activate/promote").site, kBerlin);
  EXPECT_FALSE(step_of(failover, "activate/promote").reversible);
}

TEST_F(Planner, plans_a_switchover_with_a_drain_and_a_proof_that_the_target_has_everything) {
  for (const Move move : {Move::switchover, Move::failback, Move::drill}) {
    const Plan planned = plan(move);
    EXPECT_EQ(shape(planned.steps), (Shape{"claim/generation", "fence/seal", "activate/caught-up",
                                           "activate/promote < activate/caught-up",
                                           "front_door/address", "verify/answers"}));
    const Step& proof = step_of(planned, "activate/caught-up");
    EXPECT_EQ(proof.uses, "postgres.caught_up");
    EXPECT_EQ(to_text(proof.settings), R"({"check":"database"})");
    EXPECT_EQ(proof.site, move == Move::failback ? kAmsterdam : kBerlin);
    EXPECT_TRUE(proof.reversible);
  }
}

TEST_F(Planner, proves_once_what_several_steps_declare_alike) {
  SiteSpec& berlin = shop_in(state_).sites.back();
  StepSpec again = berlin.activate.front();
  again.name = "caught-up";  // a name that is taken
  again.needs = {"promote"};
  StepSpec other = berlin.activate.front();
  other.name = "other";
  other.with["check"] = "other";
  berlin.activate.push_back(again);
  berlin.activate.push_back(other);
  const std::vector<std::string> lines = shape(plan(Move::switchover).steps);
  EXPECT_EQ(lines[2], "activate/caught-up-2");
  EXPECT_EQ(lines[3], "activate/caught-up-3");
  EXPECT_EQ(lines[4], "activate/promote < activate/caught-up-2 < activate/caught-up-3");
  EXPECT_EQ(lines[5],
            "activate/caught-up < activate/caught-up-2 < activate/caught-up-3 < activate/promote");
}

TEST_F(Planner, renders_templates_for_the_site_that_a_step_belongs_to) {
  StepSpec& cut = shop_in(state_).sites.front().fence.back();
  cut.with["run"] = {"off",
                     "${{ site.name }}",
                     "${{ source.ip }}",
                     "${{ target.ip }}",
                     "${{ active.name }}",
                     "${{ site.at }}",
                     "${{ site.address }}"};
  SiteSpec& berlin = shop_in(state_).sites.back();
  berlin.activate.front().with["say"] = "${{ active.name }} to ${{ site.name }}";
  berlin.verify.front().with["say"] = "${{ active.name }} after ${{ source.name }}";
  const Plan failover = plan(Move::failover);
  EXPECT_EQ(to_text(step_of(failover, "fence/cut").settings["run"]),
            R"(["off","amsterdam","127.0.1.1","127.0.1.2","amsterdam","rack-1","127.0.1.1"])");
  EXPECT_EQ(step_of(failover, "activate/promote").settings["say"], "amsterdam to berlin");
  EXPECT_EQ(step_of(failover, "verify/answers").settings["say"], "berlin after amsterdam");
}

TEST_F(Planner, claims_with_the_address_as_it_is_and_switches_to_the_targets) {
  const Plan failover = plan(Move::failover);
  const Step& claim = step_of(failover, "claim/generation");
  EXPECT_EQ(claim.operation, "claim");
  EXPECT_EQ(claim.uses, "dns.record");
  EXPECT_EQ(claim.settings["address"], "127.0.1.1");
  EXPECT_EQ(claim.timeout, Duration(10'000));
  EXPECT_EQ(claim.on_failure, OnFailure::rollback);
  const Step& door = step_of(failover, "front_door/address");
  EXPECT_EQ(door.operation, "switch");
  EXPECT_EQ(door.settings["address"], "127.0.1.2");
  EXPECT_EQ(door.settings["zone"], "shop.test.");
  EXPECT_EQ(to_text(door.settings["key"]["secret"]), R"({"$secret":"file:tsig.secret"})");
  EXPECT_EQ(door.on_failure, OnFailure::rollback);
}

TEST_F(Planner, does_not_claim_without_a_front_door) {
  shop_in(state_).front_door.reset();
  EXPECT_EQ(shape(plan(Move::failover).steps),
            (Shape{"fence/seal", "fence/cut", "activate/promote", "verify/answers"}));
}

TEST_F(Planner, gives_a_fence_no_more_time_than_the_policy) {
  const Plan failover = plan(Move::failover);
  EXPECT_EQ(step_of(failover, "fence/cut").timeout, Duration(2'000));
  EXPECT_EQ(step_of(failover, "activate/promote").timeout, Duration(300'000));
}

TEST_F(Planner, keeps_needs_within_their_phase_and_bridges_steps_that_are_left_out) {
  SiteSpec& amsterdam = shop_in(state_).sites.front();
  StepSpec drain = amsterdam.fence.front();
  drain.name = "drain";
  drain.needs = {"cut"};
  amsterdam.fence[1].needs = {"seal"};
  amsterdam.fence.insert(amsterdam.fence.begin(), drain);
  EXPECT_EQ(shape(plan(Move::failover).steps)[1], "fence/seal");
  EXPECT_EQ(shape(plan(Move::failover).steps)[2], "fence/cut < fence/seal");
  EXPECT_EQ(shape(plan(Move::failover).steps)[3], "fence/drain < fence/cut");
  EXPECT_EQ(shape(plan(Move::switchover).steps)[2], "fence/drain < fence/seal");
}

TEST_F(Planner, says_what_is_exposed) {
  shop_in(state_).sites.front().fence.pop_back();
  EXPECT_TRUE(plan(Move::failover).exposures.empty());  // gate 9 refuses: nothing is exposed
  test_world::policy_in(state_).fence.proceed_otherwise = true;
  shop_in(state_).front_door->last_writer_wins = true;
  const Plan failover = plan(Move::failover);
  EXPECT_EQ(failover.exposures,
            (std::vector<std::string>{
                "two writers are possible until amsterdam is fenced",
                "www.shop.test is written without comparing: the last writer wins"}));
  EXPECT_EQ(plan(Move::switchover).exposures.size(), 1U);
  test_world::status_in(state_).attested[kAmsterdam] = at(0);
  EXPECT_EQ(plan(Move::failover).exposures.size(), 1U);
}

TEST_F(Planner, goes_on_after_a_fence_that_failed_only_where_the_policy_proceeds) {
  EXPECT_EQ(step_of(plan(Move::failover), "fence/cut").on_failure, OnFailure::park);
  EXPECT_EQ(step_of(plan(Move::failover), "fence/seal").on_failure, OnFailure::continue_);
  test_world::policy_in(state_).fence.proceed_otherwise = true;
  EXPECT_EQ(step_of(plan(Move::failover), "fence/cut").on_failure, OnFailure::continue_);
  shop_in(state_).sites.front().fence[1].on_failure_written = true;
  EXPECT_EQ(step_of(plan(Move::failover), "fence/cut").on_failure, OnFailure::park);
}

TEST_F(Planner, refuses_what_cannot_be) {
  EXPECT_EQ(refusal(Move::failover, kAmsterdam, kAmsterdam),
            "amsterdam is the source and the target");
  EXPECT_EQ(refusal(Move::failover, kAmsterdam, SiteName("x")), "group shop has no site x");
  EXPECT_EQ(refusal(Move::failback, kAmsterdam, kBerlin),
            "a failback goes home, and home is amsterdam");
  EXPECT_EQ(plan_move(state_, GroupName("x"), Move::failover, kAmsterdam, kBerlin).error().message,
            "there is no group x");
  shop_in(state_).sites.back().can_be_target = false;
  EXPECT_EQ(refusal(Move::failover, kAmsterdam, kBerlin), "berlin may not be a target (roles)");
  shop_in(state_).sites.front().can_be_source = false;
  EXPECT_EQ(refusal(Move::failover, kAmsterdam, kBerlin), "amsterdam may not be a source (roles)");
}

TEST_F(Planner, refuses_a_variable_that_nobody_has) {
  shop_in(state_).sites.front().fence.back().with["run"] = {"${{ target.rack }}"};
  EXPECT_EQ(refusal(Move::failover, kAmsterdam, kBerlin),
            "amsterdam/cut: run: 0: site berlin has no `rack`");
  shop_in(state_).sites.front().address = "${{ site.address }}";
  shop_in(state_).sites.front().fence.back().with["run"] = {"${{ source.address }}"};
  EXPECT_EQ(refusal(Move::failover, kAmsterdam, kBerlin),
            "amsterdam/address: site amsterdam has no `address`");
}

TEST_F(Planner, gives_the_same_plan_the_same_fingerprint_and_another_plan_another) {
  const std::string before = plan(Move::failover).fingerprint;
  EXPECT_EQ(plan(Move::failover).fingerprint, before);
  EXPECT_NE(plan(Move::switchover).fingerprint, before);
  test_world::status_in(state_).last_run = RunId("r-0001");
  const std::string after_run = plan(Move::failover).fingerprint;
  EXPECT_NE(after_run, before);
  shop_in(state_).policy.cooldown += Duration(1);
  EXPECT_NE(plan(Move::failover).fingerprint, after_run);
}

TEST_F(Planner, reads_a_front_door_by_a_step_of_its_own) {
  const auto step = front_door_step(state_, kShop, kBerlin, "claim");
  ASSERT_TRUE(step);
  EXPECT_EQ(step->id, StepId("claim/generation"));
  EXPECT_EQ(step->settings["address"], "127.0.1.2");
  EXPECT_EQ(step->site, kBerlin);
  EXPECT_FALSE(front_door_step(state_, GroupName("x"), kBerlin, "claim"));
  shop_in(state_).front_door.reset();
  EXPECT_FALSE(front_door_step(state_, kShop, kBerlin, "claim"));
}

TEST_F(Planner, lists_what_a_former_source_owes_sealing_before_rebuilding) {
  const std::vector<Step> owed = standby_steps(state_, kShop, kAmsterdam, kBerlin);
  EXPECT_EQ(shape(owed), (Shape{"fence/seal", "protect/rejoin < fence/seal"}));
  EXPECT_EQ(to_text(owed[1].settings["run"]), R"(["rejoin","amsterdam","127.0.1.2"])");
  EXPECT_EQ(owed[1].on_failure, OnFailure::obligation);
  EXPECT_EQ(shape(fence_steps(state_, kShop, kAmsterdam, kBerlin)),
            (Shape{"fence/seal", "fence/cut"}));
  shop_in(state_).sites.front().can_be_standby = false;
  EXPECT_EQ(shape(standby_steps(state_, kShop, kAmsterdam, kBerlin)), (Shape{"fence/seal"}));
  EXPECT_TRUE(standby_steps(state_, kShop, SiteName("x"), kBerlin).empty());
}

TEST_F(Planner, never_drops_a_debt_because_a_variable_is_missing) {
  shop_in(state_).sites.back().vars.clear();
  const std::vector<Step> owed = standby_steps(state_, kShop, kAmsterdam, kBerlin);
  ASSERT_EQ(owed.size(), 2U);
  EXPECT_EQ(owed[1].settings["run"][2], "${{ active.ip }}");
}

class Late : public testing::Test {
 protected:
  Late() {
    for (const auto& [site, name] : {std::pair{kAmsterdam, "find"}, std::pair{kBerlin, "find"}}) {
      Step step;
      step.name = name;
      step.site = site;
      step.id = StepId(site.text() + "/" + name);
      execution_.steps.push_back(step);
      execution_.progress[step.id].state = StepState::done;
      execution_.progress[step.id].outputs = {{"endpoint", site.text() + ".example"},
                                              {"port", 5432}};
    }
    step_.id = StepId("verify/answers");
    step_.site = kBerlin;
  }
  Execution execution_;
  Step step_;
};

TEST_F(Late, fills_in_what_ended_steps_gave_out_its_own_site_first) {
  step_.settings = {{"url", "http://${{ steps.find.endpoint }}:${{ steps.find.port }}/$${{"}};
  EXPECT_EQ(to_text(render_late(execution_, step_).value()),
            R"({"url":"http://berlin.example:5432/${{"})");
  step_.site = kAmsterdam;
  EXPECT_EQ(render_late(execution_, step_).value()["url"], "http://amsterdam.example:5432/${{");
}

TEST_F(Late, names_the_output_that_is_missing) {
  step_.settings = {{"url", "${{ steps.find.zone }}"}};
  EXPECT_EQ(render_late(execution_, step_).error().message,
            "verify/answers: url: step find has no output `zone`");
  step_.settings = {{"url", "${{ steps.other.zone }}"}};
  EXPECT_EQ(render_late(execution_, step_).error().message,
            "verify/answers: url: step other gave out nothing: `steps.other.zone` is not known");
  for (auto& [id, progress] : execution_.progress) progress.state = StepState::failed;
  step_.settings = {{"url", "${{ steps.find.endpoint }}"}};
  EXPECT_FALSE(render_late(execution_, step_));
  step_.settings = {{"url", "${{ site.rack }}"}};
  EXPECT_EQ(render_late(execution_, step_).error().message,
            "verify/answers: url: `site.rack` is not known when a step starts");
}

}  // namespace
}  // namespace bascule::engine
