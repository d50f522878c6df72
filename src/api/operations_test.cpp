#include "api/operations.h"

#include <gtest/gtest.h>

#include <set>

#include "api/openapi.h"

namespace bascule::api {
namespace {

const Operation& operation(OperationId id) {
  return *std::ranges::find(operations(), id, &Operation::id);
}

TEST(Operations, AreFoundByTheirPathAndMethod) {
  const auto found = match("GET", "/api/v1/groups/shop%20a/explain");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->operation->id, OperationId::explain);
  EXPECT_EQ(found->value("group"), "shop a");
  EXPECT_EQ(match("HEAD", "/api/v1/status")->operation->id, OperationId::status);
  EXPECT_EQ(match("POST", "/api/v1/hold")->operation->id, OperationId::hold_all);
  EXPECT_EQ(match("POST", "/api/v1/groups/hold/hold")->operation->id, OperationId::hold_group);
}

TEST(Operations, WhatIsElsewhereIsNotFound) {
  for (const char* path : {"/", "/api/v1", "/api/v2/status", "/api/v1/statuses",
                           "/api/v1/groups/a/b", "/api/v1/../status", "/api/v1/groups/../../status",
                           "/api/v1/runs/r/abort/x", "/api/v1/groups//explain/x"}) {
    const auto found = match("GET", path);
    ASSERT_FALSE(found) << path;
    EXPECT_EQ(found.error().code, ErrorCode::not_found) << path;
    EXPECT_FALSE(found.error().what_to_do.empty());
  }
}

TEST(Operations, AnotherMethodIsToldWhichOnesThereAre) {
  const auto found = match("DELETE", "/api/v1/runs/r-1");
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, ErrorCode::invalid);
  EXPECT_TRUE(found.error().what_to_do.starts_with("use GET, HEAD;"));
  EXPECT_EQ(methods_of("/api/v1/groups/shop/moves"), "POST");
  EXPECT_EQ(methods_of("/api/v1/nothing"), "");
}

// What a path names is decoded after it has been split: a slash in a name leads nowhere else.
TEST(Operations, NamesCannotLeadElsewhere) {
  const auto found = match("GET", "/api/v1/groups/..%2f..%2fstatus");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->operation->id, OperationId::group);
  EXPECT_EQ(found->value("group"), "../../status");
}

TEST(Queries, TakeWhatIsKnownOnceAndOfItsType) {
  const Operation& journal = operation(OperationId::journal);
  EXPECT_TRUE(check_query(journal, {}));
  EXPECT_TRUE(check_query(journal, {{"after", "7"}, {"wait_ms", "0"}, {"told", "true"}}));
  struct Row {
    std::vector<std::pair<std::string, std::string>> query;
    const char* said;
  };
  for (const Row& row : {
           Row{{{"aftr", "7"}}, "`aftr` is not known in the query"},
           Row{{{"after", "7"}, {"after", "8"}}, "`after` is given twice in the query"},
           Row{{{"after", "-1"}}, "`after` takes a whole number, not negative"},
           Row{{{"after", "1.5"}}, "`after` takes a whole number, not negative"},
           Row{{{"after", ""}}, "`after` takes a whole number, not negative"},
           Row{{{"after", "99999999999999999999"}}, "`after` takes a whole number, not negative"},
           Row{{{"told", "yes"}}, "`told` takes true or false"},
       }) {
    const auto refused = check_query(journal, row.query);
    ASSERT_FALSE(refused) << row.said;
    EXPECT_EQ(refused.error().message, row.said);
    EXPECT_EQ(refused.error().code, ErrorCode::invalid);
  }
}

TEST(Bodies, TakeWhatIsKnownAndOfItsType) {
  const Operation& move = operation(OperationId::move);
  const Json good{{"actor", "ana"}, {"reason", "INC-1"}, {"to", "berlin"}, {"ticket", nullptr}};
  EXPECT_TRUE(check_body(move, good));
  struct Row {
    Json change;
    const char* said;
  };
  for (const Row& row : {
           Row{{{"too", "berlin"}}, "`too` is not known in the body"},
           Row{{{"to", 7}}, "`to` takes a text"},
           Row{{{"to", Json::array({"berlin"})}}, "`to` takes a text"},
           Row{{{"reason", nullptr}}, "`reason` is missing"},
           Row{{{"reason", ""}}, "`reason` is missing"},
           Row{{{"actor", false}}, "`actor` takes a text"},
           Row{{{"at", "tomorrow"}}, "`at` takes a time as RFC 3339 writes it"},
           Row{{{"back_after_ms", "1000"}}, "`back_after_ms` takes a whole number, not negative"},
           Row{{{"back_after_ms", -1}}, "`back_after_ms` takes a whole number, not negative"},
           Row{{{"back_after_ms", 1.5}}, "`back_after_ms` takes a whole number, not negative"},
           Row{{{"overrides", "fence"}}, "`overrides` takes a list of texts"},
           Row{{{"overrides", Json::array({1})}}, "`overrides` takes a list of texts"},
           Row{{{"plan", "x"}}, "`plan` takes an object"},
       }) {
    Json body = good;
    body.update(row.change);
    const auto refused = check_body(move, body);
    ASSERT_FALSE(refused) << row.said;
    EXPECT_EQ(refused.error().message, row.said);
  }
  for (const Json& body : {Json(nullptr), Json(7), Json("text"), Json::array({good})}) {
    ASSERT_FALSE(check_body(move, body));
    EXPECT_EQ(check_body(move, body).error().message, "the body is not a JSON object");
  }
}

// Who reads does not act, and what says what is true is for admins.
TEST(Roles, FollowWhatAnOperationDoes) {
  for (const Operation& each : operations()) {
    const bool reads = each.method == "GET" && each.id != OperationId::preflight;
    const bool says_what_is_true = each.id == OperationId::adopt || each.id == OperationId::import;
    const Role expected =
        says_what_is_true ? Role::admin : (reads ? Role::viewer : Role::operator_);
    EXPECT_EQ(each.role, expected) << each.name;
  }
}

void collect_references(const Json& value, std::set<std::string>& names) {
  if (value.is_object() && value.contains("$ref")) names.insert(value["$ref"].get<std::string>());
  if (!value.is_structured()) return;
  for (const Json& member : value) collect_references(member, names);
}

TEST(OpenApi, NamesEveryOperationOnceAndOnlyShapesThatExist) {
  std::set<std::string> names;
  std::size_t described = 0;
  for (const auto& [path, methods] : openapi()["paths"].items()) {
    for (const auto& [method, each] : methods.items()) {
      EXPECT_TRUE(names.insert(each["operationId"].get<std::string>()).second) << path;
      if (path.starts_with(kApiPrefix)) ++described;
    }
  }
  EXPECT_EQ(described, operations().size());
  std::set<std::string> references;
  collect_references(openapi(), references);
  std::set<std::string> shapes;
  for (const auto& [name, shape] : openapi()["components"]["schemas"].items()) {
    shapes.insert("#/components/schemas/" + name);
  }
  for (const std::string& reference : references)
    EXPECT_TRUE(shapes.contains(reference)) << reference;
}

}  // namespace
}  // namespace bascule::api
