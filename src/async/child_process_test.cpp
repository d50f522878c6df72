#include "async/child_process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "async/capture.h"
#include "async/event.h"
#include "async/scope.h"
#include "async/world_for_test.h"

namespace bascule {
namespace {

using namespace std::chrono_literals;

struct World : RealWorld {
  ChildWatcher watcher;

  Result<Exit> run(Command command, Duration limit = 10s) {
    return wait(run_command(clock, std::move(command), in(limit), watcher));
  }
  Result<Exit> shell(std::string script, Duration limit = 10s) {
    Command command;
    command.argv = {"sh", "-c", std::move(script)};
    command.grace = 300ms;
    return run(std::move(command), limit);
  }
};

awaitable<bool> group_gone(Clock* clock, pid_t group) {
  const Deadline patience = Deadline::in(*clock, 10s);
  while (::kill(-group, 0) == 0 || errno != ESRCH) {
    if (patience.has_passed(*clock)) co_return false;
    co_await wait_for(*clock, 10ms);
  }
  co_return true;
}

// Waits until no process of the group is left; background processes are reaped by init.
bool group_disappears(World& world, pid_t group) {
  return world.wait(group_gone(&world.clock, group));
}

TEST(ChildProcess, CodeAndBothOutputsComeBack) {
  World world;
  const Result<Exit> exit = world.shell("echo to out; echo to err >&2; exit 3");
  ASSERT_TRUE(exit) << exit.error().message;
  EXPECT_EQ(exit->code, 3);
  EXPECT_FALSE(exit->signal);
  EXPECT_FALSE(exit->succeeded());
  EXPECT_EQ(exit->standard_output.text(), "to out\n");
  EXPECT_EQ(exit->standard_error.text(), "to err\n");
  EXPECT_EQ(exit->sentence(), "ended with code 3");
  EXPECT_GT(exit->took.count(), 0);
}

TEST(ChildProcess, ASignalIsTold) {
  World world;
  const Result<Exit> exit = world.shell("kill -9 $$");
  ASSERT_TRUE(exit);
  EXPECT_EQ(exit->signal, SIGKILL);
  EXPECT_EQ(exit->code, 137);
  EXPECT_EQ(exit->sentence(), "was ended by signal 9 (Killed)");
}

TEST(ChildProcess, StandardInputArrivesWhole) {
  World world;
  Command command;
  command.argv = {"wc", "-c"};
  command.standard_input = std::string(3'000'000, 'x');
  const Result<Exit> exit = world.run(command);
  ASSERT_TRUE(exit);
  EXPECT_EQ(exit->standard_output.text(), "3000000\n");
}

TEST(ChildProcess, AProgramThatIgnoresItsInputIsNotWaitedFor) {
  World world;
  Command command;
  command.argv = {"true"};
  command.standard_input = std::string(3'000'000, 'x');
  EXPECT_TRUE(world.run(command)->succeeded());
}

TEST(ChildProcess, OnlyTheAllowedEnvironmentAndItsOwnArePassedOn) {
  World world;
  ::setenv("BASCULE_TEST_SECRET", "hunter2", 1);
  Command command;
  command.argv = {"env"};
  command.environment = {{"BASCULE_RUN", "r-0042"}};
  const Result<Exit> exit = world.run(command);
  ::unsetenv("BASCULE_TEST_SECRET");
  ASSERT_TRUE(exit);
  const std::string text = exit->standard_output.text();
  EXPECT_NE(text.find("BASCULE_RUN=r-0042"), std::string::npos);
  EXPECT_NE(text.find("PATH="), std::string::npos);
  EXPECT_EQ(text.find("hunter2"), std::string::npos);
}

TEST(ChildProcess, NoDescriptorOfOursIsInherited) {
  World world;
  const int leaky = ::open("/dev/null", O_RDONLY);  // without close-on-exec
  ASSERT_GE(leaky, 0);
  const Result<Exit> exit = world.shell("ls /proc/self/fd");
  ::close(leaky);
  ASSERT_TRUE(exit);
  EXPECT_EQ(exit->standard_output.text(), "0\n1\n2\n3\n") << "3 is the folder that ls reads";
}

TEST(ChildProcess, TheWorkingDirectoryIsUsedAndAMissingOneIsNamed) {
  World world;
  Command command;
  command.argv = {"pwd"};
  command.working_directory = "/usr";
  EXPECT_EQ(world.run(command)->standard_output.text(), "/usr\n");
  command.working_directory = "/does/not/exist";
  const Result<Exit> missing = world.run(command);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::not_found);
  EXPECT_EQ(missing.error().message, "the working directory /does/not/exist does not exist");
}

TEST(ChildProcess, WhatCannotBeStartedIsSaid) {
  World world;
  Command command;
  command.argv = {"/no/such/program"};
  EXPECT_EQ(world.run(command).error().code, ErrorCode::not_found);
  command.argv = {"no-such-program-anywhere"};
  EXPECT_EQ(world.run(command).error().code, ErrorCode::not_found);
  command.argv = {"/etc/passwd"};
  EXPECT_EQ(world.run(command).error().code, ErrorCode::denied);
  command.argv = {};
  EXPECT_EQ(world.run(command).error().code, ErrorCode::invalid);
  command.argv = {"echo", std::string("a\0b", 3)};
  EXPECT_EQ(world.run(command).error().code, ErrorCode::invalid);
}

TEST(ChildProcess, ADeadlineKillsTheGroupWithAGrandchildThatHoldsThePipes) {
  World world;
  pid_t group = 0;
  std::optional<Exit> killed;
  world.watcher.on_started = [&](pid_t pid) { group = pid; };
  world.watcher.on_killed = [&](const Exit& exit) { killed = exit; };
  const MonotonicInstant before = world.clock.monotonic();
  const Result<Exit> exit =
      world.shell("echo begun; (trap '' TERM; sleep 300 & wait) & sleep 300; echo never", 200ms);
  ASSERT_FALSE(exit);
  EXPECT_EQ(exit.error().code, ErrorCode::timeout);
  EXPECT_EQ(exit.error().message, "sh gave no answer within 200ms and was killed");
  EXPECT_LT(elapsed(world.clock, before), 5s);
  ASSERT_TRUE(killed);
  EXPECT_EQ(killed->standard_output.text(), "begun\n");
  EXPECT_EQ(killed->signal, SIGTERM);
  EXPECT_TRUE(group_disappears(world, group));
}

TEST(ChildProcess, WhoIgnoresSigtermGetsSigkillAfterTheGrace) {
  World world;
  std::optional<Exit> killed;
  world.watcher.on_killed = [&](const Exit& exit) { killed = exit; };
  const Result<Exit> exit = world.shell("trap '' TERM; while true; do sleep 0.05; done", 100ms);
  ASSERT_FALSE(exit);
  ASSERT_TRUE(killed);
  EXPECT_EQ(killed->signal, SIGKILL);
  EXPECT_GE(killed->took, 399ms);
}

TEST(ChildProcess, ABackgroundProcessThatHoldsThePipesDelaysNothingAndSurvives) {
  World world;
  const MonotonicInstant before = world.clock.monotonic();
  const Result<Exit> exit = world.shell("sleep 300 & echo done");
  ASSERT_TRUE(exit);
  EXPECT_TRUE(exit->succeeded());
  EXPECT_EQ(exit->standard_output.text(), "done\n");
  EXPECT_LT(elapsed(world.clock, before), 5s);
  EXPECT_EQ(::kill(-exit->process_group, 0), 0);
  ::kill(-exit->process_group, SIGKILL);
  EXPECT_TRUE(group_disappears(world, exit->process_group));
}

TEST(ChildProcess, EndlessOutputIsBoundedAndStopsNobodyElse) {
  World world;
  std::optional<Exit> killed;
  world.watcher.on_killed = [&](const Exit& exit) { killed = exit; };
  Command command;
  command.argv = {"sh", "-c", "echo first; exec yes"};
  command.output_limit = 1000;
  const Result<Exit> exit = world.run(command, 200ms);
  ASSERT_FALSE(exit);
  EXPECT_EQ(exit.error().code, ErrorCode::timeout);
  ASSERT_TRUE(killed);
  const Output& output = killed->standard_output;
  EXPECT_TRUE(output.truncated());
  EXPECT_TRUE(output.head.starts_with("first\ny\n"));
  EXPECT_EQ(output.head.size() + output.tail.size(), 1000U);
  EXPECT_EQ(output.bytes, output.left_out + 1000);
}

awaitable<void> run_and_keep(Clock* clock, Command command, ChildWatcher watcher,
                             std::optional<Result<Exit>>* kept) {
  kept->emplace(co_await run_command(*clock, std::move(command), Deadline::in(*clock, 1h),
                                     std::move(watcher)));
}

awaitable<void> cancel_when_started(Scope* scope, Event* started) {
  co_await started->wait();
  scope->request_stop();
  co_await scope->join();
}

TEST(ChildProcess, CancellationKillsTheGroupAndWaitsForIt) {
  World world;
  Scope scope(world.context.get_executor(), nullptr);
  Event started;
  pid_t group = 0;
  std::optional<Result<Exit>> result;
  Command command;
  command.argv = {"sh", "-c", "sleep 300 & sleep 300"};
  ChildWatcher watcher;
  watcher.on_started = [&](pid_t pid) {
    group = pid;
    started.notify_all();
  };
  scope.spawn("hook", run_and_keep(&world.clock, command, watcher, &result));
  world.wait(cancel_when_started(&scope, &started));
  ASSERT_TRUE(result && !*result);
  EXPECT_EQ(result->error().code, ErrorCode::canceled);
  EXPECT_TRUE(group_disappears(world, group));
}

TEST(ChildProcess, NoDescriptorIsLostOverManyRuns) {
  World world;
  const auto count = [] {
    return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {});
  };
  ASSERT_TRUE(world.shell("true"));
  const auto before = count();
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(world.shell("true"));
  EXPECT_EQ(count(), before);
}

TEST(Capture, KeepsHeadAndTail) {
  Capture capture(10);
  for (int i = 0; i < 26; ++i) capture.add(std::string(1, static_cast<char>('a' + i)));
  const Output output = capture.output();
  EXPECT_EQ(output.head, "abcde");
  EXPECT_EQ(output.tail, "vwxyz");
  EXPECT_EQ(output.left_out, 16U);
  EXPECT_EQ(output.text(), "abcde\n[… 16 bytes left out …]\nvwxyz");
}

TEST(Capture, OutputWithinTheLimitIsWhole) {
  Capture capture(10);
  capture.add("abcdefgh");
  EXPECT_EQ(capture.output().text(), "abcdefgh");
  EXPECT_FALSE(capture.output().truncated());
}

TEST(Capture, BinaryBecomesValidText) {
  const std::string bad("\xEF\xBF\xBD");
  EXPECT_EQ(to_utf8("gr\xC3\xBC\xC3\x9F"), "gr\xC3\xBC\xC3\x9F");
  EXPECT_EQ(to_utf8("a\xFFz"), "a" + bad + "z");
  EXPECT_EQ(to_utf8("\xC0\xAF"), bad + bad) << "overlong";
  EXPECT_EQ(to_utf8("\xED\xA0\x80"), bad + bad + bad) << "a surrogate";
  EXPECT_EQ(to_utf8("\xF4\x90\x80\x80"), bad + bad + bad + bad) << "above U+10FFFF";
  EXPECT_EQ(to_utf8("\xE2\x82"), bad + bad) << "cut short";
}

TEST(Capture, ACutInTheMiddleOfACharacterLeavesNoNoise) {
  Capture capture(4);
  capture.add("\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC");
  EXPECT_EQ(capture.output().head, "\xC3\xBC");
  EXPECT_EQ(capture.output().tail, "\xC3\xBC");
  Capture odd(6);
  odd.add("\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC");
  EXPECT_EQ(odd.output().head, "\xC3\xBC");
  EXPECT_EQ(odd.output().tail, "\xC3\xBC");
}

}  // namespace
}  // namespace bascule
