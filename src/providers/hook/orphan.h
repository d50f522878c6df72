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

// Where a command that may be killed finds the process that started it.
inline constexpr const char* kParentVariable = "BASCULE_PARENT";

// Kills, with their groups, the same kind of processes whose parent is not the one that they were
// started by (kParentVariable) any more: it died, and nobody holds them to their deadline. What a
// living Bascule runs is left alone. Blocks as above.
void end_orphans(const std::vector<std::string>& entries);

}  // namespace bascule::hook
