#include "runtime/supervisor.h"

#include <algorithm>
#include <utility>

#include "async/random.h"
#include "async/with_deadline.h"
#include "engine/plan/basis.h"
#include "runtime/replay.h"

namespace bascule::runtime {
namespace {

constexpr Duration kLeaseTimeout{5'000};
constexpr Duration kRenewEvery{1'000};

// An operator's move looks at everything once more, within this.
constexpr Duration kFreshLook{5'000};
// Preflight items are asked this often in the background.
constexpr Duration kPreflightEvery{60'000};

engine::Answer refusal_of(Error error) {
  engine::Answer answer;
  answer.text = error.message;
  answer.error = std::move(error);
  return answer;
}

}  // namespace

Supervisor::Supervisor(Assembly assembly)
    : assembly_(std::move(assembly)),
      clock_(assembly_.services.clock),
      services_{assembly_.services.io, clock_, assembly_.services.secrets,
                assembly_.services.channels} {}
Supervisor::~Supervisor() = default;

void Supervisor::request_stop() {
  stop_requested_ = true;
  if (loop_) loop_->stop();
}

void Supervisor::observed(Observation observation) {
  if (loop_) loop_->observe(std::move(observation));
}
void Supervisor::sampled(CheckReference check, DatabaseFacts facts) {
  if (loop_) loop_->post(engine::PositionsRead{std::move(check), std::move(facts)});
}
void Supervisor::sign_seen(CheckReference check, Instant at, std::string what) {
  if (loop_) loop_->post(engine::SignSeen{std::move(check), engine::Sign{at, std::move(what)}});
}
bool Supervisor::suspects(const CheckReference& check) const {
  return loop_ && loop_->suspects(check);
}

awaitable<Result<void>> Supervisor::run() {
  Result<void> ended = co_await open_and_serve();
  ended_ = true;
  phase_changed_.notify_all();
  if (loop_) loop_->changed().notify_all();
  co_return ended;
}

// Also while this process holds the lease: that ends its own term and begins the next.
awaitable<Result<Term>> Supervisor::begin_term() {
  term_changes_ = true;
  Result<Term> term = co_await assembly_.lease.acquire(assembly_.configuration.observer.name.text(),
                                                       Deadline::in(clock_, kLeaseTimeout));
  term_changes_ = false;
  co_return term;
}

awaitable<Result<void>> Supervisor::open_and_serve() {
  Result<Term> term = co_await begin_term();
  if (!term) co_return fail(in_context("the journal", term.error()));
  Result<void> ended;
  if (!stop_requested_) ended = co_await serve_term(*term);
  const Term last = loop_ ? loop_->term() : *term;
  Result<void> released = co_await assembly_.lease.release(last);
  if (ended && !released && released.error().code != ErrorCode::term_over)
    ended = error_of(released);
  co_return ended;
}

awaitable<Result<void>> Supervisor::serve_term(Term term) {
  const Configuration& configuration = assembly_.configuration;
  auto replayed = co_await replay(assembly_.journal, assembly_.followers);
  if (!replayed) co_return error_of(replayed);
  if (replayed->state.seq > 0 && replayed->state.cluster != configuration.cluster) {
    co_return fail(
        Error{ErrorCode::invalid,
              fmt::format("the journal belongs to cluster `{}`, the configuration says `{}`",
                          replayed->state.cluster, configuration.cluster),
              "name another `store`, or correct `cluster`", std::nullopt});
  }
  auto checks = make_checks(configuration, assembly_.catalog, services_);
  if (!checks) co_return error_of(checks);
  auto references = make_references(configuration, assembly_.catalog, services_);
  if (!references) co_return error_of(references);

  const auto executor = services_.io.get_executor();
  const ObserverName observer = configuration.observer.name;
  clock_.start_from(replayed->state.last_at);
  loop_ = std::make_unique<Loop>(clock_, assembly_.journal, term, std::move(replayed->state),
                                 [this] { return begin_term(); });
  for (Follower* follower : assembly_.followers) loop_->add_follower(*follower);
  runner_ = std::make_unique<StepRunner>(*loop_, assembly_.catalog, services_, assembly_.look_only);
  runner_->look_with([this](GroupName group, Deadline deadline) {
    return look_afresh(std::move(group), deadline);
  });
  Onlooker& onlooker = *this;
  scheduler_ = std::make_unique<ProbeScheduler>(clock_, executor, observer, onlooker);
  self_check_ =
      std::make_unique<SelfCheck>(*loop_, *scheduler_, clock_, observer, std::move(*references));
  if (stop_requested_) loop_->stop();
  loop_->begin(
      engine::TermBegan{term, observer, assembly_.version, configuration.cluster, random_mark()},
      configuration);
  if (!assembly_.suspicion.empty()) {
    loop_->notice(Severity::critical, assembly_.suspicion,
                  "what was done since then is not known: automation is held until a person has "
                  "looked and says `bascule release --reason TEXT`");
  }
  scheduler_->start(std::move(*checks));
  Scope scope(executor, [](const std::string&, const std::string&) {});
  scope.spawn("time", loop_->keep_time());
  scope.spawn("self check", self_check_->run(executor));
  scope.spawn("lease", renew_lease());
  scope.spawn("preflight", keep_asking_preflight());
  if (!assembly_.suspicion.empty()) scope.spawn("suspicion", record_suspicion());
  phase_changed_.notify_all();

  Result<void> ended = co_await loop_->run(*runner_);

  while (reloading_) co_await phase_changed_.wait();
  co_await scheduler_->stop();
  co_await runner_->stop();
  scope.request_stop();
  co_await scope.join();
  phase_changed_.notify_all();
  co_return ended;
}

awaitable<void> Supervisor::record_suspicion() {
  engine::Command hold{"bascule", assembly_.suspicion, engine::HoldAutomation{}};
  while (true) {
    const auto answer = co_await loop_->command(hold, Deadline::in(clock_, kFreshLook));
    if (answer) break;
    co_await wait_for(clock_, kRenewEvery);
  }
  if (assembly_.suspicion_recorded) co_await assembly_.suspicion_recorded();
}

awaitable<void> Supervisor::renew_lease() {
  while (true) {
    co_await wait_for(clock_, kRenewEvery);
    const Term term = loop_->term();
    Result<void> renewed =
        co_await assembly_.lease.renew(term, Deadline::in(clock_, kLeaseTimeout));
    const bool is_over = !renewed && renewed.error().code == ErrorCode::term_over;
    // The loop may begin the next term, or have begun it, meanwhile.
    if (is_over && !term_changes_ && loop_->term() == term) {
      loop_->stop();
      co_return;
    }
  }
}

// In the background, so that automation knows what always blocks without waiting for anybody.
awaitable<void> Supervisor::keep_asking_preflight() {
  while (true) {
    std::vector<GroupName> groups;
    bool all_active = true;
    for (const auto& [name, status] : loop_->state().groups) {
      groups.push_back(name);
      all_active = all_active && status.active.has_value();
    }
    // Before it is known who is active there is nobody to take over from.
    const bool asked = all_active && !groups.empty();
    for (GroupName& name : groups) {
      co_await ask_preflight(services_.io.get_executor(), *loop_, *runner_, std::move(name),
                             Deadline::in(clock_, kFreshLook));
    }
    co_await wait_for(clock_, asked ? kPreflightEvery : kRenewEvery);
  }
}

bool Supervisor::all_seen() const {
  if (!loop_) return false;
  const engine::State& state = loop_->state();
  const auto& opinions = loop_->readings().opinions;
  const auto seen = [&](const GroupSpec& group, const SiteName& site, const CheckSpec& check) {
    return opinions.contains(CheckReference{group.name, site, check.name});
  };
  return std::ranges::all_of(state.configuration.groups, [&](const GroupSpec& group) {
    return std::ranges::all_of(group.sites, [&](const SiteSpec& site) {
      return std::ranges::all_of(
          site.checks, [&](const CheckSpec& check) { return seen(group, site.name, check); });
    });
  });
}

awaitable<bool> Supervisor::ready(Deadline deadline) {
  while (!loop_ && !ended_) {
    if (!co_await phase_changed_.wait(clock_, deadline)) co_return false;
  }
  if (ended_) co_return false;
  // The configuration is an input like any other: before it was taken there is nothing to have
  // seen.
  while (loop_->state().configuration_fingerprint.empty() || !all_seen()) {
    if (ended_ || !co_await loop_->changed().wait(clock_, deadline)) co_return false;
  }
  co_return !ended_;
}

awaitable<void> Supervisor::look_afresh(GroupName group, Deadline deadline) {
  const Deadline look = earlier_of(deadline, Deadline::in(clock_, kFreshLook));
  co_await scheduler_->look_now(group, look);
  co_await ask_preflight(services_.io.get_executor(), *loop_, *runner_, std::move(group), look);
}

// What the plan's inspections found then and find now. Everything else that it rests on is compared
// by the engine, in the moment of the decision.
awaitable<Result<void>> Supervisor::compare_identities(engine::StartMove start, Deadline deadline) {
  if (start.planned->identities.empty() || !start.to) co_return Result<void>();
  const Deadline look = earlier_of(deadline, Deadline::in(clock_, kFreshLook));
  auto now = co_await preview(start.group, start.move, *start.to, look);
  if (!now) co_return Result<void>();  // why it cannot be planned is the engine's to say
  engine::PlanBasis found = *start.planned;
  found.identities = now->basis.identities;
  const auto changed = engine::what_changed(*start.planned, found);
  if (!changed) co_return Result<void>();
  co_return fail(Error{ErrorCode::conflict,
                       fmt::format("the saved plan does not hold any more: {}", *changed),
                       engine::plan_command(now->plan), std::nullopt});
}

awaitable<Result<engine::Answer>> Supervisor::command(engine::Command command, Deadline deadline) {
  if (!loop_) co_return fail(ErrorCode::unavailable, "Bascule has not opened its term yet");
  if (auto* start = std::get_if<engine::StartMove>(&command.body)) {
    if (!start->at) co_await look_afresh(start->group, deadline);
    if (start->planned) {
      Result<void> same = co_await compare_identities(*start, deadline);
      if (!same) co_return refusal_of(same.error());
    }
  }
  if (const auto* approval = std::get_if<engine::ApproveRun>(&command.body)) {
    const auto run = loop_->state().runs.find(approval->run);
    if (run != loop_->state().runs.end()) co_await look_afresh(run->second.plan.group, deadline);
  }
  co_return co_await loop_->command(std::move(command), deadline);
}

// A run goes on with the settings of its plan; but an action finds the checks that these name in
// the configuration of its group.
Result<void> Supervisor::keeps_open_steps(const Configuration& configuration) {
  for (const auto& [id, run] : loop_->state().runs) {
    const GroupSpec* before = loop_->state().configuration.find_group(run.plan.group);
    const GroupSpec* after = configuration.find_group(run.plan.group);
    if (run.ended_at || before == nullptr || after == nullptr) continue;
    if (run.state == RunState::waiting) continue;  // its plan is compared when it begins
    // That a whole site is missing is said as such, when the configuration is decided on.
    if (after->find_site(run.plan.source) == nullptr ||
        after->find_site(run.plan.target) == nullptr) {
      continue;
    }
    for (const Step& step : run.execution.steps) {
      const auto made = [&](const GroupSpec& group) {
        return make_action(assembly_.catalog, configuration.cluster, group, step, services_);
      };
      const auto then = made(*after);
      if (then || !made(*before)) continue;
      return fail(
          Error{ErrorCode::conflict,
                fmt::format("run {} is open, and its step {} could not go on: {}", id, step.id,
                            then.error().message),
                fmt::format("keep what it names until the run has ended: `bascule show {}`", id),
                std::nullopt});
    }
  }
  return {};
}

awaitable<Result<void>> Supervisor::reload(Configuration configuration,
                                           std::vector<Channel> channels, Deadline deadline) {
  if (!loop_ || ended_) {
    co_return fail(ErrorCode::unavailable, "Bascule has no term open");
  }
  if (reloading_) co_return fail(ErrorCode::throttled, "another configuration is being taken");
  auto checks = make_checks(configuration, assembly_.catalog, services_);
  if (!checks) co_return error_of(checks);
  auto references = make_references(configuration, assembly_.catalog, services_);
  if (!references) co_return error_of(references);
  if (Result<void> kept = keeps_open_steps(configuration); !kept) co_return kept;

  struct Reloading {
    Supervisor& self;
    explicit Reloading(Supervisor& owner) : self(owner) { self.reloading_ = true; }
    ~Reloading() {
      self.reloading_ = false;
      self.phase_changed_.notify_all();
    }
  };
  const Reloading reloading(*this);
  const auto answer = co_await loop_->reload(std::move(configuration), deadline);
  if (!answer) co_return error_of(answer);
  if (!answer->accepted) co_return fail(*answer->error);
  services_.channels = std::move(channels);
  self_check_->ask_others(std::move(*references));
  co_await scheduler_->stop();
  scheduler_->start(std::move(*checks));
  co_return Result<void>();
}

awaitable<Result<std::vector<StoredRecord>>> Supervisor::read_journal(Sequence after,
                                                                      std::size_t limit) {
  co_return co_await assembly_.journal.read(after, limit);
}

awaitable<Result<Preview>> Supervisor::preview(GroupName group, Move move, SiteName target,
                                               Deadline deadline) {
  if (!loop_) co_return fail(ErrorCode::unavailable, "Bascule has not opened its term yet");
  co_return co_await runtime::preview(services_.io.get_executor(), *loop_, *runner_,
                                      std::move(group), move, std::move(target), deadline);
}

awaitable<Result<Checklist>> Supervisor::checklist(GroupName group, SiteName target,
                                                   Deadline deadline) {
  if (!loop_) co_return fail(ErrorCode::unavailable, "Bascule has not opened its term yet");
  co_return co_await go_through_checklist(services_.io.get_executor(), *loop_, *runner_,
                                          std::move(group), std::move(target), deadline);
}

}  // namespace bascule::runtime
