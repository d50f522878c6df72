#include "runtime/cursors.h"

#include <cstdio>
#include <fstream>
#include <iterator>
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
    if (!file) return fail(ErrorCode::unavailable, "{} cannot be written", draft);
  }
  if (std::rename(draft.c_str(), path.c_str()) != 0) {
    return fail(ErrorCode::unavailable, "{} cannot be replaced", path);
  }
  return {};
}

}  // namespace

Cursors::Cursors(std::string path) : path_(std::move(path)) {
  if (path_.empty()) return;
  std::ifstream file(path_, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  const Result<Json> json = parse_json(text, kLongestFile);
  if (!json || !json->is_object()) return;
  for (const auto& [name, seq] : json->items()) {
    if (seq.is_number_unsigned()) newest_[name] = seq.get<Sequence>();
  }
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

awaitable<void> Cursors::keep() {
  if (path_.empty() || writing_) co_return;
  writing_ = true;
  while (moved_) {
    moved_ = false;
    Json json = Json::object();
    for (const auto& [name, seq] : newest_) json[name] = seq;
    const std::string text = to_text(json) + "\n";
    const std::string path = path_;
    const auto write = [path, text] { return replace_file(path, text); };
    const Result<void> written = co_await pool_.run(write);
    if (!written) {
      moved_ = true;
      break;
    }
  }
  writing_ = false;
}

}  // namespace bascule::runtime
