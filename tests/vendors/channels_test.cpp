// Every notifier that speaks HTTP against everything that can be wrong with whom it speaks to: one
// table of channels, one of faults. What is not delivered is tried again or given up, as the fault
// says and whatever the vendor; and no error tells a secret, also where a server repeats it.
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <ctime>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "net/certificates_for_test.h"
#include "net/loopback_for_test.h"
#include "net/name_server_for_test.h"
#include "notifiers/alertmanager/alertmanager.h"
#include "notifiers/datadog/datadog.h"
#include "notifiers/grafana/grafana.h"
#include "notifiers/pagerduty/pagerduty.h"
#include "notifiers/slack/slack.h"
#include "notifiers/webhook/webhook.h"
#include "ports/plain_world_for_test.h"
#include "runtime/notifications.h"

namespace bascule {
namespace {

enum class Outcome : std::uint8_t { delivered, try_again, give_up };

// --- channels ---------------------------------------------------------------------------------

Json secret(const std::string& text) {
  return Json{{"$secret", text}};
}

struct ChannelRow {
  std::string name;
  std::function<NotifierKind(net::Resolver&)> kind;
  std::function<Json(const std::string& base)> settings;
  std::vector<std::string> secrets;
  std::string good = "{}";     // what the vendor says when it has taken something
  bool reads_answers = false;  // so that one that never ends is none
  bool by_refresh = false;

  // NOLINTNEXTLINE(readability-identifier-naming): what GoogleTest looks for
  friend void PrintTo(const ChannelRow& row, std::ostream* out) { *out << row.name; }
};

std::vector<ChannelRow> channels() {
  return {{"slack",
           slack_notifier,
           [](const std::string& base) {
             return Json{{"webhook", secret(base + "/services/T0SECRET/B0SECRET/x0x0SECRET")}};
           },
           {"T0SECRET", "B0SECRET", "x0x0SECRET"},
           "ok"},
          {"webhook",
           webhook_notifier,
           [](const std::string& base) {
             return Json{{"url", secret(base + "/in/p4th-secret?token=qu3ry-secret")},
                         {"secret", secret("s1gning-secret")},
                         {"headers", {{"Authorization", secret("Bearer h3ader-secret")}}}};
           },
           {"p4th-secret", "qu3ry-secret", "s1gning-secret", "Bearer h3ader-secret"}},
          {"pagerduty",
           pagerduty_notifier,
           [](const std::string& base) {
             return Json{{"routing_key", secret("r0uting-secret")}, {"endpoint", base}};
           },
           {"r0uting-secret"}},
          {"pagerduty_rest",
           pagerduty_notifier,
           [](const std::string& base) {
             return Json{{"api_token", secret("t0ken-secret")},
                         {"service", "PWIXJZS"},
                         {"from", "ops@example.com"},
                         {"endpoint", base}};
           },
           {"t0ken-secret"},
           R"({"incidents":[]})",
           true},
          {"datadog",
           datadog_notifier,
           [](const std::string& base) {
             return Json{{"api_key", secret("ap1key-secret")}, {"endpoint", base}};
           },
           {"ap1key-secret"}},
          {"datadog_series",
           datadog_notifier,
           [](const std::string& base) {
             return Json{
                 {"api_key", secret("ap1key-secret")}, {"endpoint", base}, {"metrics", true}};
           },
           {"ap1key-secret"},
           "{}",
           false,
           true},
          {"grafana",
           grafana_notifier,
           [](const std::string& base) {
             return Json{{"token", secret("gr4fana-secret")}, {"url", base}};
           },
           {"gr4fana-secret"}},
          {"alertmanager",
           alertmanager_notifier,
           [](const std::string& base) { return Json{{"urls", {base}}}; },
           {}},
          {"alertmanager_refresh",
           alertmanager_notifier,
           [](const std::string& base) { return Json{{"urls", {base}}}; },
           {},
           "{}",
           false,
           true}};
}

// One that every channel has something to send for.
Message message_for_all() {
  Message message;
  message.severity = Severity::critical;
  message.stage = IncidentStage::triggered;
  message.incident = "bascule/demo/shop/7";
  message.cluster = "demo";
  message.group = GroupName("shop");
  message.seq = 7;
  message.delivery = "demo/1f0c77a2/7";
  message.title = "r-0001 done";
  message.data = {{"type", "RunEnded"}};
  return message;
}

Standing standing_for_all() {
  Standing standing;
  standing.cluster = "demo";
  standing.group = GroupName("shop");
  standing.state = "CRITICAL";
  standing.incident = "bascule/demo/shop/7";
  return standing;
}

// --- faults -----------------------------------------------------------------------------------

// What a fault is made of: the channel it happens to, and the test's servers.
struct Stage {
  RealWorld& world;
  const ChannelRow& channel;
  net::Certificates& certificates;
  std::string elsewhere;  // where a redirect leads
};
using MakeScript = std::function<net::Script(const Stage& stage)>;

struct Fault {
  std::string name;
  MakeScript script;
  Outcome outcome = Outcome::try_again;
  std::string says = {};  // in the error
  std::optional<Duration> not_before = {};
  std::string scheme = "http";
  std::string host = "127.0.0.1";
  // A test of silence does not wait for as long as the notifications would.
  Duration patience{20'000};
};

constexpr Duration kShort{300};
constexpr Duration kGrace{20'000};  // a channel keeps its deadline by itself

// A server that repeats every secret it was told.
std::string answer_of(const std::string& head, const std::string& body) {
  return fmt::format("HTTP/1.1 {}\r\nContent-Length: {}\r\n\r\n{}", head, body.size(), body);
}
MakeScript says(const std::string& head) {
  return [head](const Stage& stage) {
    const std::string body =
        fmt::format("the reason is {}", fmt::join(stage.channel.secrets, " and "));
    return net::answering(stage.world.clock, answer_of(head, body));
  };
}
MakeScript takes(const std::string& head) {
  return [head](const Stage& stage) {
    return net::answering(stage.world.clock, answer_of(head, stage.channel.good));
  };
}
MakeScript redirects(const std::string& head) {
  return [head](const Stage& stage) {
    return net::answering(stage.world.clock,
                          answer_of(fmt::format("{}\r\nLocation: {}", head, stage.elsewhere), ""));
  };
}
MakeScript writes(std::vector<std::string> pieces) {
  return [pieces = std::move(pieces)](const Stage& stage) {
    return net::answering_in_pieces(stage.world.clock, pieces);
  };
}
MakeScript writes_and_closes(const std::string& text) {
  return [text](const Stage& stage) { return net::answering(stage.world.clock, text); };
}

// Without waiting for a word of the other side.
awaitable<void> speak_first(Clock& clock, std::unique_ptr<net::Stream> to, std::string text) {
  co_await to->write_all(text, Deadline::in(clock, Duration{20'000}));
  co_await net::hold(clock, to.get());
}
MakeScript speaks_first(const std::string& text) {
  return [text](const Stage& stage) -> net::Script {
    return [&clock = stage.world.clock, text](std::unique_ptr<net::Stream> client, int) {
      return speak_first(clock, std::move(client), text);
    };
  };
}

std::string in_two_minutes() {
  const std::time_t then = std::time(nullptr) + 120;
  std::tm date{};
  ::gmtime_r(&then, &date);
  return fmt::format("{:%a, %d %b %Y %H:%M:%S} GMT", date);
}

std::vector<Fault> answers() {
  const Outcome again = Outcome::try_again;
  const Outcome give_up = Outcome::give_up;
  return {{"200", takes("200 OK"), Outcome::delivered},
          {"202", takes("202 Accepted"), Outcome::delivered},
          {"400", says("400 Bad Request"), give_up, "answered 400 Bad Request: the reason is"},
          {"401", says("401 Unauthorized"), give_up, "answered 401 Unauthorized: the reason is"},
          {"403", says("403 Forbidden"), give_up, "answered 403 Forbidden: the reason is"},
          {"404", says("404 Not Found"), give_up, "answered 404 Not Found: the reason is"},
          {"413", says("413 Too Large"), give_up, "answered 413"},
          {"408", says("408 Timeout"), again, "answered 408"},
          {"429", says("429 Slow Down"), again, "answered 429"},
          {"429 in seconds", says("429 Slow Down\r\nRetry-After: 7"), again, "answered 429",
           Duration{7'000}},
          {"429 until a date", says("429 Slow Down\r\nRetry-After: " + in_two_minutes()), again,
           "answered 429", Duration{30'000}},
          {"429 for a year", says("429 Slow Down\r\nRetry-After: 31536000"), again, "answered 429",
           Duration{3'600'000}},
          {"429 until nonsense", says("429 Slow Down\r\nRetry-After: soon"), again, "answered 429"},
          {"500", says("500 Oops"), again, "answered 500"},
          {"502", says("502 Bad Gateway"), again, "answered 502"},
          {"503", says("503 Busy"), again, "answered 503"},
          {"503 in seconds", says("503 Busy\r\nRetry-After: 3"), again, "answered 503",
           Duration{3'000}},
          {"301", redirects("301 Moved"), give_up, "it has moved to 127.0.0.1"},
          {"307", redirects("307 Moved"), give_up, "it has moved to 127.0.0.1"},
          {"308", redirects("308 Moved"), give_up, "it has moved to 127.0.0.1"}};
}

std::vector<Fault> broken() {
  const Outcome again = Outcome::try_again;
  const std::string tls = "https";
  return {{.name = "hangs",
           .script = [](const Stage& stage) { return net::silent(stage.world.clock); },
           .says = "no answer within",
           .patience = kShort},
          {.name = "hangs in the header",
           .script = writes({"HTTP/1.1 200 OK\r\nContent-Le"}),
           .says = "no answer within",
           .patience = kShort},
          {.name = "hangs in the answer",
           .script = writes({"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"}),
           .says = "no answer within",
           .patience = kShort},
          {.name = "closes without an answer", .script = writes_and_closes(""), .outcome = again},
          {.name = "closes in the answer",
           .script = writes_and_closes("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"),
           .outcome = again},
          {.name = "garbage",
           .script = writes_and_closes("SSH-2.0-OpenSSH_9.2p1 Debian\r\n"),
           .says = "not HTTP"},
          {.name = "a header without end",
           .script =
               [](const Stage& stage) {
                 return net::flooding(stage.world.clock,
                                      {"HTTP/1.1 200 OK\r\n", "X: 0123456789\r\n"});
               },
           .says = "header is larger"},
          {.name = "plain text on a port for TLS",
           .script = speaks_first("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"),
           .says = "plain text",
           .scheme = tls},
          {.name = "a certificate of nobody",
           .script =
               [](const Stage& stage) {
                 auto context = stage.certificates.serve(
                     {.file = "own", .names = "IP:127.0.0.1", .self_signed = true});
                 return net::secured(stage.world.clock, context, takes("200 OK")(stage));
               },
           .says = "certificate",
           .scheme = tls},
          {.name = "a TLS handshake that hangs",
           .script = [](const Stage& stage) { return net::silent(stage.world.clock); },
           .says = "TLS handshake",
           .scheme = tls,
           .patience = kShort},
          {.name = "nobody", .script = nullptr, .says = "connection refused"},
          {.name = "a name that does not exist",
           .script = nullptr,
           .says = "does not exist",
           .host = "gone.example"},
          {.name = "a name server that is silent",
           .script = nullptr,
           .says = "looking up the name",
           .host = "silent.example",
           .patience = kShort}};
}

// --- the test ---------------------------------------------------------------------------------

class ChannelTest : public testing::TestWithParam<ChannelRow> {
 public:
  ~ChannelTest() override { world_.wait(names_.stop()); }

 protected:
  Result<void> send(const std::string& base, Duration patience) {
    const ChannelRow& channel = GetParam();
    auto notifier = channel.kind(*resolver_).make(channel.settings(base), world_.services);
    EXPECT_TRUE(notifier) << notifier.error().message;
    const Deadline deadline = world_.in(patience);
    auto work = channel.by_refresh ? (*notifier)->refresh({standing_for_all()}, deadline)
                                   : (*notifier)->send(message_for_all(), deadline);
    return world_.wait(
        with_deadline(world_.clock, world_.in(patience + kGrace), channel.name, std::move(work)));
  }
  // What becomes of a message when that is the matter.
  Result<void> meet(const Fault& fault) {
    net::Loopback elsewhere(world_.context, world_.clock, net::silent(world_.clock));
    if (!fault.script) {
      const std::uint16_t nobody = net::closed_port(world_.context);
      auto sent = send(fmt::format("{}://{}:{}", fault.scheme, fault.host, nobody), fault.patience);
      world_.wait(elsewhere.stop());
      return sent;
    }
    const Stage stage{world_, GetParam(), certificates_, elsewhere.url("/x0x0SECRET")};
    net::Loopback server(world_.context, world_.clock, fault.script(stage));
    auto sent =
        send(fmt::format("{}://{}:{}", fault.scheme, fault.host, server.port()), fault.patience);
    EXPECT_GE(server.accepted(), 1);
    EXPECT_EQ(elsewhere.accepted(), 0) << "what is sent is for nobody else";
    world_.wait(server.stop());
    world_.wait(elsewhere.stop());
    return sent;
  }
  void expect_no_secret(const std::string& text) const {
    for (const std::string& hidden : GetParam().secrets) {
      EXPECT_EQ(text.find(hidden), std::string::npos) << text;
    }
  }
  void expect_outcome(const Fault& fault) {
    SCOPED_TRACE(GetParam().name + ": " + fault.name);
    const Result<void> sent = meet(fault);
    ASSERT_EQ(sent.has_value(), fault.outcome == Outcome::delivered)
        << (sent ? "" : sent.error().message);
    if (sent) return;
    const Error& error = sent.error();
    EXPECT_EQ(runtime::gives_up(error), fault.outcome == Outcome::give_up) << error.message;
    EXPECT_NE(error.message.find(fault.says), std::string::npos) << error.message;
    EXPECT_EQ(error.retry_after.has_value(), fault.not_before.has_value()) << error.message;
    if (fault.not_before) EXPECT_GE(*error.retry_after, *fault.not_before);
    if (error.retry_after) EXPECT_LE(*error.retry_after, Duration{3'600'000});
    expect_no_secret(error.message + error.what_to_do);
  }

  PlainWorld world_;
  net::NameServer names_{world_.context};
  std::unique_ptr<net::Resolver> resolver_ =
      *net::Resolver::make(world_.context, world_.clock, {names_.place()});
  net::Certificates certificates_;
};

TEST_P(ChannelTest, TriesAgainOrGivesUpAsTheAnswerSays) {
  for (const Fault& fault : answers()) expect_outcome(fault);
}

TEST_P(ChannelTest, TriesAgainWhereThereIsNoAnswer) {
  for (const Fault& fault : broken()) expect_outcome(fault);
}

TEST_P(ChannelTest, AnAnswerWithoutEndHoldsNobodyUp) {
  const std::string head = "HTTP/1.1 200 OK\r\nContent-Length: 1099511627776\r\n\r\n";
  expect_outcome({.name = "an answer without end",
                  .script =
                      [&](const Stage& stage) {
                        return net::flooding(stage.world.clock,
                                             {head, std::string(64 * 1024, ' ')});
                      },
                  .outcome = GetParam().reads_answers ? Outcome::try_again : Outcome::delivered});
}

TEST_P(ChannelTest, WhatCannotBeReachedIsToldWithoutASecret) {
  const ChannelRow& channel = GetParam();
  const std::string base = fmt::format("http://127.0.0.1:{}", net::closed_port(world_.context));
  auto notifier = channel.kind(*resolver_).make(channel.settings(base), world_.services);
  ASSERT_TRUE(notifier);
  const Result<void> reached = world_.wait((*notifier)->reach(world_.in(Duration{20'000})));
  ASSERT_FALSE(reached);
  EXPECT_NE(reached.error().message.find("connection refused"), std::string::npos)
      << reached.error().message;
  expect_no_secret(reached.error().message);
}

INSTANTIATE_TEST_SUITE_P(Every, ChannelTest, testing::ValuesIn(channels()),
                         [](const auto& tested) { return tested.param.name; });

}  // namespace
}  // namespace bascule
