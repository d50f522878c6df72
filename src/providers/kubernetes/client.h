// The client of one Kubernetes cluster: requests with deadlines, errors by their meaning, lists in
// pieces, watches, patches.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "async/awaitable.h"
#include "async/clock.h"
#include "async/deadline.h"
#include "base/result.h"
#include "model/configuration.h"
#include "model/json.h"
#include "net/http_client.h"
#include "net/line_stream.h"
#include "net/resolver.h"
#include "providers/kubernetes/credentials.h"
#include "providers/kubernetes/kubeconfig.h"

namespace bascule::kubernetes {

// "/apis/apps/v1/namespaces/shop/deployments/web": of an object, or without `name` of all of them;
// without a namespace, of a kind that has none. `group_version`: "v1", "apps/v1".
std::string object_path(const std::string& group_version, const std::string& plural,
                        const std::string& space, const std::string& name = "");

// What an answer that is no success means:
//   401, 403 denied · 404 not_found · 409, 410 conflict (read again) · 422 and other 4xx invalid ·
//   429 throttled, with its Retry-After · 5xx unavailable
// and what the Status object in it says, in one line.
Error error_of_status(const net::Response& response);

enum class PatchType { merge, strategic, json, apply };

struct WatchEvent {
  std::string type;  // ADDED, MODIFIED, DELETED, BOOKMARK
  Json object;
};

// An open watch. Errors of next(): conflict, when the version is forgotten and the list has to be
// read again; those of LineStream.
class Watch {
 public:
  explicit Watch(std::unique_ptr<net::LineStream> lines) : lines_(std::move(lines)) {}
  // Nothing when the server has ended it, which it does from time to time.
  awaitable<Result<std::optional<WatchEvent>>> next(Deadline deadline);

 private:
  std::unique_ptr<net::LineStream> lines_;
};

// One thread; any number of calls at once. Clock and resolver outlive it, and it its calls. Its
// kubeconfig is read at the first request, and again when a file of it has changed; while the new
// ones cannot be used, the old ones stay in use.
//
// Each call ends by its deadline, or by the context's own timeout for one request. Errors: see
// error_of_status and HttpClient::fetch; denied also for everything that keeps us from asking, so
// that it is never taken for a failure of the cluster. A 401 is tried once more with a new
// credential where there is one.
class Client {
 public:
  Client(Clock& clock, net::Resolver& resolver, KubernetesContextSpec context);

  awaitable<Result<Json>> get(std::string path, Deadline deadline);
  // A log; cut at 64 KiB.
  awaitable<Result<std::string>> get_text(std::string path, Deadline deadline);
  awaitable<Result<Json>> create(std::string path, Json object, Deadline deadline);
  awaitable<Result<Json>> patch(std::string path, PatchType type, Json patch, Deadline deadline);
  awaitable<Result<void>> remove(std::string path, Deadline deadline);

  // Every object of a collection, page by page; returns the version to watch from. A list that
  // became too old on the way is begun anew: `begin` is called whenever it begins.
  awaitable<Result<std::string>> list(std::string path, std::function<void()> begin,
                                      std::function<void(const Json&)> item, Deadline deadline);
  awaitable<Result<std::unique_ptr<Watch>>> watch(std::string path, std::string version,
                                                  Deadline deadline);

  [[nodiscard]] const std::string& name() const { return context_.name; }
  // False once it is known that the configuration switches verification off.
  [[nodiscard]] bool verifies() const { return !loaded_ || loaded_->access.verify; }
  // The namespace that the kubeconfig's context names, else "default". Known after a request.
  [[nodiscard]] std::string default_namespace() const;

 private:
  struct Loaded {
    ClusterAccess access;
    std::shared_ptr<Credentials> credentials;
    net::ClientSettings settings;  // for the certificate below
    std::shared_ptr<net::HttpClient> http;
    std::string certificate;  // of a plugin; empty: the kubeconfig's
  };
  using Stamps = std::vector<std::filesystem::file_time_type>;

  Result<std::shared_ptr<Loaded>> load();
  Result<void> use_certificate(Loaded& loaded, const Credential& credential);
  // What a request needs before it can be sent.
  struct Ready {
    std::shared_ptr<Loaded> loaded;
    Credential credential;
  };
  awaitable<Result<Ready>> make_ready(Deadline limit);
  [[nodiscard]] net::Request request_to(const Loaded& loaded, const std::string& method,
                                        const std::string& path,
                                        const Credential& credential) const;
  awaitable<Result<net::Response>> exchange(std::string method, std::string path,
                                            std::string content_type, std::string body,
                                            net::Limits limits, Deadline deadline);
  awaitable<Result<Json>> exchange_json(std::string method, std::string path,
                                        std::string content_type, Json body, Deadline deadline);
  [[nodiscard]] Deadline limited(Deadline deadline) const;

  Clock& clock_;
  net::Resolver& resolver_;
  KubernetesContextSpec context_;
  std::shared_ptr<Loaded> loaded_;
  Stamps stamps_;
};

}  // namespace bascule::kubernetes
