// The page of a report: HTML with its style inside and one drawing, nothing else.
#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "api/report/report.h"

namespace bascule::api {
namespace {

constexpr double kDrawingWidth = 860;
constexpr double kLabelWidth = 190;
constexpr double kRowHeight = 22;
constexpr double kNarrowest = 3;
constexpr std::int64_t kLongest = 365LL * 86'400'000;  // of what is drawn, a year
constexpr double kAfterLast = 90;                      // for the length of the last bar, in words
constexpr double kMarksHeight = 20;                    // above the bars
constexpr double kAxisHeight = 40;                     // below them

constexpr std::string_view kStyle = R"(
:root{color-scheme:light dark;--ink:#1c2430;--dim:#5d6878;--page:#fff;--line:#d8dee6;--bar:#7aa2d6;
--critical:#d9822b;--bad:#c7362f;--good:#2f8f4e}
@media(prefers-color-scheme:dark){:root{--ink:#e6eaf0;--dim:#98a3b3;--page:#151a21;--line:#2d3643;
--bar:#4a78b0;--critical:#e0973f;--bad:#e5645d;--good:#5cb87a}}
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--page);margin:2rem auto;
max-width:60rem;padding:0 1rem}
h1{font-size:1.5rem;margin:0}h2{font-size:1.05rem;margin:2rem 0 .5rem}
.dim{color:var(--dim)}.good{color:var(--good)}.bad{color:var(--bad)}
.facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(11rem,1fr));gap:.5rem 1.5rem;
margin-top:1rem}.facts div{border-top:1px solid var(--line);padding-top:.3rem}
.facts b{display:block;font-size:1.15rem}
table{border-collapse:collapse;width:100%}td,th{text-align:left;vertical-align:top;
padding:.25rem .8rem .25rem 0;border-top:1px solid var(--line)}
td.n{font-variant-numeric:tabular-nums;white-space:nowrap;text-align:right}
svg{width:100%;height:auto;font:12px system-ui,sans-serif}code{word-break:break-all}
svg text{paint-order:stroke;stroke:var(--page);stroke-width:3px;stroke-linejoin:round}
@media print{body{margin:0;max-width:none}}
)";

std::string escaped(std::string_view text) {
  std::string shown;
  for (const char letter : text) {
    switch (letter) {
      case '&':
        shown += "&amp;";
        break;
      case '<':
        shown += "&lt;";
        break;
      case '>':
        shown += "&gt;";
        break;
      case '"':
        shown += "&quot;";
        break;
      default:
        shown += letter;
    }
  }
  return shown;
}

Json member(const Json& object, const char* name, Json otherwise) {
  if (!object.is_object()) return otherwise;
  const auto found = object.find(name);
  return found == object.end() || found->type() != otherwise.type() ? otherwise : *found;
}

Json object_in(const Json& object, const char* name) {
  return member(object, name, Json::object());
}
Json list_in(const Json& object, const char* name) {
  return member(object, name, Json::array());
}

std::optional<std::int64_t> number_in(const Json& object, const char* name) {
  if (!object.is_object() || !object.contains(name)) return std::nullopt;
  const Json& value = object.at(name);
  return value.is_number_integer() ? std::optional(value.get<std::int64_t>()) : std::nullopt;
}

std::string span_text(std::optional<std::int64_t> milliseconds) {
  if (!milliseconds) return "not known";
  constexpr std::int64_t kMinute = 60'000;
  constexpr double kSecond = 1'000;
  if (*milliseconds < kMinute)
    return fmt::format("{:.3f} s", static_cast<double>(*milliseconds) / kSecond);
  return to_rough(Duration{*milliseconds});
}

void add_fact(std::string& page, std::string_view name, const std::string& value) {
  page += fmt::format("<div><span class=dim>{}</span><b>{}</b></div>\n", name, escaped(value));
}

std::string loss_text(const Json& loss) {
  if (const auto rows = number_in(loss, "exact_rows"))
    return fmt::format("{} rows, exactly", *rows);
  if (const auto bytes = number_in(loss, "exact_bytes")) {
    return fmt::format("{} bytes of log, exactly", *bytes);
  }
  const auto bound = number_in(loss, "bound_ms");
  const auto bytes = number_in(loss, "bound_bytes");
  if (!bound) return "no bound is known";
  return fmt::format("at most {}{}", span_text(bound),
                     bytes ? fmt::format(", {} bytes", *bytes) : std::string());
}

std::string head_of(const Json& report, const Json& run) {
  const std::string state = text_or(run, "state");
  const std::string title = fmt::format("{} {}: {} → {}", text_or(run, "run"), text_or(run, "move"),
                                        text_or(run, "source"), text_or(run, "target"));
  std::string page = fmt::format(
      "<!doctype html>\n<html lang=en><head><meta charset=utf-8>\n"
      "<meta name=viewport content=\"width=device-width\">\n<title>{0}</title>\n"
      "<style>{1}</style></head><body>\n<h1>{0} <span class={2}>{3}</span></h1>\n",
      escaped(title), kStyle, state == "done" ? "good" : "bad", escaped(state));
  const std::string reason = text_or(run, "reason");
  const std::string ticket = text_or(run, "ticket");
  page += fmt::format(
      "<p>{}, by {}{}{}<br><span class=dim>group {} of cluster {} · {} – {}</span></p>\n",
      escaped(text_or(run, "trigger")), escaped(text_or(run, "actor")),
      reason.empty() ? "" : ": " + escaped(reason),
      ticket.empty() ? "" : " (" + escaped(ticket) + ")", escaped(text_or(run, "group")),
      escaped(text_or(report, "cluster")), escaped(text_or(run, "started_at")),
      escaped(text_or(run, "ended_at", "not ended")));
  if (const std::string because = text_or(run, "because"); !because.empty()) {
    page += fmt::format("<p>{}</p>\n", escaped(because));
  }
  return page;
}

std::string facts_of(const Json& run) {
  const Json outage = object_in(run, "outage");
  std::string page = "<div class=facts>\n";
  add_fact(page, "outage, measured", span_text(number_in(outage, "measured_ms")));
  add_fact(page, "of it detection", span_text(number_in(outage, "detection_ms")));
  add_fact(page, "of it decision", span_text(number_in(outage, "decision_ms")));
  add_fact(page, "of it steps", span_text(number_in(outage, "steps_ms")));
  add_fact(page, "lost", loss_text(object_in(run, "loss")));
  if (const auto generation = number_in(run, "generation")) {
    add_fact(page, "front door, generation", fmt::format("{}", *generation));
  }
  return page + "</div>\n";
}

// The time that the drawing shows: from before the beginning of the outage, where a step was made
// then, to the end of the last step, or of the outage.
struct Scale {
  std::int64_t begins = 0;
  std::int64_t ends = 1;

  [[nodiscard]] double at(std::int64_t milliseconds) const {
    const double share = static_cast<double>(milliseconds - begins) /
                         static_cast<double>(std::max<std::int64_t>(ends - begins, 1));
    return kLabelWidth + share * (kDrawingWidth - kLabelWidth - kAfterLast);
  }
};

// Begin and length of a bar; what a file could hold instead is nothing.
std::pair<std::int64_t, std::int64_t> times_of(const Json& bar) {
  const auto within = [](std::optional<std::int64_t> value, std::int64_t least) {
    return std::clamp(value.value_or(0), least, kLongest);
  };
  return {within(number_in(bar, "begins_ms"), -kLongest), within(number_in(bar, "lasts_ms"), 0)};
}

Scale scale_of(const Json& bars, std::optional<std::int64_t> outage) {
  Scale scale;
  for (const Json& bar : bars) {
    const auto [begins, lasts] = times_of(bar);
    scale.begins = std::min(scale.begins, begins);
    scale.ends = std::max(scale.ends, begins + lasts);
  }
  if (outage && *outage < 100 * scale.ends) scale.ends = std::max(scale.ends, *outage);
  return scale;
}

// 1, 2 or 5 of some unit, so that at most eight fit.
std::int64_t tick_of(const Scale& scale) {
  constexpr std::int64_t kTicks = 8;
  constexpr std::int64_t kTen = 10;
  std::int64_t unit = 1;
  while (true) {
    for (const std::int64_t times : {1, 2, 5}) {
      if ((scale.ends - scale.begins) / (unit * times) <= kTicks) return unit * times;
    }
    unit *= kTen;
  }
}

std::string tick_text(std::int64_t milliseconds) {
  constexpr std::int64_t kSecond = 1'000;
  constexpr std::int64_t kMinutes = 600'000;
  if (milliseconds == 0) return "0";
  if (milliseconds > kMinutes) return to_rough(Duration{milliseconds});
  if (milliseconds % kSecond == 0) return fmt::format("{} s", milliseconds / kSecond);
  return fmt::format("{} ms", milliseconds);
}

void add_axis(std::string& drawing, const Scale& scale, double bottom) {
  const std::int64_t tick = tick_of(scale);
  std::int64_t at = scale.begins / tick * tick;
  for (; at <= scale.ends; at += tick) {
    const double x = scale.at(at);
    drawing += fmt::format(
        "<path d=\"M{0:.1f} {1:.1f}V{2:.1f}\" style=\"stroke:var(--line)\"/>"
        "<text x={0:.1f} y={3:.1f} text-anchor=middle style=\"fill:var(--dim)\">{4}</text>\n",
        x, kMarksHeight, bottom, bottom + 14, tick_text(at));
  }
}

// A moment of the run, across all bars.
void add_mark(std::string& drawing, const Scale& scale, std::optional<std::int64_t> at,
              std::string_view name, double bottom, bool at_its_left) {
  if (!at || *at < scale.begins || *at > scale.ends) return;
  const double x = scale.at(*at);
  drawing += fmt::format(
      "<path d=\"M{0:.1f} {1:.1f}V{2:.1f}\" stroke-dasharray=\"4 3\" style=\"stroke:var(--ink)\"/>"
      "<text x={3:.1f} y=12 text-anchor={4} fill=currentColor>{5}</text>\n",
      x, kMarksHeight - 4, bottom, at_its_left ? x - 3 : x + 3, at_its_left ? "end" : "start",
      name);
}

std::optional<std::int64_t> moment_of(const Json& report, std::string_view what) {
  for (const Json& moment : list_in(report, "timeline")) {
    if (text_or(moment, "what") == what) return number_in(moment, "offset_ms");
  }
  return std::nullopt;
}

// At most so many characters; the whole name stands behind it.
std::string shortened(std::string_view name) {
  constexpr std::size_t kCharacters = 25;
  std::size_t characters = 0;
  for (std::size_t at = 0; at < name.size(); ++at) {
    const bool continues = (static_cast<unsigned char>(name[at]) & 0xC0U) == 0x80U;
    if (!continues && ++characters > kCharacters) return std::string(name.substr(0, at)) + "…";
  }
  return std::string(name);
}

void add_bar(std::string& drawing, const Scale& scale, const Json& bar, double y) {
  const auto [begins, lasts] = times_of(bar);
  const bool critical = boolean_or(bar, "critical", false);
  const bool failed = text_or(bar, "state") == "failed";
  const double x = scale.at(begins);
  const double width = std::max(kNarrowest, scale.at(begins + lasts) - x);
  const std::string name = text_or(bar, "step");
  drawing += fmt::format(
      "<g><title>{}</title><text x=0 y={:.1f} fill=currentColor>{}{}</text>"
      "<rect x={:.1f} y={:.1f} width={:.1f} height=14 rx=2 style=\"fill:var({})\"/>"
      "<text x={:.1f} y={:.1f} fill=currentColor>{}</text></g>\n",
      escaped(name), y + 12, critical ? "▸ " : "", escaped(shortened(name)), x, y, width,
      failed     ? "--bad"
      : critical ? "--critical"
                 : "--bar",
      x + width + 6, y + 12, lasts < 1'000 ? fmt::format("{} ms", lasts) : span_text(lasts));
}

// Steps as bars under one scale; the critical path in its own colour and its own mark.
std::string drawing_of(const Json& report) {
  const Json bars = list_in(report, "bars");
  if (bars.empty()) return "";
  const auto outage = number_in(object_in(object_in(report, "run"), "outage"), "measured_ms");
  const Scale scale = scale_of(bars, outage);
  const double bottom = kMarksHeight + kRowHeight * static_cast<double>(bars.size());
  std::string drawing = fmt::format(
      "<h2>Steps</h2>\n<svg viewBox=\"0 0 {} {}\" role=img aria-label=\"steps over time\">\n",
      kDrawingWidth, bottom + kAxisHeight);
  add_axis(drawing, scale, bottom);
  add_mark(drawing, scale, moment_of(report, "decision"), "decision", bottom, true);
  add_mark(drawing, scale, outage, "end of the outage", bottom, outage > scale.ends / 2);
  double y = kMarksHeight + 4;
  for (const Json& bar : bars) {
    add_bar(drawing, scale, bar, y);
    y += kRowHeight;
  }
  return drawing + fmt::format(
                       "<text x={:.1f} y={:.1f} style=\"fill:var(--dim)\">0 is the beginning of "
                       "the outage; ▸ marks the critical path</text></svg>\n",
                       kLabelWidth, bottom + kAxisHeight - 4);
}

std::string timeline_of(const Json& report) {
  std::string page = "<h2>Timeline</h2>\n<table>\n";
  for (const Json& moment : list_in(report, "timeline")) {
    constexpr double kSecond = 1'000;
    const double offset = static_cast<double>(number_in(moment, "offset_ms").value_or(0)) / kSecond;
    page += fmt::format("<tr><td class=n>{:+.3f}s</td><td>{}</td><td>{}</td></tr>\n", offset,
                        escaped(text_or(moment, "what")), escaped(text_or(moment, "text")));
  }
  return page + "</table>\n";
}

std::string gates_of(const Json& run) {
  const Json gates = list_in(run, "gates");
  if (gates.empty()) return "";
  std::string page = "<h2>Gates, as they were when it was decided</h2>\n<table>\n";
  for (const Json& gate : gates) {
    const bool holds = boolean_or(gate, "holds", false);
    page += fmt::format("<tr><td>{}</td><td class={}>{}</td><td>{}</td></tr>\n",
                        escaped(text_or(gate, "name")), holds ? "good" : "bad",
                        holds ? "holds" : "refuses", escaped(text_or(gate, "because")));
  }
  return page + "</table>\n";
}

std::string owed_of(const Json& run) {
  const Json obligations = list_in(run, "obligations");
  if (obligations.empty()) return "";
  std::string page = "<h2>Still owed when this was made</h2>\n<ul>\n";
  for (const Json& owed : obligations) {
    page += fmt::format("<li>{} of {}: {}</li>\n", escaped(text_or(owed, "kind")),
                        escaped(text_or(owed, "site")), escaped(text_or(owed, "because")));
  }
  return page + "</ul>\n";
}

std::string foot_of(const Json& report) {
  const Json journal = object_in(report, "journal");
  return fmt::format(
      "<h2>Proof</h2>\n<p class=dim>Records {} to {} of the journal; the hash of the last is "
      "<code>{}</code>. <code>bascule audit verify --head {}:{}</code> shows whether the journal "
      "still says the same. Made {}.</p>\n</body></html>\n",
      number_in(journal, "first_seq").value_or(0), number_in(journal, "last_seq").value_or(0),
      escaped(text_or(journal, "last_hash")), number_in(journal, "last_seq").value_or(0),
      escaped(text_or(journal, "last_hash")), escaped(text_or(report, "made_at")));
}

}  // namespace

std::string report_page(const Json& report) {
  const Json run = object_in(report, "run");
  return head_of(report, run) + facts_of(run) + drawing_of(report) + timeline_of(report) +
         gates_of(run) + owed_of(run) + foot_of(report);
}

}  // namespace bascule::api
