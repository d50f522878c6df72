// The newest head of a journal, kept beside it: PATH.head holds SEQ:HASH. SQLite drops the end of a
// damaged write-ahead log without a word, and a file that was put back from a copy looks whole;
// this note tells both from a journal that never was longer.
//
// It is evidence, not part of the journal: it is written after each commit and not synced, so it
// may be behind, and a journal without it is as good as any. Blocking; one thread at a time.
#pragma once

#include <filesystem>
#include <optional>

#include "model/audit.h"
#include "ports/journal.h"

namespace bascule::sqlite {

class HeadFile {
 public:
  explicit HeadFile(const std::filesystem::path& journal) : path_(journal.string() + ".head") {}
  ~HeadFile();
  HeadFile(const HeadFile&) = delete;
  HeadFile& operator=(const HeadFile&) = delete;

  // Nothing when there is none, or none that can be read.
  [[nodiscard]] std::optional<SeenHead> read() const;
  // As well as it can.
  void write(const JournalHead& head);
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
  int descriptor_ = -1;
};

}  // namespace bascule::sqlite
