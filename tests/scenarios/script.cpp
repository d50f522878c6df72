#include "script.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <sstream>

#include "engine/test_world.h"

namespace bascule::scenario {
namespace {

namespace test_world = engine::test_world;
using Words = std::vector<std::string>;

// Words between blanks; "…" holds blanks together; # begins a comment.
Words words_of(const std::string& line) {
  Words words;
  std::string word;
  bool quoted = false;
  bool begun = false;
  for (const char c : line) {
    if (c == '#' && !quoted) break;
    if (c == '"') {
      quoted = !quoted;
      begun = true;
    } else if (c == ' ' && !quoted) {
      if (begun) words.push_back(std::exchange(word, std::string()));
      begun = false;
    } else {
      word += c;
      begun = true;
    }
  }
  if (begun) words.push_back(word);
  return words;
}

// "3s", "3.25s", "2m": a duration with a fraction of a second.
std::optional<Duration> moment_of(const std::string& text) {
  const auto dot = text.find('.');
  if (dot == std::string::npos) return parse_duration(text);
  const auto whole = parse_duration(text.substr(0, dot) + "s");
  std::string fraction = text.substr(dot + 1);
  if (!whole || fraction.empty() || fraction.back() != 's') return std::nullopt;
  fraction.pop_back();
  fraction.resize(3, '0');
  const auto milliseconds = parse_duration(fraction + "ms");
  if (!milliseconds) return std::nullopt;
  return *whole + *milliseconds;
}

Result<Duration> duration_in(const std::string& word) {
  if (const auto duration = moment_of(word)) return *duration;
  return fail(ErrorCode::invalid, "`{}` is not a duration", word);
}

template <typename Enum>
Result<void> set_word(Enum& field, const std::string& word) {
  const auto value = parse_word<Enum>(word);
  if (!value) return fail(ErrorCode::invalid, "`{}` is not one of its words", word);
  field = *value;
  return {};
}

Result<void> set_duration(Duration& field, const std::string& word) {
  const auto value = duration_in(word);
  if (!value) return error_of(value);
  field = *value;
  return {};
}

std::vector<StepSpec*> steps_named(GroupSpec& group, const std::string& name) {
  std::vector<StepSpec*> steps;
  for (SiteSpec& site : group.sites) {
    for (auto* phase : {&site.fence, &site.activate, &site.verify, &site.protect}) {
      for (StepSpec& step : *phase) {
        if (step.name == name) steps.push_back(&step);
      }
    }
  }
  return steps;
}

Result<void> set_policy(Policy& policy, const Words& words) {
  if (words.size() < 3) return fail(ErrorCode::invalid, "policy KEY VALUE");
  const std::string& key = words[1];
  const std::string& value = words[2];
  if (key == "mode") return set_word(policy.mode, value);
  if (key == "fence.at_least") return set_word(policy.fence.at_least, value);
  if (key == "fence.otherwise") {
    policy.fence.proceed_otherwise = value == "proceed";
    return {};
  }
  if (key == "approve.timeout") return set_duration(policy.approve_timeout, value);
  if (key == "approve.on_timeout") {
    policy.approve_proceeds_on_timeout = value == "proceed";
    return {};
  }
  if (key == "cooldown") return set_duration(policy.cooldown, value);
  if (key == "detect.interval") return set_duration(policy.detect.interval, value);
  if (key == "detect.window") return set_duration(policy.detect.window, value);
  if (key == "detect.confirm" && value == "off") {
    policy.detect.confirm.reset();
    return {};
  }
  if (key == "flap.within") return set_duration(policy.flap_within, value);
  if (key == "hold_alarm") return set_duration(policy.hold_alarm, value);
  if (key == "reassert_front_door") {
    policy.reassert_front_door = value == "true";
    return {};
  }
  if (key == "failback.automatic.after") {
    policy.automatic_failback_after = Duration(0);
    return set_duration(*policy.automatic_failback_after, value);
  }
  if (key == "max_data_loss.time") {
    policy.max_data_loss_time = Duration(0);
    return set_duration(*policy.max_data_loss_time, value);
  }
  if (key == "unknown_data_loss.after") return set_duration(policy.unknown_data_loss_after, value);
  if (key == "unknown_data_loss.then") {
    policy.unknown_data_loss_forces = value == "force";
    return {};
  }
  if (key == "failover_when") {
    policy.failover_when.clear();
    for (std::size_t i = 2; i < words.size() && words[i] != "none"; ++i) {
      policy.failover_when.push_back({words[i]});
    }
    return {};
  }
  return fail(ErrorCode::invalid, "there is no policy `{}` here", key);
}

// step NAME timeout 3s · retries 0 · on_failure park · reversible no · delivery at_most_once ·
// rung cut · removed
Result<void> set_step(GroupSpec& group, const Words& words) {
  if (words.size() < 3) return fail(ErrorCode::invalid, "step NAME KEY VALUE");
  if (words[2] == "removed") {
    for (SiteSpec& site : group.sites) {
      for (auto* phase : {&site.fence, &site.activate, &site.verify, &site.protect}) {
        std::erase_if(*phase, [&](const StepSpec& step) { return step.name == words[1]; });
      }
    }
    return {};
  }
  const std::string& value = words.size() > 3 ? words[3] : words[2];
  for (StepSpec* step : steps_named(group, words[1])) {
    Result<void> set;
    if (words[2] == "timeout") set = set_duration(step->timeout, value);
    if (words[2] == "retries") step->retries = std::stoll(value);
    if (words[2] == "on_failure") {
      set = set_word(step->on_failure, value);
      step->on_failure_written = true;
    }
    if (words[2] == "reversible") step->reversible = value == "yes";
    if (words[2] == "delivery") set = set_word(step->delivery, value);
    if (words[2] == "rung") set = set_word(step->rung, value);
    if (words[2] == "needs") step->needs = {value};
    if (!set) return set;
  }
  return {};
}

// add activate NAME: a step of every site that can be done and undone, before all others there.
void add_step(GroupSpec& group, const Words& words) {
  for (SiteSpec& site : group.sites) {
    StepSpec step;
    step.name = words[2];
    step.uses = "switch";
    auto& phase = words[1] == "activate" ? site.activate : site.verify;
    for (StepSpec& other : phase) other.needs.push_back(step.name);
    phase.insert(phase.begin(), step);
  }
}

Result<void> set_world(Script& script, const Words& words) {
  GroupSpec& group = script.configuration.groups.front();
  const std::string& what = words.front();
  if (what == "policy") return set_policy(group.policy, words);
  if (what == "step") return set_step(group, words);
  if (what == "add" && words.size() == 3) {
    add_step(group, words);
    return {};
  }
  if (what == "third-site" && words.size() == 2) {
    group.sites.push_back(test_world::shop_site(SiteName(words[1]), "rack-3", "127.0.1.3"));
    return {};
  }
  if (what == "no-front-door") {
    group.front_door.reset();
    return {};
  }
  if (what == "no-databases") {
    for (SiteSpec& site : group.sites) {
      std::erase_if(site.checks, [](const CheckSpec& check) { return check.watches_database; });
    }
    return {};
  }
  if (what == "when") {
    auto behaviour = read_behaviour(words);
    if (!behaviour) return error_of(behaviour);
    script.behaviours.push_back(*std::move(behaviour));
    return {};
  }
  return fail(ErrorCode::invalid, "`{}` is not part of the notation", what);
}

Result<void> take_line(Script& script, const Words& words, int line) {
  if (words.empty()) return {};
  if (words[0] != "at" && words[0] != "until") return set_world(script, words);
  if (words.size() < 2) return fail(ErrorCode::invalid, "`{}` needs a time", words[0]);
  const auto moment = duration_in(words[1]);
  if (!moment) return error_of(moment);
  const Instant instant = test_world::at(moment->count());
  if (words[0] == "until") {
    script.until = instant;
  } else {
    script.happenings.push_back({instant, Words(words.begin() + 2, words.end()), line});
  }
  return {};
}

std::optional<engine::CallKind> call_kind(const std::string& word) {
  if (word == "inspect") return engine::CallKind::inspect;
  if (word == "apply") return engine::CallKind::apply;
  if (word == "revert") return engine::CallKind::revert;
  return std::nullopt;
}

}  // namespace

// when STEP CALL takes 2s | fails CODE TEXT | says FINDING TEXT | loses-reply | never-answers
//                [TIMES times]
Result<Behaviour> read_behaviour(const Words& words) {
  if (words.size() < 4) return fail(ErrorCode::invalid, "when STEP CALL DOES WHAT");
  Behaviour behaviour;
  behaviour.step = StepId(words[1]);
  const auto kind = call_kind(words[2]);
  if (!kind) return fail(ErrorCode::invalid, "`{}` is not inspect, apply or revert", words[2]);
  behaviour.call = *kind;
  const std::string& does = words[3];
  std::size_t next = 4;
  if (does == "takes" && words.size() > 4) {
    const auto takes = duration_in(words[next++]);
    if (!takes) return error_of(takes);
    behaviour.takes = *takes;
  } else if (does == "fails" && words.size() > 5) {
    const auto code = error_code_from(words[next++]);
    if (!code) return fail(ErrorCode::invalid, "`{}` is not an error code", words[4]);
    behaviour.fails = Error{*code, words[next++], "", std::nullopt};
  } else if (does == "says" && words.size() > 5) {
    const auto finding = parse_word<Finding>(words[next++]);
    if (!finding) return fail(ErrorCode::invalid, "`{}` is not a finding", words[4]);
    behaviour.says = Inspection();
    behaviour.says->finding = *finding;
    behaviour.says->because = words[next++];
  } else if (does == "loses-reply") {
    behaviour.loses_reply = true;
  } else if (does == "never-answers") {
    behaviour.never_answers = true;
  } else {
    return fail(ErrorCode::invalid, "`{}` is not something that a call does", does);
  }
  if (words.size() == next + 2 && words[next + 1].starts_with("time")) {
    behaviour.times = std::stoi(words[next]);
  }
  return behaviour;
}

Result<Script> read_script(const std::string& text) {
  Script script;
  script.configuration = test_world::two_site_configuration();
  script.until = test_world::at(30'000);
  std::istringstream lines(text);
  std::string line;
  bool below = false;
  int number = 0;
  while (std::getline(lines, line)) {
    ++number;
    if (below) {
      script.expected += line + "\n";
      continue;
    }
    script.head += line + "\n";
    below = line == "----";
    if (below) continue;
    if (auto taken = take_line(script, words_of(line), number); !taken) {
      return fail(in_context(fmt::format("line {}", number), taken.error()));
    }
  }
  if (!below) return fail(ErrorCode::invalid, "there is no line ---- between world and decisions");
  std::ranges::sort(script.happenings, {}, [](const Happening& happening) {
    return std::pair(happening.at, happening.line);
  });
  return script;
}

}  // namespace bascule::scenario
