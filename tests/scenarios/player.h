// Plays the runtime, purely: probes, calls and time as events in one queue, the journal as a
// vector. Time jumps from event to event; nothing waits. It holds the world against the promises at
// every step: no apply without its durable StepStarted, no second writer made by Bascule.
#pragma once

#include <functional>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/detect/detector.h"
#include "engine/engine.h"
#include "script.h"
#include "world.h"

namespace bascule::scenario {

class Player {
 public:
  explicit Player(const Script& script);

  // Kills Bascule as soon as so many records are durable, mid-batch if need be, and starts it again
  // after a while. What was under way outside either never happens or happens unheard.
  enum class Unheard { lost, done };
  void stop_after(std::size_t records, Unheard unheard);

  // Changes the world as soon as so many records are durable, and leaves it so much more time.
  void disturb_after(std::size_t records, std::vector<std::string> words, Duration more_time);

  void play();  // to the script's end

  [[nodiscard]] const std::string& transcript() const { return transcript_; }
  [[nodiscard]] const std::vector<std::string>& broken_promises() const { return broken_; }
  [[nodiscard]] const std::vector<Record>& journal() const { return journal_; }
  [[nodiscard]] const engine::State& state() const { return state_; }
  [[nodiscard]] const World& world() const { return world_; }
  [[nodiscard]] World& world() { return world_; }

 private:
  using Event = std::function<void()>;
  struct Running {
    engine::Call call;
    int id = 0;
    Duration wait{20};
    bool under_way = true;  // else it waits to be made again
    bool at_door = false;   // a seal that waits for its site to answer
  };

  void at(Instant when, Event event);
  void look_for_standstill();
  void begin_term();
  void die();
  void deliver(const engine::Input& input);
  void write_down(const std::vector<Record>& records);
  void reconcile();
  void plan_wake();

  bool look_first(int id);
  void make_call(int id);
  void finish_call(int id);
  void perform(const engine::Call& call, const Behaviour* behaviour);
  Behaviour* behaviour_of(const engine::Call& call);
  void hold_to_promises(const engine::Call& call);

  // How long a fresh look at every check takes; each is looked at at once.
  Duration look_at_all(const GroupName& group);
  void look_at(const CheckReference& check, int life);
  void look_once(const CheckReference& check);
  bool seal_goes_first(const CheckReference& check);
  void check_controller(int life);

  void happen(const Happening& happening);
  void change_world(const std::vector<std::string>& words);
  void change_machine(const std::string& what, const std::vector<std::string>& words);
  void command(const std::vector<std::string>& words);
  void save_plan(const engine::StartMove& move);
  void say(const std::string& line) { transcript_ += line + "\n"; }

  Script script_;
  World world_;
  engine::State state_;
  engine::Readings readings_;
  std::map<CheckReference, engine::Detector> detectors_;
  std::vector<Record> journal_;
  std::multimap<Instant, Event> events_;
  std::list<Running> running_;
  Instant now_;
  bool alive_ = false;
  std::optional<bool> references_answer_;  // nothing: none is configured
  bool store_answers_ = true;
  bool probing_ = true;
  int life_ = 0;  // events of an earlier life are void
  int calls_ = 0;
  int wakes_ = 0;
  std::optional<engine::PlanBasis> saved_plan_;
  std::optional<std::size_t> stop_after_;
  Unheard unheard_ = Unheard::lost;
  std::optional<std::size_t> disturb_after_;
  std::vector<std::string> disturbance_;
  std::string transcript_;
  std::vector<std::string> broken_;
};

}  // namespace bascule::scenario
