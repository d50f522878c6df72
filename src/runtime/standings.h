// How things stand, group by group, for channels that keep something open outside.
#pragma once

#include <vector>

#include "ports/notifier.h"
#include "runtime/loop.h"

namespace bascule::runtime {

std::vector<Standing> standings(const Loop& loop);

// What an incident is called outside: the same from its first message to its last.
std::string incident_name(const std::string& cluster, const GroupName& group,
                          const engine::Incident& incident);

}  // namespace bascule::runtime
