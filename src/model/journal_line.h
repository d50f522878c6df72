// A journal as text, one record a line: what `audit export` writes and what is verified and
// imported from a file. Each line carries the hash before it, so that a piece of a journal can be
// verified from the file alone:
//
//   {"hash":"5f3a…","previous":"00…","record":{…},"seq":1}
//
// `record` is the record's own bytes as they are stored and hashed (canonical JSON: sorted keys, no
// floats), so any tool can follow the chain: hash = SHA-256(previous ‖ record).
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "model/record.h"
#include "model/record_codec.h"

namespace bascule {

struct JournalLine {
  Sequence seq = 0;
  Hash previous{};  // zero before the first record
  Hash hash{};
  std::string bytes;  // as hashed
};

// Without the line feed at its end.
std::string to_text(const JournalLine& line);
// `corrupt` when it is not such a line; whether its hash is right is for the audit (model/audit.h)
// to say.
Result<JournalLine> journal_line_from(std::string_view text);

}  // namespace bascule
