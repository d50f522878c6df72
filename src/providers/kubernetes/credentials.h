// By what a client is known at an API server: a token that is written down, one in a file that is
// rotated, or what a plugin brings and how long that is good.
#pragma once

#include <optional>
#include <string>

#include "async/awaitable.h"
#include "async/clock.h"
#include "async/deadline.h"
#include "async/event.h"
#include "base/result.h"
#include "providers/kubernetes/kubeconfig.h"

namespace bascule::kubernetes {

struct Credential {
  std::string token;
  // PEM; only of a plugin. Those of the kubeconfig are the connection's from the beginning.
  std::string certificate;
  std::string key;

  friend bool operator==(const Credential&, const Credential&) = default;
};

// What a plugin wrote to its standard output. Errors: denied, whatever is wrong with it; nothing of
// what it wrote is in the message, since that may be a secret.
struct PluginAnswer {
  Credential credential;
  std::optional<Instant> expires;  // nothing: good until it is refused
};
Result<PluginAnswer> read_plugin_answer(const std::string& written, const std::string& api_version);

// One thread; any number of calls at once, of which one runs the plugin. Clock outlives it, and it
// its calls.
class Credentials {
 public:
  Credentials(Clock& clock, ClusterAccess access);

  // Errors: denied, for everything that keeps us from being known, so that nobody takes it for an
  // answer of the cluster; unable; canceled.
  awaitable<Result<Credential>> current(Deadline deadline);
  // The server has refused this one: it is not handed out again, unless it is all there is.
  void forget(const Credential& refused);

 private:
  awaitable<Result<Credential>> from_plugin(Deadline deadline);
  awaitable<Result<PluginAnswer>> run_plugin(Deadline deadline);
  [[nodiscard]] bool is_fresh() const;

  Clock& clock_;
  ClusterAccess access_;
  std::optional<PluginAnswer> kept_;
  bool running_ = false;
  Event ended_;
};

}  // namespace bascule::kubernetes
