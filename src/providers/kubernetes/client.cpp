#include "providers/kubernetes/client.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <utility>

namespace bascule::kubernetes {
namespace {

constexpr std::size_t kBodyMax = 8 * 1024 * 1024;
constexpr std::size_t kLogMax = 64 * 1024;
constexpr std::size_t kLineMax = 2 * 1024 * 1024;
constexpr std::size_t kShown = 300;
constexpr int kPageSize = 100;
constexpr int kListsMax = 3;  // that became too old on the way
constexpr const char* kManager = "fieldManager=bascule";
constexpr Duration kWatchFor{290'000};

// A PEM text as a file without a disk, for as long as OpenSSL reads it.
class MemoryFile {
 public:
  static Result<MemoryFile> hold(const std::string& bytes) {
    const int descriptor = ::memfd_create("bascule-pem", MFD_CLOEXEC);
    MemoryFile file(descriptor);
    const ssize_t written = descriptor < 0 ? -1 : ::write(descriptor, bytes.data(), bytes.size());
    if (written != static_cast<ssize_t>(bytes.size())) {
      return fail(ErrorCode::unable, "no memory for a certificate: {}", std::strerror(errno));
    }
    return file;
  }
  MemoryFile(MemoryFile&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  MemoryFile& operator=(MemoryFile&&) = delete;
  ~MemoryFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  [[nodiscard]] std::string path() const { return fmt::format("/proc/self/fd/{}", descriptor_); }

 private:
  explicit MemoryFile(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

Result<std::shared_ptr<const net::TlsContext>> make_tls(const ClusterAccess& access,
                                                        const Credential& credential) {
  net::TlsSettings settings;
  settings.verify = access.verify;
  settings.server_name = access.server_name;
  std::vector<MemoryFile> held;
  const auto place = [&held](const Pem& pem, std::string& file) -> Result<void> {
    file = pem.file;
    if (pem.data.empty()) return {};
    Result<MemoryFile> memory = MemoryFile::hold(pem.data);
    if (!memory) return error_of(memory);
    file = memory->path();
    held.push_back(*std::move(memory));
    return {};
  };
  const bool is_plugin = !credential.certificate.empty();
  const Pem certificate = is_plugin ? Pem{"", credential.certificate} : access.certificate;
  const Pem key = is_plugin ? Pem{"", credential.key} : access.key;
  for (const auto& [pem, file] :
       {std::pair(&access.authority, &settings.authority_file),
        std::pair(&certificate, &settings.certificate_file), std::pair(&key, &settings.key_file)}) {
    if (Result<void> placed = place(*pem, *file); !placed) return error_of(placed);
  }
  return net::TlsContext::for_client(std::move(settings));
}

const char* content_type_of(PatchType type) {
  switch (type) {
    case PatchType::merge:
      return "application/merge-patch+json";
    case PatchType::strategic:
      return "application/strategic-merge-patch+json";
    case PatchType::json:
      return "application/json-patch+json";
    case PatchType::apply:
      return "application/apply-patch+yaml";
  }
  return "";
}

ErrorCode code_of(int status) {
  switch (status) {
    case 401:
    case 403:
      return ErrorCode::denied;
    case 404:
      return ErrorCode::not_found;
    case 409:
    case 410:
      return ErrorCode::conflict;
    case 429:
      return ErrorCode::throttled;
    default:
      return status >= 400 && status < 500 ? ErrorCode::invalid : ErrorCode::unavailable;
  }
}

std::optional<Duration> retry_after(const net::Response& response, const Json& status) {
  constexpr std::int64_t kLongest = 3'600;
  std::int64_t seconds = -1;
  if (const auto written = response.headers.find("Retry-After")) {
    std::from_chars(written->data(), written->data() + written->size(), seconds);
  }
  if (seconds < 0 && status.contains("details")) {
    seconds = integer_or(status["details"], "retryAfterSeconds", -1);
  }
  if (seconds < 0) return std::nullopt;
  return Duration{std::min(seconds, kLongest) * 1'000};
}

// Not the cluster's word: what keeps us from asking it.
std::unexpected<Error> not_asked(const std::string& context, Error error) {
  if (error.code != ErrorCode::unable && error.code != ErrorCode::canceled) {
    error.code = ErrorCode::denied;
  }
  return fail(in_context("context " + context, std::move(error)));
}

std::string with_query(const std::string& path, const std::string& more) {
  return path + (path.find('?') == std::string::npos ? "?" : "&") + more;
}

}  // namespace

std::string object_path(const std::string& group_version, const std::string& plural,
                        const std::string& space, const std::string& name) {
  const bool is_core = group_version.find('/') == std::string::npos;
  std::string path = (is_core ? "/api/" : "/apis/") + group_version;
  if (!space.empty()) path += "/namespaces/" + net::percent_encode(space);
  path += "/" + plural;
  if (!name.empty()) path += "/" + net::percent_encode(name);
  return path;
}

Error error_of_status(const net::Response& response) {
  const Result<Json> parsed = parse_json(response.body, kBodyMax);
  const bool is_status = parsed && text_or(*parsed, "kind") == "Status";
  const Json status = is_status ? *parsed : Json::object();
  Error error;
  error.code = code_of(response.status);
  std::string why = net::excerpt(text_or(status, "message"), kShown);
  if (!is_status) why = net::excerpt(response.body, 80);
  const bool names_none = !status.contains("details") || text_or(status["details"], "name").empty();
  if (response.status == 404 && is_status && names_none) {
    why = "the cluster does not serve this kind";
    error.what_to_do = "kubectl api-resources shows which kinds it has";
  }
  error.message = fmt::format("{} {}{}{}", response.status, net::reason_phrase(response.status),
                              why.empty() ? "" : ": ", why);
  if (error.code == ErrorCode::throttled) error.retry_after = retry_after(response, status);
  if (response.status == 403) {
    error.what_to_do = "see docs/kubernetes.md for the permissions that each kind needs";
  }
  return error;
}

awaitable<Result<std::optional<WatchEvent>>> Watch::next(Deadline deadline) {
  Result<std::optional<std::string>> line = co_await lines_->next(deadline);
  if (!line) co_return error_of(line);
  if (!*line) co_return std::nullopt;
  Result<Json> event = parse_json(**line, kLineMax);
  if (!event || !event->is_object() || !event->contains("object")) {
    co_return fail(ErrorCode::unavailable, "the watch sends what is no event: \"{}\"",
                   net::excerpt(**line, 80));
  }
  WatchEvent made{text_or(*event, "type"), std::move((*event)["object"])};
  if (made.type != "ERROR") co_return made;
  net::Response response;
  response.status = static_cast<int>(integer_or(made.object, "code", 500));
  response.body = to_text(made.object);
  co_return fail(error_of_status(response));
}

Client::Client(Clock& clock, net::Resolver& resolver, KubernetesContextSpec context)
    : clock_(clock), resolver_(resolver), context_(std::move(context)) {}

std::string Client::default_namespace() const {
  const bool is_known = loaded_ && !loaded_->access.default_namespace.empty();
  return is_known ? loaded_->access.default_namespace : "default";
}

Deadline Client::limited(Deadline deadline) const {
  return earlier_of(deadline, Deadline::in(clock_, context_.timeout));
}

Result<std::shared_ptr<Client::Loaded>> Client::load() {
  const auto stamps_of = [](const std::vector<std::string>& files) {
    Stamps stamps;
    for (const std::string& file : files) {
      std::error_code missing;
      stamps.push_back(std::filesystem::last_write_time(file, missing));
    }
    return stamps;
  };
  if (loaded_ && stamps_of(loaded_->access.files) == stamps_) return loaded_;
  Result<ClusterAccess> access = context_.in_cluster
                                     ? in_cluster_access()
                                     : read_kubeconfig(context_.kubeconfig, context_.context);
  if (!access) {
    if (loaded_) return loaded_;
    return not_asked(context_.name, access.error());
  }
  auto made = std::make_shared<Loaded>();
  made->access = *std::move(access);
  made->credentials = std::make_shared<Credentials>(clock_, made->access);
  if (Result<void> used = use_certificate(*made, Credential()); !used) {
    if (loaded_) return loaded_;
    return not_asked(context_.name, used.error());
  }
  stamps_ = stamps_of(made->access.files);
  loaded_ = std::move(made);
  return loaded_;
}

Result<void> Client::use_certificate(Loaded& loaded, const Credential& credential) {
  if (loaded.http && loaded.certificate == credential.certificate) return {};
  if (loaded.access.server.secure()) {
    auto tls = make_tls(loaded.access, credential);
    if (!tls) return error_of(tls);
    loaded.settings.tls = *std::move(tls);
  }
  loaded.http = std::make_shared<net::HttpClient>(clock_, resolver_, loaded.settings);
  loaded.certificate = credential.certificate;
  return {};
}

net::Request Client::request_to(const Loaded& loaded, const std::string& method,
                                const std::string& path, const Credential& credential) const {
  net::Request request;
  request.method = method;
  request.url = loaded.access.server;
  std::string base(loaded.access.server.path());
  while (base.ends_with('/')) base.pop_back();
  request.url.target = base + path;
  request.headers = loaded.access.impersonate;
  request.headers.add("Accept", "application/json");
  if (!credential.token.empty()) {
    request.headers.add("Authorization", "Bearer " + credential.token);
  }
  return request;
}

awaitable<Result<Client::Ready>> Client::make_ready(Deadline limit) {
  Result<std::shared_ptr<Loaded>> loaded = load();
  if (!loaded) co_return error_of(loaded);
  Result<Credential> credential = co_await (*loaded)->credentials->current(limit);
  if (!credential) co_return not_asked(context_.name, credential.error());
  if (Result<void> used = use_certificate(**loaded, *credential); !used) {
    co_return not_asked(context_.name, used.error());
  }
  co_return Ready{*std::move(loaded), *std::move(credential)};
}

awaitable<Result<net::Response>> Client::exchange(std::string method, std::string path,
                                                  std::string content_type, std::string body,
                                                  net::Limits limits, Deadline deadline) {
  const Deadline limit = limited(deadline);
  for (bool is_second = false;; is_second = true) {
    const Result<Ready> ready = co_await make_ready(limit);
    if (!ready) co_return error_of(ready);
    const auto& [held, credential] = *ready;
    net::Request request = request_to(*held, method, path, credential);
    request.reuse_connection = true;
    request.body = body;
    if (!content_type.empty()) request.headers.add("Content-Type", content_type);
    const std::shared_ptr<net::HttpClient> http = held->http;
    Result<net::Response> response = co_await http->fetch(std::move(request), limits, limit);
    if (!response || response->status != 401 || is_second) co_return response;
    held->credentials->forget(credential);
    const Result<Credential> fresh = co_await held->credentials->current(limit);
    if (!fresh || *fresh == credential) co_return response;
  }
}

awaitable<Result<Json>> Client::exchange_json(std::string method, std::string path,
                                              std::string content_type, Json body,
                                              Deadline deadline) {
  net::Limits limits;
  limits.body = kBodyMax;
  limits.redirects = 0;
  const bool changes = method != "GET";
  std::string text = body.is_null() ? "" : to_text(body);
  const Result<net::Response> response =
      co_await exchange(std::move(method), std::move(path), std::move(content_type),
                        std::move(text), limits, deadline);
  if (!response) co_return error_of(response);
  if (response->status / 100 != 2) co_return fail(error_of_status(*response));
  Result<Json> answer = parse_json(response->body, kBodyMax);
  if (!answer || !answer->is_object()) {
    // Whoever answered like this may have done what was asked.
    co_return fail(changes ? ErrorCode::outcome_unknown : ErrorCode::unavailable,
                   "the answer is not Kubernetes's: \"{}\"", net::excerpt(response->body, 80));
  }
  co_return answer;
}

awaitable<Result<Json>> Client::get(std::string path, Deadline deadline) {
  co_return co_await exchange_json("GET", std::move(path), "", nullptr, deadline);
}

awaitable<Result<std::string>> Client::get_text(std::string path, Deadline deadline) {
  net::Limits limits;
  limits.body = kLogMax;
  limits.truncate_body = true;
  limits.redirects = 0;
  Result<net::Response> response =
      co_await exchange("GET", std::move(path), "", "", limits, deadline);
  if (!response) co_return error_of(response);
  if (response->status != 200) co_return fail(error_of_status(*response));
  co_return std::move(response->body);
}

awaitable<Result<Json>> Client::create(std::string path, Json object, Deadline deadline) {
  co_return co_await exchange_json("POST", with_query(path, kManager), "application/json",
                                   std::move(object), deadline);
}

awaitable<Result<Json>> Client::patch(std::string path, PatchType type, Json patch,
                                      Deadline deadline) {
  co_return co_await exchange_json("PATCH", with_query(path, kManager), content_type_of(type),
                                   std::move(patch), deadline);
}

awaitable<Result<void>> Client::remove(std::string path, Deadline deadline) {
  const Result<Json> answer = co_await exchange_json(
      "DELETE", with_query(path, "propagationPolicy=Background"), "", nullptr, deadline);
  if (!answer) co_return error_of(answer);
  co_return Result<void>();
}

awaitable<Result<std::string>> Client::list(std::string path, std::function<void()> begin,
                                            std::function<void(const Json&)> item,
                                            Deadline deadline) {
  std::string token;
  int lists = 1;
  begin();
  while (true) {
    std::string target = with_query(path, fmt::format("limit={}", kPageSize));
    if (!token.empty()) target += "&continue=" + net::percent_encode(token);
    const Result<Json> page = co_await get(std::move(target), deadline);
    if (!page && page.error().code == ErrorCode::conflict && !token.empty() &&
        ++lists <= kListsMax) {
      token.clear();
      begin();
      continue;
    }
    if (!page) co_return error_of(page);
    const auto items = page->find("items");
    const auto metadata = page->find("metadata");
    if (items == page->end() || !items->is_array() || metadata == page->end()) {
      co_return fail(ErrorCode::unavailable, "the answer is no list of Kubernetes");
    }
    for (const Json& each : *items) item(each);
    token = text_or(*metadata, "continue");
    if (token.empty()) co_return text_or(*metadata, "resourceVersion");
  }
}

awaitable<Result<std::unique_ptr<Watch>>> Client::watch(std::string path, std::string version,
                                                        Deadline deadline) {
  const Deadline limit = limited(deadline);
  const Result<Ready> ready = co_await make_ready(limit);
  if (!ready) co_return error_of(ready);
  const auto& [held, credential] = *ready;
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(kWatchFor).count();
  net::Request request = request_to(
      *held, "GET",
      with_query(path, fmt::format("watch=true&allowWatchBookmarks=true&timeoutSeconds={}"
                                   "&resourceVersion={}",
                                   seconds, net::percent_encode(version))),
      credential);
  net::Limits limits;
  limits.body = kLineMax;
  Result<std::unique_ptr<net::LineStream>> lines = co_await net::LineStream::open(
      clock_, resolver_, held->settings, std::move(request), limits, limit);
  if (!lines) co_return error_of(lines);
  const net::Response& head = (*lines)->head();
  if (head.status == 401) held->credentials->forget(credential);
  if (head.status != 200) co_return fail(error_of_status(head));
  co_return std::make_unique<Watch>(*std::move(lines));
}

}  // namespace bascule::kubernetes
