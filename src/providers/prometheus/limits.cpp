#include "providers/prometheus/limits.h"

#include <utility>

#include "model/number.h"

namespace bascule::prometheus {
namespace {

Field band_field(std::string name, std::string summary) {
  return Field{.name = std::move(name),
               .type = FieldType::object,
               .summary = std::move(summary),
               .fields = {Field{.name = "above", .summary = "Counts when the number is above."},
                          Field{.name = "below", .summary = "Counts when the number is below."}}};
}

Result<std::optional<Limit>> read_limit(const Json& band, const char* side) {
  const auto found = band.find(side);
  if (found == band.end() || found->is_null()) return std::nullopt;
  const std::string text = found->is_string() ? found->get<std::string>() : to_text(*found);
  const std::optional<double> value = parse_number(text);
  if (!value) return fail(ErrorCode::invalid, "{}: \"{}\" is not a number", side, text);
  return Limit{*value, text};
}

Result<Band> read_band(const Json& settings, const char* name) {
  const auto written = settings.find(name);
  if (written == settings.end() || !written->is_object()) return Band();
  Result<std::optional<Limit>> above = read_limit(*written, "above");
  if (!above) return fail(in_context(name, above.error()));
  Result<std::optional<Limit>> below = read_limit(*written, "below");
  if (!below) return fail(in_context(name, below.error()));
  Band band{*std::move(above), *std::move(below)};
  if (band.is_empty()) {
    return fail(ErrorCode::invalid, "{}: say `above` or `below` which number", name);
  }
  if (band.above && band.below && band.below->value > band.above->value) {
    return fail(ErrorCode::invalid, "{}: every number is above {} or below {}", name,
                band.above->text, band.below->text);
  }
  return band;
}

}  // namespace

std::optional<std::string> Band::broken_by(double value) const {
  if (above && value > above->value) return "above " + above->text;
  if (below && value < below->value) return "below " + below->text;
  return std::nullopt;
}

Limits::Judgement Limits::judge(double value) const {
  if (const auto broken = critical.broken_by(value)) return {Health::critical, *broken};
  if (const auto broken = degraded.broken_by(value)) return {Health::degraded, *broken};
  return {};
}

std::vector<Field> limit_fields() {
  return {band_field("degraded", "When it is degraded."),
          band_field("critical", "When it is critical.")};
}

Result<Limits> read_limits(const Json& settings) {
  Result<Band> degraded = read_band(settings, "degraded");
  if (!degraded) return error_of(degraded);
  Result<Band> critical = read_band(settings, "critical");
  if (!critical) return error_of(critical);
  Limits limits{*std::move(degraded), *std::move(critical)};
  const Band& low = limits.degraded;
  const Band& high = limits.critical;
  if (low.is_empty() && high.is_empty()) {
    return fail(ErrorCode::invalid,
                "it could only be healthy: write `critical: {{above: NUMBER}}` or `below`, or "
                "`degraded` with one of them");
  }
  const bool hidden_above = low.above && high.above && high.above->value < low.above->value;
  const bool hidden_below = low.below && high.below && high.below->value > low.below->value;
  if (hidden_above || hidden_below) {
    return fail(ErrorCode::invalid,
                "it would be critical before it is degraded: exchange the two limits");
  }
  return limits;
}

}  // namespace bascule::prometheus
