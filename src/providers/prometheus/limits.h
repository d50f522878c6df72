// When a number is degraded or critical.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/json.h"
#include "model/kind.h"
#include "model/words.h"

namespace bascule::prometheus {

// A number with the text that it was written as.
struct Limit {
  double value = 0;
  std::string text;
};

struct Band {
  std::optional<Limit> above;
  std::optional<Limit> below;

  [[nodiscard]] bool is_empty() const { return !above && !below; }
  // "above 0.05" where the value is outside; nothing where it is not.
  [[nodiscard]] std::optional<std::string> broken_by(double value) const;
};

struct Limits {
  Band degraded;
  Band critical;

  struct Judgement {
    Health health = Health::healthy;
    std::string because;  // empty when healthy
  };
  // REQUIRES: `value` is a number; infinite ones are.
  [[nodiscard]] Judgement judge(double value) const;
};

// degraded, critical.
std::vector<Field> limit_fields();
// Errors: invalid, for what is no number, for no limit at all, and for limits that could not all be
// meant.
Result<Limits> read_limits(const Json& settings);

}  // namespace bascule::prometheus
