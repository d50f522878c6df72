// The notifier `log` on real files: full ones, torn ones, rotated ones and those that are none.
#include "notifiers/log/log.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "async/scope.h"
#include "ports/plain_world_for_test.h"

namespace bascule {
namespace {

struct LogTest : testing::Test {
  PlainWorld world;
  TemporaryFolder folder;

  std::shared_ptr<Notifier> log(const std::string& path) {
    return log_notifier().make({{"path", path}}, world.services).value();
  }
  static Message message(Sequence seq, const std::string& title) {
    Message made;
    made.severity = Severity::warning;
    made.group = GroupName("shop");
    made.run = RunId("r-0001");
    made.seq = seq;
    made.at = Instant(Duration(1'795'449'600'000));
    made.title = title;
    made.text = "amsterdam → berlin\n`bascule show r-0001`";
    made.data = {{"outage_ms", 2140}};
    return made;
  }
  Result<void> send(const std::shared_ptr<Notifier>& notifier, const Message& what) {
    return world.wait(notifier->send(what, world.in(Duration{5'000})));
  }
  // Each line parsed; a line that is no JSON is null.
  std::vector<Json> lines(const std::string& name) {
    std::vector<Json> parsed;
    std::istringstream text(folder.read(name));
    for (std::string line; std::getline(text, line);)
      parsed.push_back(parse_json(line).value_or(Json(nullptr)));
    return parsed;
  }
};

TEST_F(LogTest, AMessageIsOneLineOfJson) {
  ASSERT_TRUE(send(log(folder.path("log")), message(7, "failover of shop has begun")));
  const std::vector<Json> written = lines("log");
  ASSERT_EQ(written.size(), 1U);
  EXPECT_EQ(written[0], (Json{{"at", "2026-11-23T16:00:00.000Z"},
                              {"severity", "warning"},
                              {"group", "shop"},
                              {"run", "r-0001"},
                              {"seq", 7},
                              {"title", "failover of shop has begun"},
                              {"text", "amsterdam → berlin\n`bascule show r-0001`"},
                              {"data", {{"outage_ms", 2140}}}}));
  struct stat status{};
  ASSERT_EQ(::stat(folder.path("log").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07, 0U) << "others may not read it";
}

TEST_F(LogTest, WhatBelongsToNoGroupSaysSoAndBadBytesStayOneLine) {
  Message general = message(1, "a \xff byte\nand a line");
  general.group = GroupName();
  general.run = RunId();
  ASSERT_TRUE(send(log(folder.path("log")), general));
  const std::vector<Json> written = lines("log");
  ASSERT_EQ(written.size(), 1U);
  EXPECT_TRUE(written[0]["group"].is_null());
  EXPECT_TRUE(written[0]["run"].is_null());
}

TEST_F(LogTest, LinesAreAppendedInOrder) {
  folder.write("log", "{\"seq\":0}\n");
  const auto notifier = log(folder.path("log"));
  for (Sequence seq = 1; seq <= 20; ++seq) ASSERT_TRUE(send(notifier, message(seq, "x")));
  const std::vector<Json> written = lines("log");
  ASSERT_EQ(written.size(), 21U);
  for (std::size_t i = 0; i < written.size(); ++i) EXPECT_EQ(written[i]["seq"], i);
}

TEST_F(LogTest, SeveralAtOnceDoNotMix) {
  const auto notifier = log(folder.path("log"));
  Scope scope(world.context.get_executor(), nullptr);
  struct Send {
    static awaitable<void> it(std::shared_ptr<Notifier> to, Message what, Deadline deadline) {
      EXPECT_TRUE(co_await to->send(std::move(what), deadline));
    }
  };
  const Deadline deadline = world.in(Duration{5'000});
  for (Sequence seq = 1; seq <= 30; ++seq)
    scope.spawn("send", Send::it(notifier, message(seq, std::string(5'000, 'x')), deadline));
  world.wait(scope.join());
  const std::vector<Json> written = lines("log");
  ASSERT_EQ(written.size(), 30U);
  for (const Json& line : written) EXPECT_TRUE(line.is_object());
}

TEST_F(LogTest, ARotatedFileIsFollowed) {
  const auto notifier = log(folder.path("log"));
  ASSERT_TRUE(send(notifier, message(1, "x")));
  std::filesystem::rename(folder.path("log"), folder.path("log.1"));
  ASSERT_TRUE(send(notifier, message(2, "x")));
  ASSERT_EQ(lines("log.1").size(), 1U);
  ASSERT_EQ(lines("log").size(), 1U);
  EXPECT_EQ(lines("log")[0]["seq"], 2);
}

TEST_F(LogTest, ATornLineSpoilsNoOther) {
  folder.write("log", "{\"seq\":1,\"title\":\"the disk was fu");
  const auto notifier = log(folder.path("log"));
  ASSERT_TRUE(send(notifier, message(2, "x")));
  ASSERT_TRUE(send(notifier, message(3, "x")));
  const std::vector<Json> written = lines("log");
  ASSERT_EQ(written.size(), 3U);
  EXPECT_TRUE(written[0].is_null());
  EXPECT_EQ(written[1]["seq"], 2);
  EXPECT_EQ(written[2]["seq"], 3);
}

TEST_F(LogTest, WhatCannotBeWrittenIsUnavailableWithTheReason) {
  const auto refused = [&](const std::string& path) {
    const Result<void> sent = send(log(path), message(1, "x"));
    EXPECT_FALSE(sent) << path;
    if (sent) return std::string();
    EXPECT_EQ(sent.error().code, ErrorCode::unavailable);
    EXPECT_NE(sent.error().message.find(path), std::string::npos);
    return sent.error().message;
  };
  EXPECT_NE(refused(folder.path("no/such/folder/log")).find("No such file"), std::string::npos);
  EXPECT_NE(refused(folder.path(".")).find("Is a directory"), std::string::npos);
  EXPECT_NE(refused("/dev/full").find("No space left"), std::string::npos);
  ASSERT_EQ(::mkfifo(folder.path("pipe").c_str(), 0600), 0);
  refused(folder.path("pipe"));  // nobody reads it: does not hang
  EXPECT_FALSE(log_notifier().make({{"path", ""}}, world.services));
}

TEST_F(LogTest, WhetherItCouldBeWrittenIsToldWithoutWriting) {
  const auto reach = [&](const std::string& path) {
    return world.wait(log(path)->reach(world.in(Duration{5'000})));
  };
  EXPECT_TRUE(reach(folder.path("log")));
  EXPECT_FALSE(std::filesystem::exists(folder.path("log")));
  folder.write("log", "{}\n");
  EXPECT_TRUE(reach(folder.path("log")));
  EXPECT_EQ(folder.read("log"), "{}\n");
  const Result<void> lost = reach(folder.path("no/such/folder/log"));
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().code, ErrorCode::unavailable);
  EXPECT_NE(lost.error().message.find("No such file"), std::string::npos) << lost.error().message;
  ASSERT_EQ(::mkfifo(folder.path("pipe").c_str(), 0600), 0);
  EXPECT_FALSE(reach(folder.path("pipe"))) << "nobody reads it";
}

TEST_F(LogTest, ItIsWrittenAgainOnceItCanBe) {
  const auto notifier = log(folder.path("later/log"));
  ASSERT_FALSE(send(notifier, message(1, "x")));
  std::filesystem::create_directory(folder.path("later"));
  ASSERT_TRUE(send(notifier, message(1, "x")));
  EXPECT_EQ(lines("later/log").size(), 1U);
}

}  // namespace
}  // namespace bascule
