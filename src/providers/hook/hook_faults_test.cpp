// Hooks that behave as badly as programs do, beyond what hook_test.cpp shows.
#include <gtest/gtest.h>
#include <unistd.h>

#include <string>
#include <utility>

#include "ports/plain_world_for_test.h"
#include "providers/hook/hook.h"
#include "providers/hook/left_behind_for_test.h"

namespace bascule::hook {
namespace {

struct HookFaults : testing::Test {
  PlainWorld world;
  TemporaryFolder folder;

  static Json shell(const std::string& text) { return Json::array({"sh", "-c", text}); }
  Result<Outputs> apply(const Json& settings, Duration limit = Duration{20'000}) {
    const auto action = action_kind().make(
        ActionContext{nullptr, "demo", SiteName("amsterdam"), settings}, world.services);
    EXPECT_TRUE(action) << action.error().message;
    StepCall call(world.in(limit));
    call.group = GroupName("shop");
    call.run = RunId("r-" + std::to_string(::getpid()));
    call.step = StepId("fence/cut");
    call.attempt = 1;
    return world.wait((*action)->apply(std::move(call)));
  }
  Result<Outputs> run(const std::string& script, Duration limit = Duration{20'000}) {
    return apply({{"run", shell(script)}}, limit);
  }
};

TEST_F(HookFaults, ADaemonThatKeepsThePipesOpenIsNotWaitedForAndLives) {
  const std::string pid = folder.path("pid");
  const Result<Outputs> done = run("(trap '' HUP; sleep 600) & echo $! >" + pid + "; echo started");
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(done->at("output"), "started\n");
  const pid_t daemon = std::stoi(folder.read("pid"));
  EXPECT_TRUE(is_alive(daemon));
  ::kill(daemon, SIGKILL);
}

TEST_F(HookFaults, OneThatClosesItsOutputAndGoesOnIsAwaited) {
  const std::string late = folder.path("late");
  const Result<Outputs> done =
      run("echo before; exec >&- 2>&-; while [ ! -e " + folder.path("go") + " ]; do [ -e " +
          folder.path("seen") + " ] && : >" + folder.path("go") + "; : >" + folder.path("seen") +
          "; done; : >" + late);
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(done->at("output"), "before\n");
  EXPECT_TRUE(std::filesystem::exists(late));
  // And killed in time when it does not end.
  const Result<Outputs> hung = run("exec >&- 2>&-; sleep 600", Duration{200});
  ASSERT_FALSE(hung);
  EXPECT_EQ(hung.error().code, ErrorCode::outcome_unknown);
}

TEST_F(HookFaults, OneThatReadsItsInputFindsTheEndAtOnce) {
  const Result<Outputs> done = run("cat; read line || echo nothing to read");
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(done->at("output"), "nothing to read\n");
}

TEST_F(HookFaults, OneThatGoesToAnotherFolderMovesOnlyItself) {
  const std::string here = std::filesystem::current_path().string();
  ASSERT_TRUE(run("cd / && rm -f nothing-of-that-name"));
  EXPECT_EQ(std::filesystem::current_path().string(), here);
  const Result<Outputs> gone = apply({{"run", shell("true")}, {"directory", folder.path("gone")}});
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().code, ErrorCode::not_found);
  EXPECT_NE(gone.error().message.find(folder.path("gone")), std::string::npos);
}

TEST_F(HookFaults, WhatCannotBeExecutedIsSaid) {
  const auto refused = [&](const std::string& program) {
    const Result<Outputs> failed = apply({{"run", {program}}});
    EXPECT_FALSE(failed) << program;
    if (failed) return ErrorCode::invalid;
    EXPECT_NE(failed.error().message.find(program), std::string::npos) << failed.error().message;
    return failed.error().code;
  };
  EXPECT_EQ(refused(folder.path("missing")), ErrorCode::not_found);
  EXPECT_EQ(refused(folder.path("missing/below")), ErrorCode::not_found);
  EXPECT_EQ(refused(folder.path("")), ErrorCode::denied) << "a folder";
  folder.write("plain", "#!/bin/sh\n");
  EXPECT_EQ(refused(folder.path("plain")), ErrorCode::denied) << "not executable";
  const std::string script = folder.script("script", "true");
  folder.write("script", "#!/no/such/interpreter\n");
  EXPECT_EQ(refused(script), ErrorCode::not_found) << "its interpreter is missing";
  const std::string noise = folder.script("noise", "");
  folder.write("noise", std::string("\x7f"
                                    "ELF and nothing",
                                    15));
  EXPECT_EQ(refused(noise), ErrorCode::denied) << "no program at all";
}

TEST_F(HookFaults, EverySignalIsAnOutcomeThatNobodyKnows) {
  for (const int signal : {SIGTERM, SIGSEGV, SIGABRT, SIGPIPE}) {
    const Result<Outputs> failed = run("kill -" + std::to_string(signal) + " $$");
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().code, ErrorCode::outcome_unknown) << signal;
    EXPECT_NE(failed.error().message.find("signal " + std::to_string(signal)), std::string::npos);
  }
}

TEST_F(HookFaults, WhatAKilledHookSaidLastIsTold) {
  const Result<Outputs> failed =
      run("echo connecting; echo the switch asks for a password >&2; sleep 600", Duration{300});
  ASSERT_FALSE(failed);
  EXPECT_TRUE(
      failed.error().message.ends_with("was killed; it said last: the switch asks for a password"))
      << failed.error().message;
}

TEST_F(HookFaults, SecretsInTheEnvironmentReachTheProgramAndNoMessage) {
  const Json environment{{"TOKEN", {{"$secret", "correct horse"}}}, {"REGION", "west"}};
  Result<Outputs> done =
      apply({{"run", shell("echo $TOKEN in $REGION")}, {"environment", environment}});
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(done->at("output"), "(secret) in west\n");
  done = apply({{"run", shell("echo no $TOKEN >&2; exit 4")}, {"environment", environment}});
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().message, "sh ended with code 4: no (secret)");
  done = apply({{"run", shell("echo half of $TOKEN; sleep 600")}, {"environment", environment}},
               Duration{300});
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().message.find("correct"), std::string::npos) << done.error().message;
}

TEST_F(HookFaults, ASecretInAProgramsNameIsNotShown) {
  // Nobody should write it; it is not printed all the same.
  const Result<Outputs> failed = apply({{"run", {{{"$secret", folder.path("hunter2")}}}}});
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().message.find("hunter2"), std::string::npos) << failed.error().message;
}

}  // namespace
}  // namespace bascule::hook
