// One decision in the making: what was known when the input came, the records proposed so far, and
// the state as it will be once they are durable. So that one input yields everything that follows
// from it, each proposal is evolved at once, on a copy that is made only when something is
// proposed.
//
// A reference into state() ends with the next propose(): look up again afterwards.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "engine/engine.h"

namespace bascule::engine {

class Deliberation {
 public:
  Deliberation(const State& state, const Readings& readings, const Input& input, Instant now);

  [[nodiscard]] const State& state() const { return working_ ? *working_ : given_; }
  [[nodiscard]] const Readings& readings() const { return readings_; }
  [[nodiscard]] const Input& input() const { return input_; }
  [[nodiscard]] Instant now() const { return now_; }  // record time

  // Whether the input is an inspection of this very step.
  [[nodiscard]] bool just_inspected(const RunId& run, const StepId& step) const;

  void propose(RecordBody body);
  void propose(RecordBody body, std::string actor, std::string reason);
  // The first record of a term carries the new term already.
  void propose_in_term(Term term, RecordBody body);

  [[nodiscard]] std::size_t proposed() const { return records_.size(); }
  [[nodiscard]] const std::vector<Record>& records() const { return records_; }
  std::vector<Record> take_records() { return std::move(records_); }

 private:
  void add(Term term, RecordBody body, std::string actor, std::string reason);

  const State& given_;
  const Readings& readings_;
  const Input& input_;
  Instant now_;
  std::optional<State> working_;
  std::vector<Record> records_;
};

}  // namespace bascule::engine
