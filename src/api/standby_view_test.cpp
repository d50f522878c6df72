#include "api/standby_view.h"

#include <gtest/gtest.h>

#include "engine/test_world.h"

namespace bascule::api {
namespace {

using namespace engine::test_world;  // NOLINT(google-build-using-namespace): its words are the test

struct Sheltered {
  engine::State state = two_site_state(at(0));
  engine::Readings readings = healthy_readings(at(1'000));

  Sheltered() { status_in(state).protection = Protection::protected_; }
  Json view() { return standby_view(readings, shop_in(state), status_in(state)); }
};

TEST(StandbyView, SaysWhoProtectsHowFarBehindAndSeenWhen) {
  Sheltered one;
  put(one.readings, kAmsterdam, primary_facts(at(1'400), 10 * kMegabyte));
  put(one.readings, kBerlin, replica_facts(at(1'500), 9 * kMegabyte));
  const Json view = one.view();
  EXPECT_EQ(view["site"], "berlin");
  EXPECT_EQ(view["behind_bytes"], kMegabyte);
  EXPECT_EQ(view["seen_at"], to_rfc3339(at(1'500)));
  // Read after its source was: it may have more than was known of that.
  put(one.readings, kBerlin, replica_facts(at(1'600), 11 * kMegabyte));
  EXPECT_EQ(one.view()["behind_bytes"], 0);
}

TEST(StandbyView, IsNullWhereNobodyProtects) {
  Sheltered one;
  put(one.readings, kBerlin, replica_facts(at(1'500), 9 * kMegabyte, false));
  EXPECT_EQ(one.view(), nullptr);
  put(one.readings, kBerlin, replica_facts(at(1'600), 9 * kMegabyte));
  EXPECT_NE(one.view(), nullptr);
  status_in(one.state).protection = Protection::exposed;
  EXPECT_EQ(one.view(), nullptr);
}

}  // namespace
}  // namespace bascule::api
