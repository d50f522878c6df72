#include "runtime/journal_import.h"

#include <fmt/format.h>

#include <utility>

#include "engine/engine.h"
#include "engine/fits.h"
#include "engine/import.h"
#include "model/journal_line.h"
#include "model/record_codec.h"

namespace bascule::runtime {
namespace {

constexpr const char* kExportAgain = "bascule audit export -c FILE --out journal.jsonl";

class Reading {
 public:
  Result<void> take(std::string_view line) {
    const Result<JournalLine> exported = journal_line_from(line);
    if (!exported) return error_of(exported);
    if (exported->seq != state_.seq + 1) {
      return fail(ErrorCode::corrupt, "record {} is missing: record {} follows record {}",
                  state_.seq + 1, exported->seq, state_.seq);
    }
    if (chain(head_, exported->bytes) != exported->hash) {
      return fail(ErrorCode::corrupt,
                  "record {} does not fit its hash: it was changed after it was written",
                  exported->seq);
    }
    const Result<Record> record = decode(exported->bytes);
    if (!record) return error_of(record);
    if (const auto misfit = engine::why_it_does_not_fit(state_, *record)) {
      return fail(ErrorCode::corrupt, "record {} does not fit the ones before it: {}",
                  exported->seq, *misfit);
    }
    if (state_.seq == 0) first_ = exported->hash;
    if (const auto* term = std::get_if<TermOpened>(&record->body)) observer_ = term->observer;
    engine::evolve(state_, *record);
    head_ = exported->hash;
    return {};
  }

  Result<engine::ImportJournal> finish() {
    if (state_.seq == 0) return fail(ErrorCode::invalid, "there is no record in it");
    engine::ImportJournal import = engine::summary_of(state_);
    import.journal.journal = to_hex(first_);
    import.journal.head_seq = state_.seq;
    import.journal.head_hash = to_hex(head_);
    import.journal.observer = observer_;
    return import;
  }

 private:
  engine::State state_;
  Hash first_{};
  Hash head_{};
  ObserverName observer_;
};

Error explained(Error error) {
  if (error.what_to_do.empty()) error.what_to_do = kExportAgain;
  return error;
}

}  // namespace

Result<engine::ImportJournal> read_export(std::string_view text) {
  Reading reading;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.empty()) continue;
    if (const Result<void> taken = reading.take(line); !taken) {
      return fail(explained(in_context(fmt::format("line {}", number), taken.error())));
    }
  }
  Result<engine::ImportJournal> read = reading.finish();
  if (!read) return fail(explained(read.error()));
  return read;
}

}  // namespace bascule::runtime
