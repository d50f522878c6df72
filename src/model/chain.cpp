#include "model/chain.h"

namespace bascule {

Result<std::vector<ChainLink>> extend_chain(Sequence seq, const Hash& hash,
                                            const std::vector<Record>& records, Term term) {
  if (records.empty()) return fail(ErrorCode::invalid, "there is no record to append");
  std::vector<ChainLink> links;
  links.reserve(records.size());
  Hash previous = hash;
  for (const Record& record : records) {
    if (record.seq != seq + 1) {
      return fail(ErrorCode::invalid, "record {} cannot follow record {}", record.seq, seq);
    }
    if (record.term != term) {
      return fail(ErrorCode::invalid, "record {} of term {} cannot be written in term {}",
                  record.seq, record.term, term);
    }
    std::string bytes = encode(record);
    if (bytes.size() > kRecordSizeMax) {
      return fail(ErrorCode::invalid, "record {} has {} bytes, more than the limit of {}",
                  record.seq, bytes.size(), kRecordSizeMax);
    }
    previous = chain(previous, bytes);
    seq = record.seq;
    links.push_back({seq, previous, std::move(bytes)});
  }
  return links;
}

}  // namespace bascule
