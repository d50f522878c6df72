#include "app/terminal/yaml.h"

#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include <filesystem>
#include <fstream>
#include <sstream>

namespace bascule::app {
namespace {

// What a reader makes of it, as JSON: a plain scalar that reads as one is a number, a truth or
// nothing; what is quoted (yaml-cpp's tag "!") is a text.
Json read_back(const YAML::Node& node) {
  if (node.IsMap()) {
    Json object = Json::object();
    for (const auto& entry : node) object[entry.first.as<std::string>()] = read_back(entry.second);
    return object;
  }
  if (node.IsSequence()) {
    Json list = Json::array();
    for (const auto& item : node) list.push_back(read_back(item));
    return list;
  }
  if (node.IsNull()) return nullptr;
  auto text = node.as<std::string>();
  if (node.Tag() == "!") return text;
  const auto value = parse_json(text);
  return value && !value->is_structured() ? *value : Json(text);
}

TEST(Yaml, EveryViewComesBackAsItWas) {
  const std::filesystem::path folder =
      std::filesystem::path(__FILE__).parent_path().parent_path() / "testdata";
  int views = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".json") continue;
    std::ifstream file(entry.path());
    std::stringstream text;
    text << file.rdbuf();
    const auto view = parse_json(text.str());
    ASSERT_TRUE(view) << entry.path();
    EXPECT_EQ(read_back(YAML::Load(to_yaml(*view))), *view) << entry.path() << "\n"
                                                            << to_yaml(*view);
    ++views;
  }
  EXPECT_GT(views, 5);
}

TEST(Yaml, WhatCouldBeTakenForSomethingElseIsQuoted) {
  for (const char* text : {"",           "1",     "-1",   "0x10",
                           "1e3",        ".5",    "yes",  "No",
                           "ON",         "off",   "y",    "null",
                           "~",          "NaN",   ".inf", "2026-11-23T16:40:00.000Z",
                           "2026-11-23", "12:30", "true", " a",
                           "a ",         "a: b",  "a #b", "- a",
                           "[a]",        "{a}",   "*a",   "&a",
                           "!a",         "|",     ">",    "%a",
                           "@a",         "`a`",   "a\nb", "a\tb",
                           "\x1b[2J",    "it's",  "\"",   "\\",
                           "ä"}) {
    const std::string yaml = to_yaml(Json{{"key", text}});
    EXPECT_TRUE(yaml.starts_with("key: \"")) << yaml;
    EXPECT_EQ(YAML::Load(yaml)["key"].as<std::string>(), text) << yaml;
    EXPECT_EQ(yaml.find('\x1b'), std::string::npos);
  }
  EXPECT_EQ(to_yaml(Json{{"word", "healthy"}, {"place", "eu-west/a.1"}, {"some text", "it is so"}}),
            "place: eu-west/a.1\nsome text: it is so\nword: healthy\n");
}

TEST(Yaml, EmptyThingsAndNumbersStayWhatTheyAre) {
  EXPECT_EQ(to_yaml(Json{{"a", Json::array()},
                         {"b", Json::object()},
                         {"c", nullptr},
                         {"d", 0.3},
                         {"e", -7},
                         {"f", true}}),
            "a: []\nb: {}\nc: null\nd: 0.3\ne: -7\nf: true\n");
  EXPECT_EQ(to_yaml(Json::array()), "[]\n");
}

}  // namespace
}  // namespace bascule::app
