// Templates in settings: `${{ site.ip }}`, `${{ steps.promote.endpoint }}`. Checked at load,
// rendered when a plan is computed (site, source, target, active) or just before a step runs
// (steps).
//
// `$${{` stands for a literal `${{`. Rendering keeps it as it is and escapes the values it fills
// in, so that a text can be rendered again; `without_escapes` turns it into `${{` when everything
// has been rendered, just before the settings reach an action or a probe.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/json.h"

namespace bascule {

// One reference inside a text: "site.ip", with the offset in bytes of its `${{`.
struct TemplateReference {
  std::string path;
  std::size_t offset = 0;
};

// All references of a text, or what is wrong with it ("`${{` without `}}`").
Result<std::vector<TemplateReference>> template_references(std::string_view text);

// What a path stands for; nothing: leave it as it is (it is known later).
using TemplateLookup = std::function<Result<std::optional<std::string>>(std::string_view path)>;

Result<std::string> render_text(std::string_view text, const TemplateLookup& lookup);
// Renders every text inside `settings`; object keys and secrets are left alone.
Result<Json> render_settings(const Json& settings, const TemplateLookup& lookup);
// All references of every text inside.
std::vector<std::string> settings_references(const Json& settings);

// A text that renders as itself.
std::string escape_template(std::string_view text);
// The last step of rendering: `$${{` becomes `${{` in every text inside.
Json without_escapes(const Json& settings);

}  // namespace bascule
