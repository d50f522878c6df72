// Gate 7: what would be lost, at most. The source is sampled every second: a standby that holds a
// position holds everything written before that position was read, and nothing is written to a dead
// source after its first failed look.
#include <algorithm>

#include "engine/detect/detector.h"
#include "engine/gates/ask.h"
#include "engine/lookups.h"
#include "engine/phrases.h"

namespace bascule::engine {
namespace {

// From when on the source takes no more writes that could be lost.
Instant writes_end_at(const State& state, const Readings& readings, const CheckReference& source,
                      Instant now) {
  const CheckVerdict verdict = verdict_of(state, readings, source, now);
  const bool silent = verdict.down || verdict.health == Health::failed;
  return silent ? verdict.first_failed_at.value_or(now) : now;
}

std::int64_t bytes_between(std::uint64_t older, std::uint64_t newer) {
  if (newer <= older) return 0;
  constexpr std::uint64_t kMax = std::uint64_t{1} << 62;
  return static_cast<std::int64_t>(std::min(newer - older, kMax));
}

std::string bound_text(const LossBound& bound) {
  const std::string bytes = bound.bytes ? size_text(*bound.bytes) : "an unknown amount";
  if (!bound.time) return fmt::format("an unknown time and {}", bytes);
  return fmt::format("at most {} and {}", span_text(*bound.time), bytes);
}

std::string limit_text(const Policy& policy) {
  std::string text;
  if (policy.max_data_loss_time) text = span_text(*policy.max_data_loss_time);
  if (policy.max_data_loss_bytes) {
    if (!text.empty()) text += ", ";
    text += size_text(*policy.max_data_loss_bytes);
  }
  return text.empty() ? "no limit" : "limit " + text;
}

Json evidence_of(const LossBound& bound, const Policy& policy) {
  return Json{{"bound_ms", bound.time ? Json(bound.time->count()) : Json(nullptr)},
              {"bound_bytes", bound.bytes ? Json(*bound.bytes) : Json(nullptr)},
              {"limit_ms", policy.max_data_loss_time ? Json(policy.max_data_loss_time->count())
                                                     : Json(nullptr)},
              {"limit_bytes",
               policy.max_data_loss_bytes ? Json(*policy.max_data_loss_bytes) : Json(nullptr)}};
}

// The bound is unknown where a limit asks for it.
bool is_unknown(const LossBound& bound, const Policy& policy) {
  return (policy.max_data_loss_time && !bound.time) || (policy.max_data_loss_bytes && !bound.bytes);
}

bool is_beyond(const LossBound& bound, const Policy& policy) {
  return (policy.max_data_loss_time && bound.time && *bound.time > *policy.max_data_loss_time) ||
         (policy.max_data_loss_bytes && bound.bytes && *bound.bytes > *policy.max_data_loss_bytes);
}

GateAnswer answer_unknown(const Question& question, const LossBound& bound) {
  const Policy& policy = question.group.policy;
  const auto source = database_check(question.group, question.proposal.source);
  std::optional<Instant> patience_ends;
  if (source) {
    const CheckVerdict verdict =
        verdict_of(question.state, question.readings, *source, question.now);
    if (verdict.down) patience_ends = verdict.since + policy.unknown_data_loss_after;
  }
  const std::string unknown = "what would be lost is unknown: " + bound.because;
  if (!patience_ends) return it_refuses(unknown);
  if (question.now < *patience_ends) {
    GateAnswer answer = it_refuses(
        fmt::format("{}; the policy {} in {}", unknown,
                    policy.unknown_data_loss_forces ? "goes on in spite of it" : "gives up",
                    span_text(*patience_ends - question.now)));
    answer.until = patience_ends;
    return answer;
  }
  if (policy.unknown_data_loss_forces) {
    return it_holds(unknown + "; the policy says to go on in spite of it");
  }
  return it_refuses(unknown + "; the policy says to give up");
}

}  // namespace

LossBound loss_bound(const State& state, const Readings& readings, const Proposal& proposal,
                     Instant now) {
  LossBound bound;
  const GroupSpec* group = state.configuration.find_group(proposal.group);
  if (group == nullptr || !watches_database(*group)) {
    bound.nothing_to_lose = true;
    bound.because = "the group watches no database: nothing to lose here";
    return bound;
  }
  const auto source = database_check(*group, proposal.source);
  const DatabaseFacts* target = newest_facts(readings, *group, proposal.target);
  const auto samples = source ? readings.databases.find(*source) : readings.databases.end();
  if (samples == readings.databases.end()) {
    bound.because = fmt::format("no position of {} was ever read by this process", proposal.source);
    return bound;
  }
  if (target == nullptr) {
    bound.because = fmt::format("no position of {} is known", proposal.target);
    return bound;
  }
  const DatabaseFacts* newest = nullptr;
  const DatabaseFacts* held = nullptr;  // the newest position of the source that the target holds
  for (const DatabaseFacts& sample : samples->second.recent) {
    if (sample.role != DatabaseRole::primary || sample.timeline != target->timeline) continue;
    newest = &sample;
    if (sample.position <= target->position) held = &sample;
  }
  if (newest == nullptr) {
    bound.because = fmt::format("no position of {} on timeline {} was ever read by this process",
                                proposal.source, target->timeline);
    return bound;
  }
  bound.bytes = bytes_between(target->position, newest->position);
  if (held == nullptr) {
    bound.because = fmt::format("{} holds none of the positions that were sampled: {} behind",
                                proposal.target, size_text(*bound.bytes));
    return bound;
  }
  const Instant end = writes_end_at(state, readings, *source, now);
  bound.time = std::max(Duration(0), end - held->read_at);
  bound.because = bound_text(bound);
  return bound;
}

GateAnswer ask_data_loss(const Question& question) {
  const Policy& policy = question.group.policy;
  const LossBound bound =
      loss_bound(question.state, question.readings, question.proposal, question.now);
  GateAnswer answer;
  if (bound.nothing_to_lose) {
    answer = it_holds(bound.because);
  } else if (question.proposal.move != Move::failover) {
    answer =
        it_holds(fmt::format("nothing may be lost: {} is proved to have everything before it "
                             "is made active",
                             question.proposal.target));
  } else if (is_beyond(bound, policy)) {
    answer = it_refuses(fmt::format("{} ({})", bound_text(bound), limit_text(policy)));
  } else if (is_unknown(bound, policy)) {
    answer = answer_unknown(question, bound);
  } else {
    answer = it_holds(fmt::format("{} ({})", bound_text(bound), limit_text(policy)));
  }
  answer.evidence = evidence_of(bound, policy);
  return answer;
}

}  // namespace bascule::engine
