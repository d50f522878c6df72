#include <fmt/format.h>

#include <algorithm>

#include "config/fields.h"
#include "config/keys.h"
#include "config/parts.h"
#include "config/suggest.h"

namespace bascule::config {
namespace {

bool contains(const std::vector<std::string>& words, std::string_view word) {
  return std::ranges::find(words, word) != words.end();
}

void report_unknown_kind(Reading& reading, const Entry& entry,
                         const std::vector<std::string>& known, const std::vector<Kind>& kinds,
                         std::string_view what) {
  if (reading.problems.full()) return;
  std::vector<std::string> words = known;
  const std::vector<std::string> names = names_of(kinds);
  words.insert(words.end(), names.begin(), names.end());
  std::string hint = suggestion(entry.key, words, reading.kinds.planned);
  reading.problems.error("unknown_kind", entry.key_span,
                         fmt::format("unknown key or kind {} in {}", quote(entry.key), what),
                         std::move(hint));
}

}  // namespace

Json read_table(Reading& reading, Subject& subject, const TreeNode& node, const KeyTable& table) {
  Json values = FieldReader(reading, subject)
                    .read_fields(node, table.plain, table.where, table.others, table.known);
  for (const Entry& entry : node.entries) {
    if (contains(table.planned, entry.key)) {
      report_unavailable(reading, entry.key_span, quote(entry.key));
    }
  }
  for (const Key& key : table.keys) {
    if (!key.form.empty() && key.field.required && node.find(key.field.name) == nullptr) {
      reading.problems.error("missing_key", node.span,
                             fmt::format("`{}` is missing in {}", key.field.name, table.where),
                             fmt::format("write {}: {}", key.field.name, key.form));
    }
  }
  return values;
}

std::optional<KindUse> find_kind(Reading& reading, const TreeNode& node,
                                 const std::vector<std::string>& known,
                                 const std::vector<Kind>& kinds, std::string_view what) {
  std::optional<KindUse> found;
  bool reported = false;
  for (const Entry& entry : node.entries) {
    if (contains(known, entry.key)) continue;
    const auto kind = std::ranges::find(kinds, entry.key, &Kind::name);
    if (contains(reading.kinds.planned, entry.key)) {
      report_unavailable(reading, entry.key_span, quote(entry.key));
      reported = true;
    } else if (kind == kinds.end()) {
      report_unknown_kind(reading, entry, known, kinds, what);
      reported = true;
    } else if (found) {
      reading.problems.error(
          "two_kinds", entry.key_span,
          fmt::format("{} is of one kind: {} stands here already", what, quote(found->kind->name)));
      return std::nullopt;
    } else {
      found = KindUse{&*kind, &entry};
    }
  }
  if (!found && !reported) {
    reading.problems.error("missing_kind", node.span, fmt::format("{} does not say its kind", what),
                           suggestion("", names_of(kinds)));
  }
  return found;
}

}  // namespace bascule::config
