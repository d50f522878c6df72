#include "providers/postgres/failure.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>
#include <vector>

namespace bascule::postgres {
namespace {

// Decision table: the first entry that the SQLSTATE begins with
// (https://www.postgresql.org/docs/15/errcodes-appendix.html).
struct Meaning {
  std::string_view prefix;
  ErrorCode code;
  std::string_view message;  // instead of the server's; empty: the server's
};
constexpr std::array kMeanings = {
    Meaning{"08", ErrorCode::unavailable, ""},
    Meaning{"25006", ErrorCode::conflict, ""},  // read-only, because it is in recovery
    Meaning{"28", ErrorCode::denied, ""},
    Meaning{"3D000", ErrorCode::not_found, ""},
    Meaning{"40", ErrorCode::unavailable, ""},  // deadlock, conflict with recovery: try again
    Meaning{"42501", ErrorCode::denied, ""},
    Meaning{"42704", ErrorCode::not_found, ""},
    Meaning{"53300", ErrorCode::unavailable, "no free connection slots"},
    Meaning{"53", ErrorCode::unavailable, ""},
    Meaning{"55", ErrorCode::conflict, ""},
    Meaning{"57014", ErrorCode::timeout, ""},  // statement_timeout
    Meaning{"57", ErrorCode::unavailable, ""},
    Meaning{"58", ErrorCode::unavailable, ""},
    Meaning{"XX001", ErrorCode::corrupt, ""},
    Meaning{"XX002", ErrorCode::corrupt, ""},
};

// What libpq says itself, in the order in which it is looked for.
struct Phrase {
  std::string_view contains;
  ErrorCode code;
  std::string_view message;
};
constexpr std::array kPhrases = {
    Phrase{"Too many open files", ErrorCode::unable, "too many open files"},
    Phrase{"No buffer space available", ErrorCode::unable, "no buffer space available"},
    Phrase{"Cannot assign requested address", ErrorCode::unable, "no local port is free"},
    Phrase{"Cannot allocate memory", ErrorCode::unable, "there is no memory left"},
    Phrase{"out of memory", ErrorCode::unable, "there is no memory left"},
    Phrase{"Connection refused", ErrorCode::unavailable, "connection refused"},
    Phrase{"No route to host", ErrorCode::unavailable, "no route to host"},
    Phrase{"Network is unreachable", ErrorCode::unavailable, "network is unreachable"},
    Phrase{"Connection timed out", ErrorCode::timeout, "connection timed out"},
    Phrase{"certificate verify failed", ErrorCode::denied, "the server's certificate is not valid"},
    Phrase{"does not match host name", ErrorCode::denied,
           "the server's certificate is for another host"},
    Phrase{"root certificate file", ErrorCode::invalid,
           "there is no root certificate to verify with"},
    Phrase{"server does not support SSL", ErrorCode::invalid, "the server does not offer TLS"},
    Phrase{"no password supplied", ErrorCode::denied, "the server asks for a password"},
    Phrase{"Connection reset by peer", ErrorCode::unavailable, "the connection was reset"},
    Phrase{"server closed the connection unexpectedly", ErrorCode::unavailable,
           "the server closed the connection"},
    Phrase{"received invalid response", ErrorCode::invalid, "what answers is not PostgreSQL"},
};

std::string_view first_line(std::string_view text) {
  text = text.substr(0, text.find('\n'));
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())) != 0) {
    text.remove_suffix(1);
  }
  return text;
}

bool is_sqlstate(std::string_view text) {
  return text.size() == 5 && std::ranges::all_of(text, [](unsigned char c) {
           return std::isdigit(c) != 0 || std::isupper(c) != 0;
         });
}

// "…FATAL:  28000: role …": the SQLSTATE and what follows it.
struct ServerAnswer {
  std::string_view sqlstate;
  std::string_view message;
};
ServerAnswer find_answer(std::string_view chunk) {
  constexpr std::string_view kBefore = ":  ";
  for (std::size_t at = chunk.find(kBefore); at != std::string_view::npos;
       at = chunk.find(kBefore, at + 1)) {
    const std::string_view rest = chunk.substr(at + kBefore.size());
    if (rest.size() < 7 || rest.substr(5, 2) != ": ") continue;
    if (is_sqlstate(rest.substr(0, 5))) return {rest.substr(0, 5), first_line(rest.substr(7))};
  }
  return {};
}

// One chunk per address that was tried.
std::vector<std::string_view> split_attempts(std::string_view text) {
  constexpr std::string_view kBegin = "connection to server ";
  std::vector<std::string_view> attempts;
  std::size_t begin = 0;
  for (std::size_t next = text.find(kBegin, 1); next != std::string_view::npos;
       next = text.find(kBegin, begin + 1)) {
    attempts.push_back(text.substr(begin, next - begin));
    begin = next;
  }
  attempts.push_back(text.substr(begin));
  return attempts;
}

Failure own_failure(std::string_view chunk) {
  Failure failure;
  for (const Phrase& phrase : kPhrases) {
    if (chunk.find(phrase.contains) == std::string_view::npos) continue;
    failure.error = Error{phrase.code, std::string(phrase.message), "", std::nullopt};
    return failure;
  }
  const std::string_view line = first_line(chunk);
  failure.error = Error{ErrorCode::unavailable,
                        line.empty() ? std::string("the connection failed") : std::string(line), "",
                        std::nullopt};
  return failure;
}

}  // namespace

Failure query_failure(std::string_view sqlstate, std::string_view text) {
  Failure failure;
  failure.sqlstate = std::string(sqlstate);
  const auto* meaning = std::ranges::find_if(
      kMeanings, [&](const Meaning& entry) { return sqlstate.starts_with(entry.prefix); });
  failure.error.code = ErrorCode::invalid;
  std::string_view message = first_line(text);
  if (meaning != kMeanings.end()) {
    failure.error.code = meaning->code;
    if (!meaning->message.empty()) message = meaning->message;
  } else if (sqlstate.empty()) {
    return own_failure(text);
  }
  failure.error.message = fmt::format("{} ({})", message, sqlstate);
  return failure;
}

Failure connect_failure(std::string_view text) {
  const std::vector<std::string_view> attempts = split_attempts(text);
  for (const std::string_view attempt : attempts) {
    const ServerAnswer answer = find_answer(attempt);
    if (answer.sqlstate.empty()) continue;
    Failure failure = query_failure(answer.sqlstate, answer.message);
    // The same SQLSTATE says that pg_hba.conf has no entry; but that is another routine. That the
    // role does not exist comes from this one, and only where no password is asked for.
    failure.login_refused = answer.sqlstate == "28000" &&
                            attempt.find("InitializeSessionUserId") != std::string_view::npos &&
                            answer.message.find("does not exist") == std::string_view::npos;
    return failure;
  }
  return own_failure(attempts.back());
}

}  // namespace bascule::postgres
