// Ingresses, routes, jobs, CloudNativePG clusters and patches of anything, in a simulated cluster.
#include "providers/kubernetes/actions_world_for_test.h"

namespace bascule::kubernetes {
namespace {

constexpr const char* kCanary = "nginx.ingress.kubernetes.io/canary";
constexpr const char* kWeight = "nginx.ingress.kubernetes.io/canary-weight";
constexpr const char* kByHeader = "nginx.ingress.kubernetes.io/canary-by-header";

Json same(const Json& seen) {
  return seen;
}

struct Objects : ActionsWorld {
  void make_ingress() {
    create("networking.k8s.io/v1", "ingresses",
           {{"metadata",
             {{"name", "shop"},
              {"annotations", {{kCanary, "true"}, {kByHeader, "x-try"}, {"kept", "yes"}}}}},
            {"spec",
             {{"defaultBackend", {{"service", {{"name", "s"}, {"port", {{"number", 80}}}}}}}}}});
  }
  Json annotations() { return member(ask("GET", kIngress), {"metadata", "annotations"}); }

  static Json backend(const std::string& name, int weight) {
    return {{"name", name}, {"port", 80}, {"weight", weight}};
  }
  void make_route() {
    for (const char* name : {"blue", "green", "other"}) {
      create("v1", "services", {{"metadata", {{"name", name}}}, {"spec", Json::object()}});
    }
    const Json header = {{"headers", {{{"name", "x-try"}, {"value", "1"}}}}};
    const Json rules = Json::array(
        {{{"matches", Json::array({header})},
          {"backendRefs", Json::array({backend("blue", 0), backend("green", 1)})}},
         {{"backendRefs",
           Json::array({backend("other", 7), backend("blue", 100), backend("green", 0)})}},
         {{"backendRefs", Json::array({backend("blue", 5)})}}});
    create("gateway.networking.k8s.io/v1", "httproutes",
           {{"metadata", {{"name", "shop"}}},
            {"spec", {{"parentRefs", Json::array({{{"name", "gate"}}})}, {"rules", rules}}}});
  }
  Json rules() { return member(ask("GET", kRoute), {"spec", "rules"}); }
  std::shared_ptr<Action> weights(int blue, int green) {
    return make(http_route_kind(clusters),
                {{"route", "shop"}, {"weights", {{"blue", blue}, {"green", green}}}});
  }
};

TEST_F(Objects, AnnotationsOfAnIngressKeepTheContractOfActions) {
  make_ingress();
  keeps_contract(
      make(ingress_annotation_kind(clusters),
           {{"ingress", "shop"}, {"annotations", {{kCanary, "false"}, {"new", "1"}}}}),
      [&] { return annotations(); }, same);
  EXPECT_EQ(text_or(annotations(), "kept"), "yes");
}

TEST_F(Objects, TheWeightOfACanaryKeepsTheContractAndItsHeaderRule) {
  make_ingress();
  const ActionKind kind = ingress_canary_kind(clusters);
  keeps_contract(
      make(kind, {{"ingress", "shop"}, {"weight", 30}}), [&] { return annotations(); }, same);
  EXPECT_NE(found(*make(kind, {{"ingress", "shop"}, {"weight", 101}}))
                .find("blocked: 101 is above its total weight of 100"),
            std::string::npos);
  ASSERT_TRUE(wait(make(kind, {{"ingress", "shop"}, {"weight", 40}})->apply(call())));
  EXPECT_EQ(text_or(annotations(), kWeight), "40");
  const auto finalize = make(kind, {{"ingress", "shop"}, {"finalize", true}});
  ASSERT_TRUE(wait(finalize->apply(call())));
  EXPECT_EQ(text_or(annotations(), kCanary), "false");
  EXPECT_EQ(text_or(annotations(), kByHeader), "x-try");
  EXPECT_EQ(inspect(*make(kind, {{"ingress", "shop"}, {"weight", 5}})).finding, Finding::blocked);
  EXPECT_FALSE(refusal(kind, {{"ingress", "shop"}}).empty());
  EXPECT_FALSE(kind.kind.warning.empty());
}

TEST_F(Objects, TheWeightsOfARouteKeepTheContractOfActions) {
  make_route();
  const auto action = weights(80, 20);
  const Json before = rules();
  EXPECT_EQ(found(*action),
            "needed: set the weights of httproutes default/shop of east: blue from 100 to 80, "
            "green from 0 to 20");
  keeps_contract(action, [&] { return rules(); }, same);
  ASSERT_TRUE(wait(action->apply(call())));
  Json expected = before;
  expected[1]["backendRefs"][1]["weight"] = 80;
  expected[1]["backendRefs"][2]["weight"] = 20;
  EXPECT_EQ(rules(), expected) << "rules by header, other rules and other backends stay";
}

TEST_F(Objects, TheWeightsOfARouteCountWhenAGatewayHasTakenThem) {
  make_route();
  const auto action = weights(50, 50);
  behave("httproutes", "shop", "ignore");
  ASSERT_TRUE(wait(action->apply(call())));
  EXPECT_EQ(inspect(*action).finding, Finding::pending) << found(*action);
  behave("httproutes", "shop", "unresolved");
  ASSERT_TRUE(becomes(*action, Finding::blocked)) << found(*action);
  EXPECT_NE(found(*action).find("ResolvedRefs is False: BackendNotFound"), std::string::npos);
  behave("httproutes", "shop", "reject");
  ASSERT_TRUE(world.becomes([&] {
    return found(*action).find("Accepted is False") != std::string::npos;
  })) << found(*action);
  behave("httproutes", "shop", "accept");
  EXPECT_TRUE(becomes(*action, Finding::done)) << found(*action);
}

TEST_F(Objects, ARouteThatAnotherControllerTakesBackIsNeededAgain) {
  make_route();
  const auto action = weights(10, 90);
  order("own_route", {{"name", "shop"}});
  ASSERT_TRUE(wait(action->apply(call())));
  EXPECT_TRUE(becomes(*action, Finding::needed)) << found(*action);
}

TEST_F(Objects, ARouteWithoutTheBackendsOrTheGatewayApiIsBlocked) {
  make_route();
  const auto lost =
      make(http_route_kind(clusters), {{"route", "shop"}, {"weights", {{"blue", 1}, {"red", 2}}}});
  EXPECT_EQ(found(*lost),
            "blocked: no rule of the route spreads traffic over all of these backends");
  EXPECT_FALSE(refusal(http_route_kind(clusters),
                       {{"route", "shop"}, {"weights", {{"blue", 0}, {"green", 0}}}})
                   .empty());
  order("leave_out", {"httproutes.gateway.networking.k8s.io"});
  EXPECT_NE(found(*weights(1, 2)).find("the cluster does not serve this kind"), std::string::npos);
}

TEST_F(Objects, APatchKeepsTheContractOfActions) {
  make_deployment();
  const ActionKind kind = patch_kind(clusters);
  const Json settings = {{"api_version", "apps/v1"},
                         {"resource", "deployments"},
                         {"name", "web"},
                         {"patch", R"({"spec": {"minReadySeconds": 5, "paused": true}})"}};
  const auto action = make(kind, settings);
  EXPECT_EQ(found(*action),
            "needed: patch deployments default/web of east: spec.minReadySeconds from nothing to "
            "5, spec.paused from nothing to true");
  keeps_contract(action, [&] { return ask("GET", kWeb)["spec"]; }, same);
  const auto node = make(kind, {{"api_version", "v1"},
                                {"resource", "nodes"},
                                {"name", "node-1"},
                                {"cluster_wide", true},
                                {"patch", R"({"spec": {"unschedulable": true}})"}});
  ASSERT_TRUE(wait(node->apply(call())));
  EXPECT_EQ(inspect(*node).finding, Finding::done);
  for (const char* bad : {"", "[1]", "{}", "{\"status\": {}}", "nonsense"}) {
    Json wrong = settings;
    wrong["patch"] = bad;
    EXPECT_FALSE(refusal(kind, wrong).empty()) << bad;
  }
}

TEST_F(Objects, AJobRunsOncePerRunAndLeavesTheTailOfItsLog) {
  const std::string jobs = object_path("batch/v1", "jobs", "default");
  const ActionKind kind = job_kind(clusters);
  const Json settings = {{"name", "copy"},
                         {"image", "tools:1"},
                         {"command", {"copy", "--all"}},
                         {"env", {{"A", "1"}}}};
  const auto action = make(kind, settings);
  keeps_contract(action, [&] { return Json(ask("GET", jobs)["items"].size()); }, same, false);
  EXPECT_NE(text_or(inspect(*action).facts, "log").find(" ran"), std::string::npos);
  const Json job = ask("GET", jobs)["items"][0];
  EXPECT_EQ(member(job, {"spec", "template", "spec"})["containers"][0]["command"],
            (Json{"copy", "--all"}));
  EXPECT_EQ(inspect(*action, "r2").finding, Finding::needed);
  const Result<Outputs> outputs = wait(action->apply(call(nullptr, "r3")));
  ASSERT_TRUE(outputs) << outputs.error().message;
  const std::string name = outputs->at("job").get<std::string>();
  behave("jobs", name, "fail");
  order("log", {{"name", name}, {"text", "began\ncannot copy\n"}});
  EXPECT_TRUE(world.becomes([&] {
    const Finding seen = inspect(*action, "r3").finding;
    return seen == Finding::blocked || seen == Finding::done;
  }));
}

TEST_F(Objects, AJobThatFailsIsBlockedWithTheEndOfItsLog) {
  const auto action = make(job_kind(clusters), {{"name", "copy"}, {"image", "i"}});
  // Its name is known before it runs, as a person can tell it from the plan.
  order("fault", {{"code", 503}, {"method", "POST"}, {"path", "jobs"}, {"times", 1}});
  ASSERT_FALSE(wait(action->apply(call())));
  const std::string name = "copy-" + fingerprint(Json{"r1", "activate/step"});
  behave("jobs", name, "stall");
  ASSERT_TRUE(wait(action->apply(call())));
  ASSERT_TRUE(becomes(*action, Finding::pending));
  order("log", {{"name", name}, {"text", "began\ncannot copy\n"}});
  behave("jobs", name, "fail");
  ASSERT_TRUE(becomes(*action, Finding::blocked));
  EXPECT_NE(found(*action).find("BackoffLimitExceeded"), std::string::npos) << found(*action);
  EXPECT_NE(found(*action).find("its log ends: cannot copy"), std::string::npos) << found(*action);
}

TEST_F(Objects, AReplicaClusterOfCloudNativePgIsPromotedForGood) {
  const std::string db = object_path("postgresql.cnpg.io/v1", "clusters", "default", "db");
  create("postgresql.cnpg.io/v1", "clusters",
         {{"metadata", {{"name", "db"}}},
          {"spec", {{"instances", 2}, {"replica", {{"enabled", true}, {"source", "west"}}}}}});
  const ActionKind kind = promote_kind(clusters);
  const auto action = make(kind, {{"cluster", "db"}});
  keeps_contract(action, [&] { return ask("GET", db)["spec"]; }, same, false);
  EXPECT_TRUE(becomes(*action, Finding::done));
  EXPECT_FALSE(kind.kind.reversible);
  EXPECT_EQ(found(*make(kind, {{"cluster", "db"}, {"primary", "db"}})),
            "blocked: it belongs to no distributed topology: leave `primary` out");
  EXPECT_FALSE(refusal(kind, {{"cluster", "db"}, {"promotion_token", "t"}}).empty());
}

TEST_F(Objects, EndWellUnderFaults) {
  make_ingress();
  make_route();
  ends_well_under_faults(*make(ingress_annotation_kind(clusters),
                               {{"ingress", "shop"}, {"annotations", {{"a", "b"}}}}),
                         "ingresses");
  ends_well_under_faults(*weights(1, 2), "httproutes");
  ends_well_under_faults(*make(job_kind(clusters), {{"name", "copy"}, {"image", "i"}}), "jobs");
}

}  // namespace
}  // namespace bascule::kubernetes
