#include "app/command_line/saved_plan.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <utility>

#include "api/views.h"
#include "engine/plan/basis.h"

namespace bascule::app {
namespace {

constexpr std::size_t kLargest = std::size_t{4} << 20;
constexpr const char* kHowToMake = "bascule plan GROUP --to SITE -o json > FILE";

std::unexpected<Error> no_plan(std::string why) {
  return fail(Error{ErrorCode::invalid, std::move(why), kHowToMake, std::nullopt});
}

Result<std::string> content_of(const std::string& path) {
  std::error_code problem;
  const auto status = std::filesystem::status(path, problem);
  if (problem) return no_plan(fmt::format("cannot be read: {}", problem.message()));
  if (std::filesystem::is_directory(status)) return no_plan("is a directory");
  std::ifstream file(path, std::ios::binary);
  if (!file) return no_plan(fmt::format("cannot be read: {}", std::strerror(errno)));
  std::string text(kLargest + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > kLargest) return no_plan("is larger than 4 MiB");
  return text;
}

}  // namespace

Result<SavedPlan> saved_plan_from(const std::string& text) {
  if (text.find_first_not_of(" \t\r\n") == std::string::npos) return no_plan("is empty");
  const Result<Json> json = parse_json(text);
  if (!json) return no_plan(fmt::format("is not JSON: {}", json.error().message));
  if (!json->is_object()) return no_plan("is JSON, but not a plan");
  if (const auto error = json->find("error"); error != json->end() && error->is_object()) {
    return no_plan(fmt::format("holds an error instead of a plan: {}", text_or(*error, "message")));
  }
  SavedPlan plan{text_or(*json, "group"), text_or(*json, "move"), text_or(*json, "source"),
                 text_or(*json, "target"), json->value("basis", Json())};
  if (plan.group.empty() || plan.move.empty() || plan.source.empty() || plan.target.empty()) {
    return no_plan("is JSON, but not a plan");
  }
  const Result<engine::PlanBasis> basis = api::plan_basis_from(plan.basis);
  if (!basis) return no_plan(fmt::format("is not a whole plan: {}", basis.error().message));
  if (engine::fingerprint(*basis) != text_or(*json, "fingerprint")) {
    return no_plan("was changed since it was made: its fingerprint does not fit");
  }
  return plan;
}

Result<SavedPlan> read_saved_plan(const std::string& path) {
  Result<std::string> text = content_of(path);
  Result<SavedPlan> plan = text ? saved_plan_from(*text) : error_of(text);
  if (plan) return plan;
  Error error = plan.error();
  error.message = fmt::format("{} {}", path, error.message);
  return fail(std::move(error));
}

}  // namespace bascule::app
