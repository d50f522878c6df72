// One HTTP question and what its answer means, shared by the probe and by http.answers.
#pragma once

#include <memory>
#include <vector>

#include "model/kind.h"
#include "model/observation.h"
#include "net/request_settings.h"
#include "ports/services.h"
#include "providers/http/body_expectation.h"

namespace bascule::http {

struct Question {
  net::Request request;
  net::Limits limits;
  std::shared_ptr<net::ConfiguredClient> client;
  std::vector<int> expected_status;
  BodyExpectation expected_body;
  Health otherwise = Health::degraded;  // an expected status with another body

  // Over a fresh connection: what is asked is whether a new client is served. The question outlives
  // the call.
  [[nodiscard]] awaitable<Result<net::Response>> ask(Deadline deadline) const;
};

// The fields that both kinds share.
std::vector<Field> question_fields();

// From the settings of the kinds.
Result<Question> make_question(const Json& settings, net::Resolver& resolver, Services& services);

// The specification's mapping: an expected status is healthy, 500 and above is critical, anything
// else degraded, no answer failed with its reason. An expected status with another body is as
// `expect.otherwise` says. The certificate of a good answer may make it degraded.
Observation judge_answer(const Question& question, const Result<net::Response>& response);

}  // namespace bascule::http
