#include "providers/postgres/failure.h"

#include <gtest/gtest.h>

namespace bascule::postgres {
namespace {

constexpr const char* kSealed =
    "connection to server at \"127.0.0.1\", port 5432 failed: FATAL:  28000: role \"monitor\" is "
    "not permitted to log in\nLOCATION:  InitializeSessionUserId, miscinit.c:755\n";
constexpr const char* kRefused =
    "connection to server at \"127.0.0.2\", port 5432 failed: Connection refused\n"
    "\tIs the server running on that host and accepting TCP/IP connections?\n";

TEST(Failure, ASealedRoleIsToldFromEveryOtherRefusal) {
  const Failure sealed = connect_failure(kSealed);
  EXPECT_TRUE(sealed.login_refused);
  EXPECT_EQ(sealed.error.code, ErrorCode::denied);
  EXPECT_EQ(sealed.error.message, "role \"monitor\" is not permitted to log in (28000)");

  const Failure unlisted = connect_failure(
      "connection to server at \"127.0.0.1\", port 5432 failed: FATAL:  28000: no pg_hba.conf "
      "entry "
      "for host \"127.0.0.1\"\nLOCATION:  ClientAuthentication, auth.c:543\n");
  EXPECT_FALSE(unlisted.login_refused);
  const Failure unknown = connect_failure(
      "connection to server at \"127.0.0.1\", port 5432 failed: FATAL:  28000: role \"x\" does not "
      "exist\nLOCATION:  InitializeSessionUserId, miscinit.c:724\n");
  EXPECT_FALSE(unknown.login_refused);
  const Failure german = connect_failure(
      "connection to server at \"::1\", port 5432 failed: FATAL:  28000: Rolle »monitor« hat keine "
      "Berechtigung zum Einloggen\nLOCATION:  InitializeSessionUserId, miscinit.c:755\n");
  EXPECT_TRUE(german.login_refused);
}

// libpq tells a socket that we could not open in the same words as one that the server refused.
TEST(Failure, WhatWeLackOurselvesIsNoWordOfTheServer) {
  const Failure ours = connect_failure(
      "connection to server at \"127.0.0.1\", port 5432 failed: could not create socket: Too many "
      "open files\n");
  EXPECT_EQ(ours.error.code, ErrorCode::unable);
  const Failure theirs = connect_failure(
      "connection to server at \"127.0.0.1\", port 5432 failed: FATAL:  53000: out of memory\n"
      "LOCATION:  AllocSetAlloc, aset.c:920\n");
  EXPECT_EQ(theirs.error.code, ErrorCode::unavailable);
}

TEST(Failure, AnAnswerCountsMoreThanTheSilenceOfAnotherAddress) {
  EXPECT_TRUE(connect_failure(std::string(kRefused) + kSealed).login_refused);
  EXPECT_TRUE(connect_failure(std::string(kSealed) + kRefused).login_refused);
  EXPECT_EQ(connect_failure(std::string(kRefused) + kRefused).error.message, "connection refused");
}

TEST(Failure, EachSqlstateHasItsReaction) {
  const std::vector<std::pair<std::string, ErrorCode>> table = {
      {"28P01", ErrorCode::denied},      {"42501", ErrorCode::denied},
      {"53300", ErrorCode::unavailable}, {"57P01", ErrorCode::unavailable},
      {"57P03", ErrorCode::unavailable}, {"57014", ErrorCode::timeout},
      {"3D000", ErrorCode::not_found},   {"25006", ErrorCode::conflict},
      {"55000", ErrorCode::conflict},    {"XX001", ErrorCode::corrupt},
      {"42601", ErrorCode::invalid},     {"40001", ErrorCode::unavailable}};
  for (const auto& [sqlstate, code] : table) {
    EXPECT_EQ(query_failure(sqlstate, "text").error.code, code) << sqlstate;
  }
  EXPECT_EQ(query_failure("53300", "sorry, too many clients already").error.message,
            "no free connection slots (53300)");
  EXPECT_TRUE(query_failure("53300", "").no_free_slots());
  EXPECT_TRUE(query_failure("57P03", "the database system is starting up").not_ready());
}

TEST(Failure, WhatLibpqSaysItselfIsOneClause) {
  EXPECT_EQ(connect_failure(kRefused).error.message, "connection refused");
  EXPECT_EQ(connect_failure(kRefused).error.code, ErrorCode::unavailable);
  EXPECT_EQ(connect_failure("connection to server at \"10.0.0.1\", port 5432 failed: server closed "
                            "the connection unexpectedly\n\tThis probably means the server…\n")
                .error.message,
            "the server closed the connection");
  EXPECT_EQ(connect_failure("").error.message, "the connection failed");
}

}  // namespace
}  // namespace bascule::postgres
