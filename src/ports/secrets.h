// Secrets stay references until the edge where they are used. In settings a secret is {"$secret":
// "file:PATH"},
// {"$secret": "env:NAME"} or, for one written into the configuration itself, {"$secret":
// "inline:POSITION"}.
#pragma once

#include <functional>
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

// As a function, for rooms that do not know of this class. `secrets` outlives it.
inline std::function<Result<std::string>(const Json& setting)> revealing(const Secrets& secrets) {
  return [&secrets](const Json& setting) { return secrets.reveal(setting); };
}

inline bool is_secret_reference(const Json& setting) {
  return setting.is_object() && setting.size() == 1 && setting.contains("$secret");
}

}  // namespace bascule
