#include "model/template.h"

#include <gtest/gtest.h>

namespace bascule {
namespace {

Result<std::optional<std::string>> lookup(std::string_view path) {
  if (path == "site.ip") return "10.0.0.1";
  if (path == "site.note") return "as ${{ site.ip }}";
  if (path == "site.dollar") return "$";
  if (path.starts_with("steps.")) return std::nullopt;
  return fail(ErrorCode::invalid, "nothing is called {}", path);
}

std::string render(std::string_view text) {
  const auto rendered = render_text(text, lookup);
  return rendered ? *rendered : "error: " + rendered.error().message;
}

TEST(Templates, ReferencesAreReplacedByWhatTheyNameWhateverTheSpace) {
  EXPECT_EQ(render("http://${{ site.ip }}:8080/"), "http://10.0.0.1:8080/");
  EXPECT_EQ(render("${{site.ip}}${{\n\tsite.ip }}"), "10.0.0.110.0.0.1");
  EXPECT_EQ(render("nothing to do: $ {{ }} ${ $"), "nothing to do: $ {{ }} ${ $");
  EXPECT_EQ(render(""), "");
}

TEST(Templates, WhatIsKnownLaterStaysAsItIsWritten) {
  EXPECT_EQ(render("${{ steps.promote.endpoint }}/${{ site.ip }}"),
            "${{ steps.promote.endpoint }}/10.0.0.1");
}

TEST(Templates, AnEscapedOpeningIsNoReferenceHoweverOftenItIsRendered) {
  const std::string text = "echo $${{ site.ip }} ${{ site.ip }}";
  const std::string once = render(text);
  EXPECT_EQ(once, "echo $${{ site.ip }} 10.0.0.1");
  EXPECT_EQ(render(once), once);
  EXPECT_EQ(without_escapes(Json{{"command", {once}}}),
            (Json{{"command", {"echo ${{ site.ip }} 10.0.0.1"}}}));
}

TEST(Templates, AValueIsNeverRenderedItself) {
  const std::string once = render("${{ site.note }}");
  EXPECT_EQ(render(once), once);
  EXPECT_EQ(without_escapes(once), "as ${{ site.ip }}");
  EXPECT_EQ(without_escapes(escape_template("${{ a }} $${{ b }}")), "${{ a }} $${{ b }}");
}

TEST(Templates, AValueThatWouldMakeOrBreakAReferenceIsRefused) {
  EXPECT_TRUE(render("${{ site.dollar }}{{ site.ip }}").starts_with("error: "));
  EXPECT_TRUE(render("${{ site.dollar }}${{ steps.a.b }}").starts_with("error: "));
}

TEST(Templates, BrokenReferencesSayWhatIsWrong) {
  EXPECT_EQ(render("${{ site.ip"), "error: `${{` without `}}`");
  EXPECT_EQ(render("${{ site.ip ${{ site.ip }}"), "error: `${{` without `}}`");
  for (const char* text : {"${{}}", "${{ }}", "${{ site ip }}", "${{ .ip }}", "${{ a..b }}",
                           "${{ a. }}", "${{ a|b }}"}) {
    EXPECT_EQ(render(text), fmt::format("error: `{}` does not name anything", text));
  }
  EXPECT_EQ(render("${{ site.pi }}"), "error: nothing is called site.pi");
}

TEST(Templates, ReferencesAreFoundWithTheirPlaces) {
  const auto found = template_references("a ${{ b.c }} $${{ no }} ${{d}}");
  ASSERT_TRUE(found);
  ASSERT_EQ(found->size(), 2U);
  EXPECT_EQ(found->at(0).path, "b.c");
  EXPECT_EQ(found->at(0).offset, 2U);
  EXPECT_EQ(found->at(1).path, "d");
  EXPECT_EQ(found->at(1).offset, 24U);
}

TEST(Templates, SettingsAreRenderedInsideButNotKeysAndSecrets) {
  const Json settings{{"url", "http://${{ site.ip }}/"},
                      {"${{ site.ip }}", 5},
                      {"list", {"${{ site.ip }}", true, {{"deep", "${{ steps.a.b }}"}}}},
                      {"password", {{"$secret", "file:${{ site.ip }}"}}}};
  const auto rendered = render_settings(settings, lookup);
  ASSERT_TRUE(rendered);
  EXPECT_EQ(*rendered, (Json{{"url", "http://10.0.0.1/"},
                             {"${{ site.ip }}", 5},
                             {"list", {"10.0.0.1", true, {{"deep", "${{ steps.a.b }}"}}}},
                             {"password", {{"$secret", "file:${{ site.ip }}"}}}}));
  EXPECT_EQ(settings_references(settings),
            (std::vector<std::string>{"site.ip", "steps.a.b", "site.ip"}));
}

TEST(Templates, ErrorsInSettingsNameTheSetting) {
  const auto rendered = render_settings(Json{{"tls", {{"name", "${{ site.pi }}"}}}}, lookup);
  ASSERT_FALSE(rendered);
  EXPECT_EQ(rendered.error().message, "tls: name: nothing is called site.pi");
}

}  // namespace
}  // namespace bascule
