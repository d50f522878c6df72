// What every probe promises, asked of any probe, real or fake. Only tests include this.
//
//   A look ends in time, whatever it looks at does; failure is a health with a reason, never an
//   exception; a canceled look ends; looks may run side by side and leak nothing. The watch ends
//   only when it is canceled, and wakes for what it is there to notice. Nothing that is seen
//   depends on who is active.
#pragma once

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "async/clock.h"
#include "async/scope.h"
#include "ports/probe.h"

namespace bascule {

struct ProbeContract {
  boost::asio::io_context& context;
  Clock& clock;
  std::shared_ptr<Probe> probe;
  // Lets the world go on until the condition holds; false when it does not within a generous limit
  // (RealWorld::becomes, SimulatedClock::advance_until).
  std::function<bool(const std::function<bool()>&)> until = {};

  // Each brings what is looked at into one state and may be called in any order. What cannot be had
  // of it stays empty, and nothing is asked about it.
  std::function<void()> answers = {};  // as healthy as it gets; never empty
  std::function<void()> refuses = {};  // nobody is there, and that is told at once
  std::function<void()> hangs = {};    // takes the question and never answers
  std::function<void()> turns = {};    // answers, but plays the other role: a replica, a primary
  // From answering to what the watch must wake the scheduler for.
  std::function<void()> wakes = {};

  // What it is without an answer: unknown where somebody else was asked about the site.
  Health without_answer = Health::failed;
  bool samples = false;  // its watch reads positions between two looks

  void check() const {
    ASSERT_NO_FATAL_FAILURE(check_answers());
    ASSERT_NO_FATAL_FAILURE(check_refusals());
    ASSERT_NO_FATAL_FAILURE(check_silence());
    ASSERT_NO_FATAL_FAILURE(check_cancellation());
    ASSERT_NO_FATAL_FAILURE(check_watch());
    ASSERT_NO_FATAL_FAILURE(check_descriptors());
  }

 private:
  static constexpr Duration kPatience{20'000};  // for an answer
  static constexpr Duration kShort{150};        // for a silence
  static constexpr Duration kLate{10'000};      // far more than a busy machine needs

  struct Notes final : Watcher {
    void wake(std::string what) override {
      EXPECT_FALSE(what.empty());
      ++woken;
    }
    void sample(DatabaseFacts) override { ++sampled; }
    int woken = 0;
    int sampled = 0;
  };

  static awaitable<void> keep(Probe* looking, Deadline deadline, std::optional<Observation>* seen) {
    seen->emplace(co_await looking->look(deadline));
  }
  static Scope::OnFailure no_exceptions() {
    return [](const std::string& name, const std::string& why) {
      ADD_FAILURE() << name << " threw: " << why;
    };
  }
  // Descriptors of this process, also those that the test's own servers hold.
  static std::ptrdiff_t descriptors() {
    const std::filesystem::directory_iterator all("/proc/self/fd");
    return std::distance(begin(all), end(all));
  }
  static bool is_one_clause(const std::string& text) {
    return !text.empty() && std::ranges::none_of(text, [](char c) {
      return static_cast<unsigned char>(c) < 32 || c == 127;
    });
  }

  // What so many looks at the same time see.
  [[nodiscard]] std::vector<Observation> look(Duration limit, std::size_t at_once = 1) const {
    Scope scope(context.get_executor(), no_exceptions());
    std::vector<std::optional<Observation>> seen(at_once);
    const Deadline deadline = Deadline::in(clock, limit);
    const MonotonicInstant late = std::max(deadline.at(), clock.monotonic()) + kLate;
    for (auto& one : seen) scope.spawn("look", keep(probe.get(), deadline, &one));
    EXPECT_TRUE(until([&] { return scope.running() == 0; })) << "a look does not end";
    EXPECT_LT(clock.monotonic(), late) << "a look ends long after its deadline";
    if (scope.running() > 0) stop(scope);
    std::vector<Observation> all;
    for (auto& one : seen) {
      EXPECT_TRUE(one) << "a look ended without an observation";
      if (one) all.push_back(*std::move(one));
    }
    for (const Observation& one : all) {
      EXPECT_TRUE(is_one_clause(one.summary)) << "\"" << one.summary << "\"";
      EXPECT_EQ(one.check, CheckReference()) << "the scheduler says whose it is";
      EXPECT_EQ(one.observer, ObserverName());
    }
    return all;
  }
  void stop(Scope& scope) const {
    scope.request_stop();
    ASSERT_TRUE(until([&] { return scope.running() == 0; })) << "it does not end when canceled";
  }
  static awaitable<void> pass(Clock* time, bool* passed) {
    co_await wait_for(*time, Duration{20});
    *passed = true;
  }
  // Lets what was started come to where it waits.
  void go_on() const {
    Scope scope(context.get_executor(), no_exceptions());
    bool passed = false;
    scope.spawn("pause", pass(&clock, &passed));
    EXPECT_TRUE(until([&] { return passed && scope.running() == 0; }));
  }

  void expect_healthy(std::size_t at_once = 1) const {
    for (const Observation& seen : look(kPatience, at_once)) {
      EXPECT_EQ(seen.health, Health::healthy) << seen.summary;
      EXPECT_FALSE(seen.error);
      EXPECT_TRUE(seen.latency);
    }
  }
  void expect_no_answer(Duration limit, std::optional<ErrorCode> code,
                        std::size_t at_once = 1) const {
    for (const Observation& seen : look(limit, at_once)) {
      EXPECT_EQ(seen.health, without_answer) << seen.summary;
      EXPECT_FALSE(seen.latency) << "there was no answer";
      ASSERT_TRUE(seen.error) << "a failure has its reason";
      EXPECT_TRUE(is_one_clause(seen.error->message)) << seen.error->message;
      if (code) EXPECT_EQ(seen.error->code, *code) << seen.error->message;
    }
  }

  void check_answers() const {
    answers();
    expect_healthy();
    expect_healthy(3);
    if (!turns) return;
    turns();
    expect_healthy();
  }
  void check_refusals() const {
    if (!refuses) return;
    refuses();
    expect_no_answer(kPatience, std::nullopt);
    answers();
    expect_healthy();
  }
  void check_silence() const {
    if (!hangs) return;
    hangs();
    expect_no_answer(kShort, ErrorCode::timeout);
    expect_no_answer(kShort, ErrorCode::timeout, 3);
    expect_no_answer(Duration{-1}, ErrorCode::timeout);
    answers();
    expect_healthy();
  }
  void check_cancellation() const {
    const auto& state = hangs ? hangs : answers;
    state();
    for (const bool begun : {false, true}) {
      Scope scope(context.get_executor(), no_exceptions());
      std::optional<Observation> seen;
      scope.spawn("look", keep(probe.get(), Deadline::in(clock, Duration{3'600'000}), &seen));
      if (begun) go_on();
      ASSERT_NO_FATAL_FAILURE(stop(scope));
    }
    answers();
    expect_healthy();
  }
  void check_watch() const {
    answers();
    for (const bool begun : {false, true}) {
      Notes notes;
      Scope scope(context.get_executor(), no_exceptions());
      scope.spawn("watch", probe->watch(notes));
      if (begun) {
        if (samples) EXPECT_TRUE(until([&] { return notes.sampled > 0; })) << "reads no positions";
        expect_healthy();
        go_on();
        EXPECT_EQ(notes.woken, 0) << "there was nothing to wake for";
        if (wakes) {
          wakes();
          EXPECT_TRUE(until([&] { return notes.woken > 0; })) << "the watch noticed nothing";
          answers();
        }
        EXPECT_EQ(scope.running(), 1U) << "a watch ends only when it is canceled";
      }
      ASSERT_NO_FATAL_FAILURE(stop(scope));
    }
  }
  void check_descriptors() const {
    std::optional<std::ptrdiff_t> before;
    for (int round = 0; round < 8; ++round) {
      if (refuses) {
        refuses();
        expect_no_answer(kPatience, std::nullopt);
      }
      if (hangs && round < 3) {
        hangs();
        expect_no_answer(kShort, ErrorCode::timeout, 2);
      }
      answers();
      expect_healthy(3);
      // What is opened once and kept is opened by now.
      if (round == 1) before = descriptors();
    }
    EXPECT_TRUE(until([&] { return descriptors() <= *before; }))
        << *before << " descriptors became " << descriptors();
  }
};

}  // namespace bascule
