// How the outside is offered to the house: a kind (data) together with the factory that makes it
// from settings. app/catalog.cpp holds the explicit list of all of them.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/configuration.h"
#include "model/kind.h"
#include "ports/action.h"
#include "ports/notifier.h"
#include "ports/probe.h"
#include "ports/services.h"

namespace bascule {

struct ProbeContext {
  std::shared_ptr<const GroupSpec> group;
  CheckReference check;
  Json settings;     // rendered
  Duration timeout;  // of one look
};
struct ProbeKind {
  Kind kind;
  std::function<Result<std::shared_ptr<Probe>>(ProbeContext, Services&)> make;
};

struct ActionContext {
  std::shared_ptr<const GroupSpec>
      group;  // where an action finds the checks it names, of both sites
  std::string cluster;
  SiteName site;  // whose description the step came from
  Json settings;  // rendered; secrets as references
};
struct ActionKind {
  Kind kind;
  // What a person does where an inspection of this kind says no: a clause that follows "what
  // helps:".
  std::string remedy = {};
  std::function<Result<std::shared_ptr<Action>>(ActionContext, Services&)> make;
};

struct NotifierKind {
  Kind kind;
  std::function<Result<std::shared_ptr<Notifier>>(Json settings, Services&)> make;
};

// Everything that can be named in a configuration of this build.
struct Catalog {
  std::vector<ProbeKind> probes;
  std::vector<ActionKind> actions;  // front doors are actions too (role front_door)
  std::vector<NotifierKind> notifiers;
  std::vector<Kind> stores;
  std::vector<Kind> reports;
  std::vector<std::string>
      planned;  // kinds named by the specification that this build does not have

  [[nodiscard]] const ProbeKind* find_probe(std::string_view name) const;
  [[nodiscard]] const ActionKind* find_action(std::string_view name) const;
  [[nodiscard]] const NotifierKind* find_notifier(std::string_view name) const;
};

}  // namespace bascule
