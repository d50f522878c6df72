// A hook that outlived the Bascule that started it is recognised by its environment.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

namespace bascule::hook {

// The oldest live process whose environment holds all of `entries` ("BASCULE_RUN=r-0001") and that
// leads a process group but not a session, as every hook does that Bascule starts. So what a hook
// left running on purpose is not taken for it: a background process is in the group of its hook, a
// daemon leads a session of its own.
//
// Reads /proc: blocks for some milliseconds, and for longer where the kernel holds the memory of a
// process; call it on a pool. Processes of other users that cannot be read are passed over.
std::optional<pid_t> find_orphan(const std::vector<std::string>& entries);

}  // namespace bascule::hook
