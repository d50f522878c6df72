#include "model/json.h"

#include <gtest/gtest.h>

namespace bascule {
namespace {

TEST(JsonText, KeysAreSortedAndTextIsValidUtf8) {
  EXPECT_EQ(to_text(Json{{"b", 1}, {"a", "x\xff"}}), "{\"a\":\"x\xEF\xBF\xBD\",\"b\":1}");
  EXPECT_EQ(to_pretty_text(Json{{"a", 1}}), "{\n  \"a\": 1\n}");
}

TEST(JsonText, UntrustedTextIsParsedWithinLimits) {
  EXPECT_EQ(parse_json("{\"a\": [1, null]}"), (Json{{"a", {1, nullptr}}}));
  EXPECT_EQ(parse_json("{\"a\":").error().message, "not valid JSON");
  EXPECT_EQ(parse_json("\"\xff\"").error().code, ErrorCode::invalid);
  EXPECT_EQ(parse_json("[1,2,3]", 3).error().code, ErrorCode::invalid);
  const auto nested = [](std::size_t levels) {
    return std::string(levels, '[') + std::string(levels, ']');
  };
  EXPECT_TRUE(parse_json(nested(kJsonDepthMax)));
  EXPECT_FALSE(parse_json(nested(kJsonDepthMax + 1)));
  EXPECT_FALSE(parse_json(nested(1'000'000)));
  EXPECT_FALSE(parse_json(std::string(1'000'000, '[')));
}

TEST(JsonText, CanonicalValuesSurviveTheirText) {
  Json deep = 1;
  for (std::size_t i = 0; i < 3 * kJsonDepthMax; ++i) deep = Json{{"k", std::move(deep)}};
  const Json odd{{"float", 0.1},     {"nan", std::nan("")},     {"bytes", Json::binary({1})},
                 {"big", ~0ULL},     {"small", INT64_MIN},      {"text", "a\xf0\x28"},
                 {"\xfe", {"\xfd"}}, {"control", "\x01\u2028"}, {"deep", deep}};
  const Json stored = canonical(odd);
  EXPECT_EQ(stored["float"], "0.1");
  EXPECT_EQ(stored["bytes"], nullptr);
  EXPECT_EQ(canonical(stored), stored);
  EXPECT_EQ(parse_json(to_text(stored)), stored);
}

TEST(JsonMembers, AnAbsentOrWronglyTypedMemberIsTheDefault) {
  const Json object{{"text", "a"}, {"number", 7}, {"flag", true}, {"list", {"x", 1, "y"}}};
  EXPECT_EQ(text_or(object, "text"), "a");
  EXPECT_EQ(text_or(object, "number", "none"), "none");
  EXPECT_EQ(text_or(Json::array(), "text", "none"), "none");
  EXPECT_EQ(integer_or(object, "number"), 7);
  EXPECT_EQ(integer_or(object, "text", -1), -1);
  EXPECT_EQ(integer_or(Json(nullptr), "number", -1), -1);
  EXPECT_TRUE(boolean_or(object, "flag"));
  EXPECT_FALSE(boolean_or(object, "number"));
  EXPECT_EQ(texts_or_empty(object, "list"), (std::vector<std::string>{"x", "y"}));
  EXPECT_TRUE(texts_or_empty(object, "text").empty());
}

}  // namespace
}  // namespace bascule
