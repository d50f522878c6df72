// What `expect` makes of the bodies that answer: texts, patterns, values of JSON.
#include <gtest/gtest.h>

#include <string>

#include "providers/http/http_world_for_test.h"

namespace bascule::http {
namespace {

struct Expecting : HttpWorld {
  // The health and the summary for an answer with this body.
  std::string verdict(const Json& expect, const std::string& body,
                      const std::string& headers = "") {
    answer("200 OK", body, headers);
    const Observation seen = look({{"expect", expect}});
    return std::string(to_string(seen.health)) + ": " + seen.summary;
  }
  std::string verdict_on_json(const std::string& path, const std::string& wanted,
                              const std::string& body) {
    return verdict({{"json", {{path, wanted}}}}, body);
  }
};

TEST_F(Expecting, APatternMatchesSomePartOfTheBody) {
  EXPECT_EQ(verdict({{"matches", "role: *(primary|replica)"}}, "name: a\nrole:  replica\n"),
            "healthy: 200");
  EXPECT_EQ(verdict({{"matches", "^role: primary$"}}, "role: replica"),
            "degraded: 200, but the body does not match the expected pattern");
  EXPECT_EQ(verdict({{"matches", "(?s)^a.*z$"}}, "a\n\nz"), "healthy: 200");
  EXPECT_EQ(verdict({{"matches", "(?i)OK"}}, "\xFF\xFE ok \xC3"), "healthy: 200")
      << "also in bytes that are no text";
}

TEST_F(Expecting, APatternThatWouldNeedForeverElsewhereIsAnsweredAtOnce) {
  EXPECT_EQ(verdict({{"matches", "(a*)*(a|aa)+b$"}}, std::string(200 * 1024, 'a')),
            "degraded: 200, but the body does not match the expected pattern");
}

TEST_F(Expecting, PatternsThatCannotBeUsedAreRefused) {
  const auto refused = [&](const Json& pattern) {
    return refusal({{"url", "http://a.test/"}, {"expect", {{"matches", pattern}}}});
  };
  EXPECT_EQ(refused("a(b"), "expect.matches: \"a(b\" is no regular expression: missing ): a(b");
  EXPECT_TRUE(refused("(ab(cd){1,100}){1,100}").starts_with("expect.matches: ")) << "too large";
  EXPECT_TRUE(refused("(a|b){900}").contains("too large")) << refused("(a|b){900}");
  EXPECT_TRUE(refused({{"$secret", "file:/a"}}).contains("cannot be a secret"));
  EXPECT_EQ(refused(""), "");
}

TEST_F(Expecting, ValuesOfJsonAreFoundByTheirPathAndCompared) {
  const std::string body =
      R"({"status": "ok", "ready": true, "replicas": 3, "load": 0.25, "none": null,
          "checks": [{"name": "db", "lag ms": 12}, {"name": "cache", "state": "warm"}]})";
  struct Row {
    const char* path;
    const char* wanted;
    const char* mistake;  // null: none
  };
  for (const Row& row : {Row{"status", "ok", nullptr},
                         Row{"status", "up", "status is \"ok\", expected up"},
                         Row{"status", "== ok", nullptr},
                         Row{"status", "!= down", nullptr},
                         Row{"status", "!=ok", "status is \"ok\", expected !=ok"},
                         Row{"ready", "true", nullptr},
                         Row{"ready", "false", "ready is true, expected false"},
                         Row{"replicas", "3", nullptr},
                         Row{"replicas", "3.0", nullptr},
                         Row{"replicas", ">= 3", nullptr},
                         Row{"replicas", "> 3", "replicas is 3, expected > 3"},
                         Row{"load", "< 0.5", nullptr},
                         Row{"load", "<=0.2", "load is 0.25, expected <=0.2"},
                         Row{"none", "null", nullptr},
                         Row{"none", "!= null", "none is null, expected != null"},
                         Row{"status", "> 1", "status is \"ok\", expected > 1"},
                         Row{"checks[0].name", "db", nullptr},
                         Row{"checks.1.state", "warm", nullptr},
                         Row{"checks[0].lag ms", "< 20", nullptr},
                         Row{"checks[2].name", "db", "the body has no checks[2].name"},
                         Row{"checks[-1].name", "db", "the body has no checks[-1].name"},
                         Row{"checks.name", "db", "the body has no checks.name"},
                         Row{"status.deeper", "x", "the body has no status.deeper"},
                         Row{"missing", "!= x", "the body has no missing"}}) {
    const std::string expected =
        row.mistake == nullptr ? "healthy: 200" : std::string("degraded: 200, but ") + row.mistake;
    EXPECT_EQ(verdict_on_json(row.path, row.wanted, body), expected);
  }
}

TEST_F(Expecting, AListAtTheRootAndNumbersInTextsAreUnderstood) {
  EXPECT_EQ(verdict_on_json("[0].age", "> 5", R"([{"age": "17.5"}])"), "healthy: 200");
  EXPECT_EQ(verdict_on_json("[0].age", "> 20", R"([{"age": "17.5"}])"),
            "degraded: 200, but [0].age is \"17.5\", expected > 20");
}

TEST_F(Expecting, BodiesThatAreNoJsonSayWhatTheyAre) {
  EXPECT_EQ(verdict_on_json("a", "1", "<html>\x1B[31m\xFF</html>\nmore"),
            "degraded: 200, but the body is not JSON: \"<html>?[31m?</html>\"");
  EXPECT_EQ(verdict_on_json("a", "1", ""), "degraded: 200, but the body is not JSON: \"\"");
  const std::string deep = std::string(100'000, '[') + std::string(100'000, ']');
  EXPECT_EQ(verdict_on_json("a", "1", deep),
            "degraded: 200, but the body is not JSON: \"" + std::string(40, '[') + "...\"");
  const std::string large = R"({"a": 1, "pad": ")" + std::string(300 * 1024, 'x') + "\"}";
  EXPECT_EQ(
      verdict_on_json("a", "1", large),
      "degraded: 200, but the first 256 KiB of the body are not all of it, so its JSON cannot "
      "be read");
  EXPECT_EQ(verdict_on_json("a", "1", "{\"a\": \"" + std::string(500, 'x') + "\\u001b\\u009b\"}"),
            "degraded: 200, but a is \"" + std::string(59, 'x') + "..., expected 1")
      << "what is shown is short";
  EXPECT_EQ(verdict_on_json("a", "1", R"({"a": "\u001b\u009b"})"),
            "degraded: 200, but a is \"\\u001b??\", expected 1")
      << "and no terminal acts on it";
}

TEST_F(Expecting, ABodyInAnEncodingThatNobodyAskedForIsNamed) {
  const std::string gzip = "\x1F\x8B\x08 whatever";
  EXPECT_EQ(verdict({{"body", "green"}}, gzip, "Content-Encoding: gzip\r\n"),
            "degraded: 200, but the body is encoded (gzip), which was not asked for");
  EXPECT_EQ(verdict(Json::object(), gzip, "Content-Encoding: gzip\r\n"), "healthy: 200")
      << "nobody wanted to read it";
  EXPECT_EQ(verdict({{"body", "green"}}, "green", "Content-Encoding: Identity\r\n"),
            "healthy: 200");
}

TEST_F(Expecting, AnotherBodyIsWhatOtherwiseSays) {
  const Json expect = {{"json", {{"status", "ok"}}}, {"otherwise", "critical"}};
  EXPECT_EQ(verdict(expect, R"({"status": "down"})"),
            "critical: 200, but status is \"down\", expected ok");
  EXPECT_EQ(verdict(expect, R"({"status": "ok"})"), "healthy: 200");
  answer("404 Not Found", R"({"status": "down"})");
  EXPECT_EQ(look({{"expect", expect}}).health, Health::degraded) << "the status comes first";
}

TEST_F(Expecting, WhatCanNeverBeComparedIsRefused) {
  const auto refused = [&](const std::string& path, const Json& wanted) {
    return refusal({{"url", "http://a.test/"}, {"expect", {{"json", {{path, wanted}}}}}});
  };
  EXPECT_EQ(refused("a", "> many"), "expect.json.a: > compares numbers, and \"many\" is none");
  EXPECT_EQ(refused("a..b", "1"),
            "expect.json: \"a..b\" is no path; write member.member, and member[0] for lists");
  for (const char* path : {"", ".a", "a.", "a[", "a[0", "a[]", "a[0]b"}) {
    EXPECT_TRUE(refused(path, "1").contains("is no path")) << path;
  }
  EXPECT_TRUE(refused("a", {{"$secret", "env:A"}}).contains("cannot be a secret"));
  EXPECT_EQ(refusal({{"url", "http://a.test/"}, {"method", "HEAD"}, {"expect", {{"body", "x"}}}}),
            "expect: the answer to HEAD has no body; use GET, or expect a status only");
}

}  // namespace
}  // namespace bascule::http
