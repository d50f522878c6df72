// What a command said, as people may see it.
#include "providers/hook/command_line.h"

#include <gtest/gtest.h>

#include <string>

namespace bascule::hook {
namespace {

const CommandLine kWithSecrets{
    {{"power", false}, {"s3cr3t-word", true}, {"s3cr3t", true}, {"abc", true}},
    {{"TOKEN", {"a token\nof two lines", true}}, {"REGION", {"west", false}}},
    ""};

Output whole(const std::string& text) {
  Output output;
  output.head = text;
  output.bytes = text.size();
  return output;
}

TEST(CommandLines, SecretsAreReplacedTheLongestFirstAndShortOnesLeft) {
  EXPECT_EQ(text_of(whole("s3cr3t-word s3cr3t a token\nof two lines abc west"), kWithSecrets),
            "(secret) (secret) (secret) abc west");
  EXPECT_EQ(shown(kWithSecrets), "power (secret) (secret) (secret)");
}

TEST(CommandLines, ASecretThatTheLimitCutsInTwoIsHiddenOnBothSides) {
  Output output;
  output.head = "key s3cr3t-w";
  output.tail = "r3t-word end";
  output.bytes = 100;
  output.left_out = 76;
  const std::string text = text_of(output, kWithSecrets);
  EXPECT_EQ(text.find("s3cr"), std::string::npos) << text;
  EXPECT_EQ(text.find("r3t"), std::string::npos) << text;
  EXPECT_TRUE(text.starts_with("key (secret)")) << text;
  EXPECT_TRUE(text.ends_with("(secret) end")) << text;
}

TEST(CommandLines, ASecretThatIsNoTextIsFoundAsTheOutputShowsIt) {
  const std::string bad("\xEF\xBF\xBD");
  const CommandLine command{{{"power", false}, {"p\xFFss", true}}, {}, ""};
  EXPECT_EQ(text_of(whole("got p" + bad + "ss"), command), "got (secret)");
}

TEST(CommandLines, OneLineIsShortWholeAndHarmless) {
  EXPECT_EQ(one_line("a\tb\x1b[2J\nc\x7f", 100), "a b [2J c ");
  EXPECT_EQ(one_line("gr\xC3\xBC\xC3\x9F", 3), "gr") << "no half character";
  EXPECT_EQ(one_line("gr\xC3\xBC\xC3\x9F", 4), "gr\xC3\xBC");
}

}  // namespace
}  // namespace bascule::hook
