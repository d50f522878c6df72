// Hooks as operators write them, good and bad: every program here is a real one.
#include "providers/hook/hook.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <string>
#include <utility>

#include "async/scope.h"
#include "ports/action_contract_for_test.h"
#include "ports/plain_world_for_test.h"
#include "providers/hook/left_behind_for_test.h"

namespace bascule::hook {
namespace {

struct HookTest : testing::Test {
  PlainWorld world;
  TemporaryFolder folder;

  Result<std::shared_ptr<Action>> make(const Json& settings) {
    const ActionKind kind = action_kind();
    return kind.make(ActionContext{nullptr, "demo", SiteName("amsterdam"), settings},
                     world.services);
  }
  std::shared_ptr<Action> hook(const Json& settings) { return make(settings).value(); }
  static Json shell(const std::string& text) { return Json::array({"sh", "-c", text}); }

  StepCall call(std::int64_t attempt = 1, Duration limit = Duration{10'000}) {
    StepCall made(world.in(limit));
    made.group = GroupName("shop");
    made.source = SiteName("amsterdam");
    made.target = SiteName("berlin");
    // Other tests of the same machine have hooks too.
    made.run = RunId("r-" + std::to_string(::getpid()));
    made.step = StepId("fence/cut");
    made.attempt = attempt;
    made.term = 3;
    made.generation = 42;
    return made;
  }
  Result<Outputs> run(const std::string& script, Duration limit = Duration{10'000}) {
    return world.wait(hook({{"run", shell(script)}})->apply(call(1, limit)));
  }
  Result<Inspection> inspect(const Json& settings, std::int64_t attempt = 0) {
    return world.wait(hook(settings)->inspect(call(attempt)));
  }
};

TEST_F(HookTest, ExitZeroIsSuccessWithWhatItWrote) {
  const Result<Outputs> outputs = run("echo cut amsterdam; echo noise >&2");
  ASSERT_TRUE(outputs) << outputs.error().message;
  EXPECT_EQ(outputs->at("output"), "cut amsterdam\n");
}

TEST_F(HookTest, ExitCodesSayWhetherToTryAgain) {
  Result<Outputs> failed = run("echo first; echo no such host >&2; exit 3");
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, ErrorCode::invalid);
  EXPECT_EQ(failed.error().message, "sh ended with code 3: no such host");
  failed = run("echo busy; exit 75");
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, ErrorCode::unavailable);
  EXPECT_EQ(failed.error().message, "sh ended with code 75: busy");
}

TEST_F(HookTest, AfterASignalNobodyKnowsHowFarItCame) {
  const Result<Outputs> failed = run("kill -9 $$");
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, ErrorCode::outcome_unknown);
  EXPECT_EQ(failed.error().message, "sh was ended by signal 9 (Killed)");
}

TEST_F(HookTest, AMissingProgramIsNamed) {
  const std::string missing = folder.path("power");
  const Result<Outputs> failed = world.wait(hook({{"run", {missing}}})->apply(call()));
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, ErrorCode::not_found);
  EXPECT_NE(failed.error().message.find(missing), std::string::npos);
  folder.write("plain", "not a program");
  const Result<Outputs> denied = world.wait(hook({{"run", {folder.path("plain")}}})->apply(call()));
  ASSERT_FALSE(denied);
  EXPECT_EQ(denied.error().code, ErrorCode::denied);
}

TEST_F(HookTest, ItsEnvironmentSaysWhatItIsForAndNothingElse) {
  ::setenv("A_SECRET_OF_OURS", "hunter2", 1);
  const Result<Outputs> outputs = run("env | sort");
  ASSERT_TRUE(outputs);
  const std::string text = outputs->at("output").get<std::string>();
  for (const char* line :
       {"BASCULE_ATTEMPT=1\n", "BASCULE_CLUSTER=demo\n", "BASCULE_GENERATION=42\n",
        "BASCULE_GROUP=shop\n", "BASCULE_MOVE=failover\n", "BASCULE_SITE=amsterdam\n",
        "BASCULE_SOURCE=amsterdam\n", "BASCULE_STEP=fence/cut\n", "BASCULE_TARGET=berlin\n",
        "BASCULE_TERM=3\n", "PATH="}) {
    EXPECT_NE(text.find(line), std::string::npos) << line << " in\n" << text;
  }
  EXPECT_NE(text.find("BASCULE_RUN=r-"), std::string::npos);
  EXPECT_EQ(text.find("hunter2"), std::string::npos);
  ::unsetenv("A_SECRET_OF_OURS");
}

TEST_F(HookTest, ItRunsWhereTheSettingsSay) {
  const Json settings{{"run", shell("pwd -P")}, {"directory", folder.path("")}};
  const Result<Outputs> outputs = world.wait(hook(settings)->apply(call()));
  ASSERT_TRUE(outputs) << outputs.error().message;
  EXPECT_EQ(outputs->at("output").get<std::string>() + "/",
            std::filesystem::canonical(folder.path("")).string() + "\n/");
}

TEST_F(HookTest, TheProofSaysYesNoOrCannotTell) {
  const auto with_proof = [](const std::string& script) {
    return Json{{"run", shell("true")}, {"proof", shell(script)}};
  };
  Result<Inspection> found = inspect(with_proof("echo it is off; exit 0"));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->finding, Finding::done);
  EXPECT_EQ(found->because, "it is off");
  EXPECT_EQ(found->change, "run sh -c true");

  found = inspect(with_proof("echo 2 processes are left; exit 1"));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->finding, Finding::needed);
  EXPECT_EQ(found->because, "2 processes are left");

  for (const char* script : {"exit 2", "exit 75", "exit 127", "kill -9 $$"}) {
    found = inspect(with_proof(script));
    ASSERT_FALSE(found) << script;
    EXPECT_EQ(found.error().code, ErrorCode::unavailable) << script;
    EXPECT_NE(found.error().message.find("proof cannot tell: sh "), std::string::npos);
  }
}

TEST_F(HookTest, WithoutAProofItIsAlwaysNeeded) {
  const Result<Inspection> found = inspect({{"run", {"power", "off"}}});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->finding, Finding::needed);
  EXPECT_EQ(found->change, "run power off");
}

TEST_F(HookTest, WithoutUndoItCannotBeTakenBack) {
  const Result<void> reverted = world.wait(hook({{"run", shell("true")}})->revert(call()));
  ASSERT_FALSE(reverted);
  EXPECT_EQ(reverted.error().code, ErrorCode::invalid);
  const Json failing{{"run", shell("true")}, {"undo", shell("exit 75")}};
  EXPECT_EQ(world.wait(hook(failing)->revert(call())).error().code, ErrorCode::unavailable);
}

TEST_F(HookTest, ProofAndUndoKeepThePromisesOfEveryAction) {
  const std::string off = folder.path("off");
  const Json settings{
      {"run", {"touch", off}}, {"proof", {"test", "-e", off}}, {"undo", {"rm", "-f", off}}};
  const ActionContract contract{.context = world.context,
                                .clock = world.clock,
                                .action = hook(settings),
                                .call = [this] { return call(); },
                                .world = [off] { return Json(std::filesystem::exists(off)); }};
  contract.check();
}

TEST_F(HookTest, AHangingHookIsKilledWithItsGrandchildren) {
  const std::string grandchild = folder.path("grandchild");
  const MonotonicInstant began = world.clock.monotonic();
  const Result<Outputs> failed =
      run("sleep 600 & echo $! >" + grandchild + "; wait", Duration{300});
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, ErrorCode::outcome_unknown)
      << "without proof: at most once, " << failed.error().message;
  EXPECT_NE(failed.error().message.find("was killed"), std::string::npos);
  EXPECT_LT(elapsed(world.clock, began), Duration{1'500});
  const pid_t process = std::stoi(folder.read("grandchild"));
  EXPECT_TRUE(world.becomes([&] { return !is_alive(process); }));
}

TEST_F(HookTest, AHookThatIgnoresSigtermIsKilledAllTheSame) {
  folder.write("pid", "");
  const MonotonicInstant began = world.clock.monotonic();
  const Result<Outputs> failed =
      run("trap '' TERM; echo $$ >" + folder.path("pid") + "; while :; do sleep 1; done",
          Duration{200});
  ASSERT_FALSE(failed);
  EXPECT_LT(elapsed(world.clock, began), Duration{4'000});
  EXPECT_FALSE(is_alive(std::stoi(folder.read("pid"))));
}

TEST_F(HookTest, HowALostOutcomeIsToldDependsOnHowOftenItMayRun) {
  const auto code_of = [&](Json settings) {
    settings["run"] = shell("sleep 600");
    return world.wait(hook(settings)->apply(call(1, Duration{100}))).error().code;
  };
  EXPECT_EQ(code_of(Json::object()), ErrorCode::outcome_unknown);
  EXPECT_EQ(code_of({{"delivery", "at_most_once"}}), ErrorCode::outcome_unknown);
  EXPECT_EQ(code_of({{"delivery", "at_least_once"}}), ErrorCode::timeout);
  EXPECT_EQ(code_of({{"proof", shell("true")}}), ErrorCode::timeout);
}

TEST_F(HookTest, EndlessOutputIsBounded) {
  const Result<Outputs> outputs = run("head -c 300000000 /dev/zero | tr '\\0' x; echo; echo end");
  ASSERT_TRUE(outputs) << outputs.error().message;
  const std::string text = outputs->at("output").get<std::string>();
  EXPECT_LT(text.size(), 20'000U);
  EXPECT_TRUE(text.ends_with("\nend\n"));
  const Result<Outputs> failed = run("head -c 100000000 /dev/zero | tr '\\0' x >&2; exit 1");
  ASSERT_FALSE(failed);
  EXPECT_LT(failed.error().message.size(), 400U);
}

TEST_F(HookTest, BinaryOutputBecomesTextThatHarmsNoTerminal) {
  const Result<Outputs> outputs = run("head -c 5000 /dev/urandom");
  ASSERT_TRUE(outputs);
  const Json& output = outputs->at("output");
  EXPECT_EQ(output, canonical(output)) << "valid UTF-8";
  const Result<Outputs> failed =
      run("printf '\\033]0;title\\007\\033[2Jred \\377\\376 done\\n' >&2; exit 1");
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().message.find('\x1b'), std::string::npos);
  EXPECT_EQ(failed.error().message.find('\x07'), std::string::npos);
  EXPECT_NE(failed.error().message.find("done"), std::string::npos);
}

TEST_F(HookTest, ASecretWordReachesTheProgramAndNoMessage) {
  const Json secret{{"$secret", "hunter2"}};
  const Json words =
      Json::array({"sh", "-c", "echo got $0; echo failed with $0 >&2; exit $1", secret, "0"});
  const Result<Inspection> found = inspect({{"run", words}});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->change.find("hunter2"), std::string::npos);
  EXPECT_NE(found->change.find("(secret)"), std::string::npos);
  Result<Outputs> outputs = world.wait(hook({{"run", words}})->apply(call()));
  ASSERT_TRUE(outputs);
  EXPECT_EQ(outputs->at("output"), "got (secret)\n");
  Json failing = words;
  failing.back() = "1";
  outputs = world.wait(hook({{"run", failing}})->apply(call()));
  ASSERT_FALSE(outputs);
  EXPECT_EQ(outputs.error().message, "sh ended with code 1: failed with (secret)");
  EXPECT_FALSE(make({{"run", {"power", 7}}})) << "no word may get lost";
  EXPECT_FALSE(make({{"run", Json::array()}}));
}

std::vector<std::string> identity(const StepCall& call, const std::string& step) {
  return {"BASCULE_CLUSTER=demo", "BASCULE_GROUP=" + call.group.text(),
          "BASCULE_RUN=" + call.run.text(), "BASCULE_STEP=" + step};
}

TEST_F(HookTest, WhatACrashLeftBehindIsAwaitedAndNothingStartsBesideIt) {
  const Json settings{{"run", {"touch", folder.path("ran")}},
                      {"proof", {"test", "-e", folder.path("ran")}},
                      {"undo", {"rm", "-f", folder.path("ran")}}};
  LeftBehind orphan(identity(call(), "fence/cut"));
  const Result<Inspection> found = inspect(settings, 1);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->finding, Finding::pending);
  EXPECT_EQ(found->because,
            fmt::format("an earlier attempt still runs as process {}", orphan.process));
  const Result<Outputs> applied = world.wait(hook(settings)->apply(call(2)));
  ASSERT_FALSE(applied);
  EXPECT_EQ(applied.error().code, ErrorCode::unavailable);
  EXPECT_EQ(world.wait(hook(settings)->revert(call(1))).error().code, ErrorCode::unavailable);
  EXPECT_FALSE(std::filesystem::exists(folder.path("ran")));

  orphan.end();
  EXPECT_EQ(inspect(settings, 1)->finding, Finding::needed);
  EXPECT_TRUE(world.wait(hook(settings)->apply(call(2))));
}

TEST_F(HookTest, ProcessesOfOtherStepsAreNoneOfItsBusiness) {
  const LeftBehind other(identity(call(), "fence/seal"));
  const Result<Inspection> found = inspect({{"run", {"true"}}, {"proof", {"true"}}}, 1);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->finding, Finding::done);
}

TEST_F(HookTest, AServerThatAHookStartedOnPurposeIsNotAnOrphan) {
  const std::string pid = folder.path("pid");
  const std::string script =
      "sleep 600 & echo $! >" + pid + "; setsid sleep 600 & echo $! >>" + pid;
  const Json settings{{"run", shell(script)}, {"proof", {"test", "-s", pid}}};
  ASSERT_TRUE(world.wait(hook(settings)->apply(call())));
  const Result<Inspection> found = inspect(settings, 1);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->finding, Finding::done) << found->because;
  std::istringstream lines(folder.read("pid"));
  for (pid_t process = 0; lines >> process;) {
    EXPECT_TRUE(is_alive(process));
    ::kill(process, SIGKILL);
  }
}

TEST_F(HookTest, ACanceledHookIsKilled) {
  folder.write("pid", "");
  Scope scope(world.context.get_executor(), nullptr);
  struct Apply {
    static awaitable<void> it(std::shared_ptr<Action> action, StepCall made) {
      co_await action->apply(std::move(made));
    }
  };
  const auto slow = hook({{"run", shell("echo $$ >" + folder.path("pid") + "; sleep 600")}});
  scope.spawn("apply", Apply::it(slow, call()));
  ASSERT_TRUE(world.becomes([&] { return folder.read("pid").ends_with("\n"); }));
  scope.request_stop();
  world.wait(scope.join());
  EXPECT_FALSE(is_alive(std::stoi(folder.read("pid"))));
}

}  // namespace
}  // namespace bascule::hook
