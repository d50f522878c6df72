// One YAML document as a strict tree with positions. YAML is used as a notation for mappings, lists
// and texts only; what makes a configuration mean something else than it shows is refused: anchors,
// aliases, tags, merge keys, keys that are no texts, a second document. What a scalar means (a
// number, a word) is decided by whoever reads it, so `yes`, `010` and `1e3` are texts here.
//
// A mistake in the YAML itself is reported alone: nothing after it can be trusted. Duplicate keys
// are reported with everything else, and the first one counts.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/problem.h"
#include "config/source.h"

namespace bascule::config {

inline constexpr std::size_t kFileSizeMax = std::size_t{1} << 20;
inline constexpr std::size_t kNestingMax = 64;

enum class NodeKind : std::uint8_t { null, plain, quoted, block, sequence, mapping };

struct Entry;

struct TreeNode {
  NodeKind kind = NodeKind::null;
  // A scalar: as written, quotes included, its first line. A mapping in block notation: its first
  // key. Other collections: the opening bracket or dash. Null: the key or dash it belongs to.
  Span span;
  std::string text;             // of a scalar
  std::vector<TreeNode> items;  // of a sequence
  std::vector<Entry> entries;   // of a mapping, in the order of the file, keys unique

  [[nodiscard]] bool is_scalar() const {
    return kind == NodeKind::plain || kind == NodeKind::quoted || kind == NodeKind::block;
  }
  // The entry of that key, or null.
  [[nodiscard]] const Entry* find(std::string_view key) const;
};

struct Entry {
  std::string key;
  Span key_span;
  TreeNode value;
};

// Nothing, with the reasons in `problems`, when the text is not one acceptable document.
// REQUIRES: the text of `problems.source()` passed find_invalid and is at most kFileSizeMax long.
std::optional<TreeNode> parse_document(Problems& problems);

// "a mapping", "a list", "a text", "nothing": for messages about the wrong type.
std::string_view describe(NodeKind kind);

}  // namespace bascule::config
