// Checks and normalises values by the fields that a kind (or one of Bascule's own tables of keys)
// declares: types, units, ranges, words, defaults, secrets. The only place where a value of the
// file becomes a value of the configuration.
//
// In what comes out every field is present that was written or has a default; durations are whole
// milliseconds, sizes bytes, secrets {"$secret": REFERENCE}. Internal to this room.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/reading.h"
#include "model/json.h"
#include "model/kind.h"

namespace bascule::config {

class FieldReader {
 public:
  FieldReader(Reading& reading, Subject& subject) : reading_(reading), subject_(subject) {}

  // The settings of a mapping. `where` follows "in": "unknown key `x` in policy". What is wrong is
  // reported and left out. `others` are keys that somebody else reads, `known`
  // what to suggest (else the names of the fields).
  Json read_fields(const TreeNode& node, const std::vector<Field>& fields, std::string_view where,
                   const std::vector<std::string>& others = {},
                   const std::vector<std::string>& known = {});

  // The same for a kind, which may also be written as one text when that is enough to say it:
  // `sqlite: PATH` for a kind whose one required field is a text, `tcp: HOST:PORT` for one that
  // requires `host` and `port`.
  Json read_kind(const TreeNode& node, const Kind& kind);

  std::optional<Json> read(const TreeNode& node, const Field& field);

 private:
  std::optional<Json> read_value(const TreeNode& node, const Field& field);
  std::optional<Json> read_as_text(const TreeNode& node, const Field& field);
  void check_named(const TreeNode& node, const Field& field, const std::string& name);
  std::optional<Json> read_secret(const TreeNode& node, const Field& field);
  std::optional<Json> read_check(const TreeNode& node, const Field& field);
  std::optional<Json> read_list(const TreeNode& node, const Field& field);
  std::optional<Json> read_map(const TreeNode& node, const Field& field);
  // Of a number, a word and the like: its text, and whether it may mean more than a text.
  struct Literal {
    std::string text;
    std::string shown;  // as it may be repeated in a message
    bool bare = false;  // not in quotes, or its content came from elsewhere
  };
  std::optional<Literal> read_literal(const TreeNode& node, const Field& field);
  std::optional<Json> read_boolean(const TreeNode& node, const Field& field);
  std::optional<Json> read_integer(const TreeNode& node, const Field& field);
  std::optional<Json> read_with_unit(const TreeNode& node, const Field& field);
  std::optional<Json> read_word(const TreeNode& node, const Field& field);
  std::optional<Json> within_range(const TreeNode& node, const Field& field, std::int64_t value,
                                   const std::string& shown);

  Reading& reading_;
  Subject& subject_;
};

// The default of a field in normalised form; nothing when it has none.
std::optional<Json> default_of(const Field& field);

// What is found under a key that is not known; says so, with a suggestion, and keeps what looks
// like a secret out of sight.
void report_unknown_key(Reading& reading, const Entry& entry, std::string_view where,
                        const std::vector<std::string>& known);

// "`x` is not available in this build".
void report_unavailable(Reading& reading, Span where, std::string_view what,
                        std::string_view hint = "");

}  // namespace bascule::config
