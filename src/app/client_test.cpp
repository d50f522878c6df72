// The client against a server on the loopback: right and wrong tokens, refusals, slow answers,
// garbage, and nobody at all.
#include "app/client.h"

#include <gtest/gtest.h>

#include <functional>

#include "async/block_on.h"
#include "net/http_server.h"

namespace bascule::app {
namespace {

using namespace std::chrono_literals;

awaitable<net::ServerResponse> after(Clock& clock, Duration wait, net::ServerResponse response) {
  if (wait > Duration{0}) co_await wait_for(clock, wait);
  co_return response;
}

// A daemon that answers as told and keeps the last request.
struct World {
  explicit World(net::ServerResponse answer, Duration pause = Duration{0})
      : response(std::move(answer)), wait(pause) {
    net::ServerSettings settings;
    settings.listen.address = boost::asio::ip::make_address("127.0.0.1");
    server = std::make_unique<net::HttpServer>(context, clock, settings,
                                               [this](net::ServerRequest request) {
                                                 requests.push_back(std::move(request));
                                                 return after(clock, wait, response);
                                               });
    EXPECT_TRUE(server->start());
  }
  ~World() { block_on(context, server->stop(Deadline::in(clock, 1s))); }

  std::unique_ptr<DaemonClient> client(std::string token = "secret") {
    Daemon daemon;
    daemon.base = *parse_server(net::to_string(server->endpoint()));
    daemon.token = std::move(token);
    daemon.no_token_since = "its file x.token cannot be read: no such file";
    return std::move(*DaemonClient::make(context, clock, std::move(daemon)));
  }
  Result<Reply> ask(DaemonClient& client, const std::string& method, const std::string& target,
                    const Json& body = Json::object()) {
    return block_on(context, client.ask(method, target, body));
  }
  Result<Reply> ask(const std::string& method, const std::string& target,
                    const Json& body = Json::object()) {
    const auto asker = client();
    return ask(*asker, method, target, body);
  }

  boost::asio::io_context context;
  SystemClock clock{context};
  net::ServerResponse response;
  Duration wait;
  std::vector<net::ServerRequest> requests;
  std::unique_ptr<net::HttpServer> server;
};

net::ServerResponse json(int status, const Json& body) {
  return {status, to_text(body), "application/json"};
}

TEST(DaemonClient, AsksWithItsTokenAndGivesStatusAndBody) {
  World world(json(200, {{"groups", Json::array()}}));
  const auto reply = world.ask("GET", "/api/v1/groups/shop/plan?to=berlin");
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(reply->status, 200);
  EXPECT_TRUE(reply->body.contains("groups"));
  ASSERT_EQ(world.requests.size(), 1U);
  EXPECT_EQ(world.requests[0].method, "GET");
  EXPECT_EQ(world.requests[0].target, "/api/v1/groups/shop/plan?to=berlin");
  EXPECT_EQ(world.requests[0].headers.find("Authorization"), "Bearer secret");
  EXPECT_EQ(world.requests[0].body, "");
}

TEST(DaemonClient, PostsItsBody) {
  World world(json(200, {{"accepted", true}}));
  ASSERT_TRUE(world.ask("POST", "/api/v1/hold", {{"reason", "größer"}}));
  EXPECT_EQ(world.requests.at(0).body, R"({"reason":"größer"})");
  EXPECT_EQ(world.requests.at(0).headers.find("Content-Type"), "application/json");
}

TEST(DaemonClient, ARefusalIsAnAnswer) {
  World world(json(409, {{"accepted", false}, {"refused_by", "fence"}}));
  const auto reply = world.ask("POST", "/api/v1/groups/shop/moves");
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->status, 409);
  EXPECT_EQ(reply->body["refused_by"], "fence");
}

TEST(DaemonClient, AWrongTokenIsDeniedAndTheTokenIsNotShown) {
  World world(json(401, {{"error", {{"code", "denied"}, {"message", "no"}}}}));
  const auto reply = world.ask("GET", "/api/v1/status");
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, ErrorCode::denied);
  EXPECT_NE(reply.error().message.find("refuses this token"), std::string::npos);
  EXPECT_EQ((reply.error().message + reply.error().what_to_do).find("secret"), std::string::npos);
  EXPECT_NE(reply.error().what_to_do.find("--token-file"), std::string::npos);
}

TEST(DaemonClient, AMissingTokenSaysWhyThereIsNone) {
  World world(json(401, {{"error", {{"code", "denied"}, {"message", "no"}}}}));
  const auto client = world.client("");
  const auto reply = world.ask(*client, "GET", "/api/v1/status");
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, ErrorCode::denied);
  EXPECT_NE(reply.error().message.find("x.token cannot be read"), std::string::npos);
  EXPECT_FALSE(world.requests.at(0).headers.contains("Authorization"));
}

TEST(DaemonClient, NobodyThereIsUnavailableAndSaysWhatToStart) {
  std::unique_ptr<DaemonClient> client;
  World world(json(200, Json::object()));
  client = world.client();
  block_on(world.context, world.server->stop(Deadline::in(world.clock, 1s)));
  const auto reply = world.ask(*client, "GET", "/api/v1/status");
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, ErrorCode::unavailable);
  EXPECT_TRUE(reply.error().message.starts_with("no Bascule answers at 127.0.0.1:"))
      << reply.error().message;
  EXPECT_EQ(reply.error().message.find("refused"), std::string::npos);
  EXPECT_EQ(reply.error().what_to_do, "start one: bascule serve -c FILE, or use --local");
}

TEST(DaemonClient, ASlowAnswerIsATimeoutForAQuestionAndUnknownForACommand) {
  World world(json(200, Json::object()), 5s);
  const auto client = world.client();
  client->set_answer_timeout(100ms);
  const auto question = world.ask(*client, "GET", "/api/v1/status");
  ASSERT_FALSE(question);
  EXPECT_EQ(question.error().code, ErrorCode::timeout);
  const auto command = world.ask(*client, "POST", "/api/v1/hold", {{"reason", "x"}});
  ASSERT_FALSE(command);
  EXPECT_EQ(command.error().code, ErrorCode::outcome_unknown);
  EXPECT_NE(command.error().what_to_do.find("bascule runs"), std::string::npos);
}

TEST(DaemonClient, WhatIsNotBasculeIsSaidSo) {
  for (const net::ServerResponse& response :
       {net::ServerResponse(200, "<html>hello</html>", "text/html"),
        net::ServerResponse(200, "\x1b[31m", "text/plain"), net::ServerResponse(200, "", ""),
        net::ServerResponse(200, "42", "application/json"),
        net::ServerResponse(502, "bad gateway", "text/plain"),
        net::ServerResponse(200, std::string(200, '['), "application/json")}) {
    World world(response);
    const auto reply = world.ask("GET", "/api/v1/status");
    ASSERT_FALSE(reply) << response.body;
    EXPECT_EQ(reply.error().code, ErrorCode::unavailable);
    EXPECT_NE(reply.error().message.find("is not Bascule"), std::string::npos);
    EXPECT_EQ(reply.error().message.find('\x1b'), std::string::npos);
  }
}

TEST(DaemonClient, NoRedirectLeadsTheTokenAway) {
  net::ServerResponse elsewhere(302, "{}", "application/json");
  elsewhere.headers.set("Location", "http://127.0.0.2:1/");
  World world(elsewhere);
  const auto reply = world.ask("GET", "/api/v1/status");
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->status, 302);
  EXPECT_EQ(world.requests.size(), 1U);
}

TEST(Server, AddressesAreReadAsPeopleWriteThem) {
  EXPECT_EQ(parse_server("127.0.0.1:9000")->text(), "http://127.0.0.1:9000/");
  EXPECT_EQ(parse_server("bascule.example")->port, 8420);
  EXPECT_EQ(parse_server("[::1]:9000")->port, 9000);
  EXPECT_EQ(parse_server("[::1]")->port, 8420);
  EXPECT_EQ(parse_server("https://bascule.example")->port, 443);
  for (const char* wrong : {"", "127.0.0.1:0", "127.0.0.1:99999", "ftp://x", "http://x/path",
                            "http://user:password@x", "a b"}) {
    EXPECT_FALSE(parse_server(wrong)) << wrong;
  }
}

}  // namespace
}  // namespace bascule::app
