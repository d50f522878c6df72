// What a person asks for. Every command answers with one sentence; doing it twice is harmless and
// says so; a refusal says what, why, and which command helps.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/deliberation.h"

namespace bascule::engine {

Answer obey(Deliberation& deliberation, const Command& command);

// Inside: the answers' forms, and the one command that has a file of its own.
Answer accept(RunId run, std::string text);
Answer refuse(ErrorCode code, std::string message, std::string what_to_do = "");
Answer start_move(Deliberation& deliberation, const Command& command, const StartMove& move);
Answer refuse_unknown_run(const State& state, const RunId& id);
// The whole command that starts such a move, passing these gates by name.
std::string command_line(const Proposal& proposal, const std::vector<std::string>& overrides);
// By the first gate that binds a person, does not hold and is not passed by name; with the command
// that would pass all of them.
std::optional<Answer> refuse_by_gate(const Deliberation& deliberation,
                                     const std::vector<GateAnswer>& gates,
                                     const std::vector<std::string>& overrides,
                                     const Proposal& proposal);
// Nothing when the group is configured.
std::optional<Answer> refuse_unknown_group(const State& state, const GroupName& group);
std::optional<Answer> refuse_unknown_site(const State& state, const GroupName& group,
                                          const SiteName& site);

}  // namespace bascule::engine
