#include "engine/gates/gate.h"

#include <algorithm>
#include <array>
#include <utility>

#include "engine/gates/ask.h"
#include "engine/phrases.h"

namespace bascule::engine {
namespace {

struct Row {
  GateName name;
  std::string_view word;
  bool binds_everyone;
  GateAnswer (*ask)(const Question&);
};

constexpr std::array<Row, 9> kGates{
    {{GateName::mode, "mode", false, ask_mode},
     {GateName::controller, "controller", true, ask_controller},
     {GateName::verdict, "verdict", false, ask_verdict},
     {GateName::not_everything, "not_everything", false, ask_not_everything},
     {GateName::cooldown, "cooldown", false, ask_cooldown},
     {GateName::target, "target", true, ask_target},
     {GateName::data_loss, "data_loss", true, ask_data_loss},
     {GateName::one_at_a_time, "one_at_a_time", true, ask_one_at_a_time},
     {GateName::fence, "fence", true, ask_fence}}};

const Row& row_of(GateName name) {
  return kGates.at(static_cast<std::size_t>(name) - 1);
}

}  // namespace

std::string_view to_string(GateName name) {
  return row_of(name).word;
}

std::optional<GateName> gate_from(std::string_view word) {
  for (const Row& row : kGates) {
    if (row.word == word) return row.name;
  }
  return std::nullopt;
}

Json to_json(const GateAnswer& answer) {
  return Json{{"number", static_cast<int>(answer.name)},
              {"name", std::string(to_string(answer.name))},
              {"binds", answer.binds_everyone ? "everyone" : "automation"},
              {"holds", answer.holds},
              {"because", answer.because},
              {"evidence", answer.evidence},
              {"since", moment(answer.since)},
              {"until", moment(answer.until)}};
}

GateAnswer it_holds(std::string because) {
  GateAnswer answer;
  answer.holds = true;
  answer.because = std::move(because);
  return answer;
}

GateAnswer it_refuses(std::string because) {
  GateAnswer answer;
  answer.because = std::move(because);
  return answer;
}

GateAnswer ask_gate(GateName name, const State& state, const Readings& readings,
                    const Proposal& proposal, Instant now) {
  const Row& row = row_of(name);
  GateAnswer answer;
  const GroupSpec* group = state.configuration.find_group(proposal.group);
  if (group == nullptr) {
    answer = it_refuses(fmt::format("there is no group {}", proposal.group));
  } else {
    const GroupStatus nothing_known;
    const auto status = state.groups.find(proposal.group);
    answer = row.ask(Question{state, readings, proposal, *group,
                              status == state.groups.end() ? nothing_known : status->second, now});
  }
  answer.name = row.name;
  answer.binds_everyone = row.binds_everyone;
  return answer;
}

std::vector<GateAnswer> ask_gates(const State& state, const Readings& readings,
                                  const Proposal& proposal, Instant now) {
  std::vector<GateAnswer> answers;
  answers.reserve(kGates.size());
  for (const Row& row : kGates) {
    answers.push_back(ask_gate(row.name, state, readings, proposal, now));
  }
  return answers;
}

const GateAnswer* refusal_beyond_mode(const std::vector<GateAnswer>& gates) {
  const auto found = std::ranges::find_if(
      gates, [](const GateAnswer& gate) { return !gate.holds && gate.name != GateName::mode; });
  return found == gates.end() ? nullptr : &*found;
}

const GateAnswer* refusal_to_person(const std::vector<GateAnswer>& gates,
                                    const std::vector<std::string>& overrides) {
  const auto found = std::ranges::find_if(gates, [&](const GateAnswer& gate) {
    return gate.binds_everyone && !gate.holds &&
           std::ranges::find(overrides, to_string(gate.name)) == overrides.end();
  });
  return found == gates.end() ? nullptr : &*found;
}

}  // namespace bascule::engine
