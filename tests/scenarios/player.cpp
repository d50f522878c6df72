#include "player.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "engine/lookups.h"
#include "engine/plan/basis.h"
#include "engine/plan/planner.h"
#include "engine/test_world.h"
#include "person.h"
#include "transcript.h"

namespace bascule::scenario {
namespace {

namespace test_world = engine::test_world;
using engine::Call;
using engine::CallKind;
using test_world::kLaptop;
using test_world::kShop;

constexpr Duration kInspectTakes{5};
constexpr Duration kApplyTakes{20};
constexpr Duration kKnockEvery{1'000};
constexpr Duration kDeadFor{500};

}  // namespace

Player::Player(const Script& script)
    : script_(script), world_(script.configuration), now_(test_world::at(0)) {
  for (const Happening& happening : script_.happenings) {
    at(happening.at, [this, happening] { happen(happening); });
  }
  at(test_world::at(0), [this] { begin_term(); });
}

void Player::stop_after(std::size_t records, Unheard unheard) {
  stop_after_ = records;
  unheard_ = unheard;
}

void Player::disturb_after(std::size_t records, std::vector<std::string> words,
                           Duration more_time) {
  disturb_after_ = records;
  disturbance_ = std::move(words);
  script_.until += more_time;
}

void Player::at(Instant when, Event event) {
  events_.emplace(std::max(when, now_), std::move(event));
}

void Player::play() {
  constexpr int kMostEvents = 400'000;
  for (int i = 0; i < kMostEvents && !events_.empty(); ++i) {
    const auto next = events_.begin();
    if (next->first > script_.until) {
      look_for_standstill();
      return;
    }
    now_ = next->first;
    const Event event = std::move(next->second);
    events_.erase(next);
    world_.advance(now_);
    event();
  }
  if (!events_.empty()) broken_.emplace_back("the scenario comes to no rest");
}

// A run that is running has something to wait for: a call, or a moment.
void Player::look_for_standstill() {
  if (!alive_) return;
  const std::vector<Call> wanted = engine::pending(state_, now_);
  for (const auto& [id, run] : state_.runs) {
    if (run.state != RunState::running) continue;
    const bool calls =
        std::ranges::any_of(wanted, [&](const Call& call) { return call.run == id; });
    const bool waits = std::ranges::any_of(run.execution.progress, [&](const auto& entry) {
      return entry.second.retry_at && *entry.second.retry_at > now_;
    });
    if (!calls && !waits) broken_.push_back(fmt::format("{} stands still", id));
  }
}

void Player::begin_term() {
  alive_ = true;
  ++life_;
  readings_ = engine::Readings();
  engine::State replayed;
  for (const Record& record : journal_) engine::evolve(replayed, record);
  state_ = std::move(replayed);
  deliver(engine::TermBegan{state_.term + 1, kLaptop, "test", script_.configuration.cluster, ""});
  deliver(engine::ConfigurationRead{script_.configuration});
  if (!alive_) return;
  detectors_.clear();
  const int life = life_;
  for (const GroupSpec& group : script_.configuration.groups) {
    for (const SiteSpec& site : group.sites) {
      for (const CheckSpec& spec : site.checks) {
        const CheckReference check{group.name, site.name, spec.name};
        detectors_.emplace(check, engine::Detector(group.policy.detect, spec.acts_on));
        at(now_, [this, check, life] { look_at(check, life); });
      }
    }
  }
  check_controller(life);
}

void Player::die() {
  say(fmt::format("{:>9} --- Bascule is killed", moment_text(now_)));
  alive_ = false;
  ++life_;
  for (const Running& running : running_) {
    const bool changes =
        running.call.kind == CallKind::apply || running.call.kind == CallKind::revert;
    if (changes && unheard_ == Unheard::done) perform(running.call, nullptr);
  }
  running_.clear();
  at(now_ + kDeadFor, [this] { begin_term(); });
}

void Player::deliver(const engine::Input& input) {
  if (!alive_) return;
  engine::take(readings_, state_, input, now_);
  engine::Decision decision = engine::decide(state_, readings_, input, now_);
  // A configuration that is taken has its record; whoever asks is answered, and so is a refusal.
  const bool is_told = !std::holds_alternative<engine::ConfigurationRead>(input) ||
                       (decision.answer && !decision.answer->accepted);
  if (decision.answer && is_told) transcript_ += lines_of(*decision.answer);
  write_down(decision.records);
  if (!alive_) return;
  reconcile();
  plan_wake();
}

void Player::write_down(const std::vector<Record>& records) {
  for (const Record& record : records) {
    journal_.push_back(record);
    engine::evolve(state_, record);
    say(line_of(record));
    if (disturb_after_ && journal_.size() == *disturb_after_) {
      at(now_, [this] { change_world(disturbance_); });
    }
    if (stop_after_ && journal_.size() == *stop_after_) {
      stop_after_.reset();
      die();
      return;
    }
  }
}

void Player::reconcile() {
  const std::vector<Call> wanted = engine::pending(state_, now_);
  for (auto running = running_.begin(); running != running_.end();) {
    const bool is_wanted = std::ranges::any_of(
        wanted, [&](const Call& call) { return same_call(call, running->call); });
    const bool changes =
        running->call.kind == CallKind::apply || running->call.kind == CallKind::revert;
    if (!is_wanted && changes && running->under_way) {
      say(fmt::format("            stop {}", line_of(running->call)));
    }
    running = is_wanted ? std::next(running) : running_.erase(running);
  }
  for (const Call& call : wanted) {
    const bool known = std::ranges::any_of(
        running_, [&](const Running& running) { return same_call(call, running.call); });
    if (known) continue;
    running_.push_back(Running{call, ++calls_});
    // The watching of the front door goes on like the probes'; only what adopts by it is told.
    const bool watches = call.kind == CallKind::read_front_door && state_.groups.at(kShop).active;
    if (!watches) say(fmt::format("            {}", line_of(call)));
    make_call(calls_);
  }
}

void Player::plan_wake() {
  const auto wake = engine::next_wake(state_, readings_, now_);
  const int mine = ++wakes_;
  if (!wake) return;
  if (*wake <= now_) broken_.push_back("a wake that is due already, at " + moment_text(now_));
  at(*wake, [this, mine] {
    if (mine == wakes_) deliver(engine::TimePassed{});
  });
}

Behaviour* Player::behaviour_of(const Call& call) {
  for (Behaviour& behaviour : script_.behaviours) {
    if (behaviour.step == call.step.id && behaviour.call == call.kind && behaviour.times != 0) {
      return &behaviour;
    }
  }
  return nullptr;
}

// What a repeated call looks at before. False: the call is not wanted any more.
bool Player::look_first(int id) {
  const auto running = std::ranges::find(running_, id, &Running::id);
  if (running == running_.end()) return false;
  const Call call = running->call;
  for (const Step& step : call.look_first) {
    Call look = call;
    look.kind = CallKind::inspect;
    look.step = step;
    perform(look, behaviour_of(look));
    if (std::ranges::find(running_, id, &Running::id) == running_.end()) return false;
  }
  return true;
}

void Player::make_call(int id) {
  if (!look_first(id)) return;
  const auto running = std::ranges::find(running_, id, &Running::id);
  running->under_way = true;
  const bool looks =
      running->call.kind != CallKind::apply && running->call.kind != CallKind::revert;
  if (running->call.kind == CallKind::apply) hold_to_promises(running->call);
  running->at_door = world_.waits_at_door(running->call);
  if (running->at_door) {
    at(now_ + kKnockEvery, [this, id] {
      const auto still = std::ranges::find(running_, id, &Running::id);
      if (still != running_.end() && still->at_door) make_call(id);
    });
    return;
  }
  Duration takes = looks ? kInspectTakes : kApplyTakes;
  if (running->call.kind == CallKind::look_at_group) {
    takes = look_at_all(running->call.group);
    const int life = life_;
    at(now_ + takes, [this, id, life] {
      if (life == life_) finish_call(id);
    });
    return;
  }
  const Machine& machine = world_.machine(running->call.step.site);
  const bool asks_machine = running->call.step.uses.starts_with("postgres");
  const Instant deadline =
      running->call.pace ? now_ + running->call.pace->limit : running->call.deadline;
  if (asks_machine && machine.swallows()) takes = deadline - now_;
  if (Behaviour* behaviour = behaviour_of(running->call)) {
    if (behaviour->takes) takes = *behaviour->takes;
    if (behaviour->never_answers) {
      if (behaviour->times > 0) --behaviour->times;
      at(deadline, [this, id] {
        const auto still = std::ranges::find(running_, id, &Running::id);
        if (still == running_.end()) return;
        const Call call = still->call;
        deliver(engine::StepFinished{call.run, call.step.id, call.attempt,
                                     call.kind == CallKind::revert ? engine::StepCallKind::revert
                                                                   : engine::StepCallKind::apply,
                                     fail(ErrorCode::timeout, "no answer")});
      });
      return;
    }
  }
  const int life = life_;
  at(now_ + takes, [this, id, life] {
    if (life == life_) finish_call(id);
  });
}

void Player::perform(const Call& call, const Behaviour* behaviour) {
  if (call.kind == CallKind::look_at_group) {
    deliver(engine::GroupLookedAt{call.run});
    return;
  }
  if (call.kind == CallKind::inspect || call.kind == CallKind::read_front_door) {
    Result<Inspection> result = world_.inspect(call);
    if (behaviour != nullptr && behaviour->fails) result = fail(*behaviour->fails);
    if (behaviour != nullptr && behaviour->says) result = *behaviour->says;
    engine::Input input = engine::StepInspected{call.run, call.step.id, result};
    if (call.kind == CallKind::read_front_door) input = engine::FrontDoorRead{kShop, result};
    deliver(input);
    return;
  }
  const bool reverts = call.kind == CallKind::revert;
  Result<Outputs> result;
  if (behaviour != nullptr && behaviour->fails) {
    result = fail(*behaviour->fails);
  } else if (reverts) {
    if (const auto reverted = world_.revert(call); !reverted) result = error_of(reverted);
  } else {
    result = world_.apply(call);
  }
  const auto kind = reverts ? engine::StepCallKind::revert : engine::StepCallKind::apply;
  const bool heard = std::ranges::any_of(
      running_, [&](const Running& running) { return same_call(running.call, call); });
  if (behaviour != nullptr && behaviour->loses_reply) {
    result = fail(ErrorCode::outcome_unknown, "connection lost");
  }
  if (heard && alive_) {
    deliver(engine::StepFinished{call.run, call.step.id, call.attempt, kind, result});
  }
}

void Player::finish_call(int id) {
  auto running = std::ranges::find(running_, id, &Running::id);
  if (running == running_.end()) return;
  const Call call = running->call;
  Behaviour* behaviour = behaviour_of(call);
  std::optional<Behaviour> now = behaviour != nullptr ? std::optional(*behaviour) : std::nullopt;
  if (behaviour != nullptr && behaviour->times > 0) --behaviour->times;
  running->under_way = false;
  perform(call, now ? &*now : nullptr);
  running = std::ranges::find(running_, id, &Running::id);
  if (running == running_.end()) return;
  const Duration wait = call.pace ? call.pace->every : running->wait;
  running->wait = std::min(wait * 2, Duration(1'000));
  const int life = life_;
  at(now_ + wait, [this, id, life] {
    if (life == life_) make_call(id);
  });
}

void Player::hold_to_promises(const Call& call) {
  const auto run = state_.runs.find(call.run);
  const auto owed = state_.obligations.find(call.run);
  const engine::Execution* execution = run != state_.runs.end()           ? &run->second.execution
                                       : owed != state_.obligations.end() ? &owed->second.execution
                                                                          : nullptr;
  const auto progress = execution == nullptr ? decltype(execution->progress.end())()
                                             : execution->progress.find(call.step.id);
  const bool announced = execution != nullptr && progress != execution->progress.end() &&
                         progress->second.state == StepState::started &&
                         progress->second.attempts == call.attempt &&
                         progress->second.started_term == state_.term;
  if (!announced) {
    broken_.push_back(
        fmt::format("{}: {} without its StepStarted", moment_text(now_), line_of(call)));
  }
  if (call.step.uses != "postgres.promote" || run == state_.runs.end()) return;
  // Where the policy says proceed, or a person vouches for the site, two writers are accepted.
  const auto& attested = state_.groups.at(kShop).attested;
  const bool exposed = script_.configuration.groups.front().policy.fence.proceed_otherwise ||
                       !run->second.overrides.empty();
  for (const SiteName& writer : world_.writers()) {
    if (writer == call.step.site || exposed || attested.contains(writer) ||
        world_.machine(writer).usurper) {
      continue;
    }
    broken_.push_back(fmt::format("{}: {} is promoted while {} writes", moment_text(now_),
                                  call.step.site, writer));
  }
}

Duration Player::look_at_all(const GroupName& group) {
  const GroupSpec& spec = *script_.configuration.find_group(group);
  Duration takes = kInspectTakes;
  for (const SiteSpec& site : spec.sites) {
    if (world_.machine(site.name).swallows()) {
      takes = std::max(takes, spec.policy.detect.timeout + kInspectTakes);
    }
    for (const CheckSpec& check : site.checks) {
      look_once(CheckReference{group, site.name, check.name});
    }
  }
  return takes;
}

void Player::happen(const Happening& happening) {
  say(fmt::format("{:>9} --- {}", moment_text(now_),
                  fmt::join(happening.words.begin(), happening.words.end(), " ")));
  const std::string& first = happening.words.front();
  if (first == "when") {
    if (auto behaviour = read_behaviour(happening.words)) {
      script_.behaviours.push_back(*behaviour);
    } else {
      broken_.push_back(behaviour.error().message);
    }
  } else if (first == "forget") {
    std::erase_if(script_.behaviours, [&](const Behaviour& behaviour) {
      return behaviour.step.text() == happening.words.at(1);
    });
  } else if (first == "ana") {
    command(happening.words);
  } else if (first == "restart") {
    die();
  } else {
    change_world(happening.words);
  }
}

void Player::change_world(const std::vector<std::string>& words) {
  const std::string& what = words.front();
  if (what == "references") {
    references_answer_ = words.at(1) == "answer";
  } else if (what == "probes") {
    probing_ = words.at(1) == "go-on";
  } else if (what == "store") {
    store_answers_ = words.at(1) == "answers";
  } else if (what == "front-door") {
    if (words.at(1) == "silent") world_.door().answers = false;
    if (words.at(1) == "answers") world_.door().answers = true;
    if (words.at(1) == "shows") world_.door().address = words.at(2);
    if (words.at(1) == "taken-by") world_.take_door(words);
    if (words.at(1) == "loses-record") world_.door().keeps_record = false;
    if (words.at(1) == "record-says") world_.door().generation = std::stoull(words.at(2));
  } else if (what == "reload") {
    script_.configuration.groups.front().policy.cooldown += Duration(1'000);
    deliver(engine::ConfigurationRead{script_.configuration});
  } else {
    change_machine(what, words);
  }
}

// kill · start · cut-off · reachable · promote · demote · read-only · writable · app … · behind …
void Player::change_machine(const std::string& what, const std::vector<std::string>& words) {
  const SiteName site(words.at(1));
  if (!world_.machines().contains(site)) {
    broken_.push_back("there is no site " + site.text());
    return;
  }
  Machine& machine = world_.machine(site);
  bool notices = false;
  if (what == "kill") {
    machine.running = false;
    notices = true;
  } else if (what == "start") {
    world_.start(site);
  } else if (what == "cut-off") {
    machine.silent = true;
  } else if (what == "hide") {
    machine.hidden = true;
  } else if (what == "reachable") {
    machine.silent = false;
    machine.hidden = false;
  } else if (what == "power-switch") {
    machine.switch_answers = words.at(2) == "answers";
  } else if (what == "app") {
    machine.app_well = words.at(2) == "well";
  } else if (what == "behind") {
    machine.behind = std::stoull(words.at(2));
  } else if (what == "promote") {
    machine.primary = true;
    machine.usurper = true;
    machine.streaming = false;
    machine.promoted_at = machine.position;
    ++machine.timeline;
  } else if (what == "demote") {
    machine.primary = false;
    for (const auto& [other, writer] : world_.machines()) {
      if (other == site || !writer.primary) continue;
      machine.follows = other;
      machine.timeline = writer.timeline;
    }
  } else if (what == "unseal") {
    machine.sealed = false;
  } else if (what == "read-only") {
    machine.read_only = words.size() < 3;
  } else {
    broken_.push_back("nothing is called " + what);
  }
  if (!notices || !alive_) return;
  // The held connection breaks, and the scheduler looks at once.
  const auto check = engine::database_check(script_.configuration.groups.front(), site);
  if (!check) return;
  deliver(engine::SignSeen{*check, engine::Sign{now_, "the held connection broke"}});
  look_once(*check);
}

// What a person asks, or keeps for later.
void Player::command(const std::vector<std::string>& words) {
  if (words.at(1) == "import") {
    deliver(engine::Command{"ana", "told by hand", journal_of(words, world_, now_)});
    return;
  }
  auto said = read_command(words);
  if (!said) {
    broken_.push_back(said.error().message);
    return;
  }
  auto* move = std::get_if<engine::StartMove>(&said->command.body);
  if (said->saves_plan && move != nullptr) {
    save_plan(*move);
    return;
  }
  if (said->planned && move != nullptr) move->planned = saved_plan_;
  deliver(said->command);
}

void Player::save_plan(const engine::StartMove& move) {
  const auto& active = state_.groups.at(kShop).active;
  const auto plan = active && move.to
                        ? engine::plan_move(state_, kShop, Move::failover, *active, *move.to)
                        : fail(ErrorCode::invalid, "who is active, or to where, is not known");
  if (plan) {
    saved_plan_ = engine::basis_of(state_, *plan);
  } else {
    broken_.push_back(plan.error().message);
  }
}

}  // namespace bascule::scenario
