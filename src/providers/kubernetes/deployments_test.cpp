// Scaling and restarting deployments of a simulated cluster, and what becomes of it when the
// rollout fails, stalls or is paused.
#include "providers/kubernetes/deployments.h"

#include "providers/kubernetes/actions_world_for_test.h"

namespace bascule::kubernetes {
namespace {

struct Deployments : ActionsWorld {
  std::shared_ptr<Action> scale(int replicas) {
    return make(scale_kind(clusters), {{"deployment", "web"}, {"replicas", replicas}});
  }
  std::shared_ptr<Action> restart() {
    return make(rollout_restart_kind(clusters), {{"deployment", "web"}});
  }
  Json spec() { return ask("GET", kWeb)["spec"]; }
};

TEST_F(Deployments, ScalingKeepsTheContractOfActions) {
  make_deployment();
  keeps_contract(scale(5), [&] { return spec(); }, [](const Json& seen) { return seen; });
}

TEST_F(Deployments, RestartingKeepsTheContractOfActions) {
  make_deployment();
  keeps_contract(
      restart(), [&] { return spec(); },
      // The pods are new ones for good; nothing else is changed.
      [](const Json& seen) {
        Json bare = seen;
        bare["template"]["metadata"].erase("annotations");
        return bare;
      });
}

TEST_F(Deployments, AreScaledUntilAllPodsAreAvailable) {
  make_deployment();
  const auto action = scale(4);
  EXPECT_EQ(found(*action),
            "needed: scale deployments default/web of east: spec.replicas from 2 to 4");
  behave("deployments", "web", "stall");
  ASSERT_TRUE(wait(action->apply(call())));
  ASSERT_TRUE(world.becomes([&] { return found(*action) == "pending: 2 of 4 pods are available"; }))
      << found(*action);
  behave("deployments", "web", "fail");
  ASSERT_TRUE(world.becomes([&] {
    return found(*action).find("pending: 2 of 4 pods are available: ReplicaSet") == 0;
  })) << found(*action);
  behave("deployments", "web", "progress");
  EXPECT_TRUE(becomes(*action, Finding::done)) << found(*action);
  const auto none = scale(0);
  ASSERT_TRUE(wait(none->apply(call())));
  EXPECT_TRUE(becomes(*none, Finding::done)) << found(*none);
  EXPECT_EQ(number(ask("GET", kWeb), {"status", "replicas"}), 0);
}

TEST_F(Deployments, AreRestartedOncePerRun) {
  make_deployment();
  const auto action = restart();
  EXPECT_EQ(found(*action), "needed: restart deployments default/web of east (2 pods)");
  ASSERT_TRUE(wait(action->apply(call())));
  ASSERT_TRUE(becomes(*action, Finding::done)) << found(*action);
  const Json before = spec();
  ASSERT_TRUE(wait(action->apply(call())));
  EXPECT_EQ(spec(), before);
  EXPECT_EQ(inspect(*action, "r2").finding, Finding::needed) << "another run restarts it again";
}

TEST_F(Deployments, ARestartThatFailsIsBlockedAndOneThatStallsIsPending) {
  make_deployment();
  const auto action = restart();
  behave("deployments", "web", "stall");
  ASSERT_TRUE(wait(action->apply(call())));
  ASSERT_TRUE(becomes(*action, Finding::pending));
  behave("deployments", "web", "fail");
  ASSERT_TRUE(becomes(*action, Finding::blocked)) << found(*action);
  ask("PATCH", kWeb, {{"spec", {{"paused", true}}}}, "application/merge-patch+json");
  EXPECT_EQ(found(*action),
            "blocked: deployments default/web of east is paused: `kubectl rollout resume` ends "
            "that");
}

TEST_F(Deployments, ThatDoNotExistAreToldSo) {
  EXPECT_NE(found(*scale(1)).find("blocked: deployments default/web of east: 404 Not Found: "
                                  "deployments.apps \"web\" not found"),
            std::string::npos)
      << found(*scale(1));
  EXPECT_EQ(inspect(*restart()).finding, Finding::blocked);
  const auto elsewhere =
      make(scale_kind(clusters), {{"deployment", "web"}, {"replicas", 1}, {"namespace", "none"}});
  EXPECT_EQ(inspect(*elsewhere).finding, Finding::blocked);
  const auto applied = wait(elsewhere->apply(call()));
  ASSERT_FALSE(applied);
  EXPECT_EQ(applied.error().code, ErrorCode::not_found);
}

TEST_F(Deployments, EndWellUnderFaults) {
  make_deployment();
  ends_well_under_faults(*scale(3), "deployments");
  ends_well_under_faults(*restart(), "deployments");
}

TEST(Rollouts, AreReadInTheOrderOfKubectl) {
  const auto deployment = [](Json status) {
    return Json{{"metadata", {{"generation", 2}}},
                {"spec", {{"replicas", 3}}},
                {"status", std::move(status)}};
  };
  const Json failed = {{{"type", "Progressing"}, {"reason", "ProgressDeadlineExceeded"}}};
  const auto said = [&](Json status) {
    const Judgement judged = rollout_of(deployment(std::move(status)));
    return std::string(to_string(judged.finding)) + ": " + judged.because;
  };
  EXPECT_EQ(said({{"observedGeneration", 1}, {"conditions", failed}}),
            "pending: its controller has not seen it yet");
  EXPECT_EQ(said({{"observedGeneration", 2}, {"conditions", failed}, {"updatedReplicas", 1}}),
            "blocked: it exceeded its progress deadline");
  EXPECT_EQ(said({{"observedGeneration", 2}}), "pending: 0 of 3 pods are updated");
  EXPECT_EQ(said({{"observedGeneration", 2}, {"updatedReplicas", 3}, {"replicas", 4}}),
            "pending: 1 old pods have not ended");
  EXPECT_EQ(said({{"observedGeneration", 2},
                  {"updatedReplicas", 3},
                  {"replicas", 3},
                  {"availableReplicas", 2}}),
            "pending: 2 of 3 updated pods are available");
  EXPECT_EQ(said({{"observedGeneration", 2},
                  {"updatedReplicas", 3},
                  {"replicas", 3},
                  {"availableReplicas", 3}}),
            "done: ");
}

}  // namespace
}  // namespace bascule::kubernetes
