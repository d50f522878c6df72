#include "base/text.h"

#include <gtest/gtest.h>

namespace bascule {
namespace {

TEST(Shortened, CutsBetweenCharacters) {
  EXPECT_EQ(shortened("abc", 3), "abc");
  EXPECT_EQ(shortened("abcdefg", 6), "abc…");
  EXPECT_EQ(shortened("aé→→→", 8), "aé…");
  EXPECT_EQ(shortened("→→", 5), "…");
  EXPECT_EQ(shortened("\x80\x80\x80\x80", 3), "…") << "no text at all";
}

}  // namespace
}  // namespace bascule
