#include "providers/kubernetes/kubeconfig.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "providers/kubernetes/yaml.h"

namespace bascule::kubernetes {
namespace {

constexpr std::size_t kFileMax = std::size_t{1} << 20;
constexpr const char* kExecGroup = "client.authentication.k8s.io/";

// One entry of a list of {name, KIND: {…}}, with the folder of the file that it stands in.
struct Named {
  Json value;
  std::filesystem::path folder;

  [[nodiscard]] std::string text(std::string_view key) const { return text_or(value, key); }
  [[nodiscard]] bool flag(std::string_view key) const { return text(key) == "true"; }
  [[nodiscard]] std::string path(std::string_view key) const {
    const std::string written = text(key);
    return written.empty() ? "" : (folder / written).lexically_normal().string();
  }
};

using Entries = std::map<std::string, Named>;

struct Merged {
  Entries clusters;
  Entries users;
  Entries contexts;
  std::vector<std::string> files;
};

void merge(const Json& file, const char* list, const char* kind,
           const std::filesystem::path& folder, Entries& into) {
  const auto found = file.find(list);
  if (found == file.end() || !found->is_array()) return;
  for (const Json& entry : *found) {
    const std::string name = text_or(entry, "name");
    if (name.empty() || !entry.contains(kind)) continue;
    into.emplace(name, Named{entry[kind], folder});  // the first one counts
  }
}

Result<Merged> read_all(const std::string& paths) {
  Merged merged;
  std::string_view rest = paths;
  while (!rest.empty()) {
    const std::string path(rest.substr(0, rest.find(':')));
    rest.remove_prefix(std::min(rest.size(), path.size() + 1));
    if (path.empty()) continue;
    const Result<std::string> text = read_small_file(path, kFileMax);
    if (!text && text.error().code == ErrorCode::not_found) continue;
    if (!text) return fail(in_context(path, text.error()));
    const Result<Json> file = parse_yaml(*text);
    if (!file) return fail(in_context(path, file.error()));
    if (!file->is_object() && !file->is_null()) {
      return fail(ErrorCode::invalid, "{}: it is not a kubeconfig", path);
    }
    merged.files.push_back(path);
    const std::filesystem::path folder = std::filesystem::path(path).parent_path();
    merge(*file, "clusters", "cluster", folder, merged.clusters);
    merge(*file, "users", "user", folder, merged.users);
    merge(*file, "contexts", "context", folder, merged.contexts);
  }
  if (merged.files.empty()) return fail(ErrorCode::not_found, "{}: no such file", paths);
  return merged;
}

// Base64 with padding, blanks ignored; nothing when it is not.
std::optional<std::string> decode_base64(std::string_view text) {
  std::string bytes;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    std::uint32_t value = 0;
    if (c >= 'A' && c <= 'Z') {
      value = static_cast<std::uint32_t>(c - 'A');
    } else if (c >= 'a' && c <= 'z') {
      value = static_cast<std::uint32_t>(c - 'a' + 26);
    } else if (c >= '0' && c <= '9') {
      value = static_cast<std::uint32_t>(c - '0' + 52);
    } else if (c == '+' || c == '/') {
      value = c == '+' ? 62 : 63;
    } else if (c == '=' || c == '\n' || c == '\r' || c == ' ') {
      continue;
    } else {
      return std::nullopt;
    }
    bits = (bits << 6) | value;
    if (++count == 4) {
      for (const int shift : {16, 8, 0}) bytes += static_cast<char>((bits >> shift) & 0xff);
      bits = 0;
      count = 0;
    }
  }
  if (count == 1) return std::nullopt;
  if (count == 2) bytes += static_cast<char>((bits >> 4) & 0xff);
  if (count == 3) {
    bytes += static_cast<char>((bits >> 10) & 0xff);
    bytes += static_cast<char>((bits >> 2) & 0xff);
  }
  return bytes;
}

// As client-go does: what is written into the file counts before the file that it names.
Result<Pem> read_pem(const Named& from, const std::string& key) {
  const std::string data = from.text(key + "-data");
  if (data.empty()) return Pem{from.path(key), ""};
  std::optional<std::string> decoded = decode_base64(data);
  if (!decoded) return fail(ErrorCode::invalid, "{}-data is not base64", key);
  return Pem{"", *std::move(decoded)};
}

Result<void> read_cluster(const Named& cluster, ClusterAccess& access) {
  Result<net::Url> server = net::parse_url(cluster.text("server"));
  if (!server) return fail(in_context("server", server.error()));
  access.server = *std::move(server);
  if (!cluster.text("proxy-url").empty()) {
    return fail(ErrorCode::invalid, "proxy-url: proxies are not available in this build");
  }
  access.server_name = cluster.text("tls-server-name");
  access.verify = !cluster.flag("insecure-skip-tls-verify");
  Result<Pem> authority = read_pem(cluster, "certificate-authority");
  if (!authority) return error_of(authority);
  if (!access.verify && !authority->is_empty()) {
    return fail(ErrorCode::invalid,
                "insecure-skip-tls-verify and certificate-authority exclude each other");
  }
  access.authority = *std::move(authority);
  access.exec_cluster = {{"server", cluster.text("server")}};
  for (const char* key : {"tls-server-name", "certificate-authority-data"}) {
    if (!cluster.text(key).empty()) access.exec_cluster[key] = cluster.text(key);
  }
  if (!access.verify) access.exec_cluster["insecure-skip-tls-verify"] = true;
  return {};
}

Result<ExecPlugin> read_exec(const Named& exec) {
  ExecPlugin plugin;
  plugin.api_version = exec.text("apiVersion");
  if (plugin.api_version != std::string(kExecGroup) + "v1" &&
      plugin.api_version != std::string(kExecGroup) + "v1beta1") {
    return fail(ErrorCode::invalid, "apiVersion is not {}v1 or {}v1beta1", kExecGroup, kExecGroup);
  }
  if (exec.text("interactiveMode") == "Always") {
    return fail(ErrorCode::invalid,
                "interactiveMode: Always: there is nobody whom the program could ask");
  }
  std::string command = exec.text("command");
  if (command.empty()) return fail(ErrorCode::invalid, "it has no command");
  // Relative paths start at the kubeconfig's folder; a bare name is looked for in PATH.
  if (command.find('/') != std::string::npos) command = exec.path("command");
  plugin.argv = {std::move(command)};
  for (std::string& word : texts_or_empty(exec.value, "args")) {
    plugin.argv.push_back(std::move(word));
  }
  const auto variables = exec.value.find("env");
  if (variables != exec.value.end() && variables->is_array()) {
    for (const Json& each : *variables) {
      plugin.environment[text_or(each, "name")] = text_or(each, "value");
    }
  }
  plugin.install_hint = exec.text("installHint");
  plugin.wants_cluster = exec.flag("provideClusterInfo");
  return plugin;
}

Result<void> read_user(const Named& user, ClusterAccess& access) {
  if (user.value.contains("auth-provider")) {
    return fail(ErrorCode::invalid,
                "auth-provider: Kubernetes has given it up; write an exec plugin");
  }
  if (!user.text("username").empty() || !user.text("password").empty()) {
    return fail(ErrorCode::invalid,
                "username, password: Kubernetes takes no passwords; write a token");
  }
  if (user.value.contains("as-user-extra")) {
    return fail(ErrorCode::invalid, "as-user-extra is not available in this build");
  }
  Result<Pem> certificate = read_pem(user, "client-certificate");
  if (!certificate) return error_of(certificate);
  Result<Pem> key = read_pem(user, "client-key");
  if (!key) return error_of(key);
  if (certificate->is_empty() != key->is_empty()) {
    return fail(ErrorCode::invalid, "of client-certificate and client-key one is missing");
  }
  access.certificate = *std::move(certificate);
  access.key = *std::move(key);
  access.token = user.text("token");
  access.token_file = user.path("tokenFile");
  for (const auto& [key_name, header] :
       {std::pair("as", "Impersonate-User"), std::pair("as-uid", "Impersonate-Uid")}) {
    if (!user.text(key_name).empty()) access.impersonate.add(header, user.text(key_name));
  }
  for (const std::string& group : texts_or_empty(user.value, "as-groups")) {
    access.impersonate.add("Impersonate-Group", group);
  }
  const auto exec = user.value.find("exec");
  if (exec == user.value.end() || exec->is_null()) return {};
  Result<ExecPlugin> plugin = read_exec(Named{*exec, user.folder});
  if (!plugin) return fail(in_context("exec", plugin.error()));
  access.exec = *std::move(plugin);
  return {};
}

Result<const Named*> find(const Entries& entries, const std::string& name, const char* kind) {
  const auto found = entries.find(name);
  if (found != entries.end()) return &found->second;
  std::string known;
  for (const auto& [each, ignored] : entries) {
    if (known.size() > 200) break;
    known += (known.empty() ? "" : ", ") + each;
  }
  return fail(ErrorCode::not_found, "there is no {} \"{}\"{}", kind, name,
              known.empty() ? "" : " (there are: " + known + ")");
}

ErrorCode code_of(int problem) {
  if (problem == ENOENT || problem == ENOTDIR) return ErrorCode::not_found;
  if (problem == EACCES || problem == EPERM) return ErrorCode::denied;
  return lacks_resources(problem) ? ErrorCode::unable : ErrorCode::invalid;
}

}  // namespace

Result<std::string> read_small_file(const std::string& path, std::size_t size_max) {
  struct File {
    int descriptor;
    ~File() {
      if (descriptor >= 0) ::close(descriptor);
    }
  };
  // Without waiting: what is named may be a pipe that nobody writes into.
  const File file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  if (file.descriptor < 0) return fail(code_of(errno), "{}", std::strerror(errno));
  std::string content;
  std::array<char, 16'384> piece{};
  while (true) {
    const ssize_t count = ::read(file.descriptor, piece.data(), piece.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail(code_of(errno), "{}", std::strerror(errno));
    if (count == 0) return content;
    content.append(piece.data(), static_cast<std::size_t>(count));
    if (content.size() > size_max) {
      return fail(ErrorCode::invalid, "larger than {} bytes", size_max);
    }
  }
}

Result<ClusterAccess> read_kubeconfig(const std::string& paths, const std::string& context) {
  Result<Merged> merged = read_all(paths);
  if (!merged) return error_of(merged);
  const auto in_files = [&](const Error& error) { return fail(in_context(paths, error)); };
  const Result<const Named*> found = find(merged->contexts, context, "context");
  if (!found) return in_files(found.error());
  const Named& named = **found;
  const Result<const Named*> cluster = find(merged->clusters, named.text("cluster"), "cluster");
  if (!cluster) return in_files(cluster.error());
  ClusterAccess access;
  access.files = std::move(merged->files);
  access.default_namespace = named.text("namespace");
  if (const Result<void> read = read_cluster(**cluster, access); !read) {
    return in_files(in_context("cluster " + named.text("cluster"), read.error()));
  }
  const std::string user_name = named.text("user");
  if (!user_name.empty()) {
    const Result<const Named*> user = find(merged->users, user_name, "user");
    if (!user) return in_files(user.error());
    if (const Result<void> read = read_user(**user, access); !read) {
      return in_files(in_context("user " + user_name, read.error()));
    }
  }
  for (const Pem* pem : {&access.authority, &access.certificate, &access.key}) {
    if (!pem->file.empty()) access.files.push_back(pem->file);
  }
  return access;
}

Result<ClusterAccess> in_cluster_access(const std::string& folder) {
  ClusterAccess access;
  // The name that each cluster's DNS has for its own API server, and its certificate names.
  access.server = *net::parse_url("https://kubernetes.default.svc");
  access.authority.file = folder + "/ca.crt";
  access.token_file = folder + "/token";
  access.files = {access.authority.file};
  Result<std::string> own = read_small_file(folder + "/namespace", 253);
  if (!own) {
    return fail(
        in_context("in_cluster: this is no pod with a service account: " + folder, own.error()));
  }
  access.default_namespace = *std::move(own);
  return access;
}

}  // namespace bascule::kubernetes
