// The check `hook`: what exit codes and output mean, and that a look ends in time and alone,
// whatever the command does.
#include "providers/hook/check.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <utility>

#include "async/scope.h"
#include "ports/plain_world_for_test.h"
#include "ports/probe_contract_for_test.h"
#include "providers/hook/left_behind_for_test.h"

namespace bascule::hook {
namespace {

struct HookCheckTest : testing::Test {
  PlainWorld world;
  TemporaryFolder folder;
  // Other tests of the same machine have checks too.
  CheckReference reference{GroupName("shop"), SiteName("amsterdam"),
                           CheckName("app-" + std::to_string(::getpid()))};

  static Json shell(const std::string& text) { return Json::array({"sh", "-c", text}); }
  Result<std::shared_ptr<Probe>> make(const Json& settings) {
    return probe_kind().make(ProbeContext{nullptr, reference, settings, Duration{5'000}},
                             world.services);
  }
  Observation look(const Json& settings, Duration limit = Duration{20'000}) {
    return world.wait(make(settings).value()->look(world.in(limit)));
  }
  Observation run(const std::string& script, Duration limit = Duration{20'000}) {
    return look({{"run", shell(script)}}, limit);
  }
  std::vector<std::string> environment(const std::string& parent) {
    return {"BASCULE_GROUP=shop", "BASCULE_SITE=amsterdam",
            "BASCULE_CHECK=" + reference.check.text(), "BASCULE_PARENT=" + parent};
  }
};

struct End {
  std::string script;
  Health health;
  std::string summary;
};

TEST_F(HookCheckTest, ExitCodesMeanWhatPluginsMeanByThem) {
  for (const End& end :
       {End{"echo OK - 3 of 3; exit 0", Health::healthy, "OK - 3 of 3"},
        End{"echo WARNING - 2 of 3; exit 1", Health::degraded, "WARNING - 2 of 3"},
        End{"echo CRITICAL - 0 of 3; exit 2", Health::critical, "CRITICAL - 0 of 3"},
        End{"echo UNKNOWN - no such option; exit 3", Health::unknown, "UNKNOWN - no such option"},
        End{"exit 0", Health::healthy, "ended with code 0"},
        End{"echo only to stderr >&2; exit 2", Health::critical, "only to stderr"},
        End{"echo strange; exit 4", Health::unknown, "sh ended with code 4: strange"},
        End{"exit 127", Health::unknown, "sh ended with code 127"},
        End{"kill -11 $$", Health::unknown, "sh was ended by signal 11 (Segmentation fault)"}}) {
    const Observation seen = run(end.script);
    EXPECT_EQ(seen.health, end.health) << end.script;
    EXPECT_EQ(seen.summary, end.summary) << end.script;
    EXPECT_TRUE(seen.latency) << end.script;
  }
}

TEST_F(HookCheckTest, TheFirstLineIsTheSummaryAndPerformanceDataStandBehindABar) {
  const Observation seen =
      run("echo 'LOAD OK | load1=0.5;5;10 load5=0.4'; echo 'a line more'; echo 'and one'");
  EXPECT_EQ(seen.summary, "LOAD OK");
  EXPECT_EQ(seen.detail["performance"], "load1=0.5;5;10 load5=0.4");
  EXPECT_EQ(seen.detail["text"], "a line more and one");
  EXPECT_EQ(seen.detail["exit_code"], 0);
}

TEST_F(HookCheckTest, NotInTimeIsFailedAndTheWholeGroupIsKilledBeforeTheDeadline) {
  const std::string pid = folder.path("pid");
  const Deadline limit = world.in(Duration{1'000});
  const auto probe = make({{"run", shell("trap '' TERM; sleep 600 & echo $! >" + pid +
                                         "; echo asking the switch; while :; do sleep 1; done")}})
                         .value();
  const Observation seen = world.wait(probe->look(limit));
  EXPECT_EQ(seen.health, Health::failed);
  EXPECT_EQ(seen.error->code, ErrorCode::timeout);
  EXPECT_NE(seen.summary.find("was killed; it said last: asking the switch"), std::string::npos)
      << seen.summary;
  const pid_t process = std::stoi(folder.read("pid"));
  EXPECT_TRUE(world.becomes([&] { return !is_alive(process); }));
}

TEST_F(HookCheckTest, ACommandThatCannotStartSaysNothingAboutWhatItLooksAt) {
  folder.write("plain", "not a program");
  for (const std::string& program : {folder.path("missing"), folder.path("plain")}) {
    const Observation seen = look({{"run", {program}}});
    EXPECT_EQ(seen.health, Health::unknown);
    EXPECT_NE(seen.summary.find(program), std::string::npos) << seen.summary;
    EXPECT_TRUE(seen.error);
  }
}

TEST_F(HookCheckTest, ItsEnvironmentSaysWhatItIsForAndHoldsWhatIsConfigured) {
  const Observation seen =
      look({{"run", shell("echo $BASCULE_GROUP/$BASCULE_SITE/$BASCULE_CHECK $REGION; pwd -P")},
            {"environment", {{"REGION", "eu west"}}},
            {"directory", "/"}});
  EXPECT_EQ(seen.summary, to_string(reference).insert(0, "shop/") + " eu west");
  EXPECT_EQ(seen.detail["text"], "/");
}

TEST_F(HookCheckTest, SecretsReachTheCommandAndNoObservation) {
  const Json word{{"$secret", "hunter2"}};
  const Json variable{{"$secret", "correct horse battery"}};
  const Json settings{
      {"run",
       Json::array({"sh", "-c", "echo $0 and $TOKEN '|' t=$0; echo more $TOKEN; exit 2", word})},
      {"environment", {{"TOKEN", variable}}}};
  const Observation seen = look(settings);
  EXPECT_EQ(seen.summary, "(secret) and (secret)");
  EXPECT_EQ(seen.detail["performance"], "t=(secret)");
  EXPECT_EQ(seen.detail["text"], "more (secret)");
  const Observation late =
      look({{"run", Json::array({"sh", "-c", "echo $0; sleep 600", word})}}, Duration{1'000});
  EXPECT_EQ(late.summary.find("hunter2"), std::string::npos) << late.summary;
}

TEST_F(HookCheckTest, EndlessAndBinaryOutputIsBoundedAndHarmless) {
  const Observation much = run("head -c 200000000 /dev/zero | tr '\\0' x; exit 1");
  EXPECT_EQ(much.health, Health::degraded);
  EXPECT_EQ(much.summary.size(), 300U);
  const Observation noise = run("printf '\\033]0;title\\007\\377 done'; head -c 9000 /dev/urandom");
  EXPECT_EQ(noise.summary.find('\x1b'), std::string::npos);
  EXPECT_EQ(noise.detail, canonical(noise.detail)) << "valid UTF-8";
  EXPECT_LT(to_text(noise.detail).size(), 20'000U);
}

TEST_F(HookCheckTest, ADaemonThatKeepsThePipesOpenDelaysNothing) {
  const std::string pid = folder.path("pid");
  const Observation seen = run("sleep 600 & echo $! >" + pid + "; echo fine");
  EXPECT_EQ(seen.health, Health::healthy);
  EXPECT_EQ(seen.summary, "fine");
  ::kill(std::stoi(folder.read("pid")), SIGKILL);
}

awaitable<void> look_into(std::shared_ptr<Probe> probe, Deadline deadline, Observation* place) {
  *place = co_await probe->look(deadline);
}

TEST_F(HookCheckTest, ItNeverRunsBesideItself) {
  // Two at a time would find the folder that the other made.
  const auto probe = make({{"run", shell("mkdir " + folder.path("alone") + " && echo well; rmdir " +
                                         folder.path("alone"))}})
                         .value();
  Scope scope(world.context.get_executor(), nullptr);
  std::array<Observation, 4> seen;
  for (Observation& one : seen)
    scope.spawn("look", look_into(probe, world.in(Duration{60'000}), &one));
  world.wait(scope.join());
  for (const Observation& one : seen) EXPECT_EQ(one.summary, "well");
}

TEST_F(HookCheckTest, OneThatGetsNoTurnInTimeIsWithoutAnswer) {
  const auto probe =
      make({{"run", shell("echo run >>" + folder.path("runs") + "; sleep 600")}}).value();
  Scope scope(world.context.get_executor(), nullptr);
  Observation first;
  scope.spawn("first", look_into(probe, world.in(Duration{600'000}), &first));
  ASSERT_TRUE(world.becomes([&] { return folder.read("runs") == "run\n"; }));
  const Observation second = world.wait(probe->look(world.in(Duration{100})));
  EXPECT_EQ(second.health, Health::failed);
  EXPECT_EQ(second.error->code, ErrorCode::timeout);
  EXPECT_EQ(second.summary, "the look before it did not end");
  scope.request_stop();
  world.wait(scope.join());
  EXPECT_EQ(folder.read("runs"), "run\n");
}

TEST_F(HookCheckTest, ItKeepsThePromisesOfEveryProbe) {
  const std::string hangs = folder.path("hangs");
  const ProbeContract contract{
      .context = world.context,
      .clock = world.clock,
      .probe = make({{"run", shell("[ ! -e " + hangs + " ] || sleep 600")}}).value(),
      .until = [this](const std::function<bool()>& condition) { return world.becomes(condition); },
      .answers = [hangs] { std::filesystem::remove(hangs); },
      .hangs = [this] { folder.write("hangs", ""); }};
  contract.check();
}

TEST_F(HookCheckTest, ACanceledLookIsKilledAndTheNextOneRuns) {
  const auto probe = make({{"run", shell("echo $$ >>" + folder.path("pids") + "; [ -e " +
                                         folder.path("go") + " ] || sleep 600")}})
                         .value();
  Scope scope(world.context.get_executor(), nullptr);
  Observation ignored;
  scope.spawn("look", look_into(probe, world.in(Duration{600'000}), &ignored));
  ASSERT_TRUE(world.becomes([&] { return folder.read("pids").ends_with("\n"); }));
  scope.request_stop();
  world.wait(scope.join());
  EXPECT_FALSE(is_alive(std::stoi(folder.read("pids"))));
  folder.write("go", "");
  EXPECT_EQ(world.wait(probe->look(world.in(Duration{20'000}))).health, Health::healthy);
}

TEST_F(HookCheckTest, WhatADeadBasculeLeftRunningIsKilledAndWhatALivingOneRunsIsNot) {
  // This test is the parent of both; one says that it was started by somebody who is gone.
  const LeftBehind orphan(environment("1"));
  const LeftBehind held(environment(std::to_string(::getpid())));
  EXPECT_EQ(run("exit 0").health, Health::healthy);
  EXPECT_TRUE(world.becomes([&] { return !is_alive(orphan.process); }));
  EXPECT_TRUE(is_alive(held.process));
}

TEST_F(HookCheckTest, SettingsThatCannotWorkAreRefused) {
  EXPECT_FALSE(make({{"run", Json::array()}}));
  EXPECT_FALSE(make({{"run", {"true", 7}}}));
  for (const char* name : {"", "A=B", "BASCULE_GROUP"}) {
    const auto made = make({{"run", {"true"}}, {"environment", {{name, "x"}}}});
    ASSERT_FALSE(made) << name;
    EXPECT_EQ(made.error().code, ErrorCode::invalid);
  }
}

}  // namespace
}  // namespace bascule::hook
