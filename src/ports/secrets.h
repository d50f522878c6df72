// Secrets stay references until the edge where they are used. In settings a secret is {"$secret":
// "file:PATH"},
// {"$secret": "env:NAME"} or, for one written into the configuration itself, {"$secret":
// "inline:POSITION"}.
#pragma once

#include <string>

#include "base/result.h"
#include "model/json.h"

namespace bascule {

class Secrets {
 public:
  virtual ~Secrets() = default;

  // The text behind a setting: a literal is itself, a reference is read now (files are read each
  // time, without their final newline, so that a rotated secret is picked up). Never log what comes
  // back.
  [[nodiscard]] virtual Result<std::string> reveal(const Json& setting) const = 0;
};

inline bool is_secret_reference(const Json& setting) {
  return setting.is_object() && setting.size() == 1 && setting.contains("$secret");
}

}  // namespace bascule
