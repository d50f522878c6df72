// The tree of a YAML text: kinds, positions, and what is refused.
#include "config/document.h"

#include <gtest/gtest.h>

#include "config/mistakes.h"

namespace bascule::config::test {
namespace {

struct Parsed {
  Source source;
  Problems problems;
  std::optional<TreeNode> root;

  explicit Parsed(const std::string& text)
      : source("x.yaml", text), problems(source), root(parse_document(problems)) {}
  [[nodiscard]] std::string written(const TreeNode& node) const {
    return source.text().substr(node.span.offset, node.span.length);
  }
};

TEST(ADocument, TellsPlainTextsFromQuotedAndBlockOnes) {
  Parsed parsed(
      "a: 010\nb: '010'\nc: \"x\\\"y\"\nd: |\n  two\n  lines\ne: ~\nf:\ng: [1, {h: i}]\n");
  ASSERT_TRUE(parsed.root);
  const auto value = [&](std::string_view key) -> const TreeNode& {
    return parsed.root->find(key)->value;
  };
  EXPECT_EQ(value("a").kind, NodeKind::plain);
  EXPECT_EQ(value("a").text, "010");
  EXPECT_EQ(value("b").kind, NodeKind::quoted);
  EXPECT_EQ(parsed.written(value("b")), "'010'");
  EXPECT_EQ(value("c").text, "x\"y");
  EXPECT_EQ(parsed.written(value("c")), "\"x\\\"y\"");
  EXPECT_EQ(value("d").kind, NodeKind::block);
  EXPECT_EQ(value("d").text, "two\nlines\n");
  EXPECT_EQ(value("e").kind, NodeKind::null);
  EXPECT_EQ(parsed.written(value("e")), "~");
  // yaml-cpp says that this null is on the next line.
  EXPECT_EQ(value("f").kind, NodeKind::null);
  EXPECT_EQ(parsed.source.locate(value("f").span.offset), (Location{8, 1}));
  ASSERT_EQ(value("g").items.size(), 2U);
  EXPECT_EQ(parsed.source.locate(value("g").items[1].span.offset), (Location{9, 8}));
}

TEST(ADocument, KeepsTheFirstOfTwoEqualKeys) {
  Parsed parsed("a: 1\nb: {c: 2, c: {d: 3}}\na: 4\n");
  ASSERT_TRUE(parsed.root);
  EXPECT_EQ(parsed.root->find("a")->value.text, "1");
  EXPECT_EQ(parsed.root->find("b")->value.find("c")->value.text, "2");
  const auto problems = parsed.problems.finish();
  ASSERT_EQ(problems.size(), 2U);
  EXPECT_EQ(problems[0].message, "key `c` is written twice");
  EXPECT_EQ(problems[0].hint, "the first one is at 2:5");
  EXPECT_EQ(problems[1].hint, "the first one is at 1:1");
}

TEST(ADocument, IsNotNestedDeeperThanItsLimit) {
  const auto nested = [](std::size_t levels) {
    return std::string(levels, '[') + std::string(levels, ']');
  };
  EXPECT_TRUE(Parsed(nested(kNestingMax)).root);
  Parsed deep(nested(kNestingMax + 1));
  EXPECT_FALSE(deep.root);
  EXPECT_EQ(deep.problems.finish()[0].message, "nested deeper than 64 levels");
  EXPECT_FALSE(Parsed(std::string(100'000, '[')).root);
  EXPECT_FALSE(Parsed(std::string(100'000, '{')).root);
  std::string dashes;
  for (int i = 0; i < 50'000; ++i) dashes += "- ";
  EXPECT_FALSE(Parsed(dashes).root);
}

TEST(ADocument, IsNotLargerThanItsLimit) {
  const std::string comment = "#" + std::string(kFileSizeMax, 'x');
  EXPECT_EQ(said_about(comment), "1:1: error: the file is larger than 1 MiB");
  EXPECT_EQ(said_about(""),
            "1:1: error: the file holds no configuration [it begins with `version: 1`]");
  EXPECT_EQ(said_about("# nothing\n"),
            "1:1: error: the file holds no configuration [it begins with `version: 1`]");
  EXPECT_EQ(said_about("just a text"), "1:1: error: the configuration takes a mapping, not a text");
}

TEST(ADocument, IsReadInTimeHoweverItsMegabyteIsSpent) {
  std::string one_line = "{";
  while (one_line.size() < kFileSizeMax - 20) one_line += fmt::format("k{}: 1, ", one_line.size());
  one_line += "z: 1}";
  EXPECT_FALSE(load("x.yaml", one_line, sample::kinds(), environment()).ok());
  std::string references = "version: 1\ncluster: \"";
  while (references.size() < kFileSizeMax - 20) references += "${env:X:-}";
  references += "\"\n";
  EXPECT_FALSE(load("x.yaml", references, sample::kinds(), environment()).ok());
  const std::string quotes = "a: " + std::string(kFileSizeMax - 10, '\'');
  EXPECT_FALSE(load("x.yaml", quotes, sample::kinds(), environment()).ok());
}

TEST(ADocument, IsRefusedAloneWhenItsYamlIsWrong) {
  std::string text = replaced(shop(), "version: 1", "version: 7");
  text += "observer: [\n";
  EXPECT_EQ(said_about(text),
            "45:11: error: this `[` is not closed, or a comma is missing after it");
}

TEST(Utf8, IsCheckedToTheLetter) {
  EXPECT_EQ(find_invalid("aé€😀\t\n"), std::string_view::npos);
  for (const std::string_view bad :
       {"\xC3", "\xC0\xAF", "\xE0\x80\xAF", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xFF", "\x80",
        "\x7F", "\x1b", "\xC2\x9B", "\r"}) {
    EXPECT_EQ(find_invalid("ab" + std::string(bad)), 2U);
  }
}

}  // namespace
}  // namespace bascule::config::test
