// The hands: runs exactly the calls that the engine's pending() lists, each in a coroutine of its
// own, and delivers their results. A call that came back and is still pending is made again after a
// wait that grows from 20ms to 1s.
//
// An action is made from its rendered settings for each call and owned by the call's frame until
// that has ended.
#pragma once

#include <boost/asio/any_io_executor.hpp>

#include <functional>
#include <list>
#include <string>
#include <utility>
#include <vector>

#include "async/scope.h"
#include "engine/engine.h"
#include "ports/kinds.h"
#include "runtime/loop.h"

namespace bascule::runtime {

// The action of a step, for the sites and checks of this group. Errors: the kind is not in this
// build, or its settings do not fit the group.
Result<std::shared_ptr<Action>> make_action(const Catalog& catalog, const std::string& cluster,
                                            const GroupSpec& group, const Step& step,
                                            Services& services);

class StepRunner final : public Hands {
 public:
  // With `look_only`, nothing is applied or reverted, whatever is listed.
  StepRunner(Loop& loop, const Catalog& catalog, Services& services, bool look_only = false);

  // How a group is looked at afresh before a run that waited begins; called while the runner runs.
  using LookAtGroup = std::function<awaitable<void>(GroupName group, Deadline deadline)>;
  void look_with(LookAtGroup look) { look_at_group_ = std::move(look); }

  void reconcile(const std::vector<engine::Call>& calls) override;

  // Cancels all and waits for their last frames.
  awaitable<void> stop();

  [[nodiscard]] const Catalog& catalog() const { return catalog_; }
  [[nodiscard]] std::size_t running() const { return running_.size(); }

  // One inspection outside of any run: for plan previews and preflight.
  awaitable<Result<Inspection>> inspect(engine::Call call, Deadline deadline,
                                        AskedBy asked_by = AskedBy::bascule);

 private:
  struct Running {
    engine::Call call;
    Scope::Child child;
  };

  awaitable<void> carry_out(engine::Call call, std::vector<Scope::Child> predecessors);
  awaitable<void> make_once(engine::Call call);
  Result<std::shared_ptr<Action>> make_action_of(const engine::Call& call) const;

  Loop& loop_;
  const Catalog& catalog_;
  Services& services_;
  bool look_only_;
  LookAtGroup look_at_group_;
  Scope scope_;
  std::list<Running> running_;
  std::list<Running> ending_;  // cancelled, last frame not gone yet
  Event ended_;
};

}  // namespace bascule::runtime
