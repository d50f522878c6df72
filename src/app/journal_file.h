// An exported journal (model/journal_line.h), read from a file record by record: of a journal of
// any size one line is held at a time, and a line is bounded.
#pragma once

#include <cstdio>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "model/journal_line.h"

namespace bascule::app {

class JournalFile {
 public:
  // Errors name the path. Whether it is an exported journal at all is told by the first next().
  static Result<JournalFile> open(const std::string& path);

  // The next record; nothing at the end. `corrupt` names the line that is none; a last line without
  // a line feed was cut off and is none.
  Result<std::optional<JournalLine>> next();

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  JournalFile(std::string path, std::FILE* file) : path_(std::move(path)), file_(file) {}

  std::string path_;
  std::unique_ptr<std::FILE, Close> file_;
  std::size_t line_ = 0;
};

// Whether the file at `path` begins as an exported journal does, rather than as a store.
bool looks_exported(const std::string& path);

}  // namespace bascule::app
