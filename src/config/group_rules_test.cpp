// Rules that need more than one change to a good configuration to be broken, and the small words.
#include <gtest/gtest.h>

#include "config/endpoint_text.h"
#include "config/mistakes.h"
#include "config/size.h"
#include "config/suggest.h"

namespace bascule::config::test {
namespace {

std::string without(const std::string& text, const std::string& from, const std::string& to = "") {
  const std::size_t begin = text.find(from);
  const std::size_t end = to.empty() ? text.size() : text.find(to, begin);
  return text.substr(0, begin) + text.substr(end);
}

TEST(AGroup, OfOneSiteIsRefused) {
  EXPECT_EQ(said_about(without(shop(), "      - name: b\n")),
            "11:15: error: a group of one site has nowhere to move [add the site that takes over]");
}

TEST(AGroup, WithoutActivateIsOnlyWatched) {
  std::string text = without(shop(), "        activate:\n", "      - name: b\n");
  text = without(text, "        activate:\n");
  EXPECT_EQ(said_about(text),
            "7:13: error: mode `automatic`, but no site has `activate`: nothing could be done "
            "[say how a site is made active, or write mode: manual]");
  text = replaced(text, "mode: automatic", "mode: manual");
  EXPECT_EQ(said_about(text),
            "5:11: warning: group `shop` is only watched: no site has `activate`");
  text = replaced(
      text, "    policy:\n",
      "    front_door: {dns.record: {zone: t., name: www.t., at: elsewhere}}\n    policy:\n");
  EXPECT_EQ(
      said_about(text),
      "6:5: error: there is a front door, but no site has `activate`: it would never be moved "
      "[say how a site is made active, or leave the front door out]");
}

TEST(AGroup, SharesItsPublicNameWithNobody) {
  const std::string door =
      "    front_door: {dns.record: {zone: t., name: www.t., at: elsewhere}}\n    policy:\n";
  std::string text = replaced(shop(), "    policy:\n", door);
  const std::string group = text.substr(text.find("  - name: shop\n"));
  text += replaced(replaced(group, "name: shop", "name: blog"), "www.t.", "WWW.t");
  EXPECT_EQ(said_about(text),
            "47:5: warning: `www.t` has two writers: group `shop` publishes it as well [one name "
            "belongs to one group]");
}

TEST(AGroup, MayLackOfASiteWhatItsRolesDoNotNeed) {
  std::string text =
      replaced(shop(), "- name: b\n", "- name: b\n        roles: [target, standby]\n");
  text = without(text,
                 "        fence:\n          - {name: seal, uses: postgres.fence, with: {check: "
                 "database}}\n        activate:\n          - {name: promote, uses: "
                 "postgres.promote, with: {check: database}}\n");
  text = shop();
  text = replaced(text, "- name: b\n", "- name: b\n        roles: [target, standby]\n");
  const std::size_t fence = text.rfind("        fence:\n");
  const std::size_t activate = text.rfind("        activate:\n");
  text = text.substr(0, fence) + text.substr(activate);
  EXPECT_EQ(said_about(text), "");
  const Loaded loaded = load("shop.yaml", text, sample::kinds(), environment());
  EXPECT_FALSE(loaded.configuration.groups[0].sites[1].can_be_source);
  EXPECT_TRUE(loaded.configuration.groups[0].sites[1].can_be_target);
}

TEST(Sizes, HaveUnits) {
  EXPECT_EQ(parse_size("16MiB"), std::int64_t{16} << 20);
  EXPECT_EQ(parse_size("0B"), 0);
  EXPECT_EQ(parse_size("1TiB"), std::int64_t{1} << 40);
  for (const char* bad : {"", "16", "MiB", "-1B", "1.5MiB", "16 MiB", "16mib", "16MB",
                          "9999999999TiB", "99999999999999999999B"}) {
    EXPECT_FALSE(parse_size(bad)) << bad;
  }
  for (const std::int64_t bytes : {std::int64_t{0}, std::int64_t{1500}, std::int64_t{3} << 20}) {
    EXPECT_EQ(parse_size(size_text(bytes)), bytes);
  }
}

TEST(Suggestions, AreSlipsOfTheFingers) {
  const std::vector<std::string> known{"cooldown", "detect", "failover_when"};
  EXPECT_EQ(closest("cooldwon", known), "cooldown");
  EXPECT_EQ(closest("Cooldown", known), "cooldown");
  EXPECT_EQ(closest("failover-when", known), "failover_when");
  EXPECT_EQ(closest("detection_all", known), std::nullopt);
  EXPECT_EQ(closest("", known), std::nullopt);
  EXPECT_EQ(closest(std::string(100'000, 'x'), known), std::nullopt);
  EXPECT_EQ(suggestion("policy", known), "known here: cooldown, detect, failover_when");
}

TEST(Endpoints, AreAddressAndPort) {
  EXPECT_EQ(parse_endpoint("127.0.0.1:53")->port, 53);
  EXPECT_EQ(parse_endpoint("[::1]:53")->host, "::1");
  EXPECT_EQ(parse_endpoint("::1")->host, "::1");
  EXPECT_FALSE(parse_endpoint("::1")->port);
  for (const char* bad :
       {"", ":53", "host:", "host:x", "host:-1", "host:65536", "[::1", "[::1]53"}) {
    EXPECT_FALSE(parse_endpoint(bad)) << bad;
  }
  EXPECT_TRUE(is_loopback("127.0.1.1"));
  EXPECT_FALSE(is_loopback("192.0.2.1"));
}

TEST(AGroup, SaysWhereReportsAreKept) {
  EXPECT_TRUE(load("shop.yaml", shop(), sample::kinds(), environment())
                  .configuration.groups.at(0)
                  .reports.empty());
  const Loaded loaded = load(
      "shop.yaml",
      replaced(shop(), "    policy:", "    report: [{folder: {path: /srv/reports}}]\n    policy:"),
      sample::kinds(), environment());
  ASSERT_TRUE(loaded.ok()) << brief(loaded);
  const auto& reports = loaded.configuration.groups.at(0).reports;
  ASSERT_EQ(reports.size(), 1U);
  EXPECT_EQ(reports[0].kind, "folder");
  EXPECT_EQ(reports[0].settings, (Json{{"path", "/srv/reports"}}));
  const Json json = to_json(loaded.configuration);
  const auto again = configuration_from_json(json);
  ASSERT_TRUE(again);
  EXPECT_EQ(to_json(*again), json);
  Json older = json;  // a journal from before there were any
  older["groups"][0].erase("report");
  ASSERT_TRUE(configuration_from_json(older));
}

}  // namespace
}  // namespace bascule::config::test
