// Servers whose certificates must not be trusted, who speak no TLS, or who stop in the middle of
// it.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "net/certificates_for_test.h"
#include "providers/http/http_world_for_test.h"

namespace bascule::http {
namespace {

using namespace std::chrono_literals;

constexpr long kDay = 86'400;

struct HostileTls : HttpWorld {
  net::Certificates certificates;

  std::string verdict(Json tls = Json::object(), const std::string& host = "localhost",
                      Duration limit = 20s) {
    if (!tls.contains("ca") && !tls.contains("verify")) tls["ca"] = certificates.authority();
    const Observation seen =
        look({{"url", fmt::format("https://{}:{}/", host, server->port())}, {"tls", tls}}, limit);
    EXPECT_TRUE(std::ranges::all_of(seen.summary, [](char c) { return c >= 32 && c < 127; }))
        << "nothing that a terminal would act on";
    return std::string(to_string(seen.health)) + ": " + seen.summary;
  }
  void serve_with(const net::Certificates::Wanted& wanted) {
    serve(
        net::secured(clock, certificates.serve(wanted), net::answering(clock, response("200 OK"))));
  }
  [[nodiscard]] std::string day(long seconds_from_now) const {
    return to_rfc3339(clock.now() + std::chrono::seconds(seconds_from_now)).substr(0, 10);
  }
};

TEST_F(HostileTls, CertificatesThatMustNotBeTrustedAreNamed) {
  struct Row {
    net::Certificates::Wanted wanted;
    std::string verdict;
  };
  const std::vector<Row> rows = {
      {{.file = "other", .names = "DNS:other.test"},
       "failed: host name mismatch: certificate is for other.test, not localhost"},
      {{.file = "nameless"},
       "failed: host name mismatch: certificate is for CN=nameless, not localhost"},
      {{.file = "address", .names = "IP:127.0.0.1"},
       "failed: host name mismatch: certificate is for 127.0.0.1, not localhost"},
      {{.file = "evil", .names = "DNS:a\x1B[31m\xFFz.test"},
       "failed: host name mismatch: certificate is for a?[31m?z.test, not localhost"},
      {{.file = "old", .names = "DNS:localhost", .begins_in = -9 * kDay, .ends_in = -2 * kDay},
       "failed: certificate has expired on " + day(-2 * kDay)},
      {{.file = "new", .names = "DNS:localhost", .begins_in = 2 * kDay, .ends_in = 9 * kDay},
       "failed: certificate is not valid before " + day(2 * kDay)},
      {{.file = "own", .names = "DNS:localhost", .self_signed = true},
       "failed: self-signed certificate: CN=own"},
  };
  for (const Row& row : rows) {
    serve_with(row.wanted);
    EXPECT_EQ(verdict(), row.verdict);
    const std::string unverified = verdict({{"verify", false}});
    EXPECT_TRUE(unverified.starts_with("healthy: 200, certificate not verified")) << unverified;
  }
}

TEST_F(HostileTls, AnAuthorityThatNobodyNamedIsNotTrusted) {
  serve_with({.file = "good", .names = "DNS:localhost"});
  EXPECT_EQ(verdict(), "healthy: 200");
  EXPECT_EQ(verdict({{"ca", ""}}), "failed: certificate of an unknown authority");
  const net::Certificates others;  // of the same name, with another key
  const std::string refused = verdict({{"ca", others.authority()}});
  EXPECT_TRUE(refused.starts_with("failed: certificate ")) << refused;
}

TEST_F(HostileTls, ARequestInPlainTextIsAnsweredByAnAlertOrNotAtAll) {
  serve_with({.file = "good", .names = "DNS:localhost"});
  const Observation seen = look({{"url", server->url("/", "localhost")}});
  EXPECT_EQ(seen.health, Health::failed);
  EXPECT_TRUE(seen.summary == "answer is TLS, not HTTP: this port wants https" ||
              seen.summary.starts_with("connection "))
      << seen.summary;
}

TEST_F(HostileTls, ARedirectToHttpsTrustsNobodyMore) {
  const auto redirect_to = [this](std::uint16_t port) {
    return net::answering(
        clock, response("301 Moved", "", fmt::format("Location: https://localhost:{}/\r\n", port)));
  };
  serve_with({.file = "good", .names = "DNS:localhost"});
  net::Loopback plain(world.context, world.clock, redirect_to(server->port()));
  const Json settings = {{"url", plain.url("/", "localhost")}};
  Json trusting = settings;
  trusting["tls"] = {{"ca", certificates.authority()}};
  EXPECT_EQ(look(trusting).summary, "200");
  EXPECT_EQ(look(settings).summary, "certificate of an unknown authority");
  // And to https on a port that speaks none.
  net::Loopback wrong(world.context, world.clock, redirect_to(plain.port()));
  const Observation seen = look({{"url", wrong.url()}}, 250ms);
  EXPECT_EQ(seen.health, Health::failed);
  world.wait(plain.stop());
  world.wait(wrong.stop());
}

// What a server says in the place of a handshake; it does not wait for the client's first message.
struct NoHandshake : HostileTls {
  awaitable<void> flood(std::unique_ptr<net::Stream> client, std::string piece, bool end) {
    bool written = true;
    while (written) {
      written = (co_await client->write_all(piece, Deadline::in(clock, 20s))).has_value();
      if (end) break;
      taken += piece.size();
    }
    if (end) co_await net::hold(clock, client.get());
  }
  void serve_flood(const std::string& piece, bool end = false) {
    taken = 0;
    serve([this, piece, end](std::unique_ptr<net::Stream> client, int) {
      return flood(std::move(client), piece, end);
    });
  }
  std::size_t taken = 0;
};

TEST_F(NoHandshake, IsFailedWithItsReason) {
  serve_flood("HTTP/1.1 400 Bad Request\r\n\r\n", true);
  EXPECT_EQ(verdict(), "failed: plain text on a TLS port");
  serve_flood(std::string(100'000, 'a'));
  EXPECT_EQ(verdict(), "failed: plain text on a TLS port");
  serve_flood(std::string(100'000, '\0'));
  EXPECT_TRUE(verdict().starts_with("failed: ")) << verdict();
  // A handshake message that announces 16 MiB, in records of their full size.
  serve_flood("\x16\x03\x03\x40" + std::string(1, '\0') + "\x0B\xFF\xFF\xFF" +
              std::string(0x4000 - 4, 'x'));
  EXPECT_TRUE(verdict().starts_with("failed: TLS failed: ")) << verdict();
  EXPECT_LT(taken, 32U * 1024 * 1024);
  serve_flood(std::string("\x15\x03\x03\0\x02\x02\x28", 7), true);  // a fatal alert
  EXPECT_TRUE(verdict().starts_with("failed: TLS failed: ")) << verdict();
}

TEST_F(NoHandshake, SilenceAndDripsEndAtTheDeadline) {
  const std::string expected = "failed: no answer within 250ms (";
  serve(net::silent(clock));
  EXPECT_TRUE(verdict(Json::object(), "localhost", 250ms).starts_with(expected));
  serve_flood(std::string("\x16\x03\x03", 3), true);
  EXPECT_TRUE(verdict(Json::object(), "localhost", 250ms).starts_with(expected));
}

// Passes on so many bytes of what the server writes, then cuts the connection.
class CutStream final : public net::Stream {
 public:
  CutStream(std::unique_ptr<net::Stream> whole, std::size_t left)
      : whole_(std::move(whole)), left_(left) {}

  awaitable<Result<std::size_t>> read_some(std::span<char> into, Deadline deadline) override {
    co_return co_await whole_->read_some(into, deadline);
  }
  awaitable<Result<void>> write_all(std::string_view bytes, Deadline deadline) override {
    const std::string_view part = bytes.substr(0, left_);
    left_ -= part.size();
    const Result<void> written = co_await whole_->write_all(part, deadline);
    if (!written || part.size() == bytes.size()) co_return written;
    whole_->abort();
    co_return fail(ErrorCode::unavailable, "cut");
  }
  awaitable<Result<void>> finish_sending(Deadline deadline) override {
    co_return co_await whole_->finish_sending(deadline);
  }
  awaitable<Result<void>> close(Deadline deadline) override {
    co_return co_await whole_->close(deadline);
  }
  void abort() override { whole_->abort(); }
  [[nodiscard]] bool is_idle() const override { return whole_->is_idle(); }
  [[nodiscard]] std::optional<net::Endpoint> peer() const override { return whole_->peer(); }

 private:
  std::unique_ptr<net::Stream> whole_;
  std::size_t left_;
};

TEST_F(HostileTls, ACutAnywhereIsFailedWithAReason) {
  const auto context = certificates.serve({.file = "good", .names = "DNS:localhost"});
  const net::Script secure =
      net::secured(clock, context, net::answering(clock, response("200 OK", "hello")));
  std::size_t kept = 0;
  serve([&](std::unique_ptr<net::Stream> client, int number) {
    return secure(std::make_unique<CutStream>(std::move(client), kept), number);
  });
  std::string last;
  while (!last.starts_with("healthy") && kept < 20'000) {
    last = verdict();
    const bool told = last.starts_with("failed: connection ") || last == "healthy: 200";
    EXPECT_TRUE(told) << "after " << kept << " bytes: " << last;
    kept += 13;
  }
  EXPECT_EQ(last, "healthy: 200");
  EXPECT_GT(kept, 500U) << "a handshake has more than that";
}

}  // namespace
}  // namespace bascule::http
