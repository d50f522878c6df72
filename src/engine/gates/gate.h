// The nine gates of section 6 of the architecture. Each answers with one sentence and its evidence,
// for action and for inaction alike: the same answers decide, are journaled with the run and are
// printed by `explain`.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "engine/readings.h"
#include "engine/state.h"
#include "model/json.h"

namespace bascule::engine {

using bascule::to_string;  // the words of a gate stand beside those of the model, not in front

enum class GateName : std::uint8_t {
  mode = 1,
  controller,
  verdict,
  not_everything,
  cooldown,
  target,
  data_loss,
  one_at_a_time,
  fence,
};
std::string_view to_string(
    GateName name);  // "mode", "controller", … "not_everything", "cooldown", "one_at_a_time"
std::optional<GateName> gate_from(std::string_view word);

struct GateAnswer {
  GateName name = GateName::mode;
  bool binds_everyone = false;  // else automation only
  bool holds = false;
  std::string because;  // one sentence for a person who was asleep
  Json evidence = Json::object();
  std::optional<Instant> since;
  std::optional<Instant> until;  // when time alone will change the answer
};
Json to_json(const GateAnswer& answer);

// The move that is asked about.
struct Proposal {
  GroupName group;
  Move move = Move::failover;
  SiteName source;
  SiteName target;
  Trigger trigger = Trigger::automatic;
  RunId supersedes{};  // the parked run whose place it takes; empty: none
};

// All nine, in their order; gate 9 says which rung the plan can reach, or, inside a run, which it
// has reached.
std::vector<GateAnswer> ask_gates(const State& state, const Readings& readings,
                                  const Proposal& proposal, Instant now);
GateAnswer ask_gate(GateName name, const State& state, const Readings& readings,
                    const Proposal& proposal, Instant now);

// The first gate beyond gate 1 that keeps automation from acting.
const GateAnswer* refusal_beyond_mode(const std::vector<GateAnswer>& gates);
// The first gate that keeps a person from acting who passes those gates by name.
const GateAnswer* refusal_to_person(const std::vector<GateAnswer>& gates,
                                    const std::vector<std::string>& overrides);

// The best candidate of a failover: the first site in order of preference that is not the source,
// may be a target and passes gate 6 (and was not tried in this episode, for automation).
std::optional<SiteName> choose_target(const State& state, const Readings& readings,
                                      const GroupName& group, Move move, Trigger trigger,
                                      Instant now);

// The upper bound of what a failover from `source` to `target` would lose. Nothing inside: unknown.
struct LossBound {
  bool nothing_to_lose = false;  // the group watches no database
  std::optional<Duration> time;
  std::optional<std::int64_t> bytes;
  std::string because;
};
LossBound loss_bound(const State& state, const Readings& readings, const Proposal& proposal,
                     Instant now);

// The highest rung that the run's ended fence steps (and attestations) have proved.
Rung reached_rung(const State& state, const Run& run);

}  // namespace bascule::engine
