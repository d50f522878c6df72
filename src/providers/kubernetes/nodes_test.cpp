// The check of a cluster's nodes and the item of the preflight, against a simulated cluster.
#include "providers/kubernetes/nodes.h"

#include "ports/probe_contract_for_test.h"
#include "providers/kubernetes/kubernetes_world_for_test.h"

namespace bascule::kubernetes {
namespace {

struct Nodes : KubernetesWorld {
  Result<std::shared_ptr<Probe>> make(Json settings = Json::object()) {
    if (!settings.contains("context")) settings["context"] = "east";
    return nodes_kind(clusters).make(
        ProbeContext{nullptr, CheckReference(), std::move(settings), Duration{900}},
        world.services);
  }
  Observation look(const Json& settings = Json::object(), Duration limit = Duration{20'000}) {
    const auto probe = make(settings);
    EXPECT_TRUE(probe) << probe.error().message;
    return probe ? wait((*probe)->look(soon(limit))) : Observation();
  }
  std::string verdict(const Json& settings = Json::object()) {
    const Observation seen = look(settings);
    return std::string(to_string(seen.health)) + ": " + seen.summary;
  }
  void set_ready(const std::string& node, const Json& ready) {
    order("node", {{"name", node}, {"ready", ready}});
  }
};

TEST_F(Nodes, KeepTheContractOfProbes) {
  const auto probe = make();
  ASSERT_TRUE(probe);
  const auto clear = [&] { order("clear", Json::object()); };
  const auto healthy = [&, clear] {
    clear();
    set_ready("node-1", true);
  };
  const ProbeContract contract{
      .context = world.context,
      .clock = clock,
      .probe = *probe,
      .until = [&](const std::function<bool()>& holds) { return world.becomes(holds); },
      .answers = healthy,
      .hangs =
          [&, clear] {
            clear();
            order("fault", {{"do", "hang"}, {"path", "nodes"}});
          },
      .wakes = [&] { set_ready("node-1", false); }};
  contract.check();
}

TEST_F(Nodes, AreHealthyDegradedOrCriticalByTheirShare) {
  EXPECT_EQ(verdict(), "healthy: 3 of 3 nodes ready");
  order("nodes", {{"count", 10}});
  for (const char* node : {"node-1", "node-2", "node-3"}) set_ready(node, false);
  EXPECT_EQ(verdict(), "degraded: 7 of 10 nodes ready (not: node-1, node-2, node-3)");
  set_ready("node-4", nullptr);
  EXPECT_EQ(verdict(), "critical: 6 of 10 nodes ready (not: node-1, node-2, node-3 and 1 more)");
  EXPECT_EQ(verdict({{"critical_below", "60%"}}).substr(0, 9), "degraded:");
  EXPECT_EQ(verdict({{"degraded_below", "60"}, {"critical_below", "0%"}}).substr(0, 8), "healthy:");
  order("nodes", {{"count", 0}});
  EXPECT_EQ(verdict(), "critical: the cluster has no nodes");
}

TEST_F(Nodes, AreUnknownToWhoMayNotAskAndFailedWhenNobodyAnswers) {
  order("fault", {{"code", 403}, {"times", 1}, {"path", "nodes"}});
  EXPECT_EQ(look().health, Health::unknown);
  order("fault", {{"code", 429}, {"times", 1}, {"path", "nodes"}});
  EXPECT_EQ(look().health, Health::unknown);
  order("fault", {{"code", 500}, {"times", 1}, {"path", "nodes"}});
  EXPECT_EQ(look().health, Health::failed);
  order("fault", {{"do", "half"}, {"times", 1}, {"path", "nodes"}});
  EXPECT_EQ(look().health, Health::failed);
  write_kubeconfig("{tokenFile: missing}");
  EXPECT_EQ(look().health, Health::unknown);
  write_kubeconfig("{}");
  processes.request_stop();
  wait(processes.join());
  const Observation seen = look();
  EXPECT_EQ(seen.health, Health::failed);
  EXPECT_EQ(seen.summary, "connection refused");
}

TEST_F(Nodes, AreLookedAtTogetherWithTheirPods) {
  const Json settings = {{"selector", "app=web"}};
  EXPECT_EQ(verdict(settings), "critical: 3 of 3 nodes ready; no pods of app=web");
  const Json web = {{"metadata", {{"name", "web"}}},
                    {"spec",
                     {{"replicas", 2},
                      {"selector", {{"matchLabels", {{"app", "web"}}}}},
                      {"template",
                       {{"metadata", {{"labels", {{"app", "web"}}}}},
                        {"spec", {{"containers", {{{"name", "c"}, {"image", "i"}}}}}}}}}}};
  ask("POST", object_path("apps/v1", "deployments", "default"), web);
  EXPECT_TRUE(world.becomes([&] {
    return verdict(settings) == "healthy: 3 of 3 nodes ready; 2 of 2 pods ready";
  })) << verdict(settings);
}

TEST_F(Nodes, AreWatchedThroughClosedConnectionsAndForgottenVersions) {
  struct Notes final : Watcher {
    void wake(std::string what) override { told.push_back(std::move(what)); }
    void sample(DatabaseFacts) override {}
    std::vector<std::string> told;
  } notes;
  const auto probe = make();
  Scope scope(world.context.get_executor(), nullptr);
  order("watches", {{"close_after", 1}});
  scope.spawn("watch", (*probe)->watch(notes));
  ASSERT_TRUE(world.becomes([&] { return asked("GET", "watch=true") >= 2; }));
  set_ready("node-2", false);
  ASSERT_TRUE(world.becomes([&] { return !notes.told.empty(); }));
  EXPECT_EQ(notes.told.front(), "node node-2 is not ready");
  order("fault", {{"code", 410}, {"times", 1}, {"path", "watch=true"}});
  const std::size_t lists = asked("GET", "limit=");
  ASSERT_TRUE(world.becomes([&] { return asked("GET", "limit=") > lists; }));
  set_ready("node-2", true);
  EXPECT_TRUE(world.becomes([&] { return notes.told.size() >= 2; }));
  scope.request_stop();
  wait(scope.join());
}

TEST_F(Nodes, AreMissedWhenTheyChangedBetweenTwoWatches) {
  struct Notes final : Watcher {
    void wake(std::string what) override { told.push_back(std::move(what)); }
    void sample(DatabaseFacts) override {}
    std::vector<std::string> told;
  } notes;
  order("nodes", {{"count", 0}});
  const auto probe = make();
  Scope scope(world.context.get_executor(), nullptr);
  scope.spawn("watch", (*probe)->watch(notes));
  ASSERT_TRUE(world.becomes([&] { return asked("GET", "watch=true") >= 1; }));
  // The watch ends in 410, and only the next list shows what came meanwhile.
  order("fault", {{"code", 410}, {"path", "watch=true"}});
  order("watches", {{"close_after", 0}});
  order("compact", Json::object());
  order("nodes", {{"count", 2}});
  EXPECT_TRUE(world.becomes([&] { return !notes.told.empty(); }));
  scope.request_stop();
  wait(scope.join());
}

TEST_F(Nodes, MustBeReadyForAPreflight) {
  const auto inspect = [&](const Json& settings) {
    const auto action = nodes_ready_kind(clusters).make(
        ActionContext{nullptr, "demo", SiteName("a"), settings}, world.services);
    EXPECT_TRUE(action) << action.error().message;
    const auto found = wait((*action)->inspect(StepCall(soon())));
    return std::string(to_string(found->finding)) + ": " + found->because;
  };
  const Json settings = {{"contexts", {"east"}}};
  EXPECT_EQ(inspect(settings), "done: east: 3 of 3 nodes ready");
  set_ready("node-3", false);
  EXPECT_EQ(inspect(settings), "blocked: east: 2 of 3 nodes ready (not: node-3)");
  EXPECT_EQ(inspect({{"contexts", {"east"}}, {"at_least", "60%"}}),
            "done: east: 2 of 3 nodes ready (not: node-3)");
  order("nodes", {{"count", 0}});
  EXPECT_EQ(inspect(settings), "blocked: east: no nodes");
}

TEST_F(Nodes, AreRefusedSettingsThatMeanNothing) {
  EXPECT_EQ(make({{"context", "west"}}).error().message, "there is no context \"west\"");
  EXPECT_FALSE(make({{"degraded_below", "many"}}));
  EXPECT_FALSE(make({{"critical_below", "101%"}}));
  EXPECT_FALSE(make({{"degraded_below", "50%"}, {"critical_below", "60%"}}));
}

}  // namespace
}  // namespace bascule::kubernetes
