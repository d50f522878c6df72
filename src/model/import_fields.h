// What is stored of another journal that was brought in, as lists of members. Internal to model/.
#pragma once

#include "model/fields.h"
#include "model/record.h"

namespace bascule::codec {

template <>
inline constexpr auto kMembers<ImportedRun> = std::tuple{
    member("run", &ImportedRun::run),           member("move", &ImportedRun::move),
    member("source", &ImportedRun::source),     member("target", &ImportedRun::target),
    member("state", &ImportedRun::state),       member("actor", &ImportedRun::actor),
    member("reason", &ImportedRun::reason),     member("opened_at", &ImportedRun::opened_at),
    member("ended_at", &ImportedRun::ended_at),
};

template <>
inline constexpr auto kMembers<ImportedObligation> = std::tuple{
    member("kind", &ImportedObligation::kind),
    member("site", &ImportedObligation::site),
    member("because", &ImportedObligation::because),
};

template <>
inline constexpr auto kMembers<ImportedGroup> = std::tuple{
    member("group", &ImportedGroup::group),
    member("active", &ImportedGroup::active),
    member("active_since", &ImportedGroup::active_since),
    member("generation", &ImportedGroup::generation),
    member("claimed_by", &ImportedGroup::claimed_by),
    member("attested", &ImportedGroup::attested),
    member("runs", &ImportedGroup::runs),
    member("obligations", &ImportedGroup::obligations),
};

}  // namespace bascule::codec
