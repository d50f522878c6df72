// token create: a bearer token for the API, and its line of the configuration.
#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "api/access.h"
#include "app/command_line/command.h"
#include "app/environment.h"
#include "base/time.h"

namespace bascule::app {
namespace {

constexpr std::size_t kNameMax = 63;  // as names of the configuration

bool is_name(const std::string& name) {
  const auto is_plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  if (name.empty() || name.size() > kNameMax || !is_plain(name.front())) return false;
  return std::ranges::all_of(
      name, [&](char c) { return is_plain(c) || c == '-' || c == '_' || c == '.'; });
}

// The line for `access: tokens:`.
std::string configuration_line(const Json& token) {
  std::string line = fmt::format("{{name: {}, role: {}, hash: \"{}\"", text_or(token, "name"),
                                 text_or(token, "role"), text_or(token, "hash"));
  if (const std::string expires = text_or(token, "expires"); !expires.empty())
    line += fmt::format(", expires: \"{}\"", expires);
  return line + "}";
}

Result<Json> describe(Session& session) {
  const Arguments& arguments = session.arguments();
  if (!is_name(arguments.name) || arguments.name == "local") {
    return fail(
        Error{ErrorCode::invalid, fmt::format("`{}` cannot be the name of a token", arguments.name),
              "letters, digits, -, _ and dots, at most 63; `local` is taken", std::nullopt});
  }
  if (!api::role_from(arguments.role)) {
    return fail(Error{ErrorCode::invalid,
                      arguments.role.empty() ? "which role?"
                                             : fmt::format("there is no role `{}`", arguments.role),
                      "--role viewer (reads), operator (moves) or admin (also adopt and import)",
                      std::nullopt});
  }
  Json token{{"name", arguments.name}, {"role", arguments.role}, {"expires", nullptr}};
  if (!arguments.expires.empty()) {
    const auto lasting = parse_duration(arguments.expires);
    if (!lasting || *lasting <= Duration{0}) {
      return fail(Error{ErrorCode::invalid,
                        fmt::format("`{}` is not a duration", arguments.expires),
                        "--expires 30d, 12h", std::nullopt});
    }
    token["expires"] = to_rfc3339(session.clock().now() + *lasting);
  }
  return token;
}

ExitCode create(Session& session) {
  Result<Json> token = describe(session);
  if (!token) return session.fail_usage(token.error().message, token.error().what_to_do);
  const Result<std::string> secret = api::make_token_secret();
  if (!secret) return session.fail(secret.error());
  (*token)["hash"] = api::token_hash(*secret);
  const std::string& out = session.arguments().out;
  if (out.empty()) {
    (*token)["token"] = *secret;
  } else if (auto written = write_private_file(out, *secret + "\n"); !written) {
    Error error = written.error();
    if (error.code == ErrorCode::conflict) error.what_to_do = "name another file: --out FILE";
    return session.fail(error);
  }
  const std::string where = out.empty() ? *secret : "in " + out;
  session.show(*token, fmt::format("token  {}\nhash   {}\n", where, text_or(*token, "hash")));
  if (!session.arguments().wants_view()) {
    session.say_text(fmt::format(
        "\nOnly its bearer has the token: it is kept nowhere else. For the daemon, in its "
        "configuration:\n\n  access:\n    tokens:\n      - {}\n\nand then: kill -HUP of "
        "the daemon, or systemctl reload bascule\n",
        configuration_line(*token)));
  }
  return ExitCode::done;
}

void declare(CLI::App& app, Arguments& arguments) {
  app.add_option("name", arguments.name)->type_name("NAME");
  app.add_option("--role", arguments.role, "viewer, operator or admin")->type_name("ROLE");
  app.add_option("--expires", arguments.expires, "it ends after this long: 30d (default: never)")
      ->type_name("DURATION");
  app.add_option("--out", arguments.out, "write the token there (mode 0600) and do not show it")
      ->type_name("FILE");
}

}  // namespace

Family granting() {
  return {"Grant",
          {{"token create",
            "NAME --role ROLE [--expires DURATION] [--out FILE]",
            "a bearer token for the API, and its line of the configuration",
            "Makes a token of 256 random bits and prints it once, with its hash. The configuration "
            "of the daemon takes the hash alone (`access: tokens:`), so that nobody who reads it "
            "can act. A viewer reads; an operator also moves, holds and ends runs; an admin also "
            "says what is true (adopt, import). What somebody does with a token is recorded under "
            "its name.",
            {{"bascule token create oncall --role operator", ""},
             {"bascule token create wall --role viewer --expires 90d --out wall.token", ""}},
            {{"NAME", &Arguments::name}},
            declare,
            create}}};
}

}  // namespace bascule::app
