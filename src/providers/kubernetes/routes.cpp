// The weights of named backends of an HTTPRoute of the Gateway API.
#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "providers/kubernetes/object.h"

namespace bascule::kubernetes {
namespace {

constexpr const char* kGateway = "gateway.networking.k8s.io/v1";
constexpr std::int64_t kWeightMax = 1'000'000;

using Weights = std::map<std::string, std::int64_t>;

// A backend that is named, where it stands.
struct Place {
  std::size_t rule = 0;
  std::size_t index = 0;
  std::string name;
  std::int64_t weight = 0;

  [[nodiscard]] std::string path() const {
    return fmt::format("/spec/rules/{}/backendRefs/{}", rule, index);
  }
};

bool has_conditions(const Json& rule) {
  const Json& matches = member(rule, {"matches"});
  if (!matches.is_array()) return false;
  return std::ranges::any_of(matches, [](const Json& match) {
    return match.is_object() && (match.contains("headers") || match.contains("queryParams"));
  });
}

// The places of the rules that spread traffic over all of the named backends. A rule that sends
// only some requests (by header or query) to one of them, as testers do, is not among them.
std::vector<Place> places_of(const Json& route, const Weights& weights) {
  std::vector<Place> found;
  const Json& rules = member(route, {"spec", "rules"});
  if (!rules.is_array()) return found;
  for (std::size_t r = 0; r < rules.size(); ++r) {
    const Json& references = member(rules[r], {"backendRefs"});
    if (!references.is_array() || has_conditions(rules[r])) continue;
    std::vector<Place> here;
    for (std::size_t i = 0; i < references.size(); ++i) {
      const std::string name = text_or(references[i], "name");
      if (weights.contains(name)) {
        here.push_back({r, i, name, integer_or(references[i], "weight", 1)});
      }
    }
    if (here.size() == weights.size()) found.insert(found.end(), here.begin(), here.end());
  }
  return found;
}

// What a gateway that has taken the newest generation of the route says against it; empty: nothing.
Judgement accepted(const Json& route) {
  const std::int64_t generation = number(route, {"metadata", "generation"});
  const Json& parents = member(route, {"status", "parents"});
  if (!parents.is_array() || parents.empty()) {
    return {Finding::pending, "no gateway has taken the route yet"};
  }
  for (const Json& parent : parents) {
    for (const char* type : {"Accepted", "ResolvedRefs"}) {
      const Json& conditions = member(parent, {"conditions"});
      const Json* found = nullptr;
      for (const Json& each : conditions) {
        if (text_or(each, "type") == type) found = &each;
      }
      if (found == nullptr || number(*found, {"observedGeneration"}) < generation) {
        return {Finding::pending, "a gateway has not taken the newest weights yet"};
      }
      if (text_or(*found, "status") != "True") {
        return {Finding::blocked,
                fmt::format("a gateway says {} is {}: {} {}", type, text_or(*found, "status"),
                            net::excerpt(text_or(*found, "reason"), 80),
                            net::excerpt(text_or(*found, "message"), 120))};
      }
    }
  }
  return {};
}

class RouteWeights final : public Action {
 public:
  RouteWeights(Target target, Weights weights)
      : target_(std::move(target)), weights_(std::move(weights)) {}

  awaitable<Result<Inspection>> inspect(StepCall call) override {
    const std::string named = "set the weights of " + target_.text();
    const Result<Json> route = co_await target_.get(call.deadline);
    if (!route) co_return without_object(target_, route.error(), named);
    const std::vector<Place> places = places_of(*route, weights_);
    Inspection inspection;
    inspection.change = named;
    inspection.fingerprint = text_or(member(*route, {"metadata"}), "uid");
    if (places.empty()) {
      inspection.finding = Finding::blocked;
      inspection.because = "no rule of the route spreads traffic over all of these backends";
      co_return inspection;
    }
    inspection.prior = Json::array();
    std::string changes;
    for (const Place& place : places) {
      inspection.prior.push_back(
          {{"rule", place.rule}, {"name", place.name}, {"weight", place.weight}});
      inspection.facts["weights"][place.name] = place.weight;
      const std::int64_t wanted = weights_.at(place.name);
      if (place.weight == wanted) continue;
      changes += fmt::format("{}{} from {} to {}", changes.empty() ? ": " : ", ", place.name,
                             place.weight, wanted);
    }
    inspection.change += changes;
    note_trust(target_, inspection);
    if (changes.empty()) {
      const Judgement judged = accepted(*route);
      inspection.finding = judged.finding;
      inspection.because = judged.because;
    }
    co_return inspection;
  }

  awaitable<Result<Outputs>> apply(StepCall call) override {
    const Result<Json> route = co_await target_.get(call.deadline);
    if (!route) co_return fail(in_context(target_.text(), route.error()));
    std::vector<Place> places = places_of(*route, weights_);
    if (places.empty()) {
      co_return fail(ErrorCode::invalid, "{}: no rule spreads traffic over all of these backends",
                     target_.text());
    }
    for (Place& place : places) place.weight = weights_.at(place.name);
    const Result<void> written = co_await write(std::move(places), call.deadline);
    if (!written) co_return error_of(written);
    co_return Outputs();
  }

  awaitable<Result<void>> revert(StepCall call) override {
    if (!call.prior.is_array()) {
      co_return fail(ErrorCode::invalid, "{}: nothing is recorded to go back to", target_.text());
    }
    const Result<Json> route = co_await target_.get(call.deadline);
    if (!route) co_return fail(in_context(target_.text(), route.error()));
    std::vector<Place> places;
    for (Place& place : places_of(*route, weights_)) {
      for (const Json& each : call.prior) {
        const bool same = text_or(each, "name") == place.name &&
                          integer_or(each, "rule", -1) == static_cast<std::int64_t>(place.rule);
        if (!same) continue;
        place.weight = integer_or(each, "weight", 1);
        places.push_back(place);
      }
    }
    if (places.empty()) {
      co_return fail(ErrorCode::conflict, "{}: the rules that were changed are gone",
                     target_.text());
    }
    co_return co_await write(std::move(places), call.deadline);
  }

 private:
  // By place, each guarded by a test that the backend still stands there: lists of a route are
  // replaced whole by every other kind of patch.
  awaitable<Result<void>> write(std::vector<Place> places, Deadline deadline) {
    Json patch = Json::array();
    for (const Place& place : places) {
      patch.push_back({{"op", "test"}, {"path", place.path() + "/name"}, {"value", place.name}});
      patch.push_back({{"op", "add"}, {"path", place.path() + "/weight"}, {"value", place.weight}});
    }
    const Result<Json> patched =
        co_await target_.client->patch(target_.path(), PatchType::json, std::move(patch), deadline);
    if (patched) co_return Result<void>();
    Error error = patched.error();
    // A test that failed: somebody has moved the backends since they were read.
    if (error.code == ErrorCode::invalid) error.code = ErrorCode::conflict;
    co_return fail(in_context(target_.text(), std::move(error)));
  }

  Target target_;
  Weights weights_;
};

Result<Weights> read_weights(const Json& settings) {
  Weights weights;
  const auto given = settings.find("weights");
  if (given != settings.end() && given->is_object()) {
    for (const auto& [name, value] : given->items()) {
      if (!value.is_number_integer()) {
        return fail(ErrorCode::invalid, "weights: that of {} is no whole number", name);
      }
      weights[name] = value.get<std::int64_t>();
    }
  }
  if (weights.empty()) return fail(ErrorCode::invalid, "weights: name at least one backend");
  const bool all_zero =
      std::ranges::all_of(weights, [](const auto& each) { return each.second == 0; });
  if (weights.size() > 1 && all_zero) {
    return fail(ErrorCode::invalid, "weights: with nothing but zeros each request fails");
  }
  return weights;
}

}  // namespace

ActionKind http_route_kind(std::shared_ptr<Clusters> clusters) {
  ActionKind action;
  action.kind = object_kind(
      "kubernetes.http_route",
      "The weights of named backends of an HTTPRoute (Gateway API), and a gateway that has taken "
      "them. Other rules, filters and backends stay as they are, and so do rules by header or "
      "query.",
      Field{.name = "route", .summary = "Its name.", .required = true},
      {"get and patch httproutes.gateway.networking.k8s.io"});
  action.kind.fields.push_back(Field{
      .name = "weights",
      .type = FieldType::map,
      .summary = "The backends by name; of their sum each gets its "
                 "share.",
      .required = true,
      .items = {Field{
          .name = "weight", .type = FieldType::integer, .minimum = 0, .maximum = kWeightMax}}});
  action.remedy =
      "look at it with `kubectl --context CONTEXT -n NAMESPACE describe httproute NAME`; whoever "
      "else writes the route (a GitOps controller) has to leave the weights alone";
  action.make = [clusters](ActionContext context,
                           Services& services) -> Result<std::shared_ptr<Action>> {
    Result<Target> target =
        read_target(context.settings, *clusters, services.clock, kGateway, "httproutes", "route");
    if (!target) return error_of(target);
    Result<Weights> weights = read_weights(context.settings);
    if (!weights) return error_of(weights);
    return std::make_shared<RouteWeights>(*std::move(target), *std::move(weights));
  };
  return action;
}

}  // namespace bascule::kubernetes
