#include "net/resolver.h"

#include <boost/asio/ip/udp.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <vector>

#include "net/datagram.h"
#include "net/loopback_for_test.h"
#include "net/name_server_for_test.h"

namespace bascule::net {
namespace {

using namespace std::chrono_literals;
using boost::asio::ip::udp;

struct Resolving : ::testing::Test {
  RealWorld world;
  NameServer names{world.context};
  std::unique_ptr<Resolver> resolver = *Resolver::make(world.context, world.clock, {names.place()});

  void TearDown() override { world.wait(names.stop()); }

  std::string lookup(const std::string& host, Family family = Family::any, Duration limit = 5s) {
    const auto found = world.wait(resolver->resolve(host, family, world.in(limit)));
    if (!found) return std::string(to_string(found.error().code)) + ": " + found.error().message;
    std::string text;
    for (const IpAddress& address : *found) text += address.to_string() + " ";
    return text;
  }
};

TEST_F(Resolving, AddressesAreAnsweredWithoutAQuestion) {
  EXPECT_EQ(lookup("127.0.1.1"), "127.0.1.1 ");
  EXPECT_EQ(lookup("::1"), "::1 ");
  EXPECT_EQ(lookup("127.0.1.1", Family::v6), "not_found: 127.0.1.1 has no IPv6 address");
  EXPECT_EQ(lookup("localhost"), "127.0.0.1 ::1 ");
  EXPECT_EQ(names.questions, 0);
}

TEST_F(Resolving, NamesAreAskedForAtTheGivenServerEachTimeAnew) {
  names.table["www.shop.test"] = {*parse_address("127.0.1.1")};
  EXPECT_EQ(lookup("www.shop.test"), "127.0.1.1 ");
  names.table["www.shop.test"] = {*parse_address("127.0.1.2")};
  EXPECT_EQ(lookup("www.shop.test."), "127.0.1.2 ");
  EXPECT_EQ(lookup("www.shop.test", Family::v4), "127.0.1.2 ");
  EXPECT_EQ(names.questions, 5);
}

TEST_F(Resolving, BothFamiliesAlternate) {
  names.table["both.test"] = {*parse_address("127.0.1.1"), *parse_address("127.0.1.2"),
                              *parse_address("::2"), *parse_address("127.0.1.3")};
  EXPECT_EQ(lookup("both.test"), "::2 127.0.1.1 127.0.1.2 127.0.1.3 ");
  EXPECT_EQ(lookup("both.test", Family::v6), "::2 ");
}

TEST_F(Resolving, WhatDoesNotExistIsToldApartFromWhatHasNoAddress) {
  names.table["empty.test"] = {};
  EXPECT_EQ(lookup("missing.test"), "not_found: missing.test does not exist");
  EXPECT_EQ(lookup("empty.test"), "not_found: empty.test has no address");
  EXPECT_EQ(lookup("not a name"), "invalid: \"not a name\" is not a name");
}

TEST_F(Resolving, AServerThatSwallowsOneFamilyDelaysTheOtherALittle) {
  names.table["no-aaaa.test"] = {*parse_address("127.0.1.1")};
  const MonotonicInstant before = world.clock.monotonic();
  EXPECT_EQ(lookup("no-aaaa.test"), "127.0.1.1 ");
  EXPECT_LT(elapsed(world.clock, before), 1s);
}

TEST_F(Resolving, SilenceIsATimeout) {
  EXPECT_EQ(lookup("silent.test", Family::any, 200ms),
            "timeout: no name server answered within 200ms");
}

awaitable<void> time_lookup(Clock* clock, Resolver* resolver, std::string host, Duration limit,
                            std::map<std::string, Microseconds>* took) {
  const MonotonicInstant before = clock->monotonic();
  const auto found = co_await resolver->resolve(host, Family::any, Deadline::in(*clock, limit));
  (*took)[host + (found ? " found" : " failed")] = elapsed(*clock, before);
}

TEST_F(Resolving, SilentLookupsDelayNoOther) {
  Scope scope(world.context.get_executor(), nullptr);
  std::map<std::string, Microseconds> took;
  for (int i = 0; i < 20; ++i) {
    const std::string good = fmt::format("good{}.test", i);
    names.table[good] = {*parse_address("127.0.1.1")};
    scope.spawn("silent", time_lookup(&world.clock, resolver.get(), fmt::format("silent{}.test", i),
                                      1500ms, &took));
    scope.spawn("good", time_lookup(&world.clock, resolver.get(), good, 1500ms, &took));
  }
  world.wait(scope.join());
  for (int i = 0; i < 20; ++i) {
    const std::string good = fmt::format("good{}.test found", i);
    ASSERT_TRUE(took.contains(good));
    EXPECT_LT(took[good], 1s);
    EXPECT_TRUE(took.contains(fmt::format("silent{}.test failed", i)));
  }
}

TEST_F(Resolving, TheNextServerIsAskedWhenTheFirstIsDead) {
  names.table["www.shop.test"] = {*parse_address("127.0.1.1")};
  const std::string dead = fmt::format("127.0.0.1:{}", closed_port(world.context));
  resolver = *Resolver::make(world.context, world.clock, {dead, names.place()});
  EXPECT_EQ(lookup("www.shop.test"), "127.0.1.1 ");
  udp::socket silent(world.context, {boost::asio::ip::address_v4::loopback(), 0});
  const std::string hole = fmt::format("127.0.0.1:{}", silent.local_endpoint().port());
  resolver = *Resolver::make(world.context, world.clock, {hole, names.place()});
  EXPECT_EQ(lookup("www.shop.test", Family::any, 2s), "127.0.1.1 ");
}

TEST_F(Resolving, DeadAndRefusingServersAreUnavailable) {
  const std::string dead = fmt::format("127.0.0.1:{}", closed_port(world.context));
  resolver = *Resolver::make(world.context, world.clock, {dead});
  EXPECT_EQ(lookup("www.shop.test"),
            "unavailable: no name server takes questions (connection refused)");
  resolver = *Resolver::make(world.context, world.clock, {names.place()});
  names.refuse_with = 2;
  EXPECT_TRUE(lookup("www.shop.test").starts_with("unavailable: "));
  names.refuse_with = 5;
  EXPECT_TRUE(lookup("www.shop.test").starts_with("unavailable: "));
}

TEST_F(Resolving, ACanceledLookupIsGoneAtOnceAndLosesNoDescriptor) {
  const auto count = [] {
    return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {});
  };
  lookup("missing.test");
  const auto before = count();
  Scope scope(world.context.get_executor(), nullptr);
  std::map<std::string, Microseconds> took;
  for (int i = 0; i < 10; ++i) {
    scope.spawn("silent", time_lookup(&world.clock, resolver.get(), fmt::format("silent{}.test", i),
                                      1h, &took));
  }
  const Deadline patience = world.in(5s);
  while (names.questions < 22 && !patience.has_passed(world.clock)) {
    world.context.run_one_for(100ms);
  }
  EXPECT_GT(count(), before);
  scope.request_stop();
  world.wait(scope.join());
  EXPECT_EQ(took.size(), 10U) << "each was told";
  EXPECT_EQ(count(), before);
}

TEST_F(Resolving, WhomItAsksIsTold) {
  const auto given = Resolver::make(world.context, world.clock, {"127.0.0.1:5300", "::1"});
  ASSERT_TRUE(given);
  EXPECT_EQ(*(*given)->servers(), (std::vector<std::string>{"127.0.0.1:5300", "[::1]:53"}));
  // Whatever this machine's files name: addresses with a port, or a reason.
  const auto system = Resolver::make(world.context, world.clock, {});
  ASSERT_TRUE(system);
  const auto named = (*system)->servers();
  if (!named) EXPECT_EQ(named.error().code, ErrorCode::unavailable);
  for (const std::string& server : named.value_or(std::vector<std::string>())) {
    EXPECT_TRUE(parse_endpoint(server)) << server;
  }
}

TEST_F(Resolving, AServerThatIsNoAddressIsRefused) {
  EXPECT_FALSE(Resolver::make(world.context, world.clock, {"ns.shop.test:53"}));
  EXPECT_EQ(Resolver::make(world.context, world.clock, {"127.0.0.1:99999"}).error().message,
            "name server: \"127.0.0.1:99999\": the port is 1 to 65535");
  EXPECT_TRUE(Resolver::make(world.context, world.clock, {"::1", "127.0.0.1", "[::1]:53"}));
}

struct Datagrams : ::testing::Test {
  RealWorld world;
  udp::socket peer{world.context, {boost::asio::ip::address_v4::loopback(), 0}};
  Scope scope{world.context.get_executor(), nullptr};
  int received = 0;

  void TearDown() override {
    scope.request_stop();
    world.wait(scope.join());
  }
  [[nodiscard]] Endpoint place() const {
    return {boost::asio::ip::address_v4::loopback(), peer.local_endpoint().port()};
  }
  // Ignores the first `ignored` datagrams, then answers with a wrong and a right one.
  awaitable<void> answer(int ignored) {
    while (true) {
      Bytes message(512);
      udp::endpoint from;
      const std::size_t n = co_await peer.async_receive_from(boost::asio::buffer(message), from,
                                                             boost::asio::use_awaitable);
      message.resize(n);
      if (++received <= ignored) continue;
      Bytes wrong = {9, 9};
      co_await peer.async_send_to(boost::asio::buffer(wrong), from, boost::asio::use_awaitable);
      co_await peer.async_send_to(boost::asio::buffer(message), from, boost::asio::use_awaitable);
    }
  }
  Result<Bytes> exchange(Repeat repeat, Duration limit, Accept accept) {
    return world.wait(exchange_udp(world.clock, place(), Bytes{1, 2, 3}, world.in(limit),
                                   std::move(accept), repeat));
  }
  static bool right(const Bytes& bytes) { return bytes.size() == 3; }
};

TEST_F(Datagrams, TheAcceptedAnswerIsTheAnswer) {
  scope.spawn("answer", answer(0));
  EXPECT_EQ(exchange(Repeat::never, 5s, &right), (Bytes{1, 2, 3}));
}

TEST_F(Datagrams, WhatMayBeRepeatedIsSentAgain) {
  scope.spawn("answer", answer(2));
  EXPECT_EQ(exchange(Repeat::safe_to_repeat, 600ms, &right), (Bytes{1, 2, 3}));
  EXPECT_EQ(received, 3);
}

TEST_F(Datagrams, WhatMayNotBeRepeatedIsSentOnceAndItsOutcomeUnknown) {
  scope.spawn("answer", answer(100));
  const Result<Bytes> answer = exchange(Repeat::never, 150ms, &right);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::outcome_unknown);
  EXPECT_EQ(answer.error().message, to_string(place()) + " gave no answer within 150ms");
  EXPECT_EQ(received, 1);
  EXPECT_EQ(exchange(Repeat::safe_to_repeat, 90ms, &right).error().code, ErrorCode::timeout);
}

TEST_F(Datagrams, NobodyListeningIsTold) {
  peer.close();
  udp::socket probe(world.context, {boost::asio::ip::address_v4::loopback(), 0});
  const Endpoint nobody{boost::asio::ip::address_v4::loopback(), probe.local_endpoint().port()};
  probe.close();
  const Result<Bytes> answer =
      world.wait(exchange_udp(world.clock, nobody, Bytes{1}, world.in(5s), nullptr, Repeat::never));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().message, "connection refused");
}

struct Framed : ::testing::Test {
  RealWorld world;
  std::unique_ptr<Loopback> server;
  std::string reply;

  void TearDown() override { world.wait(server->stop()); }
  awaitable<void> answer(std::unique_ptr<Stream> stream) {
    const std::string got = co_await read_until(world.clock, stream.get(), "abc");
    if (got == std::string("\0\3abc", 5)) co_await stream->write_all(reply, world.in(1s));
    co_await stream->finish_sending(world.in(1s));
    co_await hold(world.clock, stream.get());
  }
  void SetUp() override {
    server = std::make_unique<Loopback>(
        world.context, world.clock,
        [this](std::unique_ptr<Stream> stream, int) { return answer(std::move(stream)); });
  }
  Result<Bytes> exchange(Repeat repeat) {
    return world.wait(exchange_tcp_dns(world.clock, server->endpoint(), Bytes{'a', 'b', 'c'},
                                       world.in(2s), repeat));
  }
};

TEST_F(Framed, AMessageBehindItsLengthIsAnswered) {
  reply = std::string("\0\4wxyz", 6);
  EXPECT_EQ(exchange(Repeat::never), (Bytes{'w', 'x', 'y', 'z'}));
}

TEST_F(Framed, AnAnswerThatIsCutIsAnUnknownOutcomeOfWhatMayNotBeRepeated) {
  reply = std::string("\0\4wx", 4);
  EXPECT_EQ(exchange(Repeat::never).error().code, ErrorCode::outcome_unknown);
  EXPECT_EQ(exchange(Repeat::safe_to_repeat).error().code, ErrorCode::unavailable);
  EXPECT_EQ(world
                .wait(exchange_tcp_dns(world.clock, server->endpoint(), Bytes(70'000), world.in(2s),
                                       Repeat::never))
                .error()
                .code,
            ErrorCode::invalid);
}

}  // namespace
}  // namespace bascule::net
