// The members of a plan's values in their stored form, see fields.h. Internal to model/.
#pragma once

#include "model/fields.h"
#include "model/plan.h"

namespace bascule::codec {

template <>
inline constexpr auto kMembers<Step> = std::tuple{
    member("id", &Step::id),
    member("phase", &Step::phase),
    member("name", &Step::name),
    member("uses", &Step::uses),
    member("site", &Step::site),
    member("operation", &Step::operation),
    member("settings", &Step::settings),
    member("needs", &Step::needs),
    member("on_failure", &Step::on_failure),
    member("timeout_ms", &Step::timeout),
    member("retries", &Step::retries),
    member("reversible", &Step::reversible),
    member("rung", &Step::rung),
    member("delivery", &Step::delivery),
};

template <>
inline constexpr auto kMembers<Plan> = std::tuple{
    member("group", &Plan::group),
    member("move", &Plan::move),
    member("source", &Plan::source),
    member("target", &Plan::target),
    member("steps", &Plan::steps),
    member("exposures", &Plan::exposures),
    member("fingerprint", &Plan::fingerprint),
};

}  // namespace bascule::codec
