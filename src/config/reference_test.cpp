// The reference has a row for whatever can be written.
#include "config/reference.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "config/keys.h"
#include "config/sample_kinds.h"

namespace bascule::config {
namespace {

TEST(TheReference, HasARowForEveryKeyAndField) {
  const std::string text = reference_markdown(sample::kinds());
  for (const KeyTable* table : {&root_keys(), &group_keys(), &policy_keys(), &site_keys(),
                                &check_keys(), &step_keys(), &preflight_keys()}) {
    for (const Key& key : table->keys) {
      EXPECT_NE(text.find("| `" + key.field.name + "` |"), std::string::npos) << key.field.name;
    }
  }
  const std::string at_least =
      "| `fence.at_least` | `sealed` \\| `cut` \\| `attested` | `sealed` | The rung that must be "
      "proved. |";
  const std::vector<std::string> rows = {
      "| `detect.timeout` | duration, 10ms to 1d | `5s` | Of one look; at most the interval. |",
      at_least,
      "| `admin.password` | secret | required |  |",
      "### `postgres.promote`",
      "A move cannot be taken back once this has started.",
      "Reaches rung `sealed`.",
      "Stands in: preflight, verify."};
  for (const std::string& row : rows) {
    EXPECT_NE(text.find(row), std::string::npos) << row << "\n" << text;
  }
}

}  // namespace
}  // namespace bascule::config
