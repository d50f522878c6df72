#include "providers/postgres/settings.h"

#include <limits>

#include "model/template.h"

namespace bascule::postgres {
namespace {

Result<Login> login_from(const Json& settings) {
  Login login{text_or(settings, "user"), settings.value("password", Json())};
  if (login.user.empty()) return fail(ErrorCode::invalid, "a postgres login has no user");
  return login;
}

// `${{ site.… }}` as the planner understands it: name, at, address and the site's variables.
TemplateLookup lookup_of(const SiteSpec& site) {
  return [&site](std::string_view path) -> Result<std::optional<std::string>> {
    constexpr std::string_view kSite = "site.";
    if (!path.starts_with(kSite)) {
      return fail(ErrorCode::invalid, "`{}` is not known in a check of {}", path, site.name);
    }
    path.remove_prefix(kSite.size());
    if (path == "name") return site.name.text();
    if (path == "at") return site.at;
    if (const auto found = site.vars.find(std::string(path)); found != site.vars.end()) {
      return found->second;
    }
    if (path == "address") return site.address;
    return fail(ErrorCode::invalid, "{} has no variable `{}`", site.name, path);
  };
}

const CheckSpec* find_check(const SiteSpec& site, const std::string& name) {
  const CheckSpec* only = nullptr;
  std::size_t count = 0;
  for (const CheckSpec& check : site.checks) {
    if (check.kind != "postgres") continue;
    if (check.name.text() == name) return &check;
    only = &check;
    ++count;
  }
  return count == 1 ? only : nullptr;
}

}  // namespace

Result<CheckSettings> check_settings(const Json& settings) {
  CheckSettings check;
  check.host = text_or(settings, "host");
  check.database = text_or(settings, "database");
  if (check.host.empty() || check.database.empty()) {
    return fail(ErrorCode::invalid, "a postgres check needs a host and a database");
  }
  const std::int64_t port = integer_or(settings, "port", 5432);
  if (port < 1 || port > std::numeric_limits<std::uint16_t>::max()) {
    return fail(ErrorCode::invalid, "{} is not a port", port);
  }
  check.port = static_cast<std::uint16_t>(port);
  auto monitor = login_from(settings);
  if (!monitor) return error_of(monitor);
  check.monitor = std::move(*monitor);
  if (const Json admin = settings.value("admin", Json()); admin.is_object()) {
    auto login = login_from(admin);
    if (!login) return error_of(login);
    check.admin = std::move(*login);
  }
  check.sslmode = text_or(settings, "sslmode", "verify-full");
  check.sslrootcert = text_or(settings, "sslrootcert");
  check.limits.degraded = Duration(integer_or(settings, "degraded_lag", 30'000));
  check.limits.critical = Duration(integer_or(settings, "critical_lag", 300'000));
  return check;
}

Result<CheckSettings> check_settings_of(const GroupSpec& group, const SiteName& site,
                                        const std::string& check) {
  const SiteSpec* found_site = group.find_site(site);
  if (found_site == nullptr) {
    return fail(ErrorCode::not_found, "{} has no site {}", group.name, site);
  }
  const CheckSpec* found = find_check(*found_site, check);
  if (found == nullptr) {
    return fail(ErrorCode::not_found, "{} has no postgres check {}", site, check);
  }
  SiteSpec rendered = *found_site;
  if (const auto address = render_text(rendered.address, lookup_of(*found_site)); address) {
    rendered.address = *address;
  }
  auto settings = render_settings(found->settings, lookup_of(rendered));
  if (!settings) return error_of(settings);
  return check_settings(*settings);
}

std::string server_of(const CheckSettings& check) {
  return net::to_string(net::HostPort{check.host, check.port});
}

Result<ConnectionSettings> connection_settings(const CheckSettings& check, const Login& login,
                                               const Secrets& secrets) {
  ConnectionSettings settings;
  settings.host = check.host;
  settings.port = check.port;
  settings.database = check.database;
  settings.user = login.user;
  settings.sslmode = check.sslmode;
  settings.sslrootcert = check.sslrootcert;
  if (!login.password.is_null()) {
    auto password = secrets.reveal(login.password);
    if (!password) return fail(in_context("the password of " + login.user, password.error()));
    settings.password = std::move(*password);
  }
  return settings;
}

}  // namespace bascule::postgres
