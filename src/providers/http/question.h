// One HTTP question and what its answer means, shared by the probe and by http.answers.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "model/kind.h"
#include "model/observation.h"
#include "net/http_client.h"
#include "ports/services.h"

namespace bascule::http {

struct Question {
  net::Request request;
  std::vector<int> expected_status;
  std::string expected_body;  // a part of it; empty: any
  net::Limits limits;
  std::shared_ptr<net::HttpClient> client;
};

// The fields that both kinds share.
std::vector<Field> question_fields();

// From the settings of the kinds (fields url, method, headers, expect, redirects, tls).
Result<Question> make_question(const Json& settings, net::Resolver& resolver, Services& services);

// The specification's mapping: an expected status is healthy, 500 and above is critical, anything
// else degraded, no answer failed with its reason. A body without the expected part is degraded.
Observation judge_answer(const Question& question, const Result<net::Response>& response);

}  // namespace bascule::http
