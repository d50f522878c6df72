// The settings of a `postgres` check: what a probe gets rendered, and what an action finds in the
// description of a site, whose templates it renders itself. Passwords stay references until a
// connection is opened.
#pragma once

#include <string>

#include "base/result.h"
#include "model/configuration.h"
#include "model/json.h"
#include "ports/kinds.h"
#include "ports/secrets.h"
#include "providers/postgres/connection.h"
#include "providers/postgres/facts.h"

namespace bascule::postgres {

struct Login {
  std::string user;
  Json password;  // a reference, or null
};

struct CheckSettings {
  std::string host;
  std::uint16_t port = 5432;
  std::string database;
  Login monitor;
  std::optional<Login> admin;  // for actions only
  std::string sslmode = "verify-full";
  std::string sslrootcert;
  LagLimits limits;
};

// Error invalid names the field that is missing or impossible.
Result<CheckSettings> check_settings(const Json& settings);

// The check of this name at a site of the group, with `${{ site.… }}` rendered; where that site has
// no check of that name, its only postgres check. Errors: not_found, invalid.
Result<CheckSettings> check_settings_of(const GroupSpec& group, const SiteName& site,
                                        const std::string& check);

// "127.0.1.1:5432": which server it is, for those that look at the same one.
std::string server_of(const CheckSettings& check);

// How to connect as one of the two. Reads the password now, so that a rotated one is picked up.
Result<ConnectionSettings> connection_settings(const CheckSettings& check, const Login& login,
                                               const Secrets& secrets);

}  // namespace bascule::postgres
