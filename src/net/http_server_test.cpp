#include "net/http_server.h"

#include <gtest/gtest.h>

#include <vector>

#include "async/event.h"
#include "net/http_client.h"
#include "net/loopback_for_test.h"

namespace bascule::net {
namespace {

using namespace std::chrono_literals;

struct Serving : ::testing::Test {
  RealWorld world;
  std::unique_ptr<Resolver> resolver = *Resolver::make(world.context, world.clock, {});
  HttpClient client{world.clock, *resolver};
  ServerSettings settings;
  std::unique_ptr<HttpServer> server;
  Event tick;
  bool produced_to_the_end = false;
  bool producer_ended = false;
  int handled = 0;
  int produced = 0;

  Serving() { settings.listen = {boost::asio::ip::address_v4::loopback(), 0}; }

  void SetUp() override { start(); }
  void TearDown() override {
    client.drop_idle();
    if (server) world.wait(server->stop(world.in(1s)));
  }
  void start() {
    if (server) world.wait(server->stop(world.in(1s)));
    server = std::make_unique<HttpServer>(
        world.context, world.clock, settings,
        [this](ServerRequest request) { return handle(std::move(request)); });
    const Result<void> started = server->start();
    ASSERT_TRUE(started) << started.error().message;
  }

  awaitable<void> produce(std::shared_ptr<BodyWriter> writer, bool endless) {
    struct Ends {
      bool* flag;
      ~Ends() { *flag = true; }
    };
    const Ends ends{&producer_ended};
    for (int i = 0; i < 3 || endless; ++i) {
      if (!co_await writer->write(fmt::format("data: {}\n\n", i))) co_return;
      ++produced;
      if (endless) co_await tick.wait();
    }
    produced_to_the_end = true;
  }

  awaitable<ServerResponse> handle(ServerRequest request) {
    ++handled;
    if (request.path == "/throws") throw std::runtime_error("secret detail");
    if (request.path == "/hangs") co_await tick.wait();
    if (request.path == "/injects") {
      ServerResponse response(200, "x", "text/plain");
      response.headers.set("X-A", "1\r\nX-B: 2");
      co_return response;
    }
    if (request.path == "/nothing") co_return ServerResponse(204, "", "");
    if (request.path == "/three" || request.path == "/endless") {
      ServerResponse response(200, "", "text/event-stream");
      const bool endless = request.path == "/endless";
      response.producer = [this, endless](std::shared_ptr<BodyWriter> writer) {
        return produce(std::move(writer), endless);
      };
      co_return response;
    }
    const std::string text =
        fmt::format("{} {} [{}] {}", request.method, request.path, request.query, request.body);
    co_return ServerResponse(200, text, "text/plain");
  }

  Result<Response> fetch(const std::string& method, const std::string& target,
                         std::string body = "", bool reuse = false) {
    Request request(method, *parse_url("http://" + to_string(server->endpoint()) + target));
    request.body = std::move(body);
    request.reuse_connection = reuse;
    return world.wait(client.fetch(std::move(request), Limits(), world.in(5s)));
  }

  awaitable<std::string> exchange(std::string bytes, std::string end) {
    auto stream = co_await connect(world.clock, server->endpoint(), world.in(5s));
    if (!stream) co_return stream.error().message;
    co_await (*stream)->write_all(bytes, world.in(5s));
    co_return co_await read_until(world.clock, stream->get(), end);
  }
  // The same, each piece in a packet of its own.
  awaitable<std::string> exchange_pieces(std::vector<std::string> pieces) {
    auto stream = co_await connect(world.clock, server->endpoint(), world.in(5s));
    if (!stream) co_return stream.error().message;
    for (const std::string& piece : pieces) {
      if (!co_await (*stream)->write_all(piece, world.in(5s))) break;
      co_await wait_for(world.clock, 2ms);
    }
    co_return co_await read_until(world.clock, stream->get(), "this never comes");
  }
  // What comes back for these bytes until the server closes.
  std::string raw(const std::string& bytes, const std::string& end = "this never comes") {
    return world.wait(exchange(bytes, end));
  }
  std::string status(const std::string& bytes) { return raw(bytes).substr(0, 12); }
};

TEST_F(Serving, ARequestIsHandledAndAnswered) {
  const Result<Response> response = fetch("POST", "/a%20b?x=%20&y", "hello");
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 200);
  EXPECT_EQ(response->body, "POST /a b [x=%20&y] hello");
  EXPECT_EQ(response->headers.find("content-type"), "text/plain");
  EXPECT_EQ(response->headers.find("date")->size(), 29U);
}

TEST_F(Serving, AConnectionCarriesManyRequestsAlsoAhead) {
  for (int i = 0; i < 3; ++i) EXPECT_EQ(fetch("GET", "/", "", true)->connection_reused, i > 0);
  EXPECT_EQ(server->connections(), 1U);
  const std::string both = raw(
      "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  EXPECT_NE(both.find("GET /1 []"), std::string::npos);
  EXPECT_NE(both.find("GET /2 []"), std::string::npos);
}

TEST_F(Serving, HeadAndNoContentHaveNoBody) {
  const Result<Response> head = fetch("HEAD", "/");
  ASSERT_TRUE(head) << head.error().message;
  EXPECT_EQ(head->headers.find("content-length"), "10");
  EXPECT_EQ(head->body, "");
  const Result<Response> nothing = fetch("GET", "/nothing");
  EXPECT_EQ(nothing->status, 204);
  EXPECT_FALSE(nothing->headers.contains("Content-Length"));
}

TEST_F(Serving, BadRequestsAreAnsweredByName) {
  EXPECT_EQ(status("rubbish\r\n\r\n"), "HTTP/1.1 400");
  EXPECT_EQ(status("GET / HTTP/1.1\r\n\r\n"), "HTTP/1.1 400") << "no Host";
  EXPECT_EQ(status("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"), "HTTP/1.1 400");
  EXPECT_EQ(status("GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n"), "HTTP/1.1 400");
  EXPECT_EQ(status("GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n"), "HTTP/1.1 400");
  EXPECT_EQ(status("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n"), "HTTP/1.1 400");
  EXPECT_EQ(status("BREW / HTTP/1.1\r\nHost: a\r\n\r\n"), "HTTP/1.1 405");
  EXPECT_EQ(status("CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n"), "HTTP/1.1 405");
  EXPECT_EQ(status("GET / HTTP/1.1\r\nHost: a\r\nExpect: miracles\r\nContent-Length: 5\r\n\r\n"),
            "HTTP/1.1 417");
  const std::string large(settings.header_limit + 10, 'x');
  EXPECT_EQ(status("GET / HTTP/1.1\r\nHost: a\r\nX-A: " + large + "\r\n\r\n"), "HTTP/1.1 431");
  EXPECT_EQ(status("GET /" + large + large + large), "HTTP/1.1 431");
  EXPECT_EQ(status("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2000000\r\n\r\n"),
            "HTTP/1.1 413");
  EXPECT_EQ(handled, 0);
  EXPECT_EQ(fetch("GET", "/")->status, 200) << "and the next one is served";
}

TEST_F(Serving, ARefusalArrivesAlsoWhenTheBodyIsStillBeingSent) {
  const Result<Response> response = fetch("POST", "/", std::string(3'000'000, 'x'));
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 413);
}

TEST_F(Serving, AChunkedBodyAndAnExpectationAreUnderstood) {
  const std::string answer =
      raw("POST /c HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n"
          "Connection: close\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
  EXPECT_TRUE(answer.ends_with("POST /c [] abc")) << answer;
}

TEST_F(Serving, ABodysLastChunkMayComeInSinglePieces) {
  const std::string head =
      "POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n";
  std::string answer = world.wait(exchange_pieces({head, "0\r\n", "\r", "\n"}));
  EXPECT_TRUE(answer.ends_with("POST /c [] ")) << answer;
  answer = world.wait(exchange_pieces({head, "3\r\nabc", "\r\n0\r\n", "\r", "\n"}));
  EXPECT_TRUE(answer.ends_with("POST /c [] abc")) << answer;
}

TEST_F(Serving, AHandlersFailureIsOneAnswerWithoutDetails) {
  const Result<Response> response = fetch("GET", "/throws");
  EXPECT_EQ(response->status, 500);
  EXPECT_EQ(response->body, "internal error\n");
  EXPECT_EQ(fetch("GET", "/injects")->status, 500);
}

TEST_F(Serving, AHandlerThatHangsIsCutOff) {
  settings.handle_timeout = 50ms;
  start();
  EXPECT_EQ(fetch("GET", "/hangs")->status, 503);
}

TEST_F(Serving, ASlowRequestIsCutOffAndAnIdleConnectionClosed) {
  settings.read_timeout = 80ms;
  settings.idle_timeout = 80ms;
  start();
  EXPECT_EQ(status("GET / HTTP/1.1\r\nHost:"), "HTTP/1.1 408");
  EXPECT_EQ(raw(""), "");
  EXPECT_EQ(server->connections(), 0U);
}

TEST_F(Serving, OneConnectionTooManyIsToldSo) {
  settings.max_connections = 1;
  start();
  EXPECT_EQ(fetch("GET", "/", "", true)->status, 200);
  EXPECT_EQ(status("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), "HTTP/1.1 503");
  client.drop_idle();
}

TEST_F(Serving, AStreamedBodyArrivesInChunksAndWhole) {
  const Result<Response> response = fetch("GET", "/three");
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->body, "data: 0\n\ndata: 1\n\ndata: 2\n\n");
  EXPECT_EQ(response->headers.find("transfer-encoding"), "chunked");
  EXPECT_TRUE(produced_to_the_end);
}

TEST_F(Serving, AProducerEndsWhenItsClientGoes) {
  const std::string first = raw("GET /endless HTTP/1.1\r\nHost: a\r\n\r\n", "data: 0\n\n");
  EXPECT_NE(first.find("data: 0"), std::string::npos);
  const Deadline patience = world.in(5s);
  while (!producer_ended && !patience.has_passed(world.clock)) world.context.run_one_for(100ms);
  EXPECT_TRUE(producer_ended);
  EXPECT_FALSE(produced_to_the_end);
}

awaitable<void> fetch_into(HttpClient* client, Request request, Deadline deadline,
                           std::optional<Result<Response>>* kept, Event* done) {
  kept->emplace(co_await client->fetch(std::move(request), Limits(), deadline));
  done->notify_all();
}

struct Stopping : Serving {
  Scope scope{world.context.get_executor(), nullptr};
  std::optional<Result<Response>> response;
  Event done;

  void begin(const std::string& target) {
    const Url url = *parse_url("http://" + to_string(server->endpoint()) + target);
    scope.spawn("fetch", fetch_into(&client, Request("GET", url), world.in(10s), &response, &done));
    const Deadline patience = world.in(5s);
    while (handled == 0 && !patience.has_passed(world.clock)) world.context.run_one_for(100ms);
  }
  awaitable<void> stop_and_release() {
    Scope stopping(world.context.get_executor(), nullptr);
    stopping.spawn("stop", server->stop(world.in(5s)));
    co_await wait_for(world.clock, 20ms);
    tick.notify_all();
    co_await stopping.join();
    co_await scope.join();
  }
};

TEST_F(Stopping, AStopLetsRequestsEndAndClosesIdleConnections) {
  EXPECT_EQ(fetch("GET", "/", "", true)->status, 200);
  handled = 0;
  begin("/hangs");
  const Endpoint place = server->endpoint();
  const MonotonicInstant before = world.clock.monotonic();
  world.wait(stop_and_release());
  EXPECT_LT(elapsed(world.clock, before), 2s);
  ASSERT_TRUE(response && *response);
  EXPECT_EQ((*response)->status, 200);
  EXPECT_FALSE(world.wait(connect(world.clock, place, world.in(1s))));
  EXPECT_EQ(server->connections(), 0U);
}

TEST_F(Stopping, AStopCutsWhatDoesNotEnd) {
  begin("/hangs");
  world.wait(server->stop(world.in(50ms)));
  world.wait(scope.join());
  ASSERT_TRUE(response);
  EXPECT_FALSE(*response);
}

TEST_F(Stopping, AStopEndsStreamsAtOnce) {
  begin("/endless");
  const Deadline patience = world.in(5s);
  while (produced == 0 && !patience.has_passed(world.clock)) world.context.run_one_for(100ms);
  const MonotonicInstant before = world.clock.monotonic();
  world.wait(server->stop(world.in(5s)));
  EXPECT_LT(elapsed(world.clock, before), 2s);
  EXPECT_TRUE(producer_ended);
  world.wait(scope.join());
}

TEST_F(Serving, APortInUseIsNamed) {
  ServerSettings same;
  same.listen = server->endpoint();
  HttpServer second(world.context, world.clock, same, nullptr);
  const Result<void> started = second.start();
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, ErrorCode::conflict);
  EXPECT_EQ(started.error().message, to_string(same.listen) + " is in use");
}

// Some hundred broken requests: each is answered or closed, and the server lives.
TEST_F(Serving, BrokenRequestsOfAnyKindHarmNobody) {
  const std::string good =
      "POST /a?b=c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n"
      "\r\n5\r\nhello\r\n0\r\n\r\n";
  settings.read_timeout = 30ms;
  start();
  std::uint32_t random = 12345;
  const auto next = [&random] { return random = random * 1664525 + 1013904223; };
  for (int i = 0; i < 200; ++i) {
    std::string bad = good;
    for (std::uint32_t changes = 1 + (next() >> 16) % 4; changes > 0; --changes) {
      bad[(next() >> 8) % bad.size()] = static_cast<char>(next() >> 24);
    }
    bad.resize(1 + (next() >> 8) % bad.size());
    raw(bad);
  }
  EXPECT_EQ(fetch("GET", "/")->status, 200);
}

}  // namespace
}  // namespace bascule::net
