#include "net/http_client.h"

#include <gtest/gtest.h>

#include <vector>

#include "net/certificates_for_test.h"
#include "net/loopback_for_test.h"

namespace bascule::net {
namespace {

using namespace std::chrono_literals;

struct HttpFetch : ::testing::Test {
  RealWorld world;
  std::unique_ptr<Resolver> resolver = *Resolver::make(world.context, world.clock, {});
  HttpClient client{world.clock, *resolver};
  std::unique_ptr<Loopback> server;
  std::vector<std::string> requests;
  Limits limits;

  void TearDown() override {
    client.drop_idle();
    if (server) world.wait(server->stop());
  }

  void serve(Script script) {
    if (server) world.wait(server->stop());
    server = std::make_unique<Loopback>(world.context, world.clock, std::move(script));
  }
  void serve(std::string answer) { serve(answering(world.clock, std::move(answer))); }

  Result<Response> fetch(Request request, Duration limit = 5s) {
    return world.wait(client.fetch(std::move(request), limits, world.in(limit)));
  }
  Result<Response> get(const std::string& target = "/", Duration limit = 5s) {
    return fetch(Request("GET", *parse_url(server->url(target))), limit);
  }
  std::string refusal(Duration limit = 5s) {
    const Result<Response> response = get("/", limit);
    return response ? "accepted" : response.error().message;
  }

  // Notes each request and answers it, on the same connection for as long as the client likes.
  awaitable<void> keep_answering(std::unique_ptr<Stream> stream, std::string answer) {
    while (true) {
      const std::string head = co_await read_until(world.clock, stream.get(), "\r\n\r\n");
      if (head.empty()) co_return;
      requests.push_back(head);
      if (!co_await stream->write_all(answer, world.in(5s))) co_return;
    }
  }
  void serve_many(std::string answer) {
    serve([this, answer](std::unique_ptr<Stream> stream, int) {
      return keep_answering(std::move(stream), answer);
    });
  }

  void serve_pieces(std::vector<std::string> pieces) {
    serve(answering_in_pieces(world.clock, std::move(pieces)));
  }
  void serve_endless(std::string begin, std::string piece, Duration pause = 0ms) {
    serve(flooding(world.clock, {std::move(begin), std::move(piece), pause}));
  }
};

TEST_F(HttpFetch, AnAnswerComesBackWhole) {
  serve("HTTP/1.1 418 I'm a teapot\r\nX-A: 1\r\nContent-Length: 5\r\n\r\nhello");
  const Result<Response> response = get("/health?deep=1");
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 418);
  EXPECT_EQ(response->reason, "I'm a teapot");
  EXPECT_EQ(response->headers.find("x-a"), "1");
  EXPECT_EQ(response->body, "hello");
  EXPECT_EQ(response->url.text(), server->url("/health?deep=1"));
  EXPECT_EQ(response->peer, server->endpoint());
  EXPECT_EQ(response->redirects, 0);
  EXPECT_GT(response->timing.connect.count(), 0);
  EXPECT_GT(response->timing.first_byte.count(), 0);
  EXPECT_EQ(response->timing.tls.count(), 0);
  EXPECT_GE(response->timing.total, response->timing.connect + response->timing.first_byte);
}

TEST_F(HttpFetch, TheRequestIsWhatWasAskedFor) {
  serve_many("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  Request request("POST", *parse_url(server->url("/a?b=c", "localhost")));
  request.headers.add("X-A", "1");
  request.headers.add("host", "elsewhere");
  request.body = "body";
  ASSERT_TRUE(fetch(request));
  ASSERT_EQ(requests.size(), 1U);
  EXPECT_EQ(requests[0], fmt::format("POST /a?b=c HTTP/1.1\r\nHost: localhost:{}\r\nX-A: 1\r\n"
                                     "User-Agent: bascule\r\nContent-Length: 4\r\n"
                                     "Connection: close\r\n\r\nbody",
                                     server->port()));
}

TEST_F(HttpFetch, WhatWouldBreakTheRequestIsNotSent) {
  serve_many("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  Request request("GET", *parse_url(server->url()));
  request.headers.add("X-A", "1\r\nX-B: 2");
  EXPECT_EQ(fetch(request).error().code, ErrorCode::invalid);
  EXPECT_EQ(fetch(Request("GE T", *parse_url(server->url()))).error().code, ErrorCode::invalid);
  EXPECT_TRUE(requests.empty());
}

TEST_F(HttpFetch, BodiesEndByLengthByChunksOrByTheEndOfTheConnection) {
  serve(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\n"
      "Trailer: t\r\n\r\n");
  EXPECT_EQ(get()->body, "abcdefg");
  serve("HTTP/1.1 200 OK\r\n\r\nuntil the end");
  EXPECT_EQ(get()->body, "until the end");
  serve("HTTP/1.1 204 No Content\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_EQ(get()->body, "");
}

TEST_F(HttpFetch, AHeadHasNoBodyWhateverItsLengthSays) {
  serve_pieces({"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n"});
  const Result<Response> response = fetch(Request("HEAD", *parse_url(server->url())));
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->headers.find("Content-Length"), "5000");
  EXPECT_EQ(response->body, "");
}

TEST_F(HttpFetch, AnAnswerInSinglePiecesIsPutTogether) {
  const std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
  std::vector<std::string> pieces;
  for (const char c : answer) pieces.emplace_back(1, c);
  serve_pieces(pieces);
  EXPECT_EQ(get()->body, "hello");
}

TEST_F(HttpFetch, TheLastChunkMayComeInSinglePieces) {
  const std::string head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  serve_pieces({head, "0\r\n", "\r", "\n"});
  EXPECT_EQ(get()->body, "");
  serve_pieces({head, "2\r\nok", "\r\n0\r\n", "\r", "\n"});
  EXPECT_EQ(get()->body, "ok");
}

TEST_F(HttpFetch, InterimAnswersAreSkipped) {
  serve_pieces({"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 1", "00 Continue\r\n\r\n",
                "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"});
  const Result<Response> response = get();
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 200);
  EXPECT_EQ(response->body, "ok");
  EXPECT_FALSE(response->headers.contains("Link"));
  serve_endless("", "HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_EQ(refusal(), "server sends only interim answers (1xx)");
}

TEST_F(HttpFetch, SilenceEndsAtTheDeadlineWithItsPhase) {
  serve_pieces({});
  const Result<Response> response = get("/", 100ms);
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, ErrorCode::timeout);
  EXPECT_EQ(response.error().message, "no answer within 100ms (waiting for the answer)");
}

TEST_F(HttpFetch, ADrippingHeaderGetsNoMoreTimeThanASilentOne) {
  serve_endless("HTTP/1.1 200 OK\r\n", "a", 5ms);
  const MonotonicInstant before = world.clock.monotonic();
  EXPECT_EQ(refusal(150ms), "no answer within 150ms (reading the answer)");
  EXPECT_LT(elapsed(world.clock, before), 2s);
}

TEST_F(HttpFetch, AnEndlessHeaderIsCutAtItsLimit) {
  serve_endless("HTTP/1.1 200 OK\r\n", "X-A: bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\r\n");
  EXPECT_EQ(refusal(), "answer's header is larger than 16 KiB");
  serve_endless("HTTP/1.1 200 OK\r\nX-A: ", std::string(1000, 'a'));
  EXPECT_EQ(refusal(), "answer's header is larger than 16 KiB");
  serve_endless("HTTP/1.1 200 ", std::string(1000, 'a'));
  EXPECT_NE(refusal(), "accepted");
}

TEST_F(HttpFetch, AnEndlessBodyIsAnErrorOrCutAsTheCallerLikes) {
  limits.body = 1000;
  serve_endless("HTTP/1.1 200 OK\r\n\r\n", std::string(700, 'a'));
  EXPECT_EQ(refusal(), "answer's body is larger than 1000 bytes");
  limits.truncate_body = true;
  const Result<Response> response = get();
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->body, std::string(1000, 'a'));
  EXPECT_TRUE(response->body_truncated);
}

TEST_F(HttpFetch, APromiseOfManyBytesReservesNone) {
  serve("HTTP/1.1 200 OK\r\nContent-Length: 900000000000000\r\n\r\nabc");
  EXPECT_EQ(refusal(), "answer's body is larger than 1 MiB");
  limits.truncate_body = true;
  EXPECT_EQ(refusal(), "connection was closed in the middle of the answer");
}

TEST_F(HttpFetch, WhatIsNotHttpIsShown) {
  serve_pieces({"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n"});
  EXPECT_EQ(refusal(), "answer is not HTTP: \"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\"");
  serve_pieces({std::string("\x15\x03\x01\0\x02\x02\x46\xFF", 8)});
  EXPECT_EQ(refusal(), "answer is TLS, not HTTP: this port wants https");
  serve_pieces({std::string("\0\0\x12\x04\0\0\0\0\0", 9)});
  EXPECT_EQ(refusal(), "answer is HTTP/2, which is not spoken here");
  serve_pieces({std::string("\x01\x02\xC3\xBCx\x1B[31m", 10)});
  EXPECT_EQ(refusal(), "answer is not HTTP: \"????x?[31m\"");
  serve_pieces({"220 mail.test ESMTP\r\n"});
  EXPECT_EQ(refusal(), "answer is not HTTP: \"220 mail.test ESMTP\"");
}

TEST_F(HttpFetch, MalformedAnswersAreErrors) {
  for (const char* answer : {
           "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello",
           "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
           "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999999\r\n\r\n",
           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n",
           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n",
           "HTTP/1.1 20 OK\r\n\r\n",
           "HTTP/9.1 200 OK\r\n\r\n",
           "HTTP/1.1 200 OK\r\nno colon here\r\n\r\n",
           "HTTP/1.1 200 OK\r\nX A: b\r\n\r\n",
       }) {
    serve(answer);
    const std::string message = refusal(2s);
    EXPECT_TRUE(message.starts_with("answer is malformed HTTP: ")) << answer << " → " << message;
  }
}

TEST_F(HttpFetch, AnEndInTheMiddleIsTold) {
  serve("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nhello");
  EXPECT_EQ(refusal(), "connection was closed in the middle of the answer");
  serve("HTTP/1.1 200 OK\r\nX-A:");
  EXPECT_EQ(refusal(), "connection was closed in the middle of the answer");
  serve("");
  EXPECT_EQ(refusal(), "connection was closed without an answer");
}

TEST_F(HttpFetch, WhoDoesNotListenOrDoesNotExistIsToldShortly) {
  const Url nobody = *parse_url(fmt::format("http://127.0.0.1:{}/", closed_port(world.context)));
  Result<Response> response = fetch(Request("GET", nobody));
  EXPECT_EQ(response.error().code, ErrorCode::unavailable);
  EXPECT_EQ(response.error().message, "connection refused");
}

struct HttpRedirect : HttpFetch {
  // Targets of the form /NUMBER/LOCATION answer with that status and that Location.
  awaitable<void> redirect(std::unique_ptr<Stream> stream) {
    const std::string head = co_await read_until(world.clock, stream.get(), "\r\n\r\n");
    requests.push_back(head);
    const std::string target =
        head.substr(head.find(' ') + 1, head.find(" HTTP/") - head.find(' ') - 1);
    std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone";
    if (target.starts_with("/3")) {
      answer = fmt::format("HTTP/1.1 {} Moved\r\nLocation: {}\r\nContent-Length: 0\r\n\r\n",
                           target.substr(1, 3), target.substr(5));
    }
    co_await stream->write_all(answer, world.in(5s));
    co_await hold(world.clock, stream.get());
  }
  void SetUp() override {
    serve([this](std::unique_ptr<Stream> stream, int) { return redirect(std::move(stream)); });
  }
};

TEST_F(HttpRedirect, RedirectsAreFollowed) {
  const Result<Response> response = get("/302//301//final?x");
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->body, "done");
  EXPECT_EQ(response->redirects, 2);
  EXPECT_EQ(response->url.text(), server->url("/final?x"));
}

TEST_F(HttpRedirect, WithoutRedirectsTheRedirectIsTheAnswer) {
  limits.redirects = 0;
  EXPECT_EQ(get("/302//final")->status, 302);
}

TEST_F(HttpRedirect, CirclesAndTooManyAreErrors) {
  const Result<Response> circle = get("/302/");
  ASSERT_FALSE(circle);
  EXPECT_TRUE(circle.error().message.starts_with("redirects go in a circle"))
      << circle.error().message;
  limits.redirects = 2;
  EXPECT_EQ(get("/302//302//302//302//x").error().message, "more than 2 redirects");
}

TEST_F(HttpRedirect, APostBecomesAGetExceptWhereItMayNot) {
  Request request("POST", *parse_url(server->url("/303//final")));
  request.body = "data";
  ASSERT_TRUE(fetch(request));
  EXPECT_TRUE(requests.back().starts_with("GET /final "));
  EXPECT_EQ(requests.back().find("data"), std::string::npos);
  request.url = *parse_url(server->url("/307//final"));
  ASSERT_TRUE(fetch(request));
  EXPECT_TRUE(requests.back().starts_with("POST /final "));
  EXPECT_TRUE(requests.back().ends_with("data"));
}

TEST_F(HttpRedirect, SecretsStayBehindWhenTheOriginChanges) {
  Request request("GET", *parse_url(server->url("/302//final")));
  request.headers.add("Authorization", "Bearer hunter2");
  ASSERT_TRUE(fetch(request));
  EXPECT_NE(requests.back().find("hunter2"), std::string::npos);
  request.url = *parse_url(server->url("/302/" + server->url("/final", "localhost")));
  ASSERT_TRUE(fetch(request));
  EXPECT_TRUE(requests.back().starts_with("GET /final "));
  EXPECT_EQ(requests.back().find("hunter2"), std::string::npos);
}

TEST_F(HttpRedirect, ABadLocationIsAnError) {
  EXPECT_FALSE(get("/302/ftp://elsewhere/"));
}

struct HttpReuse : HttpFetch {
  Request reusing(const std::string& method = "GET") {
    Request request(method, *parse_url(server->url()));
    request.reuse_connection = true;
    return request;
  }
};

TEST_F(HttpReuse, OneConnectionCarriesManyRequests) {
  serve_many("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  for (int i = 0; i < 5; ++i) {
    const Result<Response> response = fetch(reusing());
    ASSERT_TRUE(response) << response.error().message;
    EXPECT_EQ(response->connection_reused, i > 0);
    EXPECT_EQ(client.idle(), 1U);
  }
  EXPECT_EQ(server->accepted(), 1);
  EXPECT_EQ(requests.back().find("Connection: close"), std::string::npos);
  ASSERT_TRUE(get());
  EXPECT_EQ(server->accepted(), 2) << "who does not ask for reuse gets a fresh connection";
}

TEST_F(HttpReuse, AnAnswerThatForbidsItIsObeyed) {
  serve_many("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
  ASSERT_TRUE(fetch(reusing()));
  EXPECT_EQ(client.idle(), 0U);
}

// Answers the first request of a connection, and the second by closing without a word.
struct ClosesOnSecond : HttpReuse {
  awaitable<void> once(std::unique_ptr<Stream> stream) {
    const std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    co_await read_until(world.clock, stream.get(), "\r\n\r\n");
    co_await stream->write_all(answer, world.in(5s));
    co_await read_until(world.clock, stream.get(), "\r\n\r\n");
  }
  void SetUp() override {
    serve([this](std::unique_ptr<Stream> stream, int) { return once(std::move(stream)); });
  }
};

TEST_F(ClosesOnSecond, AStaleConnectionIsReplacedForWhatMayBeRepeated) {
  ASSERT_TRUE(fetch(reusing()));
  const Result<Response> second = fetch(reusing());
  ASSERT_TRUE(second) << second.error().message;
  EXPECT_FALSE(second->connection_reused);
  EXPECT_EQ(server->accepted(), 2);
}

TEST_F(ClosesOnSecond, WhatMayNotBeRepeatedHasAnUnknownOutcome) {
  ASSERT_TRUE(fetch(reusing("POST")));
  const Result<Response> second = fetch(reusing("POST"));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::outcome_unknown);
  EXPECT_EQ(server->accepted(), 1);
}

TEST_F(HttpFetch, ALostReplyToAPostIsAnUnknownOutcome) {
  serve_pieces({});
  const Result<Response> response = fetch(Request("POST", *parse_url(server->url())), 100ms);
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, ErrorCode::outcome_unknown);
  EXPECT_EQ(response.error().message, "no answer within 100ms (waiting for the answer)");
}

TEST_F(HttpFetch, AHundredRequestsRunSideBySide) {
  serve_many("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  Scope scope(world.context.get_executor(), nullptr);
  int done = 0;
  struct One {
    static awaitable<void> fetch(HttpFetch* test, int* counter) {
      const Result<Response> response = co_await test->client.fetch(
          Request("GET", *parse_url(test->server->url())), Limits(), test->world.in(5s));
      if (response) ++*counter;
    }
  };
  for (int i = 0; i < 100; ++i) scope.spawn("fetch", One::fetch(this, &done));
  world.wait(scope.join());
  EXPECT_EQ(done, 100);
}

struct HttpsFetch : HttpFetch {
  Certificates certificates;
  std::shared_ptr<const TlsContext> server_context;

  awaitable<void> secure(std::unique_ptr<Stream> plain, std::string answer) {
    auto secured = co_await accept_tls(world.clock, std::move(plain), server_context, world.in(5s));
    if (!secured) co_return;
    co_await read_until(world.clock, secured->get(), "\r\n\r\n");
    co_await (*secured)->write_all(answer, world.in(5s));
    if (answer.find("Content-Length") == std::string::npos) {
      (*secured)->abort();  // without a TLS goodbye
      co_return;
    }
    co_await hold(world.clock, secured->get());
  }

  void serve_secure(std::string answer) {
    server_context = certificates.serve({.file = "good", .names = "DNS:localhost"});
    serve([this, answer](std::unique_ptr<Stream> plain, int) {
      return secure(std::move(plain), answer);
    });
  }

  Result<Response> get_secure(const std::string& host) {
    TlsSettings settings;
    settings.authority_file = certificates.authority();
    ClientSettings client_settings;
    client_settings.tls = *TlsContext::for_client(settings);
    HttpClient secure_client(world.clock, *resolver, client_settings);
    const Url url = *parse_url(fmt::format("https://{}:{}/", host, server->port()));
    return world.wait(secure_client.fetch(Request("GET", url), limits, world.in(5s)));
  }
};

TEST_F(HttpsFetch, TheNameIsVerifiedAndTheHandshakeMeasured) {
  serve_secure("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  const Result<Response> response = get_secure("localhost");
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->body, "ok");
  EXPECT_GT(response->timing.tls.count(), 0);
  EXPECT_TRUE(response->tls->verified);
  EXPECT_EQ(get_secure("127.0.0.1").error().message,
            "host name mismatch: certificate is for localhost, not 127.0.0.1");
}

TEST_F(HttpsFetch, ABodyThatIsCutWithoutAGoodbyeIsNotWhole) {
  serve_secure("HTTP/1.1 200 OK\r\n\r\nhalf of it");
  EXPECT_EQ(get_secure("localhost").error().message, "connection was cut without a TLS goodbye");
}

TEST_F(HttpsFetch, HttpsIsNeverLeftForHttp) {
  serve_secure("HTTP/1.1 302 Found\r\nLocation: http://localhost/\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(get_secure("localhost").error().message, "redirect from https to http is not followed");
}

}  // namespace
}  // namespace bascule::net
