// One term of Bascule: win the lease → replay → open the term → inspect what was started → loop,
// until it is told to stop or its term is over. Owns everything that runs meanwhile and waits for
// its last frame before it returns.
//
// `bascule serve` and `bascule failover --local` run the same supervisor; only who gives the
// commands differs.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "async/scope.h"
#include "ports/journal.h"
#include "ports/kinds.h"
#include "runtime/checklist.h"
#include "runtime/loop.h"
#include "runtime/preview.h"
#include "runtime/probe_scheduler.h"
#include "runtime/self_check.h"
#include "runtime/step_runner.h"

namespace bascule::runtime {

// What the supervisor is given; everything is owned by the caller and outlives it.
struct Assembly {
  const Configuration& configuration;
  const Catalog& catalog;
  Services& services;
  Journal& journal;
  Lease& lease;
  std::vector<Follower*> followers;
  std::string version;
  // Reads, decides in its own journal, and changes nothing outside: previews and rehearsals.
  bool look_only = false;
  // What is wrong with the journal although it can be read; empty: nothing. Automation is held for
  // it, in the journal, and then `suspicion_recorded` is called.
  std::string suspicion = {};
  std::function<awaitable<void>()> suspicion_recorded = {};
};

class Supervisor final : private Onlooker {
 public:
  explicit Supervisor(Assembly assembly);
  ~Supervisor() override;

  // One term. Returns nothing after request_stop(); an error when the lease is held by somebody
  // else, the journal cannot be read, or the term is over.
  awaitable<Result<void>> run();
  void request_stop();

  // The loop while the term is open, else nothing.
  [[nodiscard]] Loop* loop() { return loop_.get(); }
  // Why this process can do nothing now, as a clause; empty: it can.
  [[nodiscard]] std::string trouble() const { return self_check_ ? self_check_->trouble() : ""; }
  // Notified when the term opens and when it ends.
  [[nodiscard]] Event& phase_changed() { return phase_changed_; }
  // Waits until every check has been looked at once. False when the deadline or the end came first.
  awaitable<bool> ready(Deadline deadline);

  // A person's command. A move that begins at once takes one fresh look at each check of its group
  // first; what a saved plan would change is identified anew.
  awaitable<Result<engine::Answer>> command(engine::Command command, Deadline deadline);
  // Another configuration from now on: what it makes is made anew, and the term goes on, also in
  // the middle of a run. Nothing changes when it is refused: it cannot be made, it would take the
  // ground from under an open run, or the store takes no records. What cannot change while a
  // process runs (store, address, names) is the caller's to compare.
  awaitable<Result<void>> reload(Configuration configuration, std::vector<Channel> channels,
                                 Deadline deadline);
  // Up to `limit` records after `after`, as they are stored.
  awaitable<Result<std::vector<StoredRecord>>> read_journal(Sequence after, std::size_t limit);
  // What a move would do now, each step inspected; changes nothing.
  awaitable<Result<Preview>> preview(GroupName group, Move move, SiteName target,
                                     Deadline deadline);
  // What must be ready before `target` takes over, asked now by a person; changes nothing.
  awaitable<Result<Checklist>> checklist(GroupName group, SiteName target, Deadline deadline);

 private:
  void observed(Observation observation) override;
  void sampled(CheckReference check, DatabaseFacts facts) override;
  void sign_seen(CheckReference check, Instant at, std::string what) override;
  [[nodiscard]] bool suspects(const CheckReference& check) const override;

  awaitable<Result<void>> open_and_serve();
  awaitable<Result<void>> serve_term(Term term);
  awaitable<Result<Term>> begin_term();
  [[nodiscard]] Result<void> keeps_open_steps(const Configuration& configuration);
  awaitable<void> renew_lease();
  awaitable<void> record_suspicion();
  // One look at each check of the group and at each preflight item, within a few seconds.
  awaitable<void> look_afresh(GroupName group, Deadline deadline);
  awaitable<Result<void>> compare_identities(engine::StartMove start, Deadline deadline);
  awaitable<void> keep_asking_preflight();
  [[nodiscard]] bool all_seen() const;

  Assembly assembly_;
  RecordClock clock_;
  Services services_;  // as the assembly's, on record time
  std::unique_ptr<Loop> loop_;
  std::unique_ptr<StepRunner> runner_;
  std::unique_ptr<ProbeScheduler> scheduler_;
  std::unique_ptr<SelfCheck> self_check_;
  Event phase_changed_;
  bool term_changes_ = false;
  bool reloading_ = false;
  bool stop_requested_ = false;
  bool ended_ = false;
};

}  // namespace bascule::runtime
