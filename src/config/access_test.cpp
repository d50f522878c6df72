// `access` and what it makes of `listen`.
#include "config/mistakes.h"

namespace bascule::config::test {
namespace {

constexpr const char* kHash =
    "sha256:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
const std::string kTokenOf = fmt::format("name: oncall, role: operator, hash: \"{}\"", kHash);

// Each replaces `groups:`, what comes before it stands on line 4.
struct AccessMistake {
  std::string access;
  std::string said;
};

void PrintTo(const AccessMistake& mistake, std::ostream* out) {  // NOLINT
  *out << mistake.access;
}

class AccessMistakes : public testing::TestWithParam<AccessMistake> {};

TEST_P(AccessMistakes, AreSaidWhereTheyAre) {
  const std::string bad = replaced(shop(), "groups:", GetParam().access + "\ngroups:");
  EXPECT_EQ(said_about(bad), GetParam().said);
}

INSTANTIATE_TEST_SUITE_P(
    Access, AccessMistakes,
    testing::Values(
        AccessMistake{"access: {}", ""},
        AccessMistake{"access: {tokens: [{" + kTokenOf + "}]}", ""},
        AccessMistake{"access: []", "4:9: error: `access` takes a mapping, not a list"},
        AccessMistake{"access: {token: []}",
                      "4:10: error: unknown key `token` in access [did you mean `tokens`?]"},
        AccessMistake{"access: {tokens: {}}", "4:18: error: `tokens` takes a list, not a mapping"},
        AccessMistake{"access: {tokens: [oncall]}",
                      "4:19: error: a token takes a mapping, not a text"},
        AccessMistake{"access: {tokens: [{name: oncall}]}",
                      "4:19: error: `role` is missing in a token [What it may do.]\n4:19: error: "
                      "`hash` is missing in a token [What `bascule token create` printed: "
                      "sha256:HEX.]"},
        AccessMistake{
            fmt::format("access: {{tokens: [{{name: oncall, role: root, hash: \"{}\"}}]}}", kHash),
            "4:40: error: `role` cannot be `root` [known here: viewer, operator, admin]"},
        AccessMistake{"access: {tokens: [{name: oncall, role: operator, hash: bsc_secret}]}",
                      "4:56: error: `hash` is not sha256: and 64 hexadecimal digits [bascule token "
                      "create prints it beside the token]"},
        AccessMistake{"access: {tokens: [{" + kTokenOf + ", expires: tomorrow}]}",
                      "4:140: error: `expires` takes a time, not `tomorrow` [write it as RFC 3339 "
                      "does: 2027-01-31T00:00:00Z]"},
        AccessMistake{"access: {tokens: [{" + kTokenOf + "}, {" + kTokenOf + "}]}",
                      "4:139: error: there is already a token `oncall` [one name each, so that "
                      "records tell who acted]"},
        AccessMistake{
            fmt::format("access: {{tokens: [{{name: local, role: admin, hash: \"{}\"}}]}}", kHash),
            "4:26: error: `local` is the name of the token beside the store"},
        AccessMistake{"access: {tls: {cert: /etc/api.pem}}",
                      "4:15: error: `key` is missing in tls [Its key, a PEM file.]"},
        AccessMistake{"access: {tls: {cert: api.pem, key: /etc/api.key}}",
                      "4:22: error: `cert` is not an absolute path [name the PEM file from / on]"},
        AccessMistake{"access: {tls: {cert: /a.pem, key: /a.key}}\nlisten: 192.0.2.1:8420",
                      "5:9: error: listening beyond this machine needs tokens [write access: "
                      "{tokens: [{name: NAME, role: ROLE, hash: HASH}], tls: {cert: FILE, key: "
                      "FILE}}, or listen: 127.0.0.1:PORT]"},
        AccessMistake{"access: {tokens: [{" + kTokenOf + "}]}\nlisten: \"[::]:8420\"",
                      "5:9: error: listening beyond this machine needs TLS [write access: "
                      "{tokens: [{name: NAME, role: ROLE, hash: HASH}], tls: {cert: FILE, key: "
                      "FILE}}, or listen: 127.0.0.1:PORT]"}));

TEST(Access, WithTokensAndTlsTheApiMayBeServedBeyondThisMachine) {
  const std::string access =
      "listen: 0.0.0.0:8420\naccess: {tokens: [{" + kTokenOf +
      ", expires: \"2027-01-31T00:00:00Z\"}], tls: {cert: /a.pem, key: /a.key}}\ngroups:";
  const Loaded loaded =
      load("shop.yaml", replaced(shop(), "groups:", access), sample::kinds(), environment());
  ASSERT_EQ(brief(loaded), "");
  EXPECT_EQ(loaded.configuration.listen, "0.0.0.0:8420");
  const AccessSpec& read = loaded.configuration.access;
  EXPECT_EQ(read.certificate_file, "/a.pem");
  EXPECT_EQ(read.key_file, "/a.key");
  ASSERT_EQ(read.tokens.size(), 1u);
  EXPECT_EQ(read.tokens[0].name, "oncall");
  EXPECT_EQ(read.tokens[0].role, "operator");
  EXPECT_EQ(read.tokens[0].hash, kHash);
  EXPECT_EQ(read.tokens[0].expires, from_rfc3339("2027-01-31T00:00:00Z"));
}

// Whoever writes the token where its hash belongs does not read it again in a log.
TEST(Access, ATokenInPlaceOfItsHashIsNotRepeated) {
  const std::string access =
      "access: {tokens: [{name: oncall, role: operator, hash: bsc_planted}]}\ngroups:";
  const Loaded loaded =
      load("shop.yaml", replaced(shop(), "groups:", access), sample::kinds(), environment());
  ASSERT_EQ(loaded.problems.size(), 1u);
  EXPECT_EQ(to_text(loaded.problems).find("planted"), std::string::npos);
}

}  // namespace
}  // namespace bascule::config::test
