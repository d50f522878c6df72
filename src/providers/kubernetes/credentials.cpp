#include "providers/kubernetes/credentials.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "async/child_process.h"

namespace bascule::kubernetes {
namespace {

constexpr std::size_t kTokenMax = 64 * 1024;
constexpr std::size_t kOutputMax = 256 * 1024;
constexpr Duration kPluginLimit{60'000};
// A credential that ends this soon would be refused on its way.
constexpr Duration kMargin{10'000};

std::string trimmed(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) {
    text.pop_back();
  }
  return text;
}

// What keeps us from asking is no failure of the cluster.
std::unexpected<Error> as_denied(const std::string& context, Error error) {
  if (error.code != ErrorCode::canceled && error.code != ErrorCode::unable) {
    error.code = ErrorCode::denied;
  }
  return fail(in_context(context, std::move(error)));
}

struct Running {
  explicit Running(bool& flag, Event& ended) : running(flag), notice(ended) { running = true; }
  ~Running() {
    running = false;
    notice.notify_all();
  }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

  bool& running;
  Event& notice;
};

}  // namespace

Result<PluginAnswer> read_plugin_answer(const std::string& written,
                                        const std::string& api_version) {
  const Result<Json> answer = parse_json(written, kOutputMax);
  if (!answer || text_or(*answer, "kind") != "ExecCredential") {
    return fail(ErrorCode::denied, "its output is no ExecCredential");
  }
  if (text_or(*answer, "apiVersion") != api_version) {
    return fail(ErrorCode::denied, "its output is not of the version {} that was asked for",
                api_version);
  }
  const auto status = answer->find("status");
  if (status == answer->end() || !status->is_object()) {
    return fail(ErrorCode::denied, "its output has no status: it brings no credential");
  }
  PluginAnswer made;
  made.credential = {text_or(*status, "token"), text_or(*status, "clientCertificateData"),
                     text_or(*status, "clientKeyData")};
  const Credential& got = made.credential;
  if (got.certificate.empty() != got.key.empty()) {
    return fail(ErrorCode::denied, "it brings only one of certificate and key");
  }
  if (got.token.empty() && got.certificate.empty()) {
    return fail(ErrorCode::denied, "it brings neither a token nor a certificate");
  }
  const std::string expires = text_or(*status, "expirationTimestamp");
  made.expires = from_rfc3339(expires);
  if (!expires.empty() && !made.expires) {
    return fail(ErrorCode::denied, "its expirationTimestamp is no time");
  }
  return made;
}

Credentials::Credentials(Clock& clock, ClusterAccess access)
    : clock_(clock), access_(std::move(access)) {}

awaitable<Result<Credential>> Credentials::current(Deadline deadline) {
  if (!access_.token_file.empty()) {
    Result<std::string> token = read_small_file(access_.token_file, kTokenMax);
    if (!token) co_return as_denied(access_.token_file, token.error());
    co_return Credential{trimmed(*std::move(token)), "", ""};
  }
  if (!access_.token.empty()) co_return Credential{access_.token, "", ""};
  if (!access_.exec.argv.empty()) co_return co_await from_plugin(deadline);
  co_return Credential();
}

void Credentials::forget(const Credential& refused) {
  if (kept_ && kept_->credential == refused) kept_.reset();
}

bool Credentials::is_fresh() const {
  return kept_ && (!kept_->expires || *kept_->expires > clock_.now() + kMargin);
}

awaitable<Result<Credential>> Credentials::from_plugin(Deadline deadline) {
  while (running_ && !is_fresh()) {
    const bool has_ended = co_await ended_.wait(clock_, deadline);
    if (!has_ended) {
      co_return fail(ErrorCode::denied, "exec {}: it brought nothing in time",
                     access_.exec.argv.front());
    }
  }
  if (is_fresh()) co_return kept_->credential;
  const Running running(running_, ended_);
  Result<PluginAnswer> answer = co_await run_plugin(deadline);
  if (!answer) co_return as_denied("exec " + access_.exec.argv.front(), answer.error());
  kept_ = *std::move(answer);
  co_return kept_->credential;
}

awaitable<Result<PluginAnswer>> Credentials::run_plugin(Deadline deadline) {
  const ExecPlugin& plugin = access_.exec;
  Json told = {{"apiVersion", plugin.api_version},
               {"kind", "ExecCredential"},
               {"spec", {{"interactive", false}}}};
  if (plugin.wants_cluster) told["spec"]["cluster"] = access_.exec_cluster;
  Command command;
  command.argv = plugin.argv;
  command.environment = plugin.environment;
  command.environment["KUBERNETES_EXEC_INFO"] = to_text(told);
  command.output_limit = kOutputMax;
  command.grace = Duration{200};
  const Deadline limit = earlier_of(deadline, Deadline::in(clock_, kPluginLimit));
  const Result<Exit> exit = co_await run_command(clock_, std::move(command), limit);
  if (!exit) {
    Error error = exit.error();
    if (error.code == ErrorCode::not_found) error.what_to_do = plugin.install_hint;
    co_return fail(std::move(error));
  }
  if (!exit->succeeded()) {
    co_return fail(ErrorCode::denied, "it {}: {}", exit->sentence(),
                   net::excerpt(exit->standard_error.text(), 200));
  }
  if (exit->standard_output.truncated()) {
    co_return fail(ErrorCode::denied, "its output is larger than {} bytes", kOutputMax);
  }
  co_return read_plugin_answer(exit->standard_output.text(), plugin.api_version);
}

}  // namespace bascule::kubernetes
