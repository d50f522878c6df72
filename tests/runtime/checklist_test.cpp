// The checklist of a site that would take over, over the world of fakes: which items are asked,
// what stops which move, and who is told.
#include "runtime/checklist.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "api/views.h"
#include "shop_world.h"

namespace bascule::runtime::test {
namespace {

using engine::test_world::at;
using engine::test_world::two_site_configuration;

class ChecklistTest : public testing::Test {
 protected:
  void begin() {
    bascule_ = std::make_unique<FakeBascule>(world_, std::make_shared<MemoryStore>(), at(0),
                                             configuration_);
    ASSERT_TRUE(bascule_->until([&] {
      const auto shop = bascule_->state().groups.find(kShop);
      return shop != bascule_->state().groups.end() && shop->second.active &&
             bascule_->state().obligations.empty();
    })) << bascule_->story();
  }
  Result<Checklist> ask(const SiteName& target = kBerlin, const GroupName& group = kShop) {
    std::optional<Result<Checklist>> answer;
    struct Asking {
      static awaitable<void> ask(FakeBascule& bascule, GroupName group, SiteName target,
                                 std::optional<Result<Checklist>>* into) {
        into->emplace(co_await bascule.supervisor->checklist(
            std::move(group), std::move(target), Deadline::in(bascule.clock, Duration{15'000})));
      }
    };
    boost::asio::co_spawn(bascule_->io, Asking::ask(*bascule_, group, target, &answer),
                          boost::asio::detached);
    EXPECT_TRUE(bascule_->until([&] { return answer.has_value(); }));
    return answer ? std::move(*answer) : Result<Checklist>(fail(ErrorCode::timeout, "no answer"));
  }
  static const ChecklistItem& item(const Checklist& list, const std::string& id) {
    static const ChecklistItem kNone;
    const auto found = std::ranges::find_if(
        list.items, [&](const ChecklistItem& each) { return each.step.id.text() == id; });
    EXPECT_NE(found, list.items.end()) << id;
    return found == list.items.end() ? kNone : *found;
  }
  static bool is_ready(const Checklist& list, const char* move) {
    return api::checklist_view(list)["verdict"][move]["ready"].get<bool>();
  }

  FakeWorld world_;
  Configuration configuration_ = two_site_configuration();
  std::unique_ptr<FakeBascule> bascule_;
};

TEST_F(ChecklistTest, AsksEveryItemAndEveryStepOfBothMovesAndChangesNothing) {
  begin();
  const std::vector<std::string> before = world_.effects;
  const auto list = ask();
  ASSERT_TRUE(list) << list.error().message;
  std::vector<std::string> ids;
  for (const ChecklistItem& each : list->items) ids.push_back(each.step.id.text());
  const std::vector<std::string> expected{
      "preflight/lag",      "claim/generation", "fence/seal",         "fence/cut",
      "activate/caught-up", "activate/promote", "front_door/address", "verify/answers"};
  EXPECT_EQ(ids, expected);
  EXPECT_EQ(item(*list, "preflight/lag").state, ItemState::ok);
  EXPECT_EQ(item(*list, "verify/answers").state, ItemState::unknown);
  EXPECT_EQ(item(*list, "verify/answers").because, kAfterTheSwitch);
  EXPECT_TRUE(is_ready(*list, "failover"));
  EXPECT_TRUE(is_ready(*list, "planned"));
  EXPECT_EQ(world_.effects, before);
}

struct Row {
  const char* what;
  Blocks blocks;
  bool failover;
  bool planned;
};

// S18: what is in force is asked for, and what is not as it should be stops the moves it matters
// to.
TEST_F(ChecklistTest, AnItemThatIsNotReadyStopsWhatItBlocks) {
  for (const Row& row :
       {Row{"planned", Blocks::planned, true, false}, Row{"always", Blocks::always, false, false},
        Row{"never", Blocks::never, true, true}}) {
    SCOPED_TRACE(row.what);
    world_ = FakeWorld();
    configuration_.groups.front().sites[1].preflight.front().blocks = row.blocks;
    begin();
    world_.lag = "berlin is 45s behind (limit 30s)";
    const auto list = ask();
    ASSERT_TRUE(list);
    EXPECT_EQ(item(*list, "preflight/lag").state, ItemState::failed);
    EXPECT_EQ(item(*list, "preflight/lag").because, world_.lag);
    EXPECT_FALSE(item(*list, "preflight/lag").what_to_do.empty());
    EXPECT_EQ(is_ready(*list, "failover"), row.failover);
    EXPECT_EQ(is_ready(*list, "planned"), row.planned);
    // Gate 6 knows it from the same question.
    const auto& readings = bascule_->supervisor->loop()->readings().preflights;
    ASSERT_TRUE(readings.contains({kShop, kBerlin, "lag"}));
    EXPECT_EQ(readings.at({kShop, kBerlin, "lag"}).newest.inspection->because, world_.lag);
    bascule_.reset();
  }
}

// S09: with the source lost, all that a failover needs is still there.
TEST_F(ChecklistTest, ASourceThatIsDeadStopsPlannedMovesOnly) {
  configuration_.groups.front().policy.mode = Mode::manual;
  begin();
  world_.sites[kAmsterdam].powered = false;
  const auto list = ask();
  ASSERT_TRUE(list);
  EXPECT_EQ(item(*list, "fence/seal").state, ItemState::unknown);
  EXPECT_EQ(item(*list, "fence/seal").blocks, Blocks::planned);
  EXPECT_EQ(item(*list, "fence/cut").blocks, Blocks::never);
  EXPECT_TRUE(is_ready(*list, "failover"));
  EXPECT_FALSE(is_ready(*list, "planned"));
}

TEST_F(ChecklistTest, ATargetThatIsDeadStopsEveryMove) {
  begin();
  world_.sites[kBerlin].powered = false;
  const auto list = ask();
  ASSERT_TRUE(list);
  EXPECT_EQ(item(*list, "activate/promote").state, ItemState::unknown);
  EXPECT_FALSE(is_ready(*list, "failover"));
  EXPECT_FALSE(is_ready(*list, "planned"));
}

TEST_F(ChecklistTest, SaysWhyThereIsNoList) {
  begin();
  EXPECT_EQ(ask(kAmsterdam).error().code, ErrorCode::invalid);
  EXPECT_EQ(ask(SiteName("paris")).error().code, ErrorCode::not_found);
  EXPECT_EQ(ask(kBerlin, GroupName("shoe")).error().code, ErrorCode::not_found);
  configuration_.groups.front().sites[1].can_be_target = false;
  bascule_.reset();
  world_ = FakeWorld();
  begin();
  const auto list = ask();
  ASSERT_TRUE(list);
  EXPECT_TRUE(list->no_failover && list->no_planned);
  EXPECT_FALSE(is_ready(*list, "failover"));
}

TEST_F(ChecklistTest, OnlyAPersonIsAskedFor) {
  begin();
  EXPECT_EQ(world_.asked_by_person, 0);
  ASSERT_TRUE(ask());
  EXPECT_GT(world_.asked_by_person, 0);
}

}  // namespace
}  // namespace bascule::runtime::test
