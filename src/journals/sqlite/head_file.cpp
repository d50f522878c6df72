#include "journals/sqlite/head_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <string>

namespace bascule::sqlite {
namespace {

// Always as long, so that a later note covers an earlier one in a single write.
constexpr std::size_t kLength = 96;

}  // namespace

HeadFile::~HeadFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

std::optional<SeenHead> HeadFile::read() const {
  std::array<char, kLength> bytes{};
  std::ifstream file(path_, std::ios::binary);
  file.read(bytes.data(), bytes.size());
  std::string text(bytes.data(), static_cast<std::size_t>(file.gcount()));
  text.resize(text.find_last_not_of(" \n") + 1);
  const Result<SeenHead> head = seen_head_from(text);
  if (!head) return std::nullopt;
  return *head;
}

void HeadFile::write(const JournalHead& head) {
  if (descriptor_ < 0) {
    descriptor_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  }
  if (descriptor_ < 0) return;
  const std::string line =
      fmt::format("{:<{}}\n", to_string(SeenHead{head.seq, head.hash}), kLength - 1);
  [[maybe_unused]] const ssize_t written = ::pwrite(descriptor_, line.data(), line.size(), 0);
}

}  // namespace bascule::sqlite
