// Lines out of an answer that does not end, however they arrive.
#include "net/line_stream.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "net/loopback_for_test.h"

namespace bascule::net {
namespace {

constexpr const char* kHead = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

std::string chunk(const std::string& bytes) {
  return fmt::format("{:x}\r\n{}\r\n", bytes.size(), bytes);
}

struct Lines : testing::Test {
  RealWorld world;
  std::unique_ptr<Resolver> resolver = *Resolver::make(world.context, world.clock, {});
  std::unique_ptr<Loopback> server;

  void TearDown() override {
    if (server) world.wait(server->stop());
  }
  Result<std::unique_ptr<LineStream>> open(const std::string& bytes, std::size_t longest = 1'000) {
    server = std::make_unique<Loopback>(world.context, world.clock, answering(world.clock, bytes));
    Request request;
    request.url = *parse_url(server->url("/watch"));
    Limits limits;
    limits.body = longest;
    return world.wait(LineStream::open(world.clock, *resolver, {}, std::move(request), limits,
                                       world.in(Duration{20'000})));
  }
  // All lines, and what came after them: "end", or the error's code.
  std::vector<std::string> read(LineStream& lines) {
    std::vector<std::string> all;
    while (true) {
      const auto line = world.wait(lines.next(world.in(Duration{20'000})));
      if (!line || !*line) {
        all.emplace_back(line ? "end" : std::string(to_string(line.error().code)));
        return all;
      }
      all.push_back(**line);
    }
  }
};

TEST_F(Lines, ComeOutOfChunksHoweverTheyAreCut) {
  const auto lines =
      open(kHead + chunk("one\ntw") + chunk("o\n") + chunk("\nthree\n") + "0\r\n\r\n");
  ASSERT_TRUE(lines) << lines.error().message;
  EXPECT_EQ(read(**lines), (std::vector<std::string>{"one", "two", "", "three", "end"}));
}

TEST_F(Lines, EndInAnErrorWhenTheConnectionBreaks) {
  const auto lines = open(kHead + chunk("one\ntwo"));
  ASSERT_TRUE(lines) << lines.error().message;
  EXPECT_EQ(read(**lines), (std::vector<std::string>{"one", "unavailable"}));
}

TEST_F(Lines, AreBounded) {
  const auto lines = open(kHead + chunk("one\n" + std::string(200, 'x') + "\n") + "0\r\n\r\n", 100);
  ASSERT_TRUE(lines) << lines.error().message;
  EXPECT_EQ(read(**lines), (std::vector<std::string>{"one", "unavailable"}));
}

TEST_F(Lines, OfARefusalAreItsBody) {
  const auto lines = open("HTTP/1.1 403 Forbidden\r\nContent-Length: 6\r\n\r\nno, no");
  ASSERT_TRUE(lines) << lines.error().message;
  EXPECT_EQ((*lines)->head().status, 403);
  EXPECT_EQ((*lines)->head().body, "no, no");
}

TEST_F(Lines, DoNotComeFromWhatIsNoHttp) {
  const auto lines = open("SSH-2.0-OpenSSH\r\n");
  ASSERT_FALSE(lines);
  EXPECT_EQ(lines.error().code, ErrorCode::unavailable);
}

}  // namespace
}  // namespace bascule::net
