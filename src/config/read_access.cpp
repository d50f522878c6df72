// Where the API is served and who may use it.
#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "config/endpoint_text.h"
#include "config/fields.h"
#include "config/keys.h"
#include "config/parts.h"
#include "config/suggest.h"

namespace bascule::config {
namespace {

constexpr std::size_t kTokensMax = 1'000;
constexpr std::string_view kLocal = "local";  // see Access of the API

bool is_token_hash(std::string_view text) {
  constexpr std::string_view kPrefix = "sha256:";
  constexpr std::size_t kDigits = 64;
  if (!text.starts_with(kPrefix) || text.size() != kPrefix.size() + kDigits) return false;
  return std::ranges::all_of(text.substr(kPrefix.size()), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
  });
}

class AccessReader {
 public:
  AccessReader(Reading& reading, AccessSpec& into) : reading_(reading), into_(into) {
    subject_.path = "access";
  }

  void read(const TreeNode& node) {
    if (!expect_mapping(reading_, node, "`access`")) return;
    FieldReader(reading_, subject_)
        .read_fields(node, {}, "access", {"tokens", "tls"}, {"tokens", "tls"});
    if (const Entry* tokens = node.find("tokens")) read_tokens(tokens->value);
    if (const Entry* tls = node.find("tls")) read_tls(tls->value);
  }

 private:
  [[nodiscard]] static const Field& part(std::string_view name) {
    return *std::ranges::find(access_field().fields, name, &Field::name);
  }

  void read_tokens(const TreeNode& node) {
    if (!expect_list(reading_, node, "`tokens`")) return;
    if (node.items.size() > kTokensMax) {
      reading_.problems.error("too_many", node.span,
                              fmt::format("more than {} tokens", kTokensMax));
      return;
    }
    for (const TreeNode& item : node.items) {
      if (expect_mapping(reading_, item, "a token")) read_token(item);
    }
  }

  void read_token(const TreeNode& item) {
    // Who wrote the token itself instead of its hash must not meet it again in a message.
    const Entry* hash = item.find("hash");
    if (hash != nullptr) reading_.problems.hide(hash->value.span);
    const Json read = FieldReader(reading_, subject_).read_fields(item, token_fields(), "a token");
    TokenSpec token;
    if (const Entry* name = item.find("name"); name != nullptr && read.contains("name")) {
      token.name = read_name(reading_, name->value, "the name of a token", true).value_or("");
      check_unique(token.name, name->value.span);
    }
    token.role = text_or(read, "role");
    token.hash = text_or(read, "hash");
    if (read.contains("hash") && !is_token_hash(token.hash)) {
      reading_.problems.error("bad_hash", hash->value.span,
                              "`hash` is not sha256: and 64 hexadecimal digits",
                              "bascule token create prints it beside the token");
    }
    if (read.contains("expires")) {
      token.expires = read_time(item.find("expires")->value, text_or(read, "expires"));
    }
    into_.tokens.push_back(std::move(token));
  }

  [[nodiscard]] static const std::vector<Field>& token_fields() {
    return part("tokens").items.front().fields;
  }

  void check_unique(const std::string& name, Span where) {
    if (name == kLocal) {
      reading_.problems.error("duplicate_name", where,
                              "`local` is the name of the token beside the store");
    } else if (std::ranges::find(into_.tokens, name, &TokenSpec::name) != into_.tokens.end()) {
      reading_.problems.error("duplicate_name", where,
                              fmt::format("there is already a token {}", quote(name)),
                              "one name each, so that records tell who acted");
    }
  }

  std::optional<Instant> read_time(const TreeNode& node, const std::string& text) {
    const std::optional<Instant> time = from_rfc3339(text);
    if (!time) {
      reading_.problems.error("wrong_type", node.span,
                              fmt::format("`expires` takes a time, not {}", quote(text)),
                              "write it as RFC 3339 does: 2027-01-31T00:00:00Z");
    }
    return time;
  }

  void read_tls(const TreeNode& node) {
    if (!expect_mapping(reading_, node, "`tls`")) return;
    const Json read = FieldReader(reading_, subject_).read_fields(node, part("tls").fields, "tls");
    for (const auto& [key, path] : {std::pair("cert", &AccessSpec::certificate_file),
                                    std::pair("key", &AccessSpec::key_file)}) {
      if (!read.contains(key)) continue;
      into_.*path = text_or(read, key);
      if ((into_.*path).starts_with('/')) continue;
      // A daemon is started in a folder of somebody else's choice.
      reading_.problems.error("bad_path", node.find(key)->value.span,
                              fmt::format("`{}` is not an absolute path", key),
                              "name the PEM file from / on");
    }
  }

  Reading& reading_;
  AccessSpec& into_;
  Subject subject_;
};

void read_listen(Reading& reading, const TreeNode& root, Configuration& configuration) {
  const Entry* listen = root.find("listen");
  if (listen == nullptr) return;
  const auto text = read_plain_text(reading, listen->value, "`listen`");
  if (!text) return;
  const auto endpoint = parse_endpoint(*text);
  if (!endpoint || endpoint->port.value_or(0) == 0) {
    reading.problems.error("bad_endpoint", listen->value.span,
                           fmt::format("{} is not ADDRESS:PORT", quote(*text)),
                           "write 127.0.0.1:8420");
    return;
  }
  const AccessSpec& access = configuration.access;
  if (!is_loopback(endpoint->host) && (access.tokens.empty() || !access.has_tls())) {
    const std::string_view lacks =
        access.tokens.empty() ? (access.has_tls() ? "tokens" : "tokens and TLS") : "TLS";
    reading.problems.error(
        "exposed_api", listen->value.span,
        fmt::format("listening beyond this machine needs {}", lacks),
        "write access: {tokens: [{name: NAME, role: ROLE, hash: HASH}], tls: {cert: FILE, key: "
        "FILE}}, or listen: 127.0.0.1:PORT");
    return;
  }
  configuration.listen = *text;
}

}  // namespace

void read_access(Reading& reading, const TreeNode& root, Configuration& configuration) {
  if (const Entry* entry = root.find("access")) {
    AccessReader(reading, configuration.access).read(entry->value);
  }
  read_listen(reading, root, configuration);
}

}  // namespace bascule::config
