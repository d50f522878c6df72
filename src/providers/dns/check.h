// What the answers of several name servers to one question mean together. Pure.
//
//   some server answers wrongly (no such name, too few values, one that is not expected)   critical
//   no server answers at all                                                               failed
//   some server gives no answer, lags behind another, or answers something else            degraded
//   every server answers as expected                                                       healthy
//
// Nothing here depends on who is active: where a name may show any site, name every site's address.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "model/observation.h"
#include "providers/dns/message.h"

namespace bascule::dns {

struct Expectation {
  std::vector<std::string> allowed;  // in canonical form; empty: whatever is answered
  std::int64_t at_least = 1;         // so many values must be answered
  bool agree = true;                 // every server must answer the same
};

// What one server said.
struct ServerAnswer {
  std::string server;
  std::optional<Microseconds> latency;  // nothing without an answer
  Result<Answer> answer;
  std::optional<ZoneVersion> version;  // of its zone, where the server is authoritative for it
};

// REQUIRES: at least one answer. The latency is that of the slowest server that answered.
Observation judge(const Question& question, const Expectation& expectation,
                  const std::vector<ServerAnswer>& answers);

// Whether serial `a` comes after `b`, also where serials have wrapped (RFC 1982).
bool is_newer(std::uint32_t a, std::uint32_t b);

}  // namespace bascule::dns
