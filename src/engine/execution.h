// How far the steps of a run or of an obligation are, and what that allows: which step may begin,
// since when it waits, until when it has time, and what gate 9 says about the fence. Questions
// only: runs.cpp, steps.cpp and obligations.cpp propose what follows from the answers, pending.cpp
// makes calls of them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/engine.h"

namespace bascule::engine {

// A run or an obligation: both execute steps in the same way. Exactly one of the two is set.
struct Work {
  RunId id;
  GroupName group;
  const Execution* execution = nullptr;
  const Run* run = nullptr;
  const Obligation* obligation = nullptr;
};
std::optional<Work> find_work(const State& state, const RunId& id);

Execution* find_execution(State& state, const RunId& id);

// Since when nothing else kept the work from going on: the term, a resumption, the end of the run
// that an obligation had to wait for.
Instant went_on_at(const State& state, const Work& work);

const Step* find_step(const Execution& execution, const StepId& id);
const StepProgress& progress_of(const Execution& execution, const StepId& id);

bool has_ended(const StepProgress& progress);
// What depends on the step may go on: it ended, and a failure of it does not matter.
bool ended_well(const Step& step, const StepProgress& progress);
bool all_ended(const Execution& execution, Phase phase);
bool nothing_begun_after_fence(const Run& run);

// Where a step stands between the two things it waits for: its inspection and its apply.
enum class StepStage : std::uint8_t {
  barred,     // something before it has not ended, or its work is not going on
  ready,      // to be inspected for the first time
  applying,   // announced in this term: apply is under way
  resolving,  // announced, but how that ended is not known: only an inspection can tell
  applied,    // apply came back: inspected until it is done
  ended,
};
StepStage stage_of(const State& state, const Work& work, const Step& step);

// Only an inspection from this moment on says something about the step as it stands.
Instant inspected_since(const State& state, const Work& work, const Step& step);
// When the step has failed for lack of an answer. A new term and a resumption give it all of its
// time again.
Instant deadline_of(const State& state, const Work& work, const Step& step);

// A step that is applied even when its inspection finds it done: being down is not being kept down,
// and a generation that was found is not one that this run has taken.
bool is_always_applied(const Work& work, const Step& step);
// Anything but a failover: its source is alive, has to be sealed and loses nothing.
bool is_planned(Move move);
// Claim or switch: a write to the front door.
bool writes_front_door(const Step& step);

// Gate 9 inside a run.
Rung required_rung(const State& state, const Run& run);
bool fence_holds(const State& state, const Run& run);
// `fence.otherwise: proceed`, or a person passed the gate by name.
bool fence_may_be_passed(const State& state, const Run& run);
// The rung that the steps of a fence obligation have proved in the present try, and what it needs.
Rung proved_rung(const Execution& execution);
Rung required_rung(const State& state, const Obligation& obligation);

// Before its point of no return. A run that took over from one past it goes back only where a
// person vouches that its target is stopped.
bool may_go_back(const State& state, const Run& run);

// A run that waits. Until when an approval is waited for: a new term gives people all of the time
// again. Until when a run whose time has come waits for a fresh look.
Instant approval_deadline(const State& state, const Run& run);
Instant look_deadline(const State& state, const Run& run);

// Taking back: steps in reverse order, one at a time; fences are lifted last, once the front door
// has said that nobody else has moved the group meanwhile.
const Step* next_to_revert(const Run& run);
Instant revert_deadline(const State& state, const Run& run, const Step& step);
// Its effect is certain, so that it has to be taken back before anything may be called undone.
bool took_effect(const StepProgress& progress);

// The look at the end of a run: each fence step and the switch that were done, once more.
std::vector<const Step*> steps_of_final_look(const Run& run);
Instant final_look_since(const State& state, const Run& run);
Instant final_look_deadline(const State& state, const Run& run);

// Before a step without a way back starts: the steps that are inspected once more, settings known.
std::vector<const Step*> steps_of_last_look(const Work& work, const Step& step);

// An obligation that must not be worked on now: a run is open, its next try has not come, or
// somebody else has taken the front door.
bool is_paused(const State& state, const Obligation& obligation, Instant now);
const Obligation* find_obligation(const State& state, const GroupName& group, const SiteName& site,
                                  ObligationKind kind);

// Somebody else holds the front door: what this journal knows may be out of date.
bool is_taken(const GroupStatus& status);

// A write to the front door that is still to be done, outside of any run.
bool owes_front_door(const State& state, const GroupName& group);

// An obligation whose waits have grown to their longest. It is tried as often as ever, but what
// fails as it failed before is not journaled again: the try stays open, its calls are repeated.
bool is_standing(const Obligation& obligation);
// The step failed in the last try for the same reason, numbers aside (times, ports, counts).
bool failed_alike(const Obligation& obligation, const Step& step, const std::string& because);
// Nothing more can begin: everything ended, or what is left stands behind a failure.
bool is_exhausted(const State& state, const Work& work);
// A standing try that has failed like the last one, before it changed anything. Its steps are
// looked at until one of them says something else.
bool rests(const State& state, const Work& work);
Pace standing_pace(const State& state, const Work& work, const Step& step);
// Of an apply that was announced to something that gives no answer: it waits for one.
Pace unseen_pace(const StepProgress& progress);

Duration back_off(std::int64_t attempts);             // 100ms, doubling up to 5s
Duration obligation_back_off(std::int64_t attempts);  // 1s, doubling up to 60s

const Policy& policy_of(const State& state, const GroupName& group);

}  // namespace bascule::engine
