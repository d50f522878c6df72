#include "runtime/cursors.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <utility>

#include "model/json.h"

namespace bascule::runtime {
namespace {

constexpr std::size_t kLongestFile = 64 * 1024;

Result<void> replace_file(const std::string& path, const std::string& text) {
  const std::string draft = path + ".new";
  {
    std::ofstream file(draft, std::ios::binary | std::ios::trunc);
    file << text;
    file.flush();
    if (!file)
      return fail(ErrorCode::unavailable, "{} cannot be written: {}", draft, std::strerror(errno));
  }
  if (std::rename(draft.c_str(), path.c_str()) != 0) {
    return fail(ErrorCode::unavailable, "{} cannot be replaced: {}", path, std::strerror(errno));
  }
  return {};
}

// Nothing: there is no such file.
Result<std::optional<std::string>> read_small(const std::string& path) {
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) return std::optional<std::string>();
  if (!std::filesystem::is_regular_file(path, ignored))
    return fail(ErrorCode::corrupt, "it is no file");
  std::ifstream file(path, std::ios::binary);
  std::string text(kLongestFile + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad() || file.gcount() == 0)
    return fail(ErrorCode::unavailable, "it cannot be read, or is empty");
  text.resize(static_cast<std::size_t>(file.gcount()));
  return std::optional(std::move(text));
}

}  // namespace

Cursors::Cursors(std::string path) : path_(std::move(path)) {
  if (path_.empty()) return;
  if (const Result<void> loaded = load(); !loaded) trouble_ = loaded.error().message;
}

// {"journal": MARK, "told": {CHANNEL: SEQ}}; files from before are the inner object alone.
Result<void> Cursors::load() {
  const auto read = read_small(path_);
  if (!read) return error_of(read);
  if (!*read) return {};
  const Result<Json> json = parse_json(**read, kLongestFile);
  if (!json) return error_of(json);
  if (!json->is_object()) return fail(ErrorCode::corrupt, "it is no JSON object");
  const Json& told = json->contains("told") ? json->at("told") : *json;
  if (!told.is_object()) return fail(ErrorCode::corrupt, "`told` is no JSON object");
  std::map<std::string, Sequence> newest;
  for (const auto& [name, seq] : told.items()) {
    if (!seq.is_number_unsigned())
      return fail(ErrorCode::corrupt, "`{}` is not the number of a record", name);
    newest[name] = seq.get<Sequence>();
  }
  journal_ = text_or(*json, "journal");
  newest_ = std::move(newest);
  return {};
}

std::string Cursors::follow(const std::string& journal, Sequence head) {
  if (path_.empty()) return "";
  std::string wrong;
  if (!trouble_.empty()) {
    wrong = fmt::format("{} does not say what was told: {}", path_, std::exchange(trouble_, ""));
  } else if (!journal_.empty() && !journal.empty() && journal_ != journal) {
    wrong =
        fmt::format("{} belongs to another journal ({}; this one is {})", path_, journal_, journal);
    for (auto& [name, seq] : newest_) seq = head;
  }
  for (auto& [name, seq] : newest_) {
    if (seq <= head) continue;
    if (wrong.empty()) {
      wrong = fmt::format(
          "{} says that record {} was told over {}, but the journal ends at record {}: it was set "
          "back or replaced",
          path_, seq, name, head);
    }
    seq = head;
  }
  journal_ = journal;
  moved_ = moved_ || !wrong.empty();
  return wrong;
}

void Cursors::belong_to(const std::string& journal) {
  if (journal_.empty()) journal_ = journal;
}

std::optional<Sequence> Cursors::of(const std::string& name) const {
  const auto found = newest_.find(name);
  return found == newest_.end() ? std::nullopt : std::optional(found->second);
}

void Cursors::move(const std::string& name, Sequence seq) {
  Sequence& newest = newest_[name];
  if (seq <= newest) return;
  newest = seq;
  moved_ = true;
}

std::string Cursors::text() const {
  Json told = Json::object();
  for (const auto& [name, seq] : newest_) told[name] = seq;
  return to_text(Json{{"journal", journal_}, {"told", std::move(told)}}) + "\n";
}

awaitable<Result<void>> Cursors::keep() {
  if (path_.empty() || writing_) co_return Result<void>();
  writing_ = true;
  Result<void> written;
  while (moved_ && written) {
    moved_ = false;
    const std::string path = path_;
    const auto write = [path, text = text()] { return replace_file(path, text); };
    written = co_await pool_.run(write);
    if (!written) moved_ = true;
  }
  writing_ = false;
  co_return written;
}

}  // namespace bascule::runtime
