#include "providers/kubernetes/object.h"

#include <utility>
#include <vector>

namespace bascule::kubernetes {
namespace {

constexpr std::size_t kDifferencesShown = 4;
constexpr std::size_t kValueShown = 60;

const Json kNull = nullptr;

void collect(const Json& object, const Json& patch, const std::string& path,
             std::vector<std::string>& found) {
  for (const auto& [key, value] : patch.items()) {
    const Json& before = object.is_object() && object.contains(key) ? object[key] : kNull;
    const std::string here = path.empty() ? key : path + "." + key;
    if (value.is_object()) {
      collect(before, value, here, found);
    } else if (value != before) {
      const auto shown = [](const Json& each) {
        return each.is_null() ? "nothing" : net::excerpt(to_text(each), kValueShown);
      };
      found.push_back(fmt::format("{} from {} to {}", here, shown(before), shown(value)));
    }
  }
}

}  // namespace

std::string Target::text() const {
  return fmt::format("{} {}{}{} of {}", plural, space, space.empty() ? "" : "/", name,
                     client->name());
}

awaitable<Result<Json>> Target::get(Deadline deadline) const {
  return client->get(path(), deadline);
}

Result<Target> read_target(const Json& settings, Clusters& clusters, Clock& clock,
                           std::string group_version, std::string plural,
                           std::string_view name_field) {
  Target target;
  auto client = clusters.client(text_or(settings, "context"), clock);
  if (!client) return error_of(client);
  target.client = *std::move(client);
  target.group_version = std::move(group_version);
  target.plural = std::move(plural);
  target.space = text_or(settings, "namespace", "default");
  target.name = text_or(settings, name_field);
  if (target.name.empty()) return fail(ErrorCode::invalid, "{}: it is empty", name_field);
  return target;
}

const Json& member(const Json& object, std::initializer_list<std::string_view> way) {
  const Json* at = &object;
  for (const std::string_view key : way) {
    if (!at->is_object()) return kNull;
    const auto found = at->find(key);
    if (found == at->end()) return kNull;
    at = &*found;
  }
  return *at;
}

std::int64_t number(const Json& object, std::initializer_list<std::string_view> way,
                    std::int64_t otherwise) {
  const Json& found = member(object, way);
  return found.is_number_integer() ? found.get<std::int64_t>() : otherwise;
}

Json merged(const Json& object, const Json& patch) {
  if (!patch.is_object()) return patch;
  Json result = object.is_object() ? object : Json::object();
  for (const auto& [key, value] : patch.items()) {
    if (value.is_null()) {
      result.erase(key);
    } else {
      result[key] = merged(result.contains(key) ? result[key] : kNull, value);
    }
  }
  return result;
}

Json reversal(const Json& object, const Json& patch) {
  Json result = Json::object();
  for (const auto& [key, value] : patch.items()) {
    const Json& before = object.is_object() && object.contains(key) ? object[key] : kNull;
    const bool goes_on = value.is_object() && before.is_object();
    result[key] = goes_on ? reversal(before, value) : before;
  }
  return result;
}

std::string difference(const Json& object, const Json& patch) {
  std::vector<std::string> found;
  collect(object, patch, "", found);
  std::string text;
  for (std::size_t i = 0; i < found.size() && i < kDifferencesShown; ++i) {
    text += (text.empty() ? "" : ", ") + found[i];
  }
  if (found.size() > kDifferencesShown) {
    text += fmt::format(" and {} more", found.size() - kDifferencesShown);
  }
  return text;
}

Result<Inspection> without_object(const Target& target, const Error& error, std::string change) {
  if (error.code != ErrorCode::not_found) return fail(in_context(target.text(), error));
  Inspection inspection;
  inspection.finding = Finding::blocked;
  inspection.change = std::move(change);
  inspection.because = target.text() + ": " + error.message;
  return inspection;
}

void note_trust(const Target& target, Inspection& inspection) {
  if (target.client->verifies()) return;
  inspection.change += " (TLS IS NOT VERIFIED)";
  inspection.facts["tls_verified"] = false;
}

awaitable<Result<Inspection>> ObjectPatch::inspect(StepCall call) {
  const Target& target = settings_.target;
  const std::string named = settings_.verb + " " + target.text();
  const Result<Json> object = co_await target.get(call.deadline);
  if (!object) co_return without_object(target, object.error(), named);
  Inspection inspection;
  inspection.prior = reversal(*object, settings_.patch);
  inspection.fingerprint = text_or(member(*object, {"metadata"}), "uid");
  const std::string changes = difference(*object, settings_.patch);
  inspection.change = changes.empty() ? named : named + ": " + changes;
  note_trust(target, inspection);
  const auto obstacle = settings_.obstacle ? settings_.obstacle(*object) : std::nullopt;
  if (obstacle) {
    inspection.finding = Finding::blocked;
    inspection.because = *obstacle;
  } else if (merged(*object, settings_.patch) != *object) {
    inspection.finding = Finding::needed;
  } else {
    const Judgement judged = settings_.settled ? settings_.settled(*object) : Judgement();
    inspection.finding = judged.finding;
    inspection.because = judged.because;
  }
  co_return inspection;
}

awaitable<Result<Outputs>> ObjectPatch::apply(StepCall call) {
  const Target& target = settings_.target;
  std::string path = target.path();
  if (!settings_.subresource.empty()) path += "/" + settings_.subresource;
  const Result<Json> patched =
      co_await target.client->patch(path, PatchType::merge, settings_.patch, call.deadline);
  if (!patched) co_return fail(in_context(target.text(), patched.error()));
  co_return Outputs();
}

awaitable<Result<void>> ObjectPatch::revert(StepCall call) {
  if (!settings_.reversible) {
    co_return fail(ErrorCode::invalid, "what was done to {} cannot be taken back",
                   settings_.target.text());
  }
  if (!call.prior.is_object()) {
    co_return fail(ErrorCode::invalid, "{}: nothing is recorded to go back to",
                   settings_.target.text());
  }
  std::string path = settings_.target.path();
  if (!settings_.subresource.empty()) path += "/" + settings_.subresource;
  const Result<Json> patched =
      co_await settings_.target.client->patch(path, PatchType::merge, call.prior, call.deadline);
  if (!patched) co_return fail(in_context(settings_.target.text(), patched.error()));
  co_return Result<void>();
}

Kind object_kind(std::string name, std::string summary, Field object,
                 std::vector<std::string> permissions) {
  Kind kind;
  kind.name = std::move(name);
  kind.summary = std::move(summary);
  kind.permissions = std::move(permissions);
  kind.fields = {context_field(), namespace_field(), std::move(object)};
  return kind;
}

}  // namespace bascule::kubernetes
