// The grammar of the line that says who holds the front door.
#include "providers/dns/ownership.h"

#include <gtest/gtest.h>

#include <string>

namespace bascule::dns {
namespace {

TEST(DnsOwnership, WhatIsWrittenIsReadBack) {
  const Ownership ownership{42, "demo", "r-0007", "berlin"};
  EXPECT_EQ(to_text(ownership), "42 demo r-0007 berlin");
  EXPECT_EQ(parse_ownership("42 demo r-0007 berlin"), ownership);
}

TEST(DnsOwnership, AnEmptyWordKeepsItsPlace) {
  EXPECT_EQ(to_text(Ownership{1, "demo", "", "berlin"}), "1 demo - berlin");
  EXPECT_EQ(parse_ownership("1 demo - berlin")->run, "-");
}

TEST(DnsOwnership, OtherTextIsNobodys) {
  for (const char* text :
       {"", " ", "42", "42 demo r-0007", "42 demo r-0007 berlin ", "42 demo r-0007 berlin now",
        "42  demo r-0007 berlin", " 42 demo r-0007 berlin", "-1 demo r-0007 berlin",
        "+1 demo r-0007 berlin", "0 demo r-0007 berlin", "4.2 demo r-0007 berlin",
        "x demo r-0007 berlin", "0x2a demo r-0007 berlin", "v=spf1 include:shop.test ~all x",
        "99999999999999999999 demo r-0007 berlin", "9223372036854775807 demo r-0007 berlin",
        "18446744073709551615 demo r-0007 berlin"}) {
    EXPECT_FALSE(parse_ownership(text)) << "\"" << text << "\"";
  }
}

TEST(DnsOwnership, AGenerationMayBeLargeAndOneMoreIsStillPossible) {
  const auto found = parse_ownership("4611686018427387903 demo r-0007 berlin");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->generation, 4'611'686'018'427'387'903U);
}

}  // namespace
}  // namespace bascule::dns
