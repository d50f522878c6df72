#include "model/configuration.h"

#include <gtest/gtest.h>

#include "model/plan.h"
#include "model/record_examples.h"

namespace bascule {
namespace {

StepSpec step_spec(std::string name) {
  StepSpec step;
  step.name = std::move(name);
  step.uses = "hook";
  step.with = {{"command", {"/bin/fence", "${{ site.ip }}"}}, {"secret", {{"$secret", "env:KEY"}}}};
  step.needs = {"before"};
  step.on_failure = OnFailure::continue_;
  step.on_failure_written = true;
  step.timeout = Duration{2'000};
  step.retries = 4;
  step.reversible = false;
  step.rung = Rung::cut;
  step.delivery = Delivery::at_least_once;
  step.proven_by = "postgres.caught_up";
  return step;
}

CheckSpec check_spec() {
  return {CheckName("database"), "postgres", {{"port", 5432}}, ActsOn::failed, true};
}

SiteSpec site_spec() {
  SiteSpec site;
  site.name = SiteName("amsterdam");
  site.can_be_source = false;
  site.can_be_target = false;
  site.can_be_standby = false;
  site.at = "eu-west";
  site.vars = {{"ip", "127.0.1.1"}};
  site.address = "${{ site.ip }}";
  site.checks = {check_spec()};
  site.preflight = {{step_spec("backup"), Blocks::never}};
  site.fence = {step_spec("seal"), step_spec("cut")};
  site.activate = {step_spec("promote")};
  site.verify = {step_spec("answers")};
  site.protect = {step_spec("rejoin")};
  return site;
}

Policy policy() {
  Policy policy;
  policy.mode = Mode::automatic;
  policy.approve_timeout = Duration{1};
  policy.approve_proceeds_on_timeout = true;
  policy.failover_when = {{"database"}, {"api", "www"}};
  policy.detect = {Duration{2}, Duration{3}, 4, Duration{5}, 6, Duration{7}, Duration{8}};
  policy.cooldown = Duration{9};
  policy.flap_grow = 10;
  policy.flap_within = Duration{11};
  policy.max_data_loss_time = Duration{12};
  policy.max_data_loss_bytes = 13;
  policy.unknown_data_loss_after = Duration{14};
  policy.unknown_data_loss_forces = true;
  policy.fence = {Rung::attested, true, Duration{15}};
  policy.hold_alarm = Duration{16};
  policy.quorum = {{"outside_site", 1}};
  policy.automatic_failback_after = Duration{17};
  policy.reassert_front_door = true;
  return policy;
}

Configuration full_configuration() {
  Configuration configuration;
  configuration.cluster = "demo";
  configuration.observer = {ObserverName("laptop"), "desk"};
  configuration.observers = {configuration.observer};
  configuration.references = {{"tcp", {{"address", "192.0.2.1:53"}}, "elsewhere"}};
  configuration.store_kind = "sqlite";
  configuration.store_settings = {{"path", "/var/lib/bascule/journal.db"}};
  configuration.listen = "127.0.0.1:1";
  configuration.access.tokens = {{"oncall", "operator", "sha256:00", Instant{Duration{18}}}};
  configuration.access.certificate_file = "/etc/bascule/api.pem";
  configuration.access.key_file = "/etc/bascule/api.key";
  configuration.resolvers = {"127.0.0.1:5300"};
  configuration.kubernetes_contexts = {
      {"east", true, "/etc/bascule/kubeconfig", "prod", Duration{19}}};
  configuration.max_concurrent_runs = 1;
  configuration.notifiers = {{"log", {{"path", "n.jsonl"}}}};
  GroupSpec group;
  group.name = GroupName("shop");
  group.policy = policy();
  group.checks = {check_spec()};
  group.front_door = FrontDoorSpec{"dns.record", {{"zone", "shop.test."}}, "www.shop.test", true};
  group.reports = {{"folder", {{"path", "/var/lib/bascule/reports"}}}};
  group.sites = {site_spec(), site_spec()};
  group.sites.back().name = SiteName("berlin");
  configuration.groups = {group};
  return configuration;
}

// Every leaf differs from what an empty value of the same shape would have.
void expect_no_defaults(const Json& full, const Json& plain, const std::string& where) {
  if (!full.is_object() || !plain.is_object() || plain.empty()) {
    EXPECT_NE(full, plain) << where;
    return;
  }
  for (const auto& [key, value] : full.items()) {
    ASSERT_TRUE(plain.contains(key)) << where << "." << key;
    expect_no_defaults(value, plain[key], where + "." + key);
  }
}

TEST(Configurations, EveryMemberComesBackFromItsStoredForm) {
  const Json json = to_json(full_configuration());
  const auto back = configuration_from_json(json);
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(to_json(*back), json);

  expect_no_defaults(json, to_json(Configuration{}), "configuration");
  const GroupSpec& group = back->groups.at(0);
  expect_no_defaults(to_json(group), to_json(GroupSpec{}), "group");
  GroupSpec plain;
  plain.sites.resize(1);
  expect_no_defaults(to_json(group)["sites"][0], to_json(plain)["sites"][0], "site");
  expect_no_defaults(to_json(group.sites.at(0).fence.at(0)), to_json(StepSpec{}), "step");
  EXPECT_EQ(group.policy.detect.confirm, Duration{7});
  EXPECT_EQ(group.policy.fence.at_least, Rung::attested);
  EXPECT_EQ(group.sites.at(1).fence.at(1).name, "cut");
  EXPECT_EQ(group.front_door->name, "www.shop.test");
}

TEST(Configurations, DefaultsAndAbsentValuesComeBack) {
  Configuration configuration;
  configuration.groups.emplace_back().sites.resize(2);
  const auto back = configuration_from_json(to_json(configuration));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(to_json(*back), to_json(configuration));
  EXPECT_EQ(back->groups[0].front_door.has_value(), false);
  EXPECT_EQ(back->groups[0].policy.max_data_loss_time, std::nullopt);
}

TEST(Configurations, AnythingElseIsRefusedWithItsPlace) {
  Json json = to_json(full_configuration());
  json["groups"][0]["sites"][1]["fence"][0]["rung"] = "nailed";
  EXPECT_EQ(configuration_from_json(json).error().message,
            "groups[0].sites[1].fence[0].rung is 'nailed', which this build does not know");
  json = to_json(full_configuration());
  json["groups"][0]["policy"].erase("mode");
  EXPECT_EQ(configuration_from_json(json).error().message, "groups[0].policy.mode is missing");
  json = to_json(full_configuration());
  json["colour"] = "red";
  EXPECT_FALSE(configuration_from_json(json));
  EXPECT_FALSE(configuration_from_json(Json::array()));
  EXPECT_EQ(configuration_from_json(nullptr).error().message, "it is not an object");
}

TEST(Configurations, StepsAndPlansComeBack) {
  const StepSpec spec = step_spec("cut");
  EXPECT_EQ(to_json(*step_spec_from_json(to_json(spec))), to_json(spec));
  EXPECT_EQ(to_json(*step_from_json(to_json(examples::step()))), to_json(examples::step()));
  const Plan plan = examples::plan();
  const auto back = plan_from_json(to_json(plan));
  ASSERT_TRUE(back);
  EXPECT_EQ(to_json(*back), to_json(plan));
  ASSERT_NE(back->find(StepId("front_door/switch")), nullptr);
  EXPECT_EQ(back->find(StepId("front_door/switch"))->uses, "dns.record");
  EXPECT_EQ(back->find(StepId("front_door/claim")), nullptr);
}

TEST(Configurations, AreFoundByName) {
  const Configuration configuration = full_configuration();
  const GroupSpec* group = configuration.find_group(GroupName("shop"));
  ASSERT_NE(group, nullptr);
  EXPECT_EQ(configuration.find_group(GroupName("blog")), nullptr);
  ASSERT_NE(group->find_site(SiteName("berlin")), nullptr);
  EXPECT_EQ(group->find_site(SiteName("paris")), nullptr);
  EXPECT_EQ(group->home().name, SiteName("amsterdam"));
  EXPECT_EQ(to_string(CheckReference{GroupName("shop"), SiteName("berlin"), CheckName("db")}),
            "berlin/db");
  EXPECT_EQ(to_string(CheckReference{GroupName("shop"), {}, CheckName("public")}), "public");
}

TEST(Configurations, FingerprintsDependOnTheValueOnly) {
  EXPECT_EQ(fingerprint(Json::object()), "44136fa355b3");  // SHA-256 of "{}"
  EXPECT_EQ(fingerprint(Json{{"a", 1}, {"b", 2}}), fingerprint(Json{{"b", 2}, {"a", 1}}));
  EXPECT_NE(fingerprint(Json{{"a", 1}}), fingerprint(Json{{"a", 2}}));
}

}  // namespace
}  // namespace bascule
