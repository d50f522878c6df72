// What is stored of what follows a group around beside its runs (writers, roles, the front door,
// holds, the way home, preflight, drills), as lists of members. Internal to model/.
#pragma once

#include "model/fields.h"
#include "model/record.h"

namespace bascule::codec {

template <>
inline constexpr auto kMembers<TwoWritersSeen> = std::tuple{
    member("group", &TwoWritersSeen::group),
    member("sites", &TwoWritersSeen::sites),
    member("because", &TwoWritersSeen::because),
};

template <>
inline constexpr auto kMembers<TwoWritersEnded> = std::tuple{
    member("group", &TwoWritersEnded::group),
    member("because", &TwoWritersEnded::because),
};

template <>
inline constexpr auto kMembers<RoleChangeSeen> = std::tuple{
    member("group", &RoleChangeSeen::group),
    member("site", &RoleChangeSeen::site),
    member("because", &RoleChangeSeen::because),
    member("timeline", &RoleChangeSeen::timeline),
    member("missing_bytes", &RoleChangeSeen::missing_bytes),
};

template <>
inline constexpr auto kMembers<RoleChangeEnded> = std::tuple{
    member("group", &RoleChangeEnded::group),
    member("because", &RoleChangeEnded::because),
};

template <>
inline constexpr auto kMembers<FrontDoorDrifted> = std::tuple{
    member("group", &FrontDoorDrifted::group),       member("kind", &FrontDoorDrifted::kind),
    member("expected", &FrontDoorDrifted::expected), member("found", &FrontDoorDrifted::found),
    member("because", &FrontDoorDrifted::because),
};

template <>
inline constexpr auto kMembers<FrontDoorSilent> = std::tuple{
    member("group", &FrontDoorSilent::group),
    member("since", &FrontDoorSilent::since),
    member("because", &FrontDoorSilent::because),
};

template <>
inline constexpr auto kMembers<FrontDoorRestored> = std::tuple{
    member("group", &FrontDoorRestored::group),
    member("because", &FrontDoorRestored::because),
};

template <>
inline constexpr auto kMembers<HoldAlarmRaised> = std::tuple{
    member("group", &HoldAlarmRaised::group),
    member("held_since", &HoldAlarmRaised::held_since),
};

template <>
inline constexpr auto kMembers<HomeReadinessChanged> = std::tuple{
    member("group", &HomeReadinessChanged::group),
    member("ready", &HomeReadinessChanged::ready),
    member("because", &HomeReadinessChanged::because),
};

template <>
inline constexpr auto kMembers<PreflightChanged> = std::tuple{
    member("group", &PreflightChanged::group),     member("site", &PreflightChanged::site),
    member("item", &PreflightChanged::item),       member("ready", &PreflightChanged::ready),
    member("because", &PreflightChanged::because),
};

template <>
inline constexpr auto kMembers<DrillBegun> = std::tuple{
    member("group", &DrillBegun::group),     member("run", &DrillBegun::run),
    member("site", &DrillBegun::site),       member("home", &DrillBegun::home),
    member("back_at", &DrillBegun::back_at), member("deadline", &DrillBegun::deadline),
};

template <>
inline constexpr auto kMembers<DrillOverdue> = std::tuple{
    member("group", &DrillOverdue::group),
    member("run", &DrillOverdue::run),
    member("because", &DrillOverdue::because),
};

template <>
inline constexpr auto kMembers<DrillEnded> = std::tuple{
    member("group", &DrillEnded::group),
    member("run", &DrillEnded::run),
    member("succeeded", &DrillEnded::succeeded),
    member("because", &DrillEnded::because),
};

}  // namespace bascule::codec
