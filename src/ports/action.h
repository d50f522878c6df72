// An action is something that can be made so at a provider. `inspect` carries the product:
// preflight, the dry run, waiting for a slow provider, drift alarms and recovery after a crash are
// all the same call.
//
// The supervisor owns an action until its last frame has ended; all calls come on the runtime's
// thread. A call that is cancelled ends soon and leaves the world inspectable.
#pragma once

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <string>

#include "async/deadline.h"
#include "base/name.h"
#include "base/result.h"
#include "model/plan.h"
#include "model/record.h"

namespace bascule {

// Who wants an answer. Only for a person who waits for it may an inspection reach people (the test
// message of `notify.test`).
enum class AskedBy : std::uint8_t { bascule, person };

struct StepCall {
  StepCall(Deadline deadline_value)
      : deadline(deadline_value) {}  // NOLINT: a call always has a deadline

  Deadline deadline;
  GroupName group;
  SiteName source;
  SiteName target;
  Move move = Move::failover;
  RunId run;
  StepId step;
  std::string operation;  // of a front door: "claim" or "switch"
  std::int64_t attempt = 0;
  Term term = 0;
  Generation generation = 0;  // the run's; for a claim the newest that the journal knows
  std::string claimant;       // whom a line at a front door names; empty: the run
  Json prior = nullptr;       // as recorded at the start of the step
  AskedBy asked_by = AskedBy::bascule;
  // Of a switch: what this run's claim gave out ({address: [...], ...}); null where not known. The
  // switch starts from these addresses, so that an edit by hand since the claim is not overwritten.
  Json claimed = nullptr;
};

class Action {
 public:
  virtual ~Action() = default;

  // Read-only.
  virtual boost::asio::awaitable<Result<Inspection>> inspect(StepCall call) = 0;
  // Safe to repeat. Names only the recorded prior, never a freshly read one.
  virtual boost::asio::awaitable<Result<Outputs>> apply(StepCall call) = 0;
  // Takes back to the recorded prior; `invalid` where the kind is not reversible.
  virtual boost::asio::awaitable<Result<void>> revert(StepCall call) = 0;
};

}  // namespace bascule
