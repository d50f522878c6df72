#include "net/http.h"

#include <gtest/gtest.h>

namespace bascule::net {
namespace {

TEST(HostPort, IsReadInEachOfItsForms) {
  EXPECT_EQ(parse_host_port("www.shop.test:8080"), (HostPort{"www.shop.test", 8080}));
  EXPECT_EQ(parse_host_port("127.0.0.1:53"), (HostPort{"127.0.0.1", 53}));
  EXPECT_EQ(parse_host_port("[::1]:53"), (HostPort{"::1", 53}));
  EXPECT_EQ(parse_host_port("db", 5432), (HostPort{"db", 5432}));
  EXPECT_EQ(parse_host_port("::1", 53), (HostPort{"::1", 53}));
  EXPECT_EQ(parse_host_port("[::1]", 53), (HostPort{"::1", 53}));
  EXPECT_EQ(to_string(HostPort{"::1", 53}), "[::1]:53");
  EXPECT_EQ(to_string(*parse_endpoint("127.0.0.1:53")), "127.0.0.1:53");
}

TEST(HostPort, MistakesAreNamed) {
  const auto message = [](std::string_view text) {
    const Result<HostPort> parsed = parse_host_port(text);
    return parsed ? "accepted" : parsed.error().message;
  };
  EXPECT_EQ(message("db"), "\"db\": the port is missing; write HOST:PORT");
  EXPECT_EQ(message("::1"), "\"::1\": write an IPv6 address and its port as [ADDRESS]:PORT");
  for (const char* text : {"db:0", "db:65536", "db:", "db:5x", "db:-1", "db: 53", "db:053"}) {
    EXPECT_TRUE(message(text).ends_with("the port is 1 to 65535")) << message(text);
  }
  for (const char* text : {"", ":53", "[::1:53", "[127.0.0.1]:53", "[::1]53", "a b:53", "a..b:53",
                           "300.1.1.1:53", "1.2.3:53", "-\xC3\xBC:53"}) {
    EXPECT_NE(message(text), "accepted") << text;
  }
  EXPECT_FALSE(parse_endpoint("localhost:53"));
}

TEST(Url, IsTakenApart) {
  const Url url = *parse_url("HTTPS://WWW.Shop.Test:8443/a/b?x=1&y=2#part");
  EXPECT_EQ(url.scheme, "https");
  EXPECT_EQ(url.host, "www.shop.test");
  EXPECT_EQ(url.port, 8443);
  EXPECT_EQ(url.target, "/a/b?x=1&y=2");
  EXPECT_EQ(url.path(), "/a/b");
  EXPECT_EQ(url.query(), "x=1&y=2");
  EXPECT_EQ(url.text(), "https://www.shop.test:8443/a/b?x=1&y=2");
  EXPECT_EQ(parse_url("http://a.test")->text(), "http://a.test/");
  EXPECT_EQ(parse_url("http://a.test?x")->target, "/?x");
  EXPECT_EQ(parse_url("http://[::1]:81/")->authority(), "[::1]:81");
  EXPECT_EQ(parse_url("https://[::1]:443/")->authority(), "[::1]");
}

TEST(Url, MistakesAreNamed) {
  const auto message = [](std::string_view text) {
    const Result<Url> parsed = parse_url(text);
    return parsed ? "accepted" : parsed.error().message;
  };
  EXPECT_EQ(message("shop.test/health"),
            "\"shop.test/health\" has no scheme; write http://… or https://…");
  EXPECT_EQ(message("ftp://shop.test/"), "the scheme \"ftp\" is not known; use http or https");
  EXPECT_EQ(message("http://ana:secret@shop.test/"),
            "a URL may not hold a user or password; write an Authorization header");
  EXPECT_EQ(message("http:///health"), "\"http:///health\" names no host");
  EXPECT_EQ(message("http://a b/"), "the URL holds a blank or control character");
  EXPECT_EQ(message("http://a/\r\nX: y"), "the URL holds a blank or control character");
  EXPECT_NE(message("http://gr\xC3\xBC\xC3\x9F.test/"), "accepted");
  EXPECT_NE(message("http://a:99999/"), "accepted");
  EXPECT_NE(message("http://a/" + std::string(9000, 'x')), "accepted");
}

TEST(Url, ReferencesAreResolved) {
  const Url base = *parse_url("https://a.test:8443/x/y?q");
  const auto resolved = [&](std::string_view reference) {
    const Result<Url> url = resolve_reference(base, reference);
    return url ? url->text() : url.error().message;
  };
  EXPECT_EQ(resolved("http://b.test/z"), "http://b.test/z");
  EXPECT_EQ(resolved("//b.test/z"), "https://b.test/z");
  EXPECT_EQ(resolved("/z?w"), "https://a.test:8443/z?w");
  EXPECT_EQ(resolved("z"), "https://a.test:8443/x/z");
  EXPECT_EQ(resolved("../z/./w/"), "https://a.test:8443/z/w/");
  EXPECT_EQ(resolved("../../../z"), "https://a.test:8443/z");
  EXPECT_EQ(resolved("."), "https://a.test:8443/x/");
  EXPECT_EQ(resolved("?w"), "https://a.test:8443/x/y?w");
  EXPECT_EQ(resolved("#part"), "https://a.test:8443/x/y?q");
  EXPECT_EQ(resolved("/login?next=http://c.test/"),
            "https://a.test:8443/login?next=http://c.test/");
}

TEST(Url, PercentsAndQueries) {
  EXPECT_EQ(percent_encode("a b/\xC3\xBC~"), "a%20b%2F%C3%BC~");
  EXPECT_EQ(percent_decode("a%20b%2f"), "a b/");
  EXPECT_EQ(percent_decode("%"), std::nullopt);
  EXPECT_EQ(percent_decode("%2"), std::nullopt);
  EXPECT_EQ(percent_decode("%zz"), std::nullopt);
  const std::vector<std::pair<std::string, std::string>> expected = {
      {"to", "berlin"}, {"why", "a b"}, {"flag", ""}};
  EXPECT_EQ(parse_query("to=berlin&why=a+b&flag&bad=%zz&=x"), expected);
}

TEST(Headers, AreComparedWithoutCaseAndKeepTheirOrder) {
  Headers headers{{"Accept", "text/html"}, {"X-A", "1"}, {"x-a", "2"}};
  EXPECT_EQ(headers.find("ACCEPT"), "text/html");
  EXPECT_EQ(headers.find("X-a"), "1");
  EXPECT_EQ(headers.find("none"), std::nullopt);
  headers.set("X-A", "3");
  EXPECT_EQ(headers, (Headers{{"Accept", "text/html"}, {"X-A", "3"}}));
}

TEST(Headers, NothingBreaksOutOfItsLine) {
  EXPECT_TRUE(Headers({{"X-A", "plain\ttext"}}).check());
  EXPECT_FALSE(Headers({{"X-A", "a\r\nX-B: c"}}).check());
  EXPECT_FALSE(Headers({{"X A", "b"}}).check());
  EXPECT_FALSE(Headers({{"", "b"}}).check());
}

}  // namespace
}  // namespace bascule::net
