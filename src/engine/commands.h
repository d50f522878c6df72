// What a person asks for. Every command answers with one sentence; doing it twice is harmless and
// says so; a refusal says what, why, and which command helps.
#pragma once

#include <string>

#include "engine/deliberation.h"

namespace bascule::engine {

Answer obey(Deliberation& deliberation, const Command& command);

// Inside: the answers' forms, and the one command that has a file of its own.
Answer accept(RunId run, std::string text);
Answer refuse(ErrorCode code, std::string message, std::string what_to_do = "");
Answer start_move(Deliberation& deliberation, const Command& command, const StartMove& move);
// Nothing when the group is configured.
std::optional<Answer> refuse_unknown_group(const State& state, const GroupName& group);
std::optional<Answer> refuse_unknown_site(const State& state, const GroupName& group,
                                          const SiteName& site);

}  // namespace bascule::engine
