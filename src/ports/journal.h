// The one log. Exactly one process writes it, under a lease whose term only grows; anybody may read
// it.
#pragma once

#include <boost/asio/awaitable.hpp>

#include <string>
#include <vector>

#include "async/deadline.h"
#include "base/result.h"
#include "model/record.h"
#include "model/record_codec.h"

namespace bascule {

struct JournalHead {
  Sequence seq = 0;
  Hash hash{};  // zero for an empty journal
};

struct StoredRecord {
  Sequence seq = 0;
  Hash hash{};
  std::string bytes;  // exactly as hashed
};

class Journal {
 public:
  virtual ~Journal() = default;

  // Durable when it returns: all or none. REQUIRES: the records' seq follow the head without a gap.
  // `term_over` when the lease is not ours any more; `unavailable` when the store cannot write (a
  // full disk), with everything written before intact.
  virtual boost::asio::awaitable<Result<JournalHead>> append(std::vector<Record> records,
                                                             Term term) = 0;
  // Up to `limit` records after `after`, in order.
  virtual boost::asio::awaitable<Result<std::vector<StoredRecord>>> read(Sequence after,
                                                                         std::size_t limit) = 0;
  virtual boost::asio::awaitable<Result<JournalHead>> head() = 0;
};

// The right to write the journal and to act. Terms grow by at least one with every acquisition.
class Lease {
 public:
  virtual ~Lease() = default;
  // `unavailable` while somebody else holds it, naming the holder ("held by laptop (pid 4211) since
  // 14:02"). Who holds it already ends that term and begins the next; when that fails, the old one
  // goes on.
  virtual boost::asio::awaitable<Result<Term>> acquire(std::string holder, Deadline deadline) = 0;
  virtual boost::asio::awaitable<Result<void>> renew(Term term, Deadline deadline) = 0;
  virtual boost::asio::awaitable<Result<void>> release(Term term) = 0;
};

}  // namespace bascule
