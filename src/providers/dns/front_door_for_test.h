// A front door on a real name server, and what a run does with it, for the tests. Every suite that
// derives from FrontDoorOn runs against Knot and against BIND. Only tests include this.
#pragma once

#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "net/resolver.h"
#include "ports/action.h"
#include "providers/dns/kinds.h"
#include "providers/dns/name_server_for_test.h"
#include "providers/dns/zone_client.h"

namespace bascule::dns {

inline constexpr const char* kAmsterdam = "127.0.1.1";
inline constexpr const char* kBerlin = "127.0.1.2";
inline constexpr const char* kTextName = "_bascule.www.shop.test.";
inline constexpr const char* kRecords = "www A 127.0.1.1";

struct DoorOptions {
  std::vector<std::string> servers;
  std::string address = kBerlin;
  std::string type = "A";
  std::string name = kTestName;
  std::string key = kTestKey;
  std::string secret = kTestSecret;
  std::string cluster = "demo";
};

class FrontDoorOn : public testing::TestWithParam<Product> {
 protected:
  void SetUp() override {
    if (!program_of(GetParam())) {
      GTEST_SKIP() << name_of(GetParam()) << " is not installed: apt-get install "
                   << package_of(GetParam());
    }
    resolver_ = *net::Resolver::make(world_.context, world_.clock, {});
  }

  void serve(const std::string& records = kRecords, ServerOptions options = ServerOptions()) {
    server_ = std::make_unique<NameServer>(world_, GetParam(), records, options);
  }

  Result<std::shared_ptr<Action>> try_door(DoorOptions options) {
    if (options.servers.empty()) options.servers = {server_->address()};
    const Json settings{{"servers", options.servers},
                        {"zone", kTestZone},
                        {"name", options.name},
                        {"type", options.type},
                        {"ttl", 2'000},
                        {"address", options.address},
                        {"key",
                         {{"name", options.key},
                          {"algorithm", "hmac-sha256"},
                          {"secret", {{"$secret", options.secret}}}}}};
    const ActionKind kind = action_kinds(*resolver_).front();
    return kind.make(ActionContext{nullptr, options.cluster, SiteName("berlin"), settings},
                     world_.services);
  }
  std::shared_ptr<Action> door(DoorOptions options = DoorOptions()) {
    return try_door(std::move(options)).value();
  }

  StepCall call(const std::string& operation, const std::string& run, Generation generation,
                Json prior = nullptr, Duration limit = Duration{5'000}) {
    StepCall made(world_.in(limit));
    made.group = GroupName("shop");
    made.source = SiteName("amsterdam");
    made.target = SiteName("berlin");
    made.run = RunId(run);
    made.step = StepId(operation == "claim" ? "claim/generation" : "front_door/address");
    made.operation = operation;
    made.generation = generation;
    made.attempt = prior.is_null() ? 0 : 1;
    made.prior = std::move(prior);
    return made;
  }

  Result<Inspection> inspect(Action& action, StepCall made) {
    return world_.wait(action.inspect(std::move(made)));
  }
  Result<Outputs> apply(Action& action, StepCall made) {
    return world_.wait(action.apply(std::move(made)));
  }
  Result<void> revert(Action& action, StepCall made) {
    return world_.wait(action.revert(std::move(made)));
  }

  // What a run's first step does: returns what the claim recorded as its prior.
  Json claim(const std::string& run, Generation known) {
    const auto action = door();
    const Result<Inspection> found = inspect(*action, call("claim", run, known));
    EXPECT_TRUE(found) << found.error().message;
    const Result<Outputs> taken = apply(*action, call("claim", run, known, found->prior));
    EXPECT_TRUE(taken) << taken.error().message;
    return found->prior;
  }

  // As any client of the name server sees it.
  std::optional<RecordSet> seen(const std::string& name, const std::string& type) {
    ZoneClient client(world_.clock, *resolver_, kTestZone, {server_->address()}, Key{});
    auto answer = world_.wait(client.ask(0, name, type, world_.in(Duration{5'000})));
    EXPECT_TRUE(answer) << answer.error().message;
    return answer.value_or(std::nullopt);
  }
  std::string address() {
    const auto set = seen(kTestName, "A");
    return set ? fmt::format("{}", fmt::join(set->values, ", ")) : "nothing";
  }
  std::string text() {
    const auto set = seen(kTextName, "TXT");
    return set ? fmt::format("{}", fmt::join(set->values, ", ")) : "nothing";
  }

  Result<Outcome> send(Update update) {
    ZoneClient client(world_.clock, *resolver_, kTestZone, {server_->address()},
                      Key{kTestKey, "hmac-sha256", kTestSecret});
    update.zone = kTestZone;
    return world_.wait(client.update(std::move(update), world_.in(Duration{5'000})));
  }
  void edit_by_hand(const RecordSet& set) {
    const Result<Outcome> outcome = send(Update{{}, {}, {set}});
    ASSERT_TRUE(outcome) << outcome.error().message;
    ASSERT_EQ(*outcome, Outcome::done);
  }

  PlainWorld world_;
  std::unique_ptr<net::Resolver> resolver_;
  std::unique_ptr<NameServer> server_;
};

}  // namespace bascule::dns
