// The shop of engine/test_world.h with a world behind it, for the runtime's tests: two sites that
// can lose power, a front door, and fake probes and actions over them, all on simulated time. Only
// tests include this.
//
// The world outlives any number of Bascules: a test kills one and starts the next over the same
// journal. Whatever would have been a second active site is written down in `violations`.
#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/test_world.h"
#include "journals/memory/memory_journal.h"
#include "ports/kinds.h"
#include "runtime/notifications.h"
#include "runtime/supervisor.h"

namespace bascule::runtime::test {

using engine::test_world::kAmsterdam;
using engine::test_world::kBerlin;
using engine::test_world::kMegabyte;
using engine::test_world::kShop;

struct FakeSite {
  bool powered = true;
  bool silent = false;  // takes questions and never answers
  DatabaseRole role = DatabaseRole::replica;
  bool sealed = false;
  std::uint64_t position = 10 * kMegabyte;
  std::int64_t timeline = 5;

  [[nodiscard]] bool takes_writes() const {
    return powered && role == DatabaseRole::primary && !sealed;
  }
};

struct FakeDoor {
  std::string address = "127.0.1.1";
  Generation generation = 0;
  std::string run;  // the claimant
  std::string target;
};

struct FakeWorld {
  FakeWorld() {
    sites[kAmsterdam].role = DatabaseRole::primary;
    sites[kBerlin];
  }

  [[nodiscard]] SiteName other(const SiteName& site) const {
    return site == kAmsterdam ? kBerlin : kAmsterdam;
  }
  [[nodiscard]] bool streams(const SiteName& site) const {
    const FakeSite& self = sites.at(site);
    const FakeSite& source = sites.at(other(site));
    return self.powered && self.role == DatabaseRole::replica && source.powered &&
           source.role == DatabaseRole::primary && self.timeline <= source.timeline;
  }

  std::map<SiteName, FakeSite> sites;
  FakeDoor door;
  std::vector<std::string> effects;  // "promote berlin"
  std::vector<std::string> violations;
  std::map<std::string, Error> failing;  // an action kind that fails its apply
  std::map<SiteName, std::string> addresses{{kAmsterdam, "127.0.1.1"}, {kBerlin, "127.0.1.2"}};
  std::string lag;          // why the preflight item of that name is blocked; empty: it is not
  int asked_by_person = 0;  // inspections for which a person waits
  Duration latency{5};
  bool descriptors_used_up = false;  // of the observer: no probe gets a socket
};

class FakeProbe final : public Probe {
 public:
  FakeProbe(FakeWorld& world, Clock& clock, SiteName site, bool database)
      : world_(world), clock_(clock), site_(std::move(site)), database_(database) {}

  awaitable<Observation> look(Deadline deadline) override {
    co_await wait_for(clock_, Duration{1});
    const FakeSite& site = world_.sites.at(site_);
    if (world_.descriptors_used_up) {
      co_return no_answer(ErrorCode::unable, "too many open files");
    }
    if (!site.powered) co_return no_answer(ErrorCode::unavailable, "connection refused");
    if (site.silent) {
      co_await clock_.wait_until(deadline.at());
      co_return no_answer(ErrorCode::timeout, "no answer in time");
    }
    Observation seen;
    seen.health = Health::healthy;
    seen.summary = "answers";
    seen.latency = Microseconds{1'000};
    if (database_) seen.database = facts();
    co_return seen;
  }

  awaitable<void> watch(Watcher& watcher) override {
    bool was_powered = true;
    while (true) {
      co_await wait_for(clock_, Duration{50});
      const bool powered = world_.sites.at(site_).powered;
      if (database_ && was_powered && !powered) watcher.wake("the held connection broke");
      if (database_ && powered) watcher.sample(facts());
      was_powered = powered;
    }
  }

 private:
  static Observation no_answer(ErrorCode code, const std::string& why) {
    Observation seen;
    seen.health = Health::failed;
    seen.error = Error{code, why, "", std::nullopt};
    seen.summary = why;
    return seen;
  }
  [[nodiscard]] DatabaseFacts facts() const {
    const FakeSite& site = world_.sites.at(site_);
    DatabaseFacts facts;
    facts.read_at = clock_.now();
    facts.role = site.role;
    facts.accepts_writes = site.takes_writes();
    facts.system_identifier = "7312";
    facts.timeline = site.timeline;
    facts.position = site.position;
    facts.replayed = site.position;
    facts.streaming = world_.streams(site_);
    if (facts.streaming) facts.lag = Duration{0};
    return facts;
  }

  FakeWorld& world_;
  Clock& clock_;
  SiteName site_;
  bool database_;
};

// An action given as three functions over the world; each takes the world's latency.
class FakeAction final : public Action {
 public:
  using Look = std::function<Result<Inspection>(FakeWorld&, const StepCall&)>;
  using Do = std::function<Result<Outputs>(FakeWorld&, const StepCall&)>;

  FakeAction(FakeWorld& world, Clock& clock, std::string name, Look look, Do apply, Do revert)
      : world_(world),
        clock_(clock),
        name_(std::move(name)),
        look_(std::move(look)),
        apply_(std::move(apply)),
        revert_(std::move(revert)) {}

  awaitable<Result<Inspection>> inspect(StepCall call) override {
    if (call.asked_by == AskedBy::person) ++world_.asked_by_person;
    co_await wait_for(clock_, Duration{1});
    co_return look_(world_, call);
  }
  awaitable<Result<Outputs>> apply(StepCall call) override {
    co_await wait_for(clock_, world_.latency);
    const auto failing = world_.failing.find(name_);
    if (failing != world_.failing.end()) co_return fail(failing->second);
    co_return apply_(world_, call);
  }
  awaitable<Result<void>> revert(StepCall call) override {
    co_await wait_for(clock_, world_.latency);
    Result<Outputs> reverted = revert_(world_, call);
    if (!reverted) co_return error_of(reverted);
    co_return Result<void>();
  }

 private:
  FakeWorld& world_;
  Clock& clock_;
  std::string name_;
  Look look_;
  Do apply_;
  Do revert_;
};

Catalog fake_catalog(FakeWorld& world);

class NoSecrets final : public Secrets {
 public:
  [[nodiscard]] Result<std::string> reveal(const Json&) const override {
    return std::string("secret");
  }
};

// What a Bascule tells about itself.
struct Notices final : Follower {
  void recorded(const Record&, const engine::State&) override {}
  void noticed(const Message& message) override { texts.push_back(message.title); }
  [[nodiscard]] bool hold(std::string_view words) const {
    return std::ranges::any_of(texts, [&](const auto& text) { return text.contains(words); });
  }

  std::vector<std::string> texts;
};

// One Bascule process over the world, from start to stop or sudden death.
class FakeBascule {
 public:
  // Of the channels to people it tells what is recorded, and forgets with its end what it told.
  FakeBascule(FakeWorld& world, std::shared_ptr<MemoryStore> store, Instant start,
              Configuration configuration, std::vector<Channel> channels = {});
  ~FakeBascule();

  // Lets time pass until the condition holds.
  bool until(const std::function<bool()>& condition, Duration limit = Duration{120'000}) {
    return clock.advance_until(condition, limit);
  }
  Result<engine::Answer> command(engine::CommandBody body, std::string reason = "a test");
  [[nodiscard]] const engine::State& state() { return supervisor->loop()->state(); }
  [[nodiscard]] bool steady();
  [[nodiscard]] std::size_t count(std::string_view type) const;
  [[nodiscard]] const engine::Run* newest_run();
  [[nodiscard]] bool run_is(RunState state);
  // Its journal and how it ended, for a test that failed.
  [[nodiscard]] std::string story() const;
  // Asks it to stop and waits for the end.
  void stop();
  // As kill -9 does it: from here on nothing of it runs. What it held in memory is kept aside for
  // the rest of the test program, since no destructor of a killed process runs either.
  static void kill(std::unique_ptr<FakeBascule> bascule);

  boost::asio::io_context io;
  SimulatedClock clock;
  NoSecrets secrets;
  Services services;
  Catalog catalog;
  Configuration configuration;
  MemoryJournal journal;
  Notices notices;
  Notifications notifications;
  std::unique_ptr<Supervisor> supervisor;
  bool ended = false;
  Result<void> result;
};

}  // namespace bascule::runtime::test
