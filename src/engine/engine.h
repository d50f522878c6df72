// The brain of Bascule, as four pure functions over plain values:
//
//   input ─▶ decide ─▶ records ─▶ (journal) ─▶ evolve ─▶ state ─▶ pending ─▶ (runtime does it) ─▶
//   input …
//
// No I/O, no clock, no thread, no randomness: the same arguments give the same answer, to the byte.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "engine/gates/gate.h"
#include "engine/input.h"
#include "engine/readings.h"
#include "engine/state.h"
#include "model/record.h"

namespace bascule::engine {

// What whoever gave a command is told. `refused_by` names the gate.
struct Answer {
  bool accepted = false;
  std::optional<Error> error;
  std::optional<GateName> refused_by;
  RunId run;         // the run that was started or concerned
  std::string text;  // one sentence
};

struct Decision {
  std::vector<Record> records;   // to be made durable, in this order, as one batch
  std::optional<Answer> answer;  // of a command, or to a configuration
};

// Takes the newest reading that an input carries. Called by the loop before decide, for every
// input.
void take(Readings& readings, const State& state, const Input& input, Instant now);

// Proposes; changes nothing. Record time is max(now, state.last_at).
Decision decide(const State& state, const Readings& readings, const Input& input, Instant now);

// The only writer of State; also used by replay. REQUIRES: record.seq == state.seq + 1.
void evolve(State& state, const Record& record);

// A call to the outside that should be under way now. A call that came back and is still pending is
// made again after a short wait, which the runtime chooses (it grows from 20ms to 1s): that is how
// a slow provider is awaited. What is to be watched for as long as nothing happens says its own
// pace.
enum class CallKind : std::uint8_t {
  inspect,
  apply,
  revert,
  read_front_door,
  look_at_group,  // one fresh look at each check and preflight item, for a run whose time has come
};
struct Pace {
  Duration every{0};  // from the end of a call to the beginning of the next
  Duration limit{0};  // the time that each of them has
  Instant since;      // when this began: another beginning is another piece of work

  friend bool operator==(const Pace&, const Pace&) = default;
};
struct Call {
  CallKind kind = CallKind::inspect;
  GroupName group;
  RunId run;  // or obligation; empty for read_front_door
  Step step;  // settings rendered as far as can be known now; none for look_at_group
  SiteName source, target;
  Move move = Move::failover;
  std::int64_t attempt = 0;
  Generation generation = 0;  // of the run's claim; for a claim the newest this journal knows
  Term term = 0;
  std::string claimant;  // the run or obligation as its line at a front door names it
  Json prior = nullptr;
  Json claimed = nullptr;  // what the claim of this run or obligation gave out; null before it
  std::optional<Instant> not_before;
  Instant deadline;          // record time; the runtime turns it into one of its own clock
  bool fence = false;        // no answer is a failure at once: not repeated
  std::optional<Pace> pace;  // made again and again; `deadline` does not matter then
  // Steps of the same work that are inspected, and reported, each time before the call is made:
  // what is heard of them may make it needless.
  std::vector<Step> look_first;

  // Two calls are the same piece of work when these agree.
  friend bool same_call(const Call& left, const Call& right);
};
std::vector<Call> pending(const State& state, Instant now);

// When time alone would change what decide answers.
std::optional<Instant> next_wake(const State& state, const Readings& readings, Instant now);

// The answer of `explain`: what would be done now, every gate, one sentence.
struct Explanation {
  GroupName group;
  std::optional<SiteName> active;
  GroupState state = GroupState::unknown;
  Protection protection = Protection::exposed;
  bool automation_on = false;
  std::optional<Proposal> would;
  std::string sentence;
  std::vector<GateAnswer> gates;
  std::vector<std::string> last_move;   // why it was made, how it ended, what it cost: sentences
  std::vector<std::string> notes;       // what is going on beside the gates: sentences
  std::vector<std::string> what_helps;  // whole commands
};
Explanation explain(const State& state, const Readings& readings, const GroupName& group,
                    Instant now);
Json to_json(const Explanation& explanation);

}  // namespace bascule::engine
