// What every journal does before it writes, whatever it writes to: the rules of section 2 of
// outputs.md as a pure function, so that the stores cannot differ.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "model/record.h"
#include "model/record_codec.h"

namespace bascule {

// One record as a journal keeps it.
struct ChainLink {
  Sequence seq = 0;
  Hash hash{};
  std::string bytes;
};

// No record is larger: what is written must be readable again (parse_json's limit).
inline constexpr std::size_t kRecordSizeMax = std::size_t{16} << 20;

// The links to append after the record `seq` with `hash` (0 and zeros: an empty journal). `invalid`
// when there is nothing to append, when the records leave a gap, belong to another term than
// `term`, or are larger than kRecordSizeMax.
Result<std::vector<ChainLink>> extend_chain(Sequence seq, const Hash& hash,
                                            const std::vector<Record>& records, Term term);

}  // namespace bascule
