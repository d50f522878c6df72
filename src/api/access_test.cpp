#include "api/access.h"

#include <gtest/gtest.h>

#include "async/world_for_test.h"

namespace bascule::api {
namespace {

const net::Endpoint kHere{*net::parse_address("127.0.0.1"), 4711};
const net::Endpoint kElsewhere{*net::parse_address("127.0.0.9"), 4711};

class AccessTest : public testing::Test {
 protected:
  AccessTest() {
    access_.replace({Token{"wall", Role::viewer, token_hash("v"), false},
                     Token{"oncall", Role::operator_, token_hash("o"), false},
                     Token{"local", Role::admin, token_hash("a"), true}});
  }

  SimulatedWorld world_;
  Access access_{world_.clock};
};

TEST_F(AccessTest, FindsWhoseTokenItIs) {
  const auto viewer = access_.identify("Bearer v", kHere);
  ASSERT_TRUE(viewer) << viewer.error().message;
  EXPECT_EQ(viewer->name, "wall");
  EXPECT_EQ(viewer->role, Role::viewer);
  EXPECT_FALSE(viewer->is_local);
  EXPECT_EQ(access_.identify("Bearer o", kHere)->role, Role::operator_);
  EXPECT_TRUE(access_.identify("Bearer a", kHere)->is_local);
}

TEST_F(AccessTest, RefusesWhatIsNoToken) {
  for (const char* wrong : {"Bearer x", "Bearer ", "Bearer vv", "Bearer v ", "Basic v", "v", ""}) {
    const auto refused = access_.identify(wrong, kHere);
    ASSERT_FALSE(refused) << wrong;
    EXPECT_EQ(refused.error().code, ErrorCode::denied) << wrong;
    EXPECT_FALSE(refused.error().what_to_do.empty());
  }
  EXPECT_FALSE(access_.identify(std::nullopt, kHere));
  // A hash is no token: who has read the configuration has nothing.
  EXPECT_FALSE(access_.identify("Bearer " + token_hash("v"), kHere));
}

TEST_F(AccessTest, SlowsDownWhoGuesses) {
  for (std::size_t i = 0; i < Access::kFailuresAllowed; ++i) {
    ASSERT_EQ(access_.identify("Bearer guess", kHere).error().code, ErrorCode::denied);
  }
  const auto refused = access_.identify("Bearer guess", kHere);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::throttled);
  ASSERT_TRUE(refused.error().retry_after);
  EXPECT_GT(*refused.error().retry_after, Duration{0});
  EXPECT_EQ(access_.identify("Bearer guess", kElsewhere).error().code, ErrorCode::denied)
      << "others are not slowed down";
  EXPECT_TRUE(access_.identify("Bearer v", kHere)) << "who guesses keeps nobody else out";
  world_.clock.advance(Access::kFailuresWithin);
  EXPECT_EQ(access_.identify("Bearer guess", kHere).error().code, ErrorCode::denied);
}

TEST_F(AccessTest, ATokenEndsWhenItExpires) {
  const Instant end = world_.clock.now() + Duration{1'000};
  access_.replace({Token{"guest", Role::viewer, token_hash("g"), false, end}});
  EXPECT_TRUE(access_.identify("Bearer g", kHere));
  world_.clock.advance(Duration{1'000});
  const auto refused = access_.identify("Bearer g", kHere);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::denied);
  EXPECT_EQ(refused.error().message, "the token guest has expired on " + to_rfc3339(end));
}

// Whoever steals the file of a daemon that listens beyond its machine has not yet won.
TEST_F(AccessTest, TheTokenBesideTheStoreIsGoodOnThisMachineAlone) {
  const net::Endpoint far{boost::asio::ip::make_address("192.0.2.7"), 1};
  const net::Endpoint own{boost::asio::ip::make_address("192.0.2.1"), 1};
  Access access(world_.clock, own.address);
  access.replace({Token{"local", Role::admin, token_hash("a"), true}});
  EXPECT_TRUE(access.identify("Bearer a", kHere));
  EXPECT_TRUE(access.identify("Bearer a", own));
  ASSERT_FALSE(access.identify("Bearer a", far));
  EXPECT_EQ(access.identify("Bearer a", far).error().code, ErrorCode::denied);
}

TEST_F(AccessTest, AMissingTokenIsNoGuess) {
  for (std::size_t i = 0; i < 3 * Access::kFailuresAllowed; ++i) {
    ASSERT_EQ(access_.identify(std::nullopt, kHere).error().code, ErrorCode::denied);
  }
  EXPECT_TRUE(access_.identify("Bearer v", kHere));
}

TEST_F(AccessTest, RemembersOnlySoManyAddresses) {
  for (std::uint32_t i = 0; i < 3 * Access::kAddressesRemembered; ++i) {
    const net::Endpoint peer{net::IpAddress(boost::asio::ip::address_v4(0x7f000100U + i)), 1};
    ASSERT_FALSE(access_.identify("Bearer guess", peer));
  }
  EXPECT_TRUE(access_.identify("Bearer v", kHere));
}

TEST(TokenSecrets, AreLongAndDifferent) {
  const auto first = make_token_secret();
  const auto second = make_token_secret();
  ASSERT_TRUE(first && second);
  EXPECT_NE(*first, *second);
  EXPECT_EQ(first->size(), 4U + 64U);
  EXPECT_EQ(token_hash("abc"),
            "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Roles, AreOrderedAndHaveWords) {
  EXPECT_LT(Role::viewer, Role::operator_);
  EXPECT_LT(Role::operator_, Role::admin);
  for (const Role role : {Role::viewer, Role::operator_, Role::admin}) {
    EXPECT_EQ(role_from(to_string(role)), role);
  }
  EXPECT_FALSE(role_from("root"));
}

}  // namespace
}  // namespace bascule::api
