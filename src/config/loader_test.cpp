// Every key of the two-site example with its default, and the promises of loading as a whole: all
// errors at once, secrets kept apart, references to variables and files, never a crash.
#include "config/loader.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <random>
#include <sstream>

#include "config/sample_kinds.h"
#include "config/test_environment.h"
#include "config/test_files.h"

namespace bascule::config {
namespace {

using test::environment;
using test::replaced;
using test::replaced_everywhere;
using test::shop;
using test::twosite;

Loaded load_text(const std::string& text, const Environment& world = environment()) {
  return load("shop.yaml", text, sample::kinds(), world);
}

std::string complaints(const Loaded& loaded) {
  return to_text(loaded.problems);
}

Json secret_file(const std::string& name) {
  return {{"$secret", "file:/run/bascule-demo/" + name}};
}

class TwoSites : public testing::Test {
 protected:
  void SetUp() override {
    loaded_ = load("twosite.yaml", twosite(), sample::kinds(), environment());
    ASSERT_TRUE(loaded_.ok()) << complaints(loaded_);
    ASSERT_EQ(loaded_.configuration.groups.size(), 1U);
  }
  const Configuration& configuration() { return loaded_.configuration; }
  const GroupSpec& group() { return configuration().groups.front(); }

  Loaded loaded_;
};

TEST_F(TwoSites, WarnsOfNothingButTheHastyThresholdAndTheMissingPlaces) {
  ASSERT_EQ(loaded_.problems.size(), 2U) << complaints(loaded_);
  EXPECT_EQ(loaded_.problems[0].code, "no_place");
  EXPECT_EQ(loaded_.problems[0].message,
            "no `at` says where these are, so they count as surviving every site: observer laptop, "
            "front doors, hook steps");
  EXPECT_EQ(loaded_.problems[1].code, "hasty");
  EXPECT_EQ(summary(loaded_.problems), "2 warnings");
}

TEST_F(TwoSites, GiveTheInstallation) {
  EXPECT_EQ(configuration().cluster, "demo");
  EXPECT_EQ(configuration().observer.name.text(), "laptop");
  EXPECT_EQ(configuration().observer.at, "");
  ASSERT_EQ(configuration().observers.size(), 1U);
  EXPECT_EQ(configuration().observers[0].name.text(), "laptop");
  EXPECT_TRUE(configuration().references.empty());
  EXPECT_EQ(configuration().store_kind, "sqlite");
  EXPECT_EQ(configuration().store_settings, (Json{{"path", "/run/bascule-demo/journal.db"}}));
  EXPECT_EQ(configuration().listen, "127.0.0.1:8420");
  EXPECT_EQ(configuration().resolvers, std::vector<std::string>{"127.0.0.1:5300"});
  EXPECT_EQ(configuration().max_concurrent_runs, 1);
  ASSERT_EQ(configuration().notifiers.size(), 1U);
  EXPECT_EQ(configuration().notifiers[0].kind, "log");
  EXPECT_EQ(configuration().notifiers[0].settings,
            (Json{{"path", "/run/bascule-demo/notifications.jsonl"}}));
}

TEST_F(TwoSites, GiveThePolicyAsWritten) {
  const Policy& policy = group().policy;
  EXPECT_EQ(policy.mode, Mode::automatic);
  EXPECT_EQ(policy.approve_timeout, Duration{600'000});
  EXPECT_FALSE(policy.approve_proceeds_on_timeout);
  EXPECT_EQ(policy.failover_when, (std::vector<std::vector<std::string>>{{"database"}}));
  EXPECT_EQ(policy.detect.interval, Duration{1'000});
  EXPECT_EQ(policy.detect.timeout, Duration{900});
  EXPECT_EQ(policy.detect.failures, 3);
  EXPECT_EQ(policy.detect.window, Duration{5'000});
  EXPECT_EQ(policy.detect.recoveries, 5);
  EXPECT_EQ(policy.detect.confirm, Duration{200});
  EXPECT_EQ(policy.detect.min_duration, Duration{400});
  EXPECT_EQ(policy.cooldown, Duration{600'000});
  EXPECT_EQ(policy.flap_grow, 2);
  EXPECT_EQ(policy.flap_within, Duration{86'400'000});
  EXPECT_EQ(policy.max_data_loss_time, Duration{10'000});
  EXPECT_EQ(policy.max_data_loss_bytes, std::int64_t{16} << 20);
  EXPECT_EQ(policy.unknown_data_loss_after, Duration{60'000});
  EXPECT_FALSE(policy.unknown_data_loss_forces);
  EXPECT_EQ(policy.fence.at_least, Rung::cut);
  EXPECT_FALSE(policy.fence.proceed_otherwise);
  EXPECT_EQ(policy.fence.timeout, Duration{2'000});
  EXPECT_EQ(policy.hold_alarm, Duration{86'400'000});
  EXPECT_EQ(policy.quorum, Json("majority"));
  EXPECT_FALSE(policy.automatic_failback_after);
  EXPECT_FALSE(policy.reassert_front_door);
}

TEST_F(TwoSites, GiveTheFrontDoor) {
  ASSERT_TRUE(group().front_door);
  EXPECT_EQ(group().front_door->kind, "dns.record");
  EXPECT_EQ(group().front_door->name, "www.shop.test");
  EXPECT_FALSE(group().front_door->last_writer_wins);
  EXPECT_EQ(group().front_door->settings, (Json{{"servers", {"127.0.0.1:5300"}},
                                                {"zone", "shop.test."},
                                                {"name", "www.shop.test."},
                                                {"type", "A"},
                                                {"ttl", 1'000},
                                                {"key",
                                                 {{"name", "bascule-key."},
                                                  {"algorithm", "hmac-sha256"},
                                                  {"secret", secret_file("tsig.secret")}}}}));
}

TEST_F(TwoSites, GiveChecksWithEveryFieldOfTheirKind) {
  ASSERT_EQ(group().sites.size(), 2U);
  const SiteSpec& amsterdam = group().sites[0];
  ASSERT_EQ(amsterdam.checks.size(), 2U);
  const Json app = {{"url", "http://${{ site.ip }}:8080/health"},
                    {"method", "GET"},
                    {"headers", Json::object()},
                    {"expect", {{"status", {200}}, {"body", ""}}},
                    {"redirects", 10},
                    {"tls", {{"verify", true}}}};
  EXPECT_EQ(amsterdam.checks[0].kind, "http");
  EXPECT_EQ(amsterdam.checks[0].acts_on, ActsOn::critical);
  EXPECT_FALSE(amsterdam.checks[0].watches_database);
  EXPECT_EQ(amsterdam.checks[0].settings, app);
  const Json database = {
      {"host", "${{ site.ip }}"},
      {"port", 5432},
      {"database", "shop"},
      {"user", "monitor"},
      {"password", secret_file("monitor.password")},
      {"sslmode", "disable"},
      {"admin", {{"user", "bascule_admin"}, {"password", secret_file("admin.password")}}},
      {"degraded_lag", 30'000},
      {"critical_lag", 300'000}};
  EXPECT_EQ(amsterdam.checks[1].kind, "postgres");
  EXPECT_TRUE(amsterdam.checks[1].watches_database);
  EXPECT_EQ(amsterdam.checks[1].settings, database);
  // Berlin leaves every default out and has the same.
  const SiteSpec& berlin = group().sites[1];
  ASSERT_EQ(berlin.checks.size(), 2U);
  EXPECT_EQ(berlin.checks[0].settings, app);
  EXPECT_EQ(berlin.checks[0].acts_on, ActsOn::critical);
  EXPECT_EQ(berlin.checks[1].settings, database);
  EXPECT_TRUE(group().checks.empty());
}

TEST_F(TwoSites, GiveTheSites) {
  const SiteSpec& amsterdam = group().sites[0];
  EXPECT_EQ(amsterdam.name.text(), "amsterdam");
  EXPECT_TRUE(amsterdam.can_be_source && amsterdam.can_be_target && amsterdam.can_be_standby);
  EXPECT_EQ(amsterdam.at, "rack-1");
  EXPECT_EQ(amsterdam.vars, (std::map<std::string, std::string>{{"ip", "127.0.1.1"}}));
  EXPECT_EQ(amsterdam.address, "${{ site.ip }}");
  const SiteSpec& berlin = group().sites[1];
  EXPECT_TRUE(berlin.can_be_source && berlin.can_be_target && berlin.can_be_standby);
  EXPECT_EQ(berlin.at, "rack-2");
}

TEST_F(TwoSites, GiveStepsWithTheTraitsOfTheirKind) {
  const SiteSpec& site = group().sites[0];
  ASSERT_EQ(site.preflight.size(), 1U);
  EXPECT_EQ(site.preflight[0].blocks, Blocks::planned);
  EXPECT_EQ(site.preflight[0].item.with, (Json{{"check", "database"}, {"max", 30'000}}));
  ASSERT_EQ(site.fence.size(), 2U);
  const StepSpec& seal = site.fence[0];
  EXPECT_EQ(seal.rung, Rung::sealed);
  EXPECT_EQ(seal.on_failure, OnFailure::continue_);
  EXPECT_TRUE(seal.on_failure_written);
  EXPECT_EQ(seal.timeout, Duration{300'000});
  EXPECT_FALSE(seal.retries);
  EXPECT_TRUE(seal.needs.empty());
  const StepSpec& cut = site.fence[1];
  EXPECT_EQ(cut.rung, Rung::cut);
  EXPECT_EQ(cut.on_failure, OnFailure::park);
  EXPECT_FALSE(cut.on_failure_written);
  EXPECT_EQ(cut.timeout, Duration{5'000});
  EXPECT_TRUE(cut.needs.empty());
  EXPECT_TRUE(cut.reversible);
  EXPECT_EQ(cut.delivery, Delivery::proven);
  EXPECT_EQ(cut.with.at("run"), (Json{"/run/bascule-demo/power", "off", "${{ site.name }}"}));
  ASSERT_EQ(site.activate.size(), 1U);
  EXPECT_FALSE(site.activate[0].reversible);
  EXPECT_EQ(site.activate[0].proven_by, "postgres.caught_up");
  EXPECT_EQ(site.activate[0].on_failure, OnFailure::rollback);
  ASSERT_EQ(site.verify.size(), 1U);
  EXPECT_EQ(site.verify[0].with.at("every"), Json(250));
  EXPECT_EQ(site.verify[0].on_failure, OnFailure::rollback);
  ASSERT_EQ(site.protect.size(), 1U);
  EXPECT_EQ(site.protect[0].on_failure, OnFailure::obligation);
  EXPECT_EQ(site.protect[0].timeout, Duration{120'000});
}

TEST_F(TwoSites, SurviveTheWayThroughTheJournal) {
  const auto back = configuration_from_json(to_json(configuration()));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(to_json(*back), to_json(configuration()));
}

TEST(Loading, ReadsWhatAPolicyDoesByItself) {
  const Loaded loaded = load_text(replaced(shop(), "      mode: automatic\n",
                                           "      mode: automatic\n"
                                           "      failback: {automatic: {after: 2h}}\n"
                                           "      reassert_front_door: true\n"));
  ASSERT_TRUE(loaded.ok()) << complaints(loaded);
  const Policy& policy = loaded.configuration.groups[0].policy;
  EXPECT_EQ(policy.automatic_failback_after, Duration{7'200'000});
  EXPECT_TRUE(policy.reassert_front_door);
}

TEST(Loading, FillsInTheDefaultsOfAPolicyThatSaysNothing) {
  const Loaded loaded = load_text(replaced(shop(),
                                           "    policy:\n      mode: automatic\n"
                                           "      failover_when: [database]\n"
                                           "      detect: {interval: 5s, timeout: 2s}\n",
                                           ""));
  ASSERT_TRUE(loaded.ok()) << complaints(loaded);
  const Policy& policy = loaded.configuration.groups[0].policy;
  EXPECT_EQ(policy.mode, Mode::manual);
  EXPECT_EQ(policy.detect.interval, Duration{30'000});
  EXPECT_EQ(policy.detect.timeout, Duration{5'000});
  EXPECT_EQ(policy.detect.failures, 3);
  EXPECT_EQ(policy.detect.window, Duration{90'000});
  EXPECT_EQ(policy.detect.recoveries, 5);
  EXPECT_FALSE(policy.detect.confirm);
  EXPECT_EQ(policy.detect.min_duration, Duration{60'000});
  EXPECT_EQ(policy.cooldown, Duration{3'600'000});
  EXPECT_EQ(policy.flap_grow, 2);
  EXPECT_EQ(policy.flap_within, Duration{86'400'000});
  EXPECT_FALSE(policy.max_data_loss_time);
  EXPECT_FALSE(policy.max_data_loss_bytes);
  EXPECT_EQ(policy.unknown_data_loss_after, Duration{60'000});
  EXPECT_EQ(policy.fence.at_least, Rung::sealed);
  EXPECT_EQ(policy.fence.timeout, Duration{5'000});
  EXPECT_EQ(policy.hold_alarm, Duration{86'400'000});
  EXPECT_EQ(loaded.configuration.cluster, "default");
  EXPECT_EQ(loaded.configuration.max_concurrent_runs, 3);
  EXPECT_EQ(loaded.configuration.groups[0].sites[0].at, "a");
}

TEST(Loading, ComputesWindowAndDurationFromWhatIsWritten) {
  const Loaded plain = load_text(
      replaced(shop(), "{interval: 5s, timeout: 2s}", "{interval: 10s, timeout: 2s, failures: 4}"));
  ASSERT_TRUE(plain.ok()) << complaints(plain);
  EXPECT_EQ(plain.configuration.groups[0].policy.detect.window, Duration{40'000});
  EXPECT_EQ(plain.configuration.groups[0].policy.detect.min_duration, Duration{30'000});
  const Loaded confirmed = load_text(replaced(shop(), "{interval: 5s, timeout: 2s}",
                                              "{interval: 10s, timeout: 2s, confirm: 500ms}"));
  ASSERT_TRUE(confirmed.ok()) << complaints(confirmed);
  EXPECT_EQ(confirmed.configuration.groups[0].policy.detect.min_duration, Duration{1'000});
}

TEST(Loading, NamesTheObserverAfterTheHostWhereNothingIsWritten) {
  const Loaded loaded =
      load_text(replaced(shop(), "observer: {name: laptop, at: elsewhere}\n", ""));
  ASSERT_TRUE(loaded.ok()) << complaints(loaded);
  EXPECT_EQ(loaded.configuration.observer.name.text(), "host-7");
}

TEST(Loading, FollowsTheStepAboveUnlessNeedsSaysOtherwise) {
  const std::string verify = "- {name: answers, uses: http.answers, with: {url: \"http://x/\"}}";
  const std::string more =
      verify +
      "\n          - {name: second, uses: http.answers, with: {url: \"http://x/\"}}"
      "\n          - {name: apart, uses: http.answers, needs: [], with: {url: \"http://x/\"}}"
      "\n          - {name: last, uses: http.answers, needs: [apart, answers], with: {url: "
      "\"http://${{ steps.apart.attempts }}/\"}}";
  const Loaded loaded = load_text(replaced(shop(), verify, more));
  ASSERT_TRUE(loaded.ok()) << complaints(loaded);
  const auto& steps = loaded.configuration.groups[0].sites[0].verify;
  ASSERT_EQ(steps.size(), 4U);
  EXPECT_TRUE(steps[0].needs.empty());
  EXPECT_EQ(steps[1].needs, std::vector<std::string>{"answers"});
  EXPECT_TRUE(steps[2].needs.empty());
  EXPECT_EQ(steps[3].needs, (std::vector<std::string>{"apart", "answers"}));
}

TEST(Loading, LetsFencesContinueWhereThePolicySaysProceed) {
  const Loaded loaded = load_text(replaced(shop(), "      mode: automatic\n",
                                           "      mode: automatic\n"
                                           "      fence: {otherwise: proceed}\n"));
  ASSERT_TRUE(loaded.ok()) << complaints(loaded);
  EXPECT_EQ(loaded.configuration.groups[0].sites[0].fence[0].on_failure, OnFailure::continue_);
  EXPECT_FALSE(loaded.configuration.groups[0].sites[0].fence[0].on_failure_written);
}

TEST(Loading, TakesVariablesOfTheSiteFromItsOwnKeys) {
  const Loaded loaded = load_text(
      replaced(shop(), "vars: {ip: 192.0.2.1}", "region: eu\n        vars: {ip: 1, empty: \"\"}"));
  ASSERT_TRUE(loaded.ok()) << complaints(loaded);
  EXPECT_EQ(loaded.configuration.groups[0].sites[0].vars,
            (std::map<std::string, std::string>{{"ip", "1"}, {"region", "eu"}, {"empty", ""}}));
}

TEST(Loading, RendersVariablesWhereANumberIsAsked) {
  std::string text = replaced_everywhere(
      shop(), "database: shop\n", "database: shop\n              port: \"${{ site.port }}\"\n");
  text = replaced(text, "vars: {ip: 192.0.2.1}", "vars: {ip: 192.0.2.1, port: 6001}");
  text = replaced(text, "vars: {ip: 192.0.2.2}", "vars: {ip: 192.0.2.2, port: 6002}");
  const Loaded loaded = load_text(text);
  ASSERT_TRUE(loaded.ok()) << complaints(loaded);
  EXPECT_EQ(loaded.configuration.groups[0].sites[0].checks[0].settings.at("port"), Json(6001));
  EXPECT_EQ(loaded.configuration.groups[0].sites[1].checks[0].settings.at("port"), Json(6002));
}

TEST(Loading, KeepsSecretsApart) {
  const Loaded loaded =
      load_text(replaced(replaced(shop(), "password: hunter2", "password: \"${env:PASSWORD}\""),
                         "password: hunter3", "password: \"${env:ABSENT:-fallback}\""),
                environment({{"PASSWORD", "from-env"}}));
  ASSERT_TRUE(loaded.ok()) << complaints(loaded);
  const Json& settings = loaded.configuration.groups[0].sites[0].checks[0].settings;
  EXPECT_EQ(settings.at("password"), (Json{{"$secret", "env:PASSWORD"}}));
  const std::string path = "groups.shop.sites.a.checks.database.admin.password";
  EXPECT_EQ(settings.at("admin").at("password"), (Json{{"$secret", "inline:" + path}}));
  EXPECT_EQ(loaded.inline_secrets.at(path), "fallback");
  EXPECT_EQ(loaded.inline_secrets.at("groups.shop.sites.b.checks.database.password"), "hunter2");
  const std::string text = bascule::to_text(to_json(loaded.configuration));
  EXPECT_EQ(text.find("hunter"), std::string::npos);
  EXPECT_EQ(text.find("from-env"), std::string::npos);
}

TEST(Loading, ReadsFilesRelativeToTheConfiguration) {
  const Loaded loaded =
      load("/etc/bascule/shop.yaml",
           replaced(shop(), "password: hunter2", "password: \"${file:${env:FOLDER}/monitor}\""),
           sample::kinds(),
           environment({{"FOLDER", "secrets"}}, {{"/etc/bascule/secrets/monitor", "x"}}));
  ASSERT_TRUE(loaded.ok()) << complaints(loaded);
  EXPECT_EQ(loaded.configuration.groups[0].sites[0].checks[0].settings.at("password"),
            (Json{{"$secret", "file:/etc/bascule/secrets/monitor"}}));
}

TEST(Loading, MakesEveryFileReferenceASecretAndLeavesShellVariablesAlone) {
  const Loaded loaded = load_text(
      replaced(shop(), "run: [rejoin, \"${{ active.ip }}\"]",
               "run: [\"${file:/s}\", \"$HOME ${HOME}\", \"$${env:X}\", \"a-${env:X:-b}-c\"]"),
      environment({}, {{"/s", "s"}}));
  ASSERT_TRUE(loaded.ok()) << complaints(loaded);
  EXPECT_EQ(loaded.configuration.groups[0].sites[0].protect[0].with.at("run"),
            (Json{{{"$secret", "file:/s"}}, "$HOME ${HOME}", "${env:X}", "a-b-c"}));
}

TEST(Loading, TakesPlainWordsAsTextsAndVariablesAsWhatTheyHold) {
  const Loaded loaded = load_text(
      replaced(shop(), "database: shop\n", "database: 010\n              port: \"${env:PORT}\"\n"),
      environment({{"PORT", "6000"}}));
  ASSERT_TRUE(loaded.ok()) << complaints(loaded);
  const Json& settings = loaded.configuration.groups[0].sites[0].checks[0].settings;
  EXPECT_EQ(settings.at("database"), Json("010"));
  EXPECT_EQ(settings.at("port"), Json(6000));
}

TEST(Loading, TakesAStoreAsTextAsWordAndAsMapping) {
  const std::string line = "store: sqlite:///var/lib/bascule/journal.db";
  for (const std::string store : {"store: memory", "store: \"memory:\"", "store: {memory: {}}"}) {
    const Loaded loaded = load_text(replaced(shop(), line, store));
    ASSERT_TRUE(loaded.ok()) << complaints(loaded);
    EXPECT_EQ(loaded.configuration.store_kind, "memory");
    EXPECT_EQ(loaded.configuration.store_settings, Json::object());
  }
  const Loaded mapping = load_text(replaced(shop(), line, "store: {sqlite: {path: /j}}"));
  ASSERT_TRUE(mapping.ok()) << complaints(mapping);
  EXPECT_EQ(mapping.configuration.store_settings, (Json{{"path", "/j"}}));
}

TEST(Loading, TakesReferencesInTheirShortForm) {
  const Loaded loaded = load_text(
      "references: [{tcp: \"192.0.2.1:53\", at: outside}, {tcp: \"[2001:db8::1]:53\"}, "
      "{http: \"http://x/\"}]\n" +
      shop());
  ASSERT_TRUE(loaded.ok()) << complaints(loaded);
  ASSERT_EQ(loaded.configuration.references.size(), 3U);
  EXPECT_EQ(loaded.configuration.references[0].kind, "tcp");
  EXPECT_EQ(loaded.configuration.references[0].at, "outside");
  EXPECT_EQ(loaded.configuration.references[0].settings,
            (Json{{"host", "192.0.2.1"}, {"port", 53}}));
  EXPECT_EQ(loaded.configuration.references[1].settings,
            (Json{{"host", "2001:db8::1"}, {"port", 53}}));
  EXPECT_EQ(loaded.configuration.references[2].settings.at("url"), Json("http://x/"));
}

TEST(Loading, ToleratesAByteOrderMarkAndCarriageReturns) {
  const Loaded loaded =
      load_text("\xEF\xBB\xBF" + replaced_everywhere(shop(), "\n", "\r\n") + "nonsense: 1\r\n");
  ASSERT_EQ(loaded.problems.size(), 1U) << complaints(loaded);
  EXPECT_EQ(loaded.problems[0].column, 1U);
  EXPECT_EQ(loaded.problems[0].message, "unknown key `nonsense` in the configuration");
}

TEST(Loading, ReportsEverythingAtOnceInTheOrderOfTheFile) {
  std::string text = replaced(shop(), "observer:", "observr:");
  text = replaced(text, "interval: 5s", "interval: 5");
  text = replaced(text, "uses: postgres.fence", "uses: postgres.fense");
  text = replaced(text, "${{ active.ip }}", "${{ active.op }}");
  const Loaded loaded = load_text(text);
  std::vector<std::string> codes;
  std::size_t line = 0;
  for (const Problem& problem : loaded.problems) {
    EXPECT_GE(problem.line, line);
    line = problem.line;
    if (problem.severity == ProblemSeverity::error) codes.push_back(problem.code);
  }
  EXPECT_EQ(codes, (std::vector<std::string>{"unknown_key", "no_unit", "unknown_uses",
                                             "unknown_reference"}))
      << complaints(loaded);
}

TEST(Loading, SaysWhyAFileCannotBeRead) {
  const Loaded missing = load_file("/nowhere.yaml", sample::kinds(), environment());
  ASSERT_EQ(missing.problems.size(), 1U);
  EXPECT_EQ(to_text(missing.problems[0]),
            "/nowhere.yaml:1:1: error: the file cannot be read: no such file\n");
  const Loaded found =
      load_file("/shop.yaml", sample::kinds(), environment({}, {{"/shop.yaml", shop()}}));
  EXPECT_TRUE(found.ok()) << complaints(found);
}

TEST(Loading, NeverCrashesOnATruncatedFile) {
  const std::string whole = twosite();
  const Kinds kinds = sample::kinds();
  const Environment world = environment();
  for (std::size_t length = 0; length < whole.size(); length += 7) {
    const Loaded loaded = load("cut.yaml", whole.substr(0, length), kinds, world);
    for (const Problem& problem : loaded.problems) EXPECT_GE(problem.column, 1U);
    EXPECT_FALSE(to_text(loaded.problems).empty() && length < whole.size() / 2);
  }
}

TEST(Loading, NeverCrashesOnFlippedBytes) {
  const std::string whole = twosite();
  const Kinds kinds = sample::kinds();
  const Environment world = environment();
  std::mt19937 numbers(20261123);
  const std::string characters = "{}[]:,\"'&*!|>#%@`-? \n\t~<$0aé\\\x80\xff\x1b";
  for (int round = 0; round < 1'500; ++round) {
    std::string text = whole;
    for (std::size_t flips = 1 + numbers() % 4; flips > 0; --flips) {
      const std::size_t at = numbers() % text.size();
      if (numbers() % 3 == 0) {
        text.erase(at, 1 + numbers() % 40);
      } else if (numbers() % 2 == 0) {
        text.insert(at, 1, characters[numbers() % characters.size()]);
      } else {
        text[at] = characters[numbers() % characters.size()];
      }
    }
    const Loaded loaded = load("flipped.yaml", text, kinds, world);
    EXPECT_EQ(to_text(loaded.problems).find("hunter2"), std::string::npos);
  }
}

TEST(Loading, IsQuickWithAThousandGroups) {
  std::string text =
      "version: 1\nobserver: {name: laptop, at: elsewhere}\nstore: memory\ngroups:\n";
  for (int i = 0; i < 1'000; ++i) {
    text += fmt::format(
        "  - name: g{0}\n    policy: {{mode: automatic, failover_when: [app]}}\n    sites:\n", i);
    for (const char* site : {"a", "b"}) {
      text += fmt::format(
          "      - name: {0}\n        checks: [{{name: app, tcp: \"{0}.g{1}.test:80\"}}]\n"
          "        fence: [{{name: off, uses: hook, with: {{rung: cut, run: [off], proof: "
          "[is-off]}}}}]\n"
          "        activate: [{{name: on, uses: hook, with: {{run: [on], proof: [is-on]}}}}]\n",
          site, i);
    }
  }
  ASSERT_LT(text.size(), std::size_t{1} << 20);
  const auto begin = std::chrono::steady_clock::now();
  const Loaded loaded = load_text(text);
  const auto took = std::chrono::steady_clock::now() - begin;
  ASSERT_TRUE(loaded.ok()) << complaints(loaded);
  EXPECT_EQ(loaded.configuration.groups.size(), 1'000U);
  // Under 1s as released; the bound here leaves room for builds without optimisation.
  EXPECT_LT(took, std::chrono::seconds(5));
}

}  // namespace
}  // namespace bascule::config
