#include "model/audit.h"

#include <charconv>

namespace bascule {

std::string to_string(const SeenHead& head) {
  return fmt::format("{}:{}", head.seq, to_hex(head.hash));
}

Result<SeenHead> seen_head_from(std::string_view text) {
  SeenHead head;
  const std::size_t colon = text.find(':');
  const std::string_view number = text.substr(0, colon);
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), head.seq);
  const auto hash = hash_from_hex(colon == std::string_view::npos ? "" : text.substr(colon + 1));
  if (error != std::errc{} || end != number.data() + number.size() || !hash) {
    return fail(Error{ErrorCode::invalid, fmt::format("'{}' is not a head of a journal", text),
                      "write it as SEQ:HASH, as `bascule audit verify` prints it", std::nullopt});
  }
  head.hash = *hash;
  return head;
}

std::string AuditReport::line() const {
  if (intact()) return fmt::format("OK {} {}", head.seq, to_hex(head.hash));
  return fmt::format("BAD {} {}", *first_bad, because);
}

bool ChainAudit::add(Sequence seq, const Hash& hash, std::string_view bytes) {
  if (!report_.intact()) return false;
  const Sequence next = report_.head.seq + 1;
  if (seq != next) {
    return bad(next, fmt::format("record {} is missing: record {} follows record {}", next, seq,
                                 report_.head.seq));
  }
  if (chain(report_.head.hash, bytes) != hash) {
    return bad(seq, fmt::format("record {} does not match its hash", seq));
  }
  if (!makes_sense(seq, bytes)) return false;
  if (expected_ && expected_->seq == seq && expected_->hash != hash) {
    return bad(seq, fmt::format("record {} is not the one that was seen: its hash was {}", seq,
                                to_hex(expected_->hash)));
  }
  report_.head = {seq, hash};
  return true;
}

// Records of a newer build keep their place in the chain without being understood.
bool ChainAudit::makes_sense(Sequence seq, std::string_view bytes) {
  const Result<Record> record = decode(bytes);
  if (!record) {
    return record.error().code == ErrorCode::invalid || bad(seq, record.error().message);
  }
  if (record->seq != seq) {
    return bad(seq, fmt::format("record {} calls itself record {}", seq, record->seq));
  }
  if (record->term < term_) {
    return bad(seq, fmt::format("record {} is of term {}, after term {} had begun", seq,
                                record->term, term_));
  }
  if (at_ && record->at < *at_) {
    return bad(seq, fmt::format("record {} is of {}, before the record it follows", seq,
                                to_rfc3339(record->at)));
  }
  term_ = record->term;
  at_ = record->at;
  return true;
}

void ChainAudit::broken(const Error& error) {
  if (report_.intact()) bad(report_.head.seq + 1, error.message);
}

AuditReport ChainAudit::finish() {
  if (report_.intact() && expected_ && expected_->seq > report_.head.seq) {
    bad(report_.head.seq + 1,
        fmt::format("the journal ends with record {}, but record {} was seen: its tail was cut off",
                    report_.head.seq, expected_->seq));
  }
  return report_;
}

bool ChainAudit::bad(Sequence seq, std::string because) {
  report_.first_bad = seq;
  report_.because = std::move(because);
  return false;
}

}  // namespace bascule
