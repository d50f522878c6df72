#include "app/certificate.h"

#include <utility>

#include "app/environment.h"
#include "model/sha256.h"

namespace bascule::app {
namespace {

constexpr std::size_t kFileMax = std::size_t{1} << 20;

// What tells the files as they are now from others; one that cannot be read is a content of its
// own.
std::string fingerprint_of(const AccessSpec& access) {
  std::string all;
  for (const std::string& path : {access.certificate_file, access.key_file}) {
    const Result<std::string> content = read_file(path, kFileMax);
    all += path + '\0' + (content ? *content : content.error().message) + '\0';
  }
  return hex_of(sha256({all}));
}

}  // namespace

Result<std::unique_ptr<Certificate>> Certificate::load(const AccessSpec& access) {
  std::unique_ptr<Certificate> made(new Certificate());
  if (const Result<Look> looked = made->look(access); !looked) return error_of(looked);
  return made;
}

Result<Certificate::Look> Certificate::look(const AccessSpec& access) {
  std::string found = fingerprint_of(access);
  if (found == seen_) return Look::unchanged;
  seen_ = std::move(found);
  net::TlsSettings settings;
  settings.certificate_file = access.certificate_file;
  settings.key_file = access.key_file;
  auto context = net::TlsContext::for_server(std::move(settings));
  if (!context) return fail(in_context("access.tls", context.error()));
  context_ = std::move(*context);
  return Look::changed;
}

}  // namespace bascule::app
