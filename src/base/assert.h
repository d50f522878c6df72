// Assertions for programmer errors, on in every build: a crash is a replay from the journal, a
// wrong failover is an outage. Never for what the outside world can cause.
#pragma once

namespace bascule {

[[noreturn]] void assertion_failed(const char* condition, const char* file, int line,
                                   const char* why);

}  // namespace bascule

#define BASCULE_ASSERT(condition, why) \
  ((condition) ? static_cast<void>(0)  \
               : ::bascule::assertion_failed(#condition, __FILE__, __LINE__, why))
