#include "app/served_api.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <utility>
#include <vector>

#include "app/configuration_file.h"
#include "app/environment.h"

namespace bascule::app {
namespace {

constexpr std::size_t kTokenLimit = 1'024;
constexpr Duration kDay{86'400'000};
constexpr std::int64_t kDaysOfWarning = 14;

// The secret of the token beside the store, made where there is none.
Result<std::string> local_secret(const std::string& path) {
  if (Result<std::string> existing = read_file(path, kTokenLimit); existing) {
    while (!existing->empty() && existing->back() == '\n') existing->pop_back();
    if (!existing->empty()) return existing;
  }
  Result<std::string> secret = api::make_token_secret();
  if (!secret) return secret;
  if (auto written = write_private_file(path, *secret + "\n"); !written) return error_of(written);
  return secret;
}

}  // namespace

ServedApi::ServedApi(boost::asio::io_context& io, Parts parts)
    : parts_(std::move(parts)), certificate_timer_(io) {}

Result<std::unique_ptr<ServedApi>> ServedApi::open(boost::asio::io_context& io, Parts parts) {
  std::unique_ptr<ServedApi> made(new ServedApi(io, std::move(parts)));
  if (const Result<void> started = made->start(io); !started) return error_of(started);
  return made;
}

Result<void> ServedApi::start(boost::asio::io_context& io) {
  const Configuration& configuration = parts_.room.configuration();
  Result<net::Endpoint> listen = net::parse_endpoint(configuration.listen);
  if (!listen) return fail(in_context("listen", listen.error()));
  access_ = std::make_unique<api::Access>(parts_.room.clock(), listen->address);
  if (const Result<void> taken = take_tokens(); !taken) return taken;
  std::shared_ptr<const net::TlsContext> tls;
  if (configuration.access.has_tls()) {
    Result<std::unique_ptr<Certificate>> loaded = Certificate::load(configuration.access);
    if (!loaded) return error_of(loaded);
    certificate_ = std::move(*loaded);
    tls = certificate_->context();
  }
  server_ = std::make_unique<api::Server>(
      io, parts_.room.clock(), api::Served{*listen, std::move(tls)},
      api::ServerParts{parts_.room.routes(), parts_.room.supervisor(), *access_, parts_.metrics,
                       parts_.events, configuration.observer.name});
  if (const Result<void> started = server_->start(); !started) return started;
  if (certificate_) {
    tell_of_expiry();
    look_again_later();
  }
  return {};
}

Result<void> ServedApi::take_tokens() {
  const Configuration& configuration = parts_.room.configuration();
  const Result<std::string> secret = local_secret(token_path(configuration));
  if (!secret) return fail(in_context("token", secret.error()));
  std::vector<api::Token> tokens{
      api::Token{"local", api::Role::admin, api::token_hash(*secret), true}};
  for (const TokenSpec& token : configuration.access.tokens) {
    const std::optional<api::Role> role = api::role_from(token.role);
    if (!role)
      return fail(ErrorCode::invalid, "token {}: there is no role {}", token.name, token.role);
    tokens.push_back(api::Token{token.name, *role, token.hash, false, token.expires});
  }
  access_->replace(std::move(tokens));
  return {};
}

void ServedApi::reload() {
  if (const Result<void> taken = take_tokens(); !taken) {
    parts_.log->error("{}; the tokens of before stay in force", taken.error().message);
  }
  if (certificate_) look_at_certificate();
}

void ServedApi::look_at_certificate() {
  const Result<Certificate::Look> looked = certificate_->look(parts_.room.configuration().access);
  if (!looked) {
    parts_.log->warn("{}; the certificate of before is shown until its files can be used",
                     looked.error().message);
  } else if (*looked == Certificate::Look::changed) {
    server_->replace_tls(certificate_->context());
    told_days_left_ = -1;
    parts_.log->info("the API shows the certificate that is in {} now",
                     parts_.room.configuration().access.certificate_file);
  }
  tell_of_expiry();
}

void ServedApi::look_again_later() {
  certificate_timer_.expires_after(kCertificateLook);
  certificate_timer_.async_wait([this](const boost::system::error_code& canceled) {
    if (canceled) return;
    look_at_certificate();
    look_again_later();
  });
}

// Once a day while the end is near. What is connected stays; who comes after it is turned away by
// their own side.
void ServedApi::tell_of_expiry() {
  const std::optional<Instant> ends = certificate_->context()->certificate_ends();
  if (!ends) return;
  parts_.metrics.certificate_ends(*ends);
  const Duration left = *ends - parts_.room.clock().now();
  const std::int64_t days = left <= Duration{0} ? 0 : left / kDay + 1;
  if (days > kDaysOfWarning || days == told_days_left_) return;
  told_days_left_ = days;
  const std::string& file = parts_.room.configuration().access.certificate_file;
  if (days == 0) {
    parts_.log->error("the API's certificate has expired on {}: clients refuse it — renew {}",
                      to_rfc3339(*ends), file);
  } else {
    parts_.log->warn("the API's certificate expires on {}, in {} or less — renew {}",
                     to_rfc3339(*ends), days == 1 ? "a day" : fmt::format("{} days", days), file);
  }
}

std::string ServedApi::address() const {
  return fmt::format("{}://{}", certificate_ ? "https" : "http",
                     net::to_string(server_->endpoint()));
}

awaitable<void> ServedApi::stop(Deadline deadline) {
  certificate_timer_.cancel();
  co_await server_->stop(deadline);
}

}  // namespace bascule::app
