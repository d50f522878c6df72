// A hook that outlived the Bascule that started it is recognised by its environment.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

namespace bascule::hook {

// The oldest live process whose environment holds BASCULE_RUN=`run` and BASCULE_STEP=`step`, this
// process apart. Reads /proc: blocks for a few milliseconds. Processes of other users that cannot
// be read are passed over.
std::optional<pid_t> find_orphan(const std::string& run, const std::string& step);

}  // namespace bascule::hook
