#include "net/stream.h"

#include <gtest/gtest.h>

#include "net/certificates_for_test.h"
#include "net/loopback_for_test.h"
#include "net/tls.h"

namespace bascule::net {
namespace {

using namespace std::chrono_literals;

awaitable<void> echo(Clock* clock, std::unique_ptr<Stream> client) {
  std::string buffer(64 * 1024, '\0');
  while (true) {
    const auto n = co_await client->read_some(buffer, Deadline::in(*clock, 5s));
    if (!n || *n == 0) break;
    if (!co_await client->write_all(std::string_view(buffer).substr(0, *n),
                                    Deadline::in(*clock, 5s))) {
      break;
    }
  }
  co_await client->close(Deadline::in(*clock, 1s));
}

awaitable<Result<void>> send_piece(Stream* stream, const std::string* text, Deadline deadline) {
  co_return co_await stream->write_all(*text, deadline);
}

// Sends much and reads it back, so that neither side can do one after the other.
awaitable<std::string> round_trip(Clock* clock, Stream* stream, std::string text) {
  Scope scope(co_await boost::asio::this_coro::executor, nullptr);
  const Deadline deadline = Deadline::in(*clock, 10s);
  struct Send {
    static awaitable<void> it(Stream* to, const std::string* what, Deadline until) {
      co_await send_piece(to, what, until);
    }
  };
  scope.spawn("send", Send::it(stream, &text, deadline));
  std::string back;
  std::string buffer(64 * 1024, '\0');
  while (back.size() < text.size()) {
    const auto n = co_await stream->read_some(buffer, deadline);
    if (!n || *n == 0) break;
    back.append(buffer, 0, *n);
  }
  scope.request_stop();
  co_await scope.join();
  co_return back;
}

TEST(Tcp, MegabytesGoThroughInBothDirectionsAtOnce) {
  RealWorld world;
  Loopback server(world.context, world.clock,
                  [&](auto client, int) { return echo(&world.clock, std::move(client)); });
  auto stream = world.wait(connect(world.clock, server.endpoint(), world.in(5s)));
  ASSERT_TRUE(stream);
  EXPECT_EQ((*stream)->peer(), server.endpoint());
  EXPECT_TRUE((*stream)->is_idle());
  const std::string text(8'000'000, 'x');
  EXPECT_EQ(world.wait(round_trip(&world.clock, stream->get(), text)), text);
  EXPECT_TRUE(world.wait((*stream)->close(world.in(1s))));
  EXPECT_FALSE((*stream)->is_idle());
  world.wait(server.stop());
}

TEST(Tcp, ARefusalIsToldAtOnce) {
  RealWorld world;
  const Endpoint nobody{boost::asio::ip::address_v4::loopback(), closed_port(world.context)};
  const auto stream = world.wait(connect(world.clock, nobody, world.in(5s)));
  ASSERT_FALSE(stream);
  EXPECT_EQ(stream.error().code, ErrorCode::unavailable);
  EXPECT_EQ(stream.error().message, "connection refused");
}

TEST(Tcp, ASilentPeerIsATimeout) {
  RealWorld world;
  Loopback server(world.context, world.clock, silent(world.clock));
  auto stream = world.wait(connect(world.clock, server.endpoint(), world.in(5s)));
  ASSERT_TRUE(stream);
  std::string buffer(10, '\0');
  const auto n = world.wait((*stream)->read_some(buffer, world.in(50ms)));
  ASSERT_FALSE(n);
  EXPECT_EQ(n.error().code, ErrorCode::timeout);
  (*stream)->abort();
  world.wait(server.stop());
}

TEST(Tcp, TheNextAddressIsTriedAtOnceWhenOneRefuses) {
  RealWorld world;
  Loopback server(world.context, world.clock,
                  [&](auto client, int) { return echo(&world.clock, std::move(client)); });
  const std::vector<IpAddress> addresses = {*parse_address("127.0.0.3"), *parse_address("::1"),
                                            *parse_address("127.0.0.1")};
  const MonotonicInstant before = world.clock.monotonic();
  auto stream = world.wait(connect_any(world.clock, addresses, server.port(), world.in(5s), 2s));
  ASSERT_TRUE(stream) << stream.error().message;
  EXPECT_EQ((*stream)->peer()->address, addresses[2]);
  EXPECT_LT(elapsed(world.clock, before), 1s);
  world.wait(server.stop());
}

TEST(Tcp, AnAddressThatSwallowsPacketsDelaysTheNextByTheStaggerOnly) {
  RealWorld world;
  Loopback server(world.context, world.clock,
                  [&](auto client, int) { return echo(&world.clock, std::move(client)); });
  const Swallowing black_hole(world.context, {*parse_address("127.0.0.9"), server.port()});
  const std::vector<IpAddress> addresses = {*parse_address("127.0.0.9"),
                                            *parse_address("127.0.0.1")};
  const MonotonicInstant before = world.clock.monotonic();
  auto stream = world.wait(connect_any(world.clock, addresses, server.port(), world.in(5s), 100ms));
  ASSERT_TRUE(stream) << stream.error().message;
  EXPECT_EQ((*stream)->peer()->address, addresses[1]);
  EXPECT_LT(elapsed(world.clock, before), 2s);
  const Endpoint hole{addresses[0], server.port()};
  const auto nothing = world.wait(connect(world.clock, hole, world.in(100ms)));
  ASSERT_FALSE(nothing);
  EXPECT_EQ(nothing.error().code, ErrorCode::timeout);
  EXPECT_EQ(nothing.error().message, to_string(hole) + " gave no answer within 100ms");
  world.wait(server.stop());
}

struct Tls : ::testing::Test {
  RealWorld world;
  Certificates certificates;
  std::shared_ptr<const TlsContext> server_context;
  std::unique_ptr<Loopback> server;
  std::optional<Error> server_error;

  void TearDown() override {
    if (server) world.wait(server->stop());
  }

  awaitable<void> secure_echo(std::unique_ptr<Stream> plain) {
    auto secured = co_await accept_tls(world.clock, std::move(plain), server_context, world.in(5s));
    if (!secured) {
      server_error = secured.error();
      co_return;
    }
    co_await echo(&world.clock, std::move(*secured));
  }

  void serve(const Certificates::Wanted& wanted, bool ask_for_client = false) {
    server_context = certificates.serve(wanted, ask_for_client);
    server = std::make_unique<Loopback>(
        world.context, world.clock,
        [this](std::unique_ptr<Stream> plain, int) { return secure_echo(std::move(plain)); });
  }

  TlsSettings trusting() const {
    TlsSettings settings;
    settings.authority_file = certificates.authority();
    return settings;
  }

  Result<std::unique_ptr<Stream>> secure(const TlsSettings& settings, const std::string& host,
                                         Duration limit = 5s) {
    auto context = TlsContext::for_client(settings);
    if (!context) return error_of(context);
    auto plain = world.wait(connect(world.clock, server->endpoint(), world.in(5s)));
    if (!plain) return error_of(plain);
    return world.wait(start_tls(world.clock, std::move(*plain), *context, host, world.in(limit)));
  }

  std::string refusal(const TlsSettings& settings, const std::string& host) {
    const auto stream = secure(settings, host);
    return stream ? "accepted" : stream.error().message;
  }
};

TEST_F(Tls, TheRightNameIsAcceptedAndBytesGoBothWays) {
  serve({.file = "good", .names = "DNS:www.shop.test,IP:127.0.0.1"});
  auto stream = secure(trusting(), "www.shop.test");
  ASSERT_TRUE(stream) << stream.error().message;
  const std::string text(3'000'000, 'x');
  EXPECT_EQ(world.wait(round_trip(&world.clock, stream->get(), text)), text);
  const TlsDetails details = *(*stream)->tls();
  EXPECT_EQ(details.protocol, "TLSv1.3");
  EXPECT_TRUE(details.verified);
  EXPECT_EQ(details.subject, "CN=good");
  EXPECT_GT(*details.expires, world.clock.now() + 23h);
  EXPECT_EQ((*stream)->peer(), server->endpoint());
  EXPECT_TRUE(world.wait((*stream)->close(world.in(1s))));
}

TEST_F(Tls, AnAddressIsVerifiedAgainstTheCertificatesAddresses) {
  serve({.file = "good", .names = "DNS:www.shop.test,IP:127.0.0.1"});
  EXPECT_EQ(refusal(trusting(), "127.0.0.1"), "accepted");
  EXPECT_EQ(refusal(trusting(), "127.0.0.2"),
            "host name mismatch: certificate is for www.shop.test, 127.0.0.1, not 127.0.0.2");
}

TEST_F(Tls, AWrongNameIsRefusedWithBothNames) {
  serve({.file = "good", .names = "DNS:www.shop.test"});
  EXPECT_EQ(refusal(trusting(), "api.shop.test"),
            "host name mismatch: certificate is for www.shop.test, not api.shop.test");
  TlsSettings renamed = trusting();
  renamed.server_name = "www.shop.test";
  EXPECT_EQ(refusal(renamed, "api.shop.test"), "accepted");
}

TEST_F(Tls, AnExpiredCertificateIsRefused) {
  serve({.file = "old", .names = "DNS:a.test", .begins_in = -86400 * 9, .ends_in = -86400 * 2});
  EXPECT_TRUE(refusal(trusting(), "a.test").starts_with("certificate has expired on 20"));
}

TEST_F(Tls, ASelfSignedCertificateIsRefusedUnlessVerificationIsOffWhichShows) {
  serve({.file = "own", .names = "DNS:a.test", .self_signed = true});
  EXPECT_EQ(refusal(trusting(), "a.test"), "self-signed certificate: CN=own");
  TlsSettings blind;
  blind.verify = false;
  const auto stream = secure(blind, "b.test");
  ASSERT_TRUE(stream) << stream.error().message;
  EXPECT_FALSE((*stream)->tls()->verified);
}

TEST_F(Tls, TheSystemsAuthoritiesDoNotKnowOurs) {
  serve({.file = "good", .names = "DNS:a.test"});
  EXPECT_EQ(refusal(TlsSettings(), "a.test"), "certificate of an unknown authority");
}

TEST_F(Tls, ClientCertificatesAreShownAndTheirAbsenceIsDenied) {
  serve({.file = "good", .names = "DNS:a.test"}, true);
  certificates.make({.file = "client", .names = ""});
  TlsSettings with = trusting();
  with.certificate_file = certificates.path("client.pem");
  with.key_file = certificates.path("client.key");
  auto stream = secure(with, "a.test");
  ASSERT_TRUE(stream) << stream.error().message;
  EXPECT_EQ(world.wait(round_trip(&world.clock, stream->get(), "hello")), "hello");

  // In TLS 1.3 the refusal arrives with the first read.
  stream = secure(trusting(), "a.test");
  ASSERT_TRUE(stream) << stream.error().message;
  std::string buffer(10, '\0');
  const auto n = world.wait((*stream)->read_some(buffer, world.in(5s)));
  ASSERT_FALSE(n);
  EXPECT_EQ(n.error().code, ErrorCode::denied);
  EXPECT_EQ(n.error().message, "the other side wants a client certificate");
  EXPECT_EQ(server_error->message, "the other side wants a client certificate");
}

awaitable<void> say_and_hold(Clock* clock, std::unique_ptr<Stream> client, std::string what) {
  if (!what.empty()) co_await client->write_all(what, Deadline::in(*clock, 5s));
  co_await hold(*clock, client.get());
}
awaitable<void> close_at_once(std::unique_ptr<Stream> client) {
  client->abort();
  co_return;
}

TEST_F(Tls, WhatIsNoTlsIsNamed) {
  std::string answer = "HTTP/1.1 400 Bad Request\r\n\r\n";
  server = std::make_unique<Loopback>(world.context, world.clock, [&](auto client, int) {
    return say_and_hold(&world.clock, std::move(client), answer);
  });
  EXPECT_EQ(refusal(trusting(), "a.test"), "plain text on a TLS port");
  answer = "SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n";
  EXPECT_EQ(refusal(trusting(), "a.test"), "plain text on a TLS port");
}

TEST_F(Tls, AHandshakeThatHangsEndsAtItsDeadline) {
  server = std::make_unique<Loopback>(world.context, world.clock, [&](auto client, int) {
    return say_and_hold(&world.clock, std::move(client), "");
  });
  const auto stream = secure(trusting(), "a.test", 100ms);
  ASSERT_FALSE(stream);
  EXPECT_EQ(stream.error().code, ErrorCode::timeout);
  EXPECT_EQ(stream.error().message, "TLS handshake gave no answer within 100ms");
}

TEST_F(Tls, AnEndInTheMiddleOfTheHandshakeIsTold) {
  server = std::make_unique<Loopback>(world.context, world.clock, [&](auto client, int) {
    return close_at_once(std::move(client));
  });
  const std::string message = refusal(trusting(), "a.test");
  EXPECT_TRUE(message == "connection was closed during the TLS handshake" ||
              message == "connection reset by the other side")
      << message;
}

TEST_F(Tls, UnusableFilesAreNamedWithTheirReason) {
  TlsSettings settings;
  settings.authority_file = "/does/not/exist.pem";
  EXPECT_TRUE(TlsContext::for_client(settings).error().message.starts_with(
      "authority file /does/not/exist.pem cannot be used: "));
  settings = trusting();
  settings.certificate_file = certificates.authority();
  EXPECT_EQ(TlsContext::for_client(settings).error().message,
            "a certificate needs its key, and a key its certificate");
  certificates.make({.file = "one", .names = ""});
  certificates.make({.file = "two", .names = ""});
  settings.certificate_file = certificates.path("one.pem");
  settings.key_file = certificates.path("two.key");
  EXPECT_FALSE(TlsContext::for_client(settings));
  EXPECT_FALSE(TlsContext::for_server(TlsSettings()));
}

}  // namespace
}  // namespace bascule::net
