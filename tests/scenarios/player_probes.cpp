// What the player does by itself all the time: looks at the checks, and checks Bascule's own
// surroundings.
#include <algorithm>

#include "engine/lookups.h"
#include "engine/test_world.h"
#include "player.h"

namespace bascule::scenario {
namespace {

using engine::test_world::kLaptop;

constexpr Duration kProbeTakes{1};

}  // namespace

// A check is looked at every interval, and soon again while a failure is not cleared.
void Player::look_at(const CheckReference& check, int life) {
  if (life != life_) return;
  if (probing_) look_once(check);
  if (life != life_) return;
  const DetectPolicy& detect = script_.configuration.groups.front().policy.detect;
  const bool suspect = detectors_.at(check).suspect();
  const Duration least = world_.machine(check.site).swallows() ? detect.timeout : Duration(0);
  const Duration next =
      std::max(least, suspect && detect.confirm ? *detect.confirm : detect.interval);
  at(now_ + next, [this, check, life] { look_at(check, life); });
}

// A seal that waits for this database goes in before it is looked at, and when somebody wants to.
bool Player::seal_goes_first(const CheckReference& check) {
  const auto seal = std::ranges::find_if(running_, [&](const Running& running) {
    return running.under_way && world_.comes_in_first(running.call, check);
  });
  if (seal == running_.end()) return false;
  if (seal->at_door) make_call(seal->id);
  return true;
}

void Player::look_once(const CheckReference& check) {
  const CheckSpec* spec = engine::find_check(script_.configuration, check);
  if (spec->watches_database && seal_goes_first(check)) {
    at(now_ + kProbeTakes, [this, check, life = life_] {
      if (life == life_) look_once(check);
    });
    return;
  }
  const Observation seen = world_.look(check, spec->watches_database, now_);
  const bool silent = world_.machine(check.site).swallows();
  const Duration takes =
      silent ? script_.configuration.groups.front().policy.detect.timeout : kProbeTakes;
  const int life = life_;
  at(now_ + takes, [this, seen, check, life] {
    if (life != life_) return;
    Observation judged = engine::judge(seen, engine::expected_role(state_, check));
    deliver(engine::OpinionFormed{detectors_.at(check).observe(judged)});
  });
}

void Player::check_controller(int life) {
  if (life != life_) return;
  engine::ControllerReading reading;
  reading.at = now_;
  reading.store_answers = store_answers_;
  reading.store_latency = Microseconds(200);
  reading.references_configured = references_answer_.has_value();
  if (references_answer_ == true) reading.reference = "192.0.2.1:53";
  deliver(engine::ControllerChecked{kLaptop, reading});
  at(now_ + Duration(1'000), [this, life] { check_controller(life); });
}

}  // namespace bascule::scenario
