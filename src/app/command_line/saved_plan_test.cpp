// Files that are no plans: each is refused in a sentence, and none is taken for another.
#include "app/command_line/saved_plan.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "api/views.h"
#include "engine/plan/basis.h"
#include "runtime/preview.h"

namespace bascule::app {
namespace {

runtime::Preview preview() {
  runtime::Preview made;
  made.plan.group = GroupName("shop");
  made.plan.move = Move::switchover;
  made.plan.source = SiteName("amsterdam");
  made.plan.target = SiteName("berlin");
  made.basis.configuration = "0123456789ab";
  made.basis.active = SiteName("amsterdam");
  made.basis.last_run = RunId("r-0041");
  made.basis.steps = {{StepId("fence/seal"), "5f3a00c1d2e3"}};
  made.basis.identities = {{StepId("fence/seal"), "7300000000000000001"}};
  made.plan.fingerprint = engine::fingerprint(made.basis);
  return made;
}

std::string complaint(const std::string& text) {
  const auto plan = saved_plan_from(text);
  EXPECT_FALSE(plan);
  if (plan) return "";
  EXPECT_EQ(plan.error().code, ErrorCode::invalid);
  EXPECT_EQ(plan.error().what_to_do, "bascule plan GROUP --to SITE -o json > FILE");
  return plan.error().message;
}

TEST(SavedPlan, ComesBackFromWhatPlanPrinted) {
  const auto plan = saved_plan_from(to_pretty_text(api::plan_view(preview())));
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_EQ(plan->group, "shop");
  EXPECT_EQ(plan->move, "switchover");
  EXPECT_EQ(plan->source, "amsterdam");
  EXPECT_EQ(plan->target, "berlin");
  const auto basis = api::plan_basis_from(plan->basis);
  ASSERT_TRUE(basis);
  EXPECT_EQ(engine::what_changed(*basis, preview().basis), std::nullopt);
}

TEST(SavedPlan, IsRefusedInASentenceWhenItIsNone) {
  const std::string whole = to_pretty_text(api::plan_view(preview()));
  EXPECT_EQ(complaint(""), "is empty");
  EXPECT_EQ(complaint("\n  \n"), "is empty");
  EXPECT_TRUE(complaint(whole.substr(0, whole.size() / 2)).starts_with("is not JSON"));
  EXPECT_TRUE(complaint("group: shop").starts_with("is not JSON"));
  EXPECT_EQ(complaint("[]"), "is JSON, but not a plan");
  EXPECT_EQ(complaint("{}"), "is JSON, but not a plan");
  EXPECT_EQ(complaint(R"({"error": {"message": "no site can be the target"}})"),
            "holds an error instead of a plan: no site can be the target");
  Json plan = api::plan_view(preview());
  plan.erase("basis");
  EXPECT_EQ(complaint(to_text(plan)),
            "is not a whole plan: it does not say what the plan rests on");
  plan = api::plan_view(preview());
  plan["basis"]["steps"] = Json::array();
  EXPECT_EQ(complaint(to_text(plan)), "is not a whole plan: `steps` is not an object");
  plan = api::plan_view(preview());
  plan["basis"]["steps"]["fence/seal"] = "ffffffffffff";
  EXPECT_EQ(complaint(to_text(plan)),
            "was changed since it was made: its fingerprint does not fit");
}

TEST(SavedPlan, IsReadFromAFileOfBoundedSize) {
  const std::filesystem::path folder =
      std::filesystem::temp_directory_path() / "bascule-saved-plan-test";
  std::filesystem::create_directories(folder);
  EXPECT_EQ(read_saved_plan((folder / "none").string()).error().message,
            (folder / "none").string() + " cannot be read: No such file or directory");
  EXPECT_EQ(read_saved_plan(folder.string()).error().message, folder.string() + " is a directory");
  const std::string large = (folder / "large").string();
  std::ofstream(large) << "{}";
  std::filesystem::resize_file(large, std::uintmax_t{1} << 40);  // sparse
  EXPECT_EQ(read_saved_plan(large).error().message, large + " is larger than 4 MiB");
  std::filesystem::remove_all(folder);
}

TEST(SavedPlan, SaysWhatChanged) {
  const engine::PlanBasis saved = preview().basis;
  engine::PlanBasis now = saved;
  now.active = SiteName("berlin");
  EXPECT_EQ(engine::what_changed(saved, now), "the active site is berlin, not amsterdam");
  now = saved;
  now.last_run = RunId("r-0043");
  EXPECT_EQ(engine::what_changed(saved, now), "the last run is r-0043, not r-0041");
  now = saved;
  now.steps[StepId("fence/seal")] = "000000000000";
  EXPECT_EQ(engine::what_changed(saved, now), "step fence/seal has other settings now");
  now = saved;
  now.steps[StepId("verify/answers")] = "000000000000";
  EXPECT_EQ(engine::what_changed(saved, now), "there is a step verify/answers now");
  now = saved;
  now.configuration = "ffffffffffff";
  EXPECT_EQ(engine::what_changed(saved, now), "the configuration of the group has changed");
  now = saved;
  now.identities[StepId("fence/seal")] = "7300000000000000002";
  EXPECT_EQ(engine::what_changed(saved, now),
            "step fence/seal would change another thing: 7300000000000000002, not "
            "7300000000000000001");
  now.identities.clear();  // it does not answer now: that proves nothing
  EXPECT_EQ(engine::what_changed(saved, now), std::nullopt);
}

}  // namespace
}  // namespace bascule::app
