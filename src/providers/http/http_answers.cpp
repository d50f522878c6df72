// `http.answers`: a client's request is answered as expected. Names are looked up anew for every
// attempt, at the servers the configuration names, so that no cache stands between the front door
// and the proof.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "providers/http/kinds.h"
#include "providers/http/question.h"

namespace bascule::http {
namespace {

class HttpAnswers final : public Action {
 public:
  HttpAnswers(Question question, std::int64_t attempts, Duration every, Clock& clock)
      : question_(std::move(question)), attempts_(attempts), every_(every), clock_(clock) {}

  awaitable<Result<Inspection>> inspect(StepCall call) override {
    const Observation seen = co_await look(call.deadline);
    Inspection inspection;
    inspection.finding = seen.health == Health::healthy ? Finding::done : Finding::needed;
    inspection.change = question_.request.url.text();
    inspection.because = seen.summary;
    inspection.facts = {{"health", std::string(to_string(seen.health))}};
    co_return inspection;
  }

  awaitable<Result<Outputs>> apply(StepCall call) override {
    Observation seen;
    for (std::int64_t attempt = 1; attempt <= attempts_; ++attempt) {
      const MonotonicInstant began = clock_.monotonic();
      seen = co_await look(call.deadline);
      if (seen.health == Health::healthy) co_return Outputs{{"attempts", Json(attempt)}};
      if (attempt == attempts_) break;
      if (call.deadline.at() <= began + every_) {
        co_return fail(ErrorCode::timeout,
                       "{} did not answer as expected in time ({} of {} tries): {}",
                       question_.request.url.text(), attempt, attempts_, seen.summary);
      }
      co_await clock_.wait_until(began + every_);
    }
    co_return fail(ErrorCode::invalid, "{} did not answer as expected in {} tries: {}",
                   question_.request.url.text(), attempts_, seen.summary);
  }

  awaitable<Result<void>> revert(StepCall) override { co_return Result<void>(); }

 private:
  awaitable<Observation> look(Deadline deadline) {
    const Deadline limit = earlier_of(deadline, Deadline::in(clock_, kAttemptLimit));
    const Result<net::Response> response = co_await question_.ask(limit);
    co_return judge_answer(question_, response);
  }

  static constexpr Duration kAttemptLimit{5'000};
  Question question_;
  std::int64_t attempts_;
  Duration every_;
  Clock& clock_;
};

}  // namespace

std::vector<ActionKind> action_kinds(net::Resolver& resolver) {
  ActionKind answers;
  answers.kind.name = "http.answers";
  answers.kind.summary = "A request is answered as expected within some attempts.";
  answers.kind.fields = question_fields();
  answers.kind.fields.push_back(Field{.name = "attempts",
                                      .type = FieldType::integer,
                                      .summary = "How often to ask before giving up.",
                                      .default_value = 10,
                                      .minimum = 1,
                                      .maximum = 10'000});
  answers.kind.fields.push_back(Field{.name = "every",
                                      .type = FieldType::duration,
                                      .summary = "Time between the beginnings of two attempts.",
                                      .default_value = "5s",
                                      .minimum = 10,
                                      .maximum = 3'600'000});
  answers.kind.outputs = {Field{
      .name = "attempts", .type = FieldType::integer, .summary = "Which attempt was answered."}};
  answers.remedy = "see there why the request is not answered as `expect` says";
  answers.kind.phases = {Phase::activate, Phase::verify, Phase::protect};
  answers.kind.preflight = true;
  answers.make = [&resolver](ActionContext context,
                             Services& services) -> Result<std::shared_ptr<Action>> {
    Result<Question> question = make_question(context.settings, resolver, services);
    if (!question) return error_of(question);
    return std::make_shared<HttpAnswers>(
        std::move(*question), integer_or(context.settings, "attempts", 10),
        Duration{integer_or(context.settings, "every", 5'000)}, services.clock);
  };
  return {answers};
}

}  // namespace bascule::http
