#include "app/secrets.h"

#include "app/environment.h"

namespace bascule::app {
namespace {

constexpr std::size_t kSecretLimit = 64 * 1024;

}  // namespace

void SecretsAtEdge::add(std::map<std::string, std::string> inline_secrets) {
  for (auto& [place, secret] : inline_secrets) inline_secrets_[place] = std::move(secret);
}

Result<std::string> SecretsAtEdge::reveal(const Json& setting) const {
  if (setting.is_null()) return std::string();
  if (setting.is_string()) return setting.get<std::string>();
  if (!is_secret_reference(setting)) return fail(ErrorCode::invalid, "not a secret");
  const std::string reference =
      setting["$secret"].is_string() ? setting["$secret"].get<std::string>() : "";
  const std::size_t colon = reference.find(':');
  const std::string where = reference.substr(0, colon);
  const std::string name = colon == std::string::npos ? "" : reference.substr(colon + 1);
  if (where == "file") {
    Result<std::string> content = read_file(name, kSecretLimit);
    if (!content) return fail(in_context(name, content.error()));
    while (!content->empty() && (content->back() == '\n' || content->back() == '\r'))
      content->pop_back();
    return content;
  }
  if (where == "env") {
    if (auto value = variable(name)) return *value;
    return fail(ErrorCode::not_found, "the variable {} is not set", name);
  }
  const auto found = inline_secrets_.find(name);
  if (where == "inline" && found != inline_secrets_.end()) return found->second;
  return fail(ErrorCode::not_found, "the secret `{}` is not known", reference);
}

}  // namespace bascule::app
