#include "model/journal_line.h"

#include <fmt/format.h>

#include "model/chain.h"
#include "model/json.h"

namespace bascule {

std::string to_text(const JournalLine& line) {
  return fmt::format(R"({{"hash":"{}","previous":"{}","record":{},"seq":{}}})", to_hex(line.hash),
                     to_hex(line.previous), line.bytes, line.seq);
}

Result<JournalLine> journal_line_from(std::string_view text) {
  constexpr std::size_t kAroundMax = 1'024;
  const auto json = parse_json(text, kRecordSizeMax + kAroundMax);
  const auto hash = hash_from_hex(json ? text_or(*json, "hash") : "");
  const auto previous = hash_from_hex(json ? text_or(*json, "previous") : "");
  const bool whole = json && hash && previous && json->contains("record") &&
                     (*json)["record"].is_object() && json->contains("seq") &&
                     (*json)["seq"].is_number_unsigned();
  if (!whole) return fail(ErrorCode::corrupt, "not a line of an exported journal");
  return JournalLine{(*json)["seq"].get<Sequence>(), *previous, *hash, to_text((*json)["record"])};
}

}  // namespace bascule
