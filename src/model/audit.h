// Verifies a journal: that its records are all there, in order, unchanged since they were written,
// and make sense as a sequence. It reads what it is handed and asks no store; it cannot notice a
// tail that was cut off cleanly, unless it is told a head that somebody once saw.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "model/record.h"
#include "model/record_codec.h"

namespace bascule {

// A place in the chain that somebody saw: "57:5f3a…" (64 hex digits).
struct SeenHead {
  Sequence seq = 0;
  Hash hash{};

  friend bool operator==(const SeenHead&, const SeenHead&) = default;
};
std::string to_string(const SeenHead& head);
Result<SeenHead> seen_head_from(std::string_view text);

struct AuditReport {
  SeenHead head;  // the last record that was right
  std::optional<Sequence> first_bad;
  std::string because;  // one clause; empty when nothing is wrong

  [[nodiscard]] bool intact() const { return !first_bad.has_value(); }
  // "OK 57 5f3a…", or "BAD 12 record 12 does not match its hash".
  [[nodiscard]] std::string line() const;
};

// Handed every record of a journal in order, from the first or from one that is known:
//
//   ChainAudit audit(expected);
//   for (const StoredRecord& record : page) audit.add(record.seq, record.hash, record.bytes);
//   return audit.finish();
class ChainAudit {
 public:
  // `start`: the record before the first that is added; by default the beginning of the journal.
  explicit ChainAudit(std::optional<SeenHead> expected = std::nullopt, SeenHead start = {})
      : expected_(expected) {
    report_.head = start;
  }

  // False from the first bad record on; what comes after it is not looked at.
  bool add(Sequence seq, const Hash& hash, std::string_view bytes);
  // The store itself could not read on: the record after the last good one is bad.
  void broken(const Error& error);
  [[nodiscard]] AuditReport finish();

 private:
  bool bad(Sequence seq, std::string because);
  bool makes_sense(Sequence seq, std::string_view bytes);

  std::optional<SeenHead> expected_;
  AuditReport report_;
  Term term_ = 0;
  std::optional<Instant> at_;
};

// The same for records that are all at hand: anything with seq, hash and bytes.
template <typename Records>
AuditReport verify_chain(const Records& records, std::optional<SeenHead> expected = std::nullopt) {
  ChainAudit audit(expected);
  for (const auto& record : records) {
    if (!audit.add(record.seq, record.hash, record.bytes)) break;
  }
  return audit.finish();
}

}  // namespace bascule
