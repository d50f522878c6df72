// Servers that do what no server should. Whatever they do, a look ends in time with a health and a
// reason, keeps a bounded part of what they send, shows nothing of it that a terminal would act on,
// and delays no other check.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "net/certificates_for_test.h"
#include "providers/http/http_world_for_test.h"

namespace bascule::http {
namespace {

using namespace std::chrono_literals;

constexpr Duration kAnswered{20'000};  // never waited for
constexpr Duration kSilent{250};       // waited for to its end
// What a look may take from a flood: its limits, and what the kernel buffers on both sides.
constexpr std::size_t kTakenMax = 32 * 1024 * 1024;

struct Row {
  std::string name;
  std::function<net::Script(Clock&, Row&)> script;
  Health health = Health::failed;
  std::string summary = {};  // how it begins when it ends with "*"
  Json settings = Json::object();
  Duration limit = kAnswered;
  std::shared_ptr<std::size_t> taken = nullptr;  // of a flood
};

const std::string kOk = "HTTP/1.1 200 OK\r\n";
const std::string kChunked = kOk + "Transfer-Encoding: chunked\r\n\r\n";

Row says(std::string name, std::string bytes, std::string summary) {
  return Row{.name = std::move(name),
             .script = [bytes](Clock& clock, Row&) { return net::answering(clock, bytes); },
             .summary = std::move(summary)};
}
// The same without the end of the connection.
Row holds(std::string name, std::string bytes, std::string summary) {
  Row row = says(std::move(name), "", std::move(summary));
  row.script = [bytes](Clock& clock, Row&) {
    return net::answering_in_pieces(clock, std::vector<std::string>{bytes});
  };
  return row;
}
Row floods(std::string name, std::string begin, std::string piece, std::string summary) {
  Row row = says(std::move(name), "", std::move(summary));
  row.script = [begin, piece](Clock& clock, Row& self) {
    const net::Flood flood{begin, piece};
    self.taken = flood.taken;
    return net::flooding(clock, flood);
  };
  return row;
}
Row drips(std::string name, std::string begin, std::string piece) {
  Row row = says(std::move(name), "", "no answer within 250ms (*");
  row.limit = kSilent;
  row.script = [begin, piece](Clock& clock, Row&) {
    return net::flooding(clock, net::Flood{begin, piece, Duration{3}});
  };
  return row;
}
Row healthy(Row row) {
  row.health = Health::healthy;
  return row;
}
Row degraded(Row row) {
  row.health = Health::degraded;
  return row;
}
Row expecting(Row row, Json expect) {
  row.settings["expect"] = std::move(expect);
  return row;
}
Row redirects_to(std::string name, const std::string& location, std::string summary) {
  return says(std::move(name),
              "HTTP/1.1 302 Found\r\nLocation: " + location + "\r\nContent-Length: 0\r\n\r\n",
              std::move(summary));
}

const std::string kMalformed = "answer is malformed HTTP: *";
const std::string kInTheMiddle = "connection was closed in the middle of the answer";
const std::string kHeaderTooLarge = "answer's header is larger than 16 KiB";

std::vector<Row> silences() {
  Row silent = says("NeverAnswers", "", "no answer within 250ms (*");
  silent.script = [](Clock& clock, Row&) { return net::silent(clock); };
  silent.limit = kSilent;
  Row half = holds("StopsInTheHeader", kOk + "X-A: b", "no answer within 250ms (*");
  half.limit = kSilent;
  Row short_body =
      holds("StopsInTheBody", kOk + "Content-Length: 9\r\n\r\nhalf", "no answer within 250ms (*");
  short_body.limit = kSilent;
  Row trailer =
      holds("NeverEndsTheTrailer", kChunked + "0\r\nA: b\r\n", "no answer within 250ms (*");
  trailer.limit = kSilent;
  return {silent,
          half,
          short_body,
          trailer,
          drips("DripsTheStatusLine", "HTTP/1.1 200 ", "a"),
          drips("DripsHeaders", kOk, "a"),
          drips("DripsTheBody", kOk + "Content-Length: 100000\r\n\r\n", "b"),
          drips("DripsChunks", kChunked, "1\r\na\r\n"),
          drips("DripsABodyWithoutLength", kOk + "\r\n", "b")};
}

std::string many(const std::string& piece) {
  std::string all;
  while (all.size() < 60'000) all += piece;
  return all;
}

std::vector<Row> floods_of_bytes() {
  const std::string cut = "200, but the first 256 KiB of the body lack the expected text";
  return {
      floods("EndlessStatusLine", "HTTP/1.1 200 ", std::string(1000, 'a'), kHeaderTooLarge),
      floods("EndlessHeaders", kOk, "X-A: bbbbbbbbbbbbbbbbbbbbbbbb\r\n", kHeaderTooLarge),
      floods("EndlessHeaderName", kOk, std::string(1000, 'a'), kHeaderTooLarge),
      floods("EndlessHeaderValue", kOk + "X-A: ", std::string(1000, 'a'), kHeaderTooLarge),
      floods("EndlessFoldedHeader", kOk + "X-A: b", many("\r\n b"), kHeaderTooLarge),
      healthy(floods("EndlessBody", kOk + "\r\n", std::string(64 * 1024, 'a'), "200")),
      degraded(
          expecting(floods("EndlessBodyThatIsRead", kOk + "\r\n", std::string(64 * 1024, 'a'), cut),
                    {{"body", "green"}})),
      healthy(
          floods("EndlessChunks", kChunked, "8000\r\n" + std::string(0x8000, 'a') + "\r\n", "200")),
      healthy(floods("EndlessSmallChunks", kChunked, many("1\r\na\r\n"), "200")),
      floods("EndlessChunkSize", kChunked, std::string(1000, '0'),
             "a chunk's header or the trailer is larger than 32 KiB"),
      floods("EndlessChunkExtension", kChunked + "5;x=", std::string(1000, 'y'),
             "a chunk's header or the trailer is larger than 32 KiB"),
      floods("EndlessTrailer", kChunked + "0\r\n", "X-A: bbbbbbbbbbbbbbbbbbbbbbbb\r\n",
             "a chunk's header or the trailer is larger than 32 KiB"),
      floods("EndlessInterimAnswers", "", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n",
             "server sends only interim answers (1xx)"),
      floods("EndlessNothing", "", std::string(1000, '\0'), "answer is not HTTP: \"*"),
      says("PromisesMuch", kOk + "Content-Length: 18446744073709551615\r\n\r\nabc", kInTheMiddle),
      says("PromisesAHugeChunk", kChunked + "fffffffffffffff0\r\nabc", kInTheMiddle)};
}

std::vector<Row> other_protocols() {
  return {
      holds("Ssh", "SSH-2.0-OpenSSH_9.2p1\r\n", "answer is not HTTP: \"SSH-2.0-OpenSSH_9.2p1\""),
      holds("Smtp", "220 mail.test ESMTP\r\n", "answer is not HTTP: \"220 mail.test ESMTP\""),
      says("Http09", "<html>hello</html>", "answer is not HTTP: \"<html>hello</html>\""),
      holds("Http2", std::string("\0\0\x12\x04\0\0\0\0\0", 9),
            "answer is HTTP/2, which is not spoken here"),
      says("Http2Preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "answer is not HTTP: \"PRI *"),
      says("Http2StatusLine", "HTTP/2 200 OK\r\n\r\n", kMalformed),
      says("TlsAlert", std::string("\x15\x03\x01\0\x02\x02\x46", 7),
           "answer is TLS, not HTTP: this port wants https"),
      says("Garbage", "\x1B]0;owned\x07\xFF\xFE\x80 \xC3\x28\r\n",
           "answer is not HTTP: \"?]0;owned???? ?(\""),
      says("Nothing", "", "connection was closed without an answer"),
      says("ALineEnd", "\r\n\r\n", "answer is not HTTP: \"\""),
      says("WantsAnotherProtocol", "HTTP/1.1 101 Switching\r\nUpgrade: h2c\r\n\r\n",
           "server wants to switch protocols")};
}

std::vector<Row> heads() {
  const std::string ok_body = "\r\n\r\nhello";
  return {
      says("NoStatus", "HTTP/1.1\r\n\r\n", kMalformed),
      says("AShortStatus", "HTTP/1.1 20 OK\r\n\r\n", kMalformed),
      says("ALongStatus", "HTTP/1.1 2000 OK\r\n\r\n", kMalformed),
      says("AnotherVersion", "HTTP/9.9 200 OK\r\n\r\n", kMalformed),
      says("NoColon", kOk + "nothing\r\n\r\n", kMalformed),
      says("ABlankInAName", kOk + "X A: b\r\n\r\n", kMalformed),
      says("NulInAValue", kOk + std::string("X-A: a\0b\r\n\r\n", 12), kMalformed),
      says("BareLineFeeds", "HTTP/1.1 200 OK\nContent-Length: 0\n\n", kMalformed),
      healthy(says("BytesThatAreNoText",
                   "HTTP/1.1 200 \xFF\xFE\r\nX-A: \xC3\x28\x80\r\nContent-Length: 0\r\n\r\n",
                   "200")),
      healthy(says("EarlyHints",
                   "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" +
                       kOk + "Content-Length: 0\r\n\r\n",
                   "200")),
      healthy(
          says("MoreThanOneAnswer", kOk + "Content-Length: 0\r\n\r\n" + kOk + "\r\nmore", "200")),
      says("NegativeLength", kOk + "Content-Length: -5" + ok_body, kMalformed),
      says("SignedLength", kOk + "Content-Length: +5" + ok_body, kMalformed),
      says("HexadecimalLength", kOk + "Content-Length: 0x5" + ok_body, kMalformed),
      says("EmptyLength", kOk + "Content-Length: " + ok_body, kMalformed),
      says("OverflowingLength", kOk + "Content-Length: 99999999999999999999999999" + ok_body,
           kMalformed),
      says("TwoLengths", kOk + "Content-Length: 5\r\nContent-Length: 6" + ok_body, kMalformed),
      says("TwoLengthsInOne", kOk + "Content-Length: 5, 6" + ok_body, kMalformed),
      healthy(says("TheSameLengthTwice", kOk + "Content-Length: 5\r\nContent-Length: 5" + ok_body,
                   "200")),
      says("LengthAndChunks",
           kOk + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", kMalformed),
      says("ABadChunkSize", kChunked + "zz\r\nabc\r\n0\r\n\r\n", kMalformed),
      says("ANegativeChunkSize", kChunked + "-1\r\nabc\r\n0\r\n\r\n", kMalformed),
      says("AnOverflowingChunkSize", kChunked + "fffffffffffffffffff\r\nabc", kMalformed),
      says("AChunkThatIsLonger", kChunked + "3\r\nabcd\r\n0\r\n\r\n", kMalformed),
      says("ABadTrailer", kChunked + "0\r\nno colon\r\n\r\n", kMalformed),
      degraded(
          expecting(says("GzipThatNobodyAskedFor",
                         kOk + "Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1F\x8B\x08!",
                         "200, but the body is encoded (gzip), which was not asked for"),
                    {{"body", "green"}}))};
}

std::vector<Row> redirects() {
  return {
      redirects_to("ToItself", "", "redirects go in a circle (http://127.0.0.1:*"),
      redirects_to("ToAnotherScheme", "ftp://a.test/",
                   "redirect: the scheme \"ftp\" is not known; use http or https"),
      redirects_to("ToAFile", "file:///etc/passwd",
                   "redirect: the scheme \"file\" is not known; use http or https"),
      redirects_to("ToGrowingAddresses", "grows/and/grows/", "more than 10 redirects"),
      redirects_to("ToAddressesThatGrowFast", std::string(2000, 'x') + "/",
                   "redirect: the URL is too long"),
      redirects_to("ToAHugeAddress", "/" + std::string(10'000, 'x'),
                   "redirect: the URL is too long"),
      redirects_to("ToAPassword", "http://ana:secret@127.0.0.1/",
                   "redirect: a URL may not hold a user or password*"),
      redirects_to("ToNoText", "/\xC3\xBC", "redirect: the URL holds bytes outside ASCII*"),
      redirects_to("ToNoHost", "http:///", "redirect: \"http:///\" names no host"),
      redirects_to("ToABadPort", "http://127.0.0.1:99999/",
                   "redirect: \"127.0.0.1:99999\": the port is 1 to 65535"),
      redirects_to("ToNobody", "http://127.0.0.1:1/", "connection refused"),
      degraded(says("ToNowhere", "HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n", "302 Found"))};
}

std::vector<Row> all_rows() {
  std::vector<Row> all;
  for (auto group : {silences, floods_of_bytes, other_protocols, heads, redirects}) {
    for (Row& row : group()) all.push_back(std::move(row));
  }
  return all;
}

void expect_summary(const Row& row, const Observation& seen) {
  EXPECT_EQ(seen.health, row.health) << seen.summary;
  if (row.summary.ends_with('*')) {
    const std::string begin = row.summary.substr(0, row.summary.size() - 1);
    EXPECT_TRUE(seen.summary.starts_with(begin)) << seen.summary;
  } else {
    EXPECT_EQ(seen.summary, row.summary);
  }
  EXPECT_LT(seen.summary.size(), 400U);
  EXPECT_TRUE(std::ranges::all_of(seen.summary, [](char c) { return c >= 32 && c < 127; }))
      << "nothing that a terminal would act on";
  const bool no_answer = seen.health == Health::failed;
  EXPECT_EQ(seen.error.has_value(), no_answer);
}

struct HostileServers : HttpWorld, testing::WithParamInterface<std::size_t> {};

TEST_P(HostileServers, AreToldInTime) {
  Row row = all_rows()[GetParam()];
  serve(row.script(clock, row));
  const Observation seen = look(row.settings, row.limit);
  expect_summary(row, seen);
  if (row.limit == kSilent) EXPECT_EQ(seen.error->code, ErrorCode::timeout);
  EXPECT_TRUE(world.becomes([&] { return server->open() == 0; })) << "the connection is let go";
  if (row.taken) EXPECT_LT(*row.taken, kTakenMax);
}

INSTANTIATE_TEST_SUITE_P(, HostileServers, testing::Range(std::size_t{0}, all_rows().size()),
                         [](const auto& index) { return all_rows()[index.param].name; });

struct Hostile : HttpWorld {
  static awaitable<void> keep(std::shared_ptr<Probe> probe, Deadline deadline, Observation* seen) {
    *seen = co_await probe->look(deadline);
  }
};

TEST_F(Hostile, ServersDelayNoOtherCheck) {
  struct Bad {
    std::unique_ptr<net::Loopback> at;
    Observation seen;
  };
  std::vector<Row> rows = all_rows();
  std::vector<Bad> bad(rows.size());
  Scope looks(world.context.get_executor(), nullptr);
  // Those that would end at their deadline stay for as long as the others need.
  const Deadline patience = world.in(10min);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    bad[i].at =
        std::make_unique<net::Loopback>(world.context, world.clock, rows[i].script(clock, rows[i]));
    Json settings = rows[i].settings;
    settings["url"] = bad[i].at->url("/");
    looks.spawn(rows[i].name, keep(make("http", settings).value(), patience, &bad[i].seen));
  }
  answer("200 OK");
  for (int i = 0; i < 20; ++i) EXPECT_EQ(look().health, Health::healthy);
  EXPECT_GE(looks.running(), silences().size()) << "they still hang, and nobody waited for them";
  looks.request_stop();
  world.wait(looks.join());
  for (Bad& one : bad) world.wait(one.at->stop());
}

// The same answer, cut after each of its bytes, by an orderly end and by a reset.
struct CutAnswers : Hostile {
  void cut_everywhere(const std::string& whole, bool resets, bool ends_by_itself) {
    std::size_t kept = 0;
    serve([&](std::unique_ptr<net::Stream> client, int) {
      return say_part(std::move(client), whole.substr(0, kept));
    });
    if (resets) server->reset_connections();
    for (kept = 0; kept <= whole.size(); ++kept) {
      const Observation seen = look();
      const bool complete =
          kept == whole.size() || (ends_by_itself && !resets && kept >= whole.find("\r\n\r\n") + 4);
      // What came before a reset may be lost with it.
      if (complete && resets && seen.health == Health::failed) continue;
      EXPECT_EQ(seen.health, complete ? Health::healthy : Health::failed)
          << "after " << kept << " bytes: " << seen.summary;
      if (!complete) EXPECT_TRUE(seen.summary.starts_with("connection ")) << seen.summary;
    }
  }
  awaitable<void> say_part(std::unique_ptr<net::Stream> client, std::string part) {
    co_await net::read_until(clock, client.get(), "\r\n\r\n");
    if (!part.empty()) co_await client->write_all(part, Deadline::in(clock, 20s));
    client->abort();
  }
};

TEST_F(CutAnswers, AreFailedWhereverTheyAreCut) {
  const std::string with_length = kOk + "Content-Length: 5\r\n\r\nhello";
  const std::string in_chunks = kChunked + "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nA: b\r\n\r\n";
  const std::string to_the_end = kOk + "Server: a\r\n\r\nhello";
  const std::string after_hints = "HTTP/1.1 103 Early Hints\r\nA: b\r\n\r\n" + with_length;
  for (const bool resets : {false, true}) {
    cut_everywhere(with_length, resets, false);
    cut_everywhere(in_chunks, resets, false);
    cut_everywhere(after_hints, resets, false);
  }
  cut_everywhere(to_the_end, false, true);
}

TEST_F(CutAnswers, WithoutALengthAResetIsNotAnEnd) {
  std::string whole = kOk + "\r\nhello";
  serve(
      [&](std::unique_ptr<net::Stream> client, int) { return say_part(std::move(client), whole); });
  server->reset_connections();
  const Observation seen = look();
  EXPECT_EQ(seen.health, Health::failed);
  EXPECT_EQ(seen.summary, "connection reset by the other side");
}

}  // namespace
}  // namespace bascule::http
