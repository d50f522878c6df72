#include "api/steering.h"

#include <gtest/gtest.h>

#include "engine/test_world.h"

namespace bascule::api {
namespace {

using namespace engine::test_world;  // NOLINT(google-build-using-namespace): its words are the test

class SteeringTest : public testing::Test {
 protected:
  net::ServerResponse ask(std::vector<std::string> path) const {
    return steer(SteeringSource{&state_, ""}, path);
  }

  engine::State state_ = two_site_state(at(0));
};

TEST_F(SteeringTest, LeadsToTheActiveSiteAndDrainsTheOthers) {
  EXPECT_EQ(ask({"shop", "amsterdam"}).status, 200);
  EXPECT_EQ(ask({"shop", "amsterdam", "stop"}).status, 503);
  EXPECT_EQ(ask({"shop", "berlin"}).status, 503);
  EXPECT_EQ(ask({"shop", "berlin", "stop"}).status, 200);
  EXPECT_EQ(ask({"shop", "berlin"}).body, "berlin is not active: amsterdam is\n");
}

TEST_F(SteeringTest, SaysYesToNothingWhileNobodyIsKnownToBeActive) {
  status_in(state_).active.reset();
  for (const char* site : {"amsterdam", "berlin"}) {
    EXPECT_EQ(ask({"shop", site}).status, 503) << site;
    EXPECT_EQ(ask({"shop", site, "stop"}).status, 503) << site;
  }
  const SteeringSource nothing{nullptr, "the term is over"};
  EXPECT_EQ(steer(nothing, {"shop", "amsterdam"}).status, 503);
  EXPECT_EQ(steer(nothing, {"shop", "amsterdam", "stop"}).status, 503);
}

TEST_F(SteeringTest, AStaleAnswerSaysSo) {
  const auto answer =
      steer(SteeringSource{&state_, "the journal does not answer"}, {"shop", "amsterdam"});
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.headers.find("Bascule-Stale"), "true");
  EXPECT_EQ(answer.body, "amsterdam is active (stale: the journal does not answer)\n");
  EXPECT_FALSE(ask({"shop", "amsterdam"}).headers.contains("Bascule-Stale"));
}

TEST_F(SteeringTest, WhatIsNotConfiguredIsNotFound) {
  const std::vector<std::vector<std::string>> paths = {{},
                                                       {"shop"},
                                                       {"shop", "paris"},
                                                       {"web", "amsterdam"},
                                                       {"shop", "amsterdam", "go"},
                                                       {"shop", "paris", "stop"},
                                                       {"shop", "amsterdam", "stop", "now"}};
  for (const auto& path : paths) EXPECT_EQ(ask(path).status, 404) << path.size();
}

}  // namespace
}  // namespace bascule::api
