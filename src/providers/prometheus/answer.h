// What Prometheus answers to an instant query (/api/v1/query), as values. It comes from outside: of
// what is wrong with it, no more than a line is kept.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "net/http.h"

namespace bascule::prometheus {

struct Sample {
  std::string series;  // `up{job="shop"}`; empty for a number without labels
  double value = 0;    // may be infinite or not a number
  std::string text;    // as it was written
};

struct Answer {
  std::vector<Sample> samples;  // in the order of their series, which is the same in every answer
  std::vector<std::string> warnings;
};

// Errors: invalid (the query is refused, or gives no numbers), denied, throttled, timeout (the
// query took too long), unavailable (an error of the server, or no Prometheus at all).
Result<Answer> read_answer(const net::Response& response);

}  // namespace bascule::prometheus
