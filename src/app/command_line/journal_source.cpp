#include "app/command_line/journal_source.h"

#include <fmt/format.h>

#include <string_view>

#include "app/journal_file.h"
#include "journals/sqlite/sqlite_journal.h"
#include "model/record_codec.h"

namespace bascule::app {
namespace {

constexpr std::size_t kPage = 500;

using Take = std::function<Result<void>(const Record&)>;

class Reader {
 public:
  explicit Reader(const Take& take) : take_(take) {}

  Result<void> add(Sequence seq, const Hash& hash, const std::string& bytes) {
    if (seq != head_.seq + 1) {
      return fail(Error{head_.seq == 0 ? ErrorCode::invalid : ErrorCode::corrupt,
                        fmt::format("record {} is missing (found {} instead)", head_.seq + 1, seq),
                        "a journal is replayed from its first record on", std::nullopt});
    }
    if (chain(head_.hash, bytes) != hash) {
      return fail(Error{ErrorCode::corrupt,
                        fmt::format("record {} does not fit its hash: it was changed after it was "
                                    "written",
                                    seq),
                        "bascule audit verify", std::nullopt});
    }
    const Result<Record> record = decode(bytes);
    if (!record) return error_of(record);
    head_ = SeenHead{seq, hash};
    return take_(*record);
  }
  [[nodiscard]] const SeenHead& head() const { return head_; }

 private:
  const Take& take_;
  SeenHead head_;
};

Result<SeenHead> read_exported(const std::string& path, const Take& take) {
  auto file = JournalFile::open(path);
  if (!file) return error_of(file);
  Reader reader(take);
  while (true) {
    const auto line = file->next();
    if (!line) return error_of(line);
    if (!*line) return reader.head();
    if (auto added = reader.add((*line)->seq, (*line)->hash, (*line)->bytes); !added)
      return error_of(added);
  }
}

awaitable<Result<SeenHead>> read_store(Journal& journal, Take take) {
  Reader reader(take);
  while (true) {
    const auto page = co_await journal.read(reader.head().seq, kPage);
    if (!page) co_return error_of(page);
    if (page->empty()) co_return reader.head();
    for (const StoredRecord& record : *page) {
      if (auto added = reader.add(record.seq, record.hash, record.bytes); !added)
        co_return error_of(added);
    }
  }
}

}  // namespace

std::string path_of_store(const std::string& store) {
  constexpr std::string_view kScheme = "sqlite://";
  return store.starts_with(kScheme) ? store.substr(kScheme.size()) : store;
}

Result<SeenHead> read_journal(Session& session, const std::string& path, const Take& take) {
  if (looks_exported(path)) return read_exported(path, take);
  const auto journal = open_sqlite_journal_read_only(session.clock(), path);
  if (!journal) return fail(in_context(path, journal.error()));
  auto head = block_on(session.io(), read_store(**journal, take));
  if (!head) return fail(in_context(path, head.error()));
  return head;
}

}  // namespace bascule::app
