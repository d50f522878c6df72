#include "app/terminal/view_reading.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/phrases.h"

namespace bascule::app {

const Json& member(const Json& view, std::string_view key) {
  static const Json kNothing = nullptr;
  if (!view.is_object()) return kNothing;
  const auto found = view.find(key);
  return found == view.end() ? kNothing : *found;
}

const Json& list(const Json& view, std::string_view key) {
  static const Json kEmpty = Json::array();
  const Json& value = member(view, key);
  return value.is_array() ? value : kEmpty;
}

std::optional<std::int64_t> number(const Json& view, std::string_view key) {
  const Json& value = member(view, key);
  if (!value.is_number_integer()) return std::nullopt;
  return value.get<std::int64_t>();
}

std::optional<Instant> instant(const Json& view, std::string_view key) {
  const std::string text = text_or(view, key);
  return text.empty() ? std::nullopt : from_rfc3339(text);
}

std::string age(const std::optional<Instant>& then, Instant now) {
  if (!then) return "";
  return engine::span_text(std::max(now - *then, Duration{0}));
}

std::string time_left(Instant until, Instant now) {
  return engine::span_text(std::max(until - now, Duration{0}));
}

std::string latency(const Json& milliseconds) {
  if (!milliseconds.is_number()) return "";
  const double value = milliseconds.get<double>();
  constexpr double kTenths = 10.0;
  constexpr double kSecond = 1'000.0;
  if (value < kTenths) return fmt::format("{:.1f}ms", value);
  if (value < kSecond) return fmt::format("{:.0f}ms", value);
  return fmt::format("{:.1f}s", value / kSecond);
}

std::string outage(Duration span) {
  constexpr std::int64_t kHundredths = 100;
  constexpr std::int64_t kTenSeconds = 10'000;
  if (span.count() < kHundredths || span.count() >= kTenSeconds) return engine::span_text(span);
  return fmt::format("{:.2f}s", static_cast<double>(span.count()) / 1'000.0);
}

std::string counted(std::int64_t count, std::string_view what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

std::string spaced(std::string word) {
  std::ranges::replace(word, '_', ' ');
  return word;
}

std::string why(const Json& run) {
  const std::string ticket = text_or(run, "ticket");
  std::string reason = text_or(run, "reason");
  if (ticket.empty() || reason.starts_with(ticket)) return reason;
  return reason.empty() ? ticket : fmt::format("{}: {}", ticket, reason);
}

std::string loss(const Json& run) {
  const Json& view = member(run, "loss");
  if (const auto rows = number(view, "exact_rows")) return counted(*rows, "row");
  if (const auto bytes = number(view, "exact_bytes")) return engine::size_text(*bytes);
  const auto time = number(view, "bound_ms");
  const auto bytes = number(view, "bound_bytes");
  if (!time && !bytes) return "";
  if (time.value_or(0) == 0 && bytes.value_or(0) == 0) return "nothing";
  std::string text = "at most ";
  if (time) text += engine::span_text(Duration{*time});
  if (time && bytes) text += " and ";
  if (bytes) text += engine::size_text(*bytes);
  return text;
}

Tone tone_of_health(std::string_view health) {
  if (health == "healthy") return Tone::good;
  if (health == "degraded") return Tone::warning;
  if (health == "critical" || health == "failed") return Tone::bad;
  return Tone::faint;
}

Tone tone_of_group_state(std::string_view state) {
  if (state == "HEALTHY") return Tone::good;
  if (state == "DEGRADED") return Tone::warning;
  if (state == "CRITICAL" || state == "FAILOVER") return Tone::bad;
  return Tone::faint;
}

Tone tone_of_run_state(std::string_view state) {
  if (state == "done") return Tone::good;
  if (state == "running" || state == "waiting") return Tone::strong;
  return state == "parked" ? Tone::bad : Tone::warning;
}

Icon icon_of_step(std::string_view state) {
  if (state == "done" || state == "unchanged") return {kDone, Tone::good};
  if (state == "started" || state == "applied") return {kUnderWay, Tone::warning};
  if (state == "failed") return {kFailed, Tone::bad};
  if (state == "skipped" || state == "reverted") return {"–", Tone::faint};
  return {kWaiting, Tone::faint};
}

bool has_come_to_rest(std::string_view state) {
  return state == "done" || state == "rolled_back" || state == "aborted" || state == "parked";
}

}  // namespace bascule::app
