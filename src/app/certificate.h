// The certificate that the API shows. Its files are read when it is made, and again when they have
// changed: whoever renews a certificate replaces two files and need not tell the daemon.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "model/configuration.h"
#include "net/tls.h"

namespace bascule::app {

class Certificate {
 public:
  // REQUIRES: access.has_tls(). Errors: invalid, with the file and what is wrong with it.
  static Result<std::unique_ptr<Certificate>> load(const AccessSpec& access);

  [[nodiscard]] std::shared_ptr<const net::TlsContext> context() const { return context_; }

  enum class Look : std::uint8_t { unchanged, changed };
  // Reads the files of `access`. What is wrong with new ones is said once, and the old certificate
  // stays: while one file is replaced and the other not yet, they do not belong together.
  Result<Look> look(const AccessSpec& access);

 private:
  Certificate() = default;

  std::string seen_;  // the fingerprint of what was found last, taken or not
  std::shared_ptr<const net::TlsContext> context_;
};

}  // namespace bascule::app
