// Secrets at the edge: references of the configuration to what they stand for.
#pragma once

#include <map>
#include <string>
#include <utility>

#include "ports/secrets.h"

namespace bascule::app {

class SecretsAtEdge final : public Secrets {
 public:
  // `inline_secrets`: what was written into the configuration file itself, by its position.
  explicit SecretsAtEdge(std::map<std::string, std::string> inline_secrets)
      : inline_secrets_(std::move(inline_secrets)) {}

  [[nodiscard]] Result<std::string> reveal(const Json& setting) const override;

  // Of a configuration that was read again. What only the one before had stays known: the plan of
  // an open run may name it.
  void add(std::map<std::string, std::string> inline_secrets);
  [[nodiscard]] const std::map<std::string, std::string>& known() const { return inline_secrets_; }
  void put_back(std::map<std::string, std::string> known) { inline_secrets_ = std::move(known); }

 private:
  std::map<std::string, std::string> inline_secrets_;
};

}  // namespace bascule::app
