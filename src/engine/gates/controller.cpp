// Gate 2: is this observer itself well enough to be believed? A loop that is late, a clock that
// jumps, a store that is silent, or a world in which nobody answers, speak about the observer, not
// about the site.
#include <algorithm>

#include "engine/gates/ask.h"
#include "engine/lookups.h"
#include "engine/phrases.h"

namespace bascule::engine {
namespace {

constexpr Duration kLatenessMax{1'000};
// The loop looks at itself about once a second; ten missed looks mean that nobody is looking.
constexpr Duration kReadingAgeMax{10'000};

std::string milliseconds_text(Microseconds span) {
  const std::int64_t tenths = (span.count() + 50) / 100;
  if (tenths % 10 == 0) return fmt::format("{}ms", tenths / 10);
  return fmt::format("{}.{}ms", tenths / 10, tenths % 10);
}

// A check at another place that answers, whatever its health, shows that this observer is not the
// one that is cut off.
std::optional<CheckReference> answering_elsewhere(const Question& question) {
  const SiteSpec* source = question.group.find_site(question.proposal.source);
  const std::string place = source == nullptr ? std::string() : place_of(*source);
  const ObserverName& self = question.state.configuration.observer.name;
  for (const auto& [check, opinions] : question.readings.opinions) {
    const GroupSpec* group = question.state.configuration.find_group(check.group);
    const SiteSpec* site = group == nullptr ? nullptr : group->find_site(check.site);
    if (site == nullptr || place_of(*site) == place) continue;
    const Opinion* opinion = fresh_opinion(question.readings, check, self, question.now);
    if (opinion != nullptr && answered(opinion->newest)) return check;
  }
  return std::nullopt;
}

}  // namespace

GateAnswer ask_controller(const Question& question) {
  const ObserverName& self = question.state.configuration.observer.name;
  const auto found = question.readings.controllers.find(self);
  if (found == question.readings.controllers.end()) {
    return it_refuses("the controller has not looked at itself yet");
  }
  const ControllerReading& reading = found->second;
  std::optional<std::string> reference = reading.reference;
  if (!reference) {
    if (const auto check = answering_elsewhere(question)) reference = to_string(*check);
  }
  GateAnswer answer;
  if (question.now - reading.at > kReadingAgeMax) {
    answer = it_refuses("the controller last looked at itself " + ago(reading.at, question.now));
  } else if (reading.loop_late > kLatenessMax) {
    answer = it_refuses(fmt::format("the loop is {} late (at most {})",
                                    span_text(reading.loop_late), span_text(kLatenessMax)));
  } else if (!reading.clock_steady) {
    answer = it_refuses("the clock was set or jumped");
  } else if (!reading.unable.empty()) {
    answer = it_refuses("this observer cannot look: " + reading.unable);
  } else if (!reading.store_answers) {
    answer = it_refuses("the journal does not answer");
  } else if (!reference) {
    answer = it_refuses(reading.references_configured
                            ? "neither a reference nor another site answers: this observer may "
                              "be the one that is cut off"
                            : "no other site answers: this observer may be the one that is cut "
                              "off");
  } else {
    answer = it_holds(fmt::format(
        "loop {}ms late, clock steady, journal answers in {}, reference {} answers",
        reading.loop_late.count(), milliseconds_text(reading.store_latency), *reference));
  }
  answer.since = reading.at;
  answer.evidence = {{"loop_late_ms", reading.loop_late.count()},
                     {"clock_steady", reading.clock_steady},
                     {"unable", reading.unable.empty() ? Json(nullptr) : Json(reading.unable)},
                     {"store_answers", reading.store_answers},
                     {"store_latency_us", reading.store_latency.count()},
                     {"reference", reference ? Json(*reference) : Json(nullptr)}};
  return answer;
}

}  // namespace bascule::engine
