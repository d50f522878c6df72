#include "config/suggest.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>

namespace bascule::config {
namespace {

constexpr std::size_t kLongestWord = 64;
constexpr std::size_t kListedMax = 24;

// Edits (insert, delete, replace, swap two neighbours) that make one word of the other.
std::size_t distance(std::string_view left, std::string_view right) {
  std::vector<std::size_t> before, previous(right.size() + 1), current(right.size() + 1);
  for (std::size_t j = 0; j <= right.size(); ++j) previous[j] = j;
  for (std::size_t i = 1; i <= left.size(); ++i) {
    current[0] = i;
    for (std::size_t j = 1; j <= right.size(); ++j) {
      const std::size_t replace = previous[j - 1] + (left[i - 1] == right[j - 1] ? 0 : 1);
      current[j] = std::min({previous[j] + 1, current[j - 1] + 1, replace});
      const bool swapped =
          i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1];
      if (swapped) current[j] = std::min(current[j], before[j - 2] + 1);
    }
    before = previous;
    previous = current;
  }
  return previous[right.size()];
}

std::string folded(std::string_view word) {
  std::string result;
  for (const char c : word) {
    if (c == '-' || c == ' ') {
      result += '_';
    } else {
      result += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
  }
  return result;
}

}  // namespace

std::optional<std::string> closest(std::string_view written,
                                   const std::vector<std::string>& known) {
  if (written.size() > kLongestWord) return std::nullopt;
  const std::string word = folded(written);
  std::optional<std::string> best;
  std::size_t best_distance = std::clamp<std::size_t>(word.size() / 3, 1, 3) + 1;
  for (const std::string& candidate : known) {
    const std::size_t longer = std::max(candidate.size(), word.size());
    const std::size_t shorter = std::min(candidate.size(), word.size());
    if (longer - shorter >= best_distance) continue;
    const std::size_t edits = distance(word, folded(candidate));
    if (edits < best_distance) {
      best_distance = edits;
      best = candidate;
    }
  }
  return best;
}

std::string suggestion(std::string_view written, const std::vector<std::string>& known,
                       const std::vector<std::string>& also) {
  auto word = closest(written, known);
  if (!word) word = closest(written, also);
  if (word) return fmt::format("did you mean `{}`?", *word);
  if (known.empty() || known.size() > kListedMax) return {};
  return fmt::format("known here: {}", fmt::join(known, ", "));
}

}  // namespace bascule::config
