// What a server's return as a standby discards: everything it wrote after the active site had left
// its timeline. Measured on the old primary while it still is one.
#pragma once

#include <optional>
#include <string>

#include "async/awaitable.h"
#include "async/deadline.h"
#include "base/result.h"
#include "model/observation.h"
#include "providers/postgres/connection.h"
#include "providers/postgres/seal.h"

namespace bascule::postgres {

struct Loss {
  // Of the log, from the fork to the end of the last transaction that is lost; 0 when none is.
  // Where the log could not be read record by record (it is longer than 64 MiB, or of another
  // format), up to the end that the seal proved, which then counts records that are nobody's data
  // as well.
  std::uint64_t bytes = 0;
  std::optional<std::int64_t> transactions;  // nothing: the log could not be read that way
  std::string because;                       // why it could not
};

// REQUIRES: an admin's connection to a primary; `facts` and `seal` are its own, `fork` is where the
// active site left its timeline. What it wrote after the seal was proved does not count: nobody but
// the server itself and superusers did.
awaitable<Result<Loss>> measure_loss(Connection& connection, DatabaseFacts facts, SealState seal,
                                     LogPosition fork, Deadline deadline);

}  // namespace bascule::postgres
