#include "providers/dns/check.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>

namespace bascule::dns {
namespace {

std::string shown(const std::vector<std::string>& values) {
  return values.empty() ? "nothing" : fmt::format("{}", fmt::join(values, ", "));
}

// What is wrong with an answer, as a clause; empty: nothing.
std::string wrong(const Question& question, const Expectation& expectation, const Answer& answer) {
  if (!answer.exists) return fmt::format("{} does not exist", question.name);
  if (answer.values.empty())
    return fmt::format("{} has no record of type {}", question.name, question.type);
  std::vector<std::string> others;
  std::ranges::copy_if(answer.values, std::back_inserter(others), [&](const std::string& value) {
    return std::ranges::find(expectation.allowed, value) == expectation.allowed.end();
  });
  if (!expectation.allowed.empty() && !others.empty())
    return fmt::format("answers {}, which is not expected", shown(others));
  const auto count = static_cast<std::int64_t>(answer.values.size());
  if (count < expectation.at_least)
    return fmt::format("answers {}, {} of at least {}", shown(answer.values), count,
                       expectation.at_least);
  return "";
}

std::optional<ZoneVersion> newest_version(const std::vector<ServerAnswer>& answers) {
  std::optional<ZoneVersion> newest;
  for (const ServerAnswer& each : answers) {
    if (!each.version) continue;
    if (!newest || is_newer(each.version->serial, newest->serial)) newest = each.version;
  }
  return newest;
}

// The first complaint of the worst kind that there is.
struct Complaints {
  std::string wrong, silent, behind, different;
};

void note(std::string& place, const std::string& server, const std::string& what) {
  if (place.empty() && !what.empty()) place = fmt::format("name server {}: {}", server, what);
}

Complaints complaints_about(const Question& question, const Expectation& expectation,
                            const std::vector<ServerAnswer>& answers) {
  Complaints found;
  const std::optional<ZoneVersion> newest = newest_version(answers);
  const Answer* first = nullptr;
  for (const ServerAnswer& each : answers) {
    if (!each.answer) {
      if (found.silent.empty()) found.silent = each.answer.error().message;
      continue;
    }
    note(found.wrong, each.server, wrong(question, expectation, *each.answer));
    if (each.version && each.version->zone == newest->zone &&
        is_newer(newest->serial, each.version->serial)) {
      note(found.behind, each.server,
           fmt::format("lags behind with serial {}, not {}", each.version->serial, newest->serial));
    }
    if (first == nullptr) first = &*each.answer;
    if (expectation.agree && each.answer->values != first->values) {
      note(found.different, each.server,
           fmt::format("answers {}, another {}", shown(each.answer->values), shown(first->values)));
    }
  }
  return found;
}

Json detail_of(const Question& question, const std::vector<ServerAnswer>& answers) {
  constexpr double kPerMillisecond = 1'000.0;
  Json servers = Json::array();
  for (const ServerAnswer& each : answers) {
    Json one{{"server", each.server},    {"latency_ms", nullptr}, {"answer", nullptr},
             {"authoritative", nullptr}, {"serial", nullptr},     {"error", nullptr}};
    if (each.latency)
      one["latency_ms"] = static_cast<double>(each.latency->count()) / kPerMillisecond;
    if (each.version) one["serial"] = each.version->serial;
    if (each.answer) {
      one["answer"] = each.answer->values;
      one["authoritative"] = each.answer->authoritative;
    } else {
      one["error"] = each.answer.error().message;
    }
    servers.push_back(std::move(one));
  }
  return Json{{"name", question.name}, {"type", question.type}, {"servers", std::move(servers)}};
}

// Of errors alone: one that says that we could not ask tells more than silence does.
// REQUIRES: nobody answered.
Error telling_error(const std::vector<ServerAnswer>& answers) {
  const auto unable = std::ranges::find_if(answers, [](const ServerAnswer& each) {
    return each.answer.error().code == ErrorCode::unable;
  });
  return unable == answers.end() ? answers.front().answer.error() : unable->answer.error();
}

std::string praise(const std::vector<ServerAnswer>& answers) {
  std::string text = shown(answers.front().answer->values);
  if (answers.size() > 1) text += fmt::format(" from {} servers", answers.size());
  if (const auto version = newest_version(answers))
    text += fmt::format(", serial {}", version->serial);
  return text;
}

}  // namespace

bool is_newer(std::uint32_t a, std::uint32_t b) {
  return static_cast<std::int32_t>(a - b) > 0;
}

Observation judge(const Question& question, const Expectation& expectation,
                  const std::vector<ServerAnswer>& answers) {
  Observation seen;
  seen.detail = detail_of(question, answers);
  for (const ServerAnswer& each : answers) {
    if (each.answer) seen.latency = std::max(seen.latency, each.latency);
  }
  if (!seen.latency) {
    seen.health = Health::failed;
    seen.error = telling_error(answers);
    seen.summary = seen.error->message;
    if (answers.size() > 1)
      seen.summary += fmt::format(" (none of {} servers answers)", answers.size());
    return seen;
  }
  const Complaints found = complaints_about(question, expectation, answers);
  seen.health = found.wrong.empty() ? Health::degraded : Health::critical;
  for (const std::string* complaint :
       {&found.wrong, &found.silent, &found.behind, &found.different}) {
    if (seen.summary.empty()) seen.summary = *complaint;
  }
  if (!seen.summary.empty()) return seen;
  seen.health = Health::healthy;
  seen.summary = praise(answers);
  return seen;
}

}  // namespace bascule::dns
