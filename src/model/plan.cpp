#include "model/plan.h"

#include <algorithm>

#include "model/plan_fields.h"

namespace bascule {

const Step* Plan::find(const StepId& id) const {
  const auto found = std::ranges::find(steps, id, &Step::id);
  return found == steps.end() ? nullptr : &*found;
}

Json to_json(const Step& step) {
  return codec::write_canonical(step);
}
Json to_json(const Plan& plan) {
  return codec::write_canonical(plan);
}

Result<Step> step_from_json(const Json& json) {
  return codec::read_as<Step>(json);
}
Result<Plan> plan_from_json(const Json& json) {
  return codec::read_as<Plan>(json);
}

}  // namespace bascule
