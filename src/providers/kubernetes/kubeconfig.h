// What kubeconfig files say about one context: where the API server is, whom we trust, and by what
// we are known there.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/json.h"
#include "net/http.h"

namespace bascule::kubernetes {

// A program that brings credentials (client.authentication.k8s.io).
struct ExecPlugin {
  std::string api_version;
  std::vector<std::string> argv;
  std::map<std::string, std::string> environment;
  std::string install_hint;
  bool wants_cluster = false;
};

// PEM, from a file or written into the kubeconfig; at most one of them.
struct Pem {
  std::string file;
  std::string data;

  [[nodiscard]] bool is_empty() const { return file.empty() && data.empty(); }
};

struct ClusterAccess {
  net::Url server;
  std::string server_name;  // asked for and verified instead of the server's host; may be empty
  bool verify = true;
  Pem authority;  // empty: the system's
  Pem certificate;
  Pem key;
  std::string token;
  std::string token_file;  // read again for each request, so that it may be rotated
  ExecPlugin exec;         // without argv: none
  Json exec_cluster;       // what a plugin that wants it is told about the cluster
  net::Headers impersonate;
  std::string default_namespace;
  std::vector<std::string> files;  // all that it was read from, its tokens left out
};

// The context `context` of the files in `paths`, joined by ':': of several, the first that names a
// cluster, user or context counts; files that do not exist are left out as long as one does.
// Relative paths in a file start at its folder.
//
// Errors: not_found (no file, no such context, cluster or user), denied (a file may not be read),
// invalid, for everything that cannot be used, by its name: what is no YAML, aliases, a proxy, an
// auth-provider, a user with a password, a plugin that has to be talked to. Reads files: blocks for
// a moment. No secret is in a message.
Result<ClusterAccess> read_kubeconfig(const std::string& paths, const std::string& context);

// Of the pod that this process runs in: the service account's folder.
inline constexpr const char* kServiceAccount = "/var/run/secrets/kubernetes.io/serviceaccount";
Result<ClusterAccess> in_cluster_access(const std::string& folder = kServiceAccount);

// The whole of a small file. Errors: not_found, denied, invalid (larger than `size_max`).
Result<std::string> read_small_file(const std::string& path, std::size_t size_max);

}  // namespace bascule::kubernetes
