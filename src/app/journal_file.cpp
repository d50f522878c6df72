#include "app/journal_file.h"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <utility>

#include "app/environment.h"
#include "model/chain.h"

namespace bascule::app {
namespace {

// A record and the hashes around it.
constexpr std::size_t kLineMax = kRecordSizeMax + 1'024;

}  // namespace

Result<JournalFile> JournalFile::open(const std::string& path) {
  std::FILE* file = std::fopen(path.c_str(), "re");
  if (file == nullptr) return fail(file_error(path, errno));
  return JournalFile(path, file);
}

Result<std::optional<JournalLine>> JournalFile::next() {
  std::string text;
  std::array<char, 65'536> piece{};
  while (!text.ends_with('\n')) {
    if (std::fgets(piece.data(), static_cast<int>(piece.size()), file_.get()) == nullptr) break;
    text += piece.data();
    if (text.size() > kLineMax) break;
  }
  if (std::ferror(file_.get()) != 0) return fail(file_error(path_, errno));
  if (text.empty()) return std::optional<JournalLine>();
  ++line_;
  if (!text.ends_with('\n')) {
    return fail(ErrorCode::corrupt, "{}: line {} {}", path_, line_,
                text.size() > kLineMax ? "is longer than any record" : "was cut off");
  }
  text.pop_back();
  auto line = journal_line_from(text);
  if (!line) return fail(in_context(fmt::format("{}: line {}", path_, line_), line.error()));
  return std::optional<JournalLine>(std::move(*line));
}

bool looks_exported(const std::string& path) {
  std::FILE* file = std::fopen(path.c_str(), "re");
  if (file == nullptr) return false;
  const int first = std::fgetc(file);
  std::fclose(file);
  return first == '{';
}

}  // namespace bascule::app
