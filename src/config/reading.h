// What everybody who reads a part of the configuration needs: where problems go, which kinds exist,
// what the environment says. Internal to this room.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/document.h"
#include "config/loader.h"
#include "config/problem.h"

namespace bascule::config {

struct Reading {
  Problems& problems;
  const Kinds& kinds;
  const Environment& environment;
  std::map<std::string, std::string>& inline_secrets;
  // The names in the tables at the root that settings refer to (Field::names).
  std::map<std::string, std::vector<std::string>> tables = {};
};

// One `${{ … }}` as it stands in the file.
struct TemplateUse {
  std::string path;  // "site.ip"
  Span where;
};

// What the values that are being read belong to.
struct Subject {
  // The position of the value in the configuration, by names: names a secret that stands there.
  std::string path;
  // For values that are no texts: what `${{ site.KEY }}` stands for; null: no templates there.
  const std::map<std::string, std::string>* site_values = nullptr;
  // The checks of the site, name → kind; null: none can be named here.
  const std::map<std::string, std::string>* checks = nullptr;
  // Every template met in a text is added here, for whoever knows what may be named.
  std::vector<TemplateUse> templates;
};

// A text with `${env:…}` replaced.
struct TextValue {
  std::string text;
  bool replaced = false;              // something came from the environment
  std::optional<std::string> secret;  // "file:PATH" or, where a secret is asked for, "env:NAME"
};

// Nothing, with the reason reported, when it is no scalar, a variable or file is missing, or it is
// not well formed. `what` names it in messages: "`host`".
std::optional<TextValue> read_text(Reading& reading, const TreeNode& node, std::string_view what,
                                   bool secret);

// The templates of a text; nothing, with the reason reported, when one is malformed.
std::optional<std::vector<TemplateUse>> find_templates(Reading& reading, const TreeNode& node,
                                                       const std::string& text);

// A text of Bascule's own keys: no templates, no secrets. Empty counts as missing.
std::optional<std::string> read_plain_text(Reading& reading, const TreeNode& node,
                                           std::string_view what);

// A name that may stand in records, addresses and DNS: letters, digits, - and _, and dots where
// `dots` allows them.
std::optional<std::string> read_name(Reading& reading, const TreeNode& node, std::string_view what,
                                     bool dots);

bool expect_mapping(Reading& reading, const TreeNode& node, std::string_view what);
bool expect_list(Reading& reading, const TreeNode& node, std::string_view what);
// "`detect` takes a mapping, not a text".
void report_type(Reading& reading, const TreeNode& node, std::string_view what,
                 std::string_view expected);

}  // namespace bascule::config
