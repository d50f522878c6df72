// What the tests of the actions need beside a cluster: a deployment, a route, an ingress in it, and
// calls of a run. Only for tests.
#pragma once

#include <string>
#include <utility>

#include "ports/action_contract_for_test.h"
#include "providers/kubernetes/kubernetes_world_for_test.h"
#include "providers/kubernetes/object.h"

namespace bascule::kubernetes {

struct ActionsWorld : KubernetesWorld {
  inline static const std::string kWeb = object_path("apps/v1", "deployments", "default", "web");
  inline static const std::string kRoute =
      object_path("gateway.networking.k8s.io/v1", "httproutes", "default", "shop");
  inline static const std::string kIngress =
      object_path("networking.k8s.io/v1", "ingresses", "default", "shop");

  void make_deployment(int replicas = 2) {
    const Json labels = {{"app", "web"}};
    const Json pod = {{"metadata", {{"labels", labels}}},
                      {"spec", {{"containers", {{{"name", "c"}, {"image", "i"}}}}}}};
    const Json spec = {
        {"replicas", replicas}, {"selector", {{"matchLabels", labels}}}, {"template", pod}};
    create("apps/v1", "deployments", {{"metadata", {{"name", "web"}}}, {"spec", spec}});
    settle();
  }
  void create(const std::string& version, const std::string& plural, const Json& object) {
    const Json made = ask("POST", object_path(version, plural, "default"), object);
    ASSERT_NE(text_or(made, "kind"), "Status") << to_text(made);
  }
  // Until the rollout that goes on is over.
  void settle() {
    EXPECT_TRUE(world.becomes([&] {
      const Json web = ask("GET", kWeb);
      const std::int64_t wanted = number(web, {"spec", "replicas"});
      return number(web, {"status", "observedGeneration"}) ==
                 number(web, {"metadata", "generation"}) &&
             number(web, {"status", "replicas"}) == wanted &&
             number(web, {"status", "updatedReplicas"}) == wanted &&
             number(web, {"status", "availableReplicas"}) == wanted;
    }));
  }
  void behave(const std::string& resource, const std::string& name, const std::string& how) {
    order("behaviour", {{"resource", resource}, {"name", name}, {"do", how}});
  }

  std::shared_ptr<Action> make(const ActionKind& kind, Json settings) {
    settings["context"] = "east";
    auto made = kind.make(ActionContext{nullptr, "demo", SiteName("a"), settings}, world.services);
    EXPECT_TRUE(made) << made.error().message;
    return made ? *made : nullptr;
  }
  std::string refusal(const ActionKind& kind, Json settings) {
    settings["context"] = "east";
    auto made = kind.make(ActionContext{nullptr, "demo", SiteName("a"), settings}, world.services);
    return made ? "" : made.error().message;
  }
  StepCall call(Json prior = nullptr, const std::string& run = "r1",
                Duration limit = Duration{20'000}) {
    StepCall made(soon(limit));
    made.run = RunId(run);
    made.step = StepId("activate/step");
    made.prior = std::move(prior);
    return made;
  }
  Inspection inspect(Action& action, const std::string& run = "r1") {
    const Result<Inspection> found = wait(action.inspect(call(nullptr, run)));
    EXPECT_TRUE(found) << found.error().message;
    return found ? *found : Inspection();
  }
  // "needed: CHANGE", "blocked: BECAUSE"
  std::string found(Action& action, const std::string& run = "r1") {
    const Inspection seen = inspect(action, run);
    const bool is_needed = seen.finding == Finding::needed;
    const std::string& text = is_needed ? seen.change : seen.because;
    return std::string(to_string(seen.finding)) + (text.empty() ? "" : ": " + text);
  }
  bool becomes(Action& action, Finding finding) {
    return world.becomes([&] { return inspect(action).finding == finding; });
  }
  void keeps_contract(std::shared_ptr<Action> action, std::function<Json()> seen,
                      std::function<Json(const Json&)> restored, bool reversible = true) {
    const ActionContract contract{.context = world.context,
                                  .clock = clock,
                                  .action = std::move(action),
                                  .call = [&] { return call(); },
                                  .world = std::move(seen),
                                  .restored = std::move(restored),
                                  .reversible = reversible};
    contract.check();
  }
  // What every action of this room does when the cluster does not do as it should.
  void ends_well_under_faults(Action& action, const std::string& path) {
    struct Row {
      Json fault;
      ErrorCode inspected;
      ErrorCode applied;
    };
    const auto status = [&](int code) { return Json{{"code", code}, {"path", path}}; };
    const auto broken = [&](const char* what) { return Json{{"do", what}, {"path", path}}; };
    for (const Row& row : {Row{status(401), ErrorCode::denied, ErrorCode::denied},
                           Row{status(403), ErrorCode::denied, ErrorCode::denied},
                           Row{status(409), ErrorCode::conflict, ErrorCode::conflict},
                           Row{status(410), ErrorCode::conflict, ErrorCode::conflict},
                           Row{status(429), ErrorCode::throttled, ErrorCode::throttled},
                           Row{status(500), ErrorCode::unavailable, ErrorCode::unavailable},
                           Row{broken("half"), ErrorCode::unavailable, ErrorCode::outcome_unknown},
                           Row{broken("hang"), ErrorCode::timeout, ErrorCode::outcome_unknown}}) {
      order("fault", row.fault);
      const bool hangs = text_or(row.fault, "do") == "hang";
      const Duration limit{hangs ? 200 : 20'000};
      const auto inspected = wait(action.inspect(call(nullptr, "r1", limit)));
      order("clear", Json::object());
      ASSERT_FALSE(inspected) << to_text(row.fault);
      EXPECT_EQ(inspected.error().code, row.inspected) << inspected.error().message;
      Json fault = row.fault;
      fault["method"] = "PATCH|POST";
      order("fault", fault);
      const auto applied = wait(action.apply(call(nullptr, "r1", limit)));
      order("clear", Json::object());
      // A job that is there already needs nothing more.
      if (applied) continue;
      EXPECT_EQ(applied.error().code, row.applied)
          << to_text(row.fault) << ": " << applied.error().message;
    }
  }
};

}  // namespace bascule::kubernetes
