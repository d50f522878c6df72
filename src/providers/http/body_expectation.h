// What the body of a good answer holds: a text, a match of a regular expression, values of JSON.
// Bodies come from strangers: matching takes time linear in the body, and what is shown of it is
// short and printable.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/json.h"
#include "model/kind.h"
#include "net/http.h"
#include "ports/secrets.h"

namespace re2 {
class RE2;
}

namespace bascule::http {

// What a value of the body is compared with.
struct Comparison {
  enum class Sign { equal, not_equal, above, below, at_least, at_most };

  std::string path;                // as it was written
  std::vector<std::string> steps;  // members and places from the root
  Sign sign = Sign::equal;
  std::string operand;
  std::string written;  // sign and operand, for messages
};

class BodyExpectation {
 public:
  // The fields body, matches and json of `expect`.
  static std::vector<Field> fields();

  // Errors: invalid, with the field, for what can never be compared.
  static Result<BodyExpectation> make(const Json& expect, const Secrets& secrets);

  [[nodiscard]] bool is_empty() const;
  // What is wrong with the body, as a clause that follows "but"; nothing when it is as expected.
  [[nodiscard]] std::optional<std::string> mistake(const net::Response& response) const;

 private:
  std::string text_;
  std::shared_ptr<const re2::RE2> pattern_;
  std::vector<Comparison> comparisons_;
};

}  // namespace bascule::http
