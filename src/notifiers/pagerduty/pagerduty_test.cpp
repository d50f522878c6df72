#include "notifiers/pagerduty/pagerduty.h"

#include <gtest/gtest.h>

#include "net/http_server.h"
#include "net/loopback_for_test.h"
#include "ports/plain_world_for_test.h"

namespace bascule {
namespace {

Message message_of(IncidentStage stage, Severity severity = Severity::critical) {
  Message message;
  message.severity = severity;
  message.stage = stage;
  message.cluster = "demo";
  message.group = GroupName("shop");
  message.title = "shop is CRITICAL";
  if (stage != IncidentStage::none) message.incident = "bascule/demo/shop/7";
  message.data = {{"type", "GroupStateChanged"}};
  return message;
}

// As much of PagerDuty's REST API as an incident needs: one incident per key that is not resolved.
class PagerDuty {
 public:
  explicit PagerDuty(PlainWorld& world)
      : server_(world.context, world.clock, settings(),
                [this](net::ServerRequest request) { return answer(std::move(request)); }) {
    EXPECT_TRUE(server_.start());
  }

  [[nodiscard]] std::string endpoint() const {
    return "http://" + net::to_string(server_.endpoint());
  }
  awaitable<void> stop(Deadline deadline) { return server_.stop(deadline); }

  std::vector<std::string> log;
  std::string key;
  std::string status = "none";

 private:
  static net::ServerSettings settings() {
    net::ServerSettings chosen;
    chosen.listen = {*net::parse_address("127.0.0.1"), 0};
    return chosen;
  }
  static net::ServerResponse say(int code, const Json& body) {
    return {code, to_text(body), "application/json"};
  }
  awaitable<net::ServerResponse> answer(net::ServerRequest request) {
    log.push_back(request.method + " " + request.path);
    const bool known = request.headers.find("Authorization") == "Token token=t0ken" &&
                       request.headers.find("From") == "ops@example.com";
    if (!known) co_return say(401, Json::object());
    const Json body = parse_json(request.body.empty() ? "{}" : request.body).value();
    if (request.method == "POST") {
      key = body.at("incident").at("incident_key");
      status = "triggered";
      co_return say(201, Json{{"incident", {{"id", "PT4KHLK"}}}});
    }
    if (request.method == "PUT") {
      status = body.at("incident").at("status");
      co_return say(200, body);
    }
    Json found = Json::array();
    const bool is_open = status == "triggered" || status == "acknowledged";
    const bool asked = request.query.find(net::percent_encode(key)) != std::string::npos;
    if (is_open && asked) found.push_back(Json{{"id", "PT4KHLK"}});
    co_return say(200, Json{{"incidents", found}});
  }

  net::HttpServer server_;
};

class PagerDutyTest : public testing::Test {
 public:
  ~PagerDutyTest() override { world_.wait(vendor_.stop(world_.in(Duration{5'000}))); }

 protected:
  Result<void> send(Message message) {
    const Json settings{{"api_token", {{"$secret", token_}}},
                        {"service", "PWIXJZS"},
                        {"from", "ops@example.com"},
                        {"endpoint", vendor_.endpoint()}};
    auto notifier = pagerduty_notifier(*resolver_).make(settings, world_.services);
    EXPECT_TRUE(notifier) << notifier.error().message;
    return world_.wait((*notifier)->send(std::move(message), world_.in(Duration{10'000})));
  }

  PlainWorld world_;
  std::unique_ptr<net::Resolver> resolver_ = *net::Resolver::make(world_.context, world_.clock, {});
  PagerDuty vendor_{world_};
  std::string token_ = "t0ken";
};

TEST_F(PagerDutyTest, OneIncidentThereForOneHere) {
  ASSERT_TRUE(send(message_of(IncidentStage::triggered)));
  EXPECT_EQ(vendor_.key, "bascule/demo/shop/7");
  ASSERT_TRUE(send(message_of(IncidentStage::triggered))) << "the answer was lost: told again";
  ASSERT_TRUE(send(message_of(IncidentStage::ongoing)));
  EXPECT_EQ(std::ranges::count(vendor_.log, "POST /incidents"), 1);
  ASSERT_TRUE(send(message_of(IncidentStage::acknowledged)));
  EXPECT_EQ(vendor_.status, "acknowledged");
  ASSERT_TRUE(send(message_of(IncidentStage::resolved)));
  EXPECT_EQ(vendor_.status, "resolved");
  EXPECT_EQ(vendor_.log.back(), "PUT /incidents/PT4KHLK");
  ASSERT_TRUE(send(message_of(IncidentStage::resolved))) << "nothing is open: nothing to do";
}

TEST_F(PagerDutyTest, AWrongTokenIsDenied) {
  token_ = "other";
  const auto refused = send(message_of(IncidentStage::triggered));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::denied);
}

TEST(PageAction, NobodyIsCalledByWhatAPersonPlanned) {
  Message planned = message_of(IncidentStage::none);
  planned.data["type"] = "RunOpened";
  EXPECT_EQ(page_action(planned), PageAction::change);
  planned.data["type"] = "StepEnded";
  EXPECT_EQ(page_action(planned), PageAction::nothing);
}

TEST(PageAction, AnIncidentIsOpenedFedAndClosedUnderOneKey) {
  EXPECT_EQ(page_action(message_of(IncidentStage::triggered, Severity::warning)),
            PageAction::trigger);
  EXPECT_EQ(page_action(message_of(IncidentStage::ongoing)), PageAction::trigger);
  EXPECT_EQ(page_action(message_of(IncidentStage::ongoing, Severity::info)), PageAction::nothing);
  const Json opened = page_event(message_of(IncidentStage::triggered), "k");
  const Json closed = page_event(message_of(IncidentStage::resolved), "k");
  EXPECT_EQ(opened["dedup_key"], closed["dedup_key"]);
  EXPECT_EQ(opened["routing_key"], closed["routing_key"]);
  EXPECT_EQ(closed["event_action"], "resolve");
}

TEST(PagerDutySettings, AreOneOfTwo) {
  PlainWorld world;
  auto resolver = *net::Resolver::make(world.context, world.clock, {});
  const std::vector<std::vector<std::string>> two{{"routing_key"},
                                                  {"api_token", "service", "from"}};
  EXPECT_EQ(pagerduty_notifier(*resolver).kind.ways, two);
}

}  // namespace
}  // namespace bascule
