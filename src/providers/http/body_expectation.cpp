#include "providers/http/body_expectation.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "model/number.h"

namespace bascule::http {
namespace {

using Sign = Comparison::Sign;

// RE2 needs at most so many steps for each byte of the body; a pattern of a person has dozens.
constexpr int kPatternStepsMax = 500;
constexpr std::int64_t kPatternMemory = 1 << 20;
constexpr std::size_t kShown = 60;  // of a value of the body

struct SignText {
  std::string_view text;
  Sign sign;
};
constexpr std::array<SignText, 6> kSigns = {{{">=", Sign::at_least},
                                             {"<=", Sign::at_most},
                                             {"!=", Sign::not_equal},
                                             {"==", Sign::equal},
                                             {">", Sign::above},
                                             {"<", Sign::below}}};

bool compares_numbers(Sign sign) {
  return sign != Sign::equal && sign != Sign::not_equal;
}

std::string_view trimmed(std::string_view text) {
  const std::size_t first = std::min(text.find_first_not_of(' '), text.size());
  const std::size_t last = text.find_last_not_of(' ');
  return last == std::string_view::npos ? std::string_view() : text.substr(first, last + 1 - first);
}

// "checks.0.name" and "checks[0].name".
std::optional<std::vector<std::string>> steps_of(std::string_view path) {
  std::vector<std::string> steps(1);
  for (std::size_t at = 0; at < path.size(); ++at) {
    if (path[at] == '.') {
      steps.emplace_back();
    } else if (path[at] == '[') {
      const std::size_t close = path.find(']', at);
      const bool ends =
          close != std::string_view::npos &&
          (close + 1 == path.size() || path[close + 1] == '.' || path[close + 1] == '[');
      if (!ends) return std::nullopt;
      if (!steps.back().empty()) steps.emplace_back();
      steps.back() = path.substr(at + 1, close - at - 1);
      at = close;
    } else {
      steps.back() += path[at];
    }
  }
  const bool gap = std::ranges::any_of(steps, [](const std::string& step) { return step.empty(); });
  if (gap) return std::nullopt;
  return steps;
}

Result<Comparison> make_comparison(const std::string& path, const Json& value) {
  if (is_secret_reference(value)) {
    return fail(ErrorCode::invalid, "expect.json.{}: it is printed, so it cannot be a secret",
                path);
  }
  Comparison comparison;
  comparison.path = path;
  auto steps = steps_of(path);
  if (!steps) {
    return fail(ErrorCode::invalid,
                "expect.json: \"{}\" is no path; write member.member, and member[0] for lists",
                path);
  }
  comparison.steps = *std::move(steps);
  const std::string written = value.get<std::string>();
  std::string_view operand = trimmed(written);
  const auto sign = std::ranges::find_if(
      kSigns, [&](const SignText& one) { return operand.starts_with(one.text); });
  if (sign != kSigns.end()) {
    comparison.sign = sign->sign;
    operand = trimmed(operand.substr(sign->text.size()));
  }
  comparison.operand = operand;
  comparison.written = written;
  if (compares_numbers(comparison.sign) && !parse_number(operand)) {
    return fail(ErrorCode::invalid, "expect.json.{}: {} compares numbers, and \"{}\" is none", path,
                sign->text, operand);
  }
  return comparison;
}

const Json* find(const Json& body, const std::vector<std::string>& steps) {
  const Json* at = &body;
  for (const std::string& step : steps) {
    if (at->is_object()) {
      const auto member = at->find(step);
      if (member == at->end()) return nullptr;
      at = &*member;
    } else if (at->is_array()) {
      std::size_t place = 0;
      const auto [end, failed] = std::from_chars(step.data(), step.data() + step.size(), place);
      const bool whole = failed == std::errc() && end == step.data() + step.size();
      if (!whole || place >= at->size()) return nullptr;
      at = &(*at)[place];
    } else {
      return nullptr;
    }
  }
  return at;
}

// Numbers are equal by value (3 and 3.0), everything else by its text.
bool equals(const Json& value, const std::string& operand) {
  if (value.is_string()) return value.get_ref<const std::string&>() == operand;
  if (value.is_number()) {
    const std::optional<double> number = parse_number(operand);
    if (number && value.get<double>() == *number) return true;
  }
  return to_text(value) == operand;
}

bool holds(const Comparison& comparison, const Json& value) {
  if (comparison.sign == Sign::equal) return equals(value, comparison.operand);
  if (comparison.sign == Sign::not_equal) return !equals(value, comparison.operand);
  const std::optional<double> number =
      value.is_number() ? std::optional(value.get<double>())
                        : parse_number(value.is_string() ? value.get<std::string>() : "");
  if (!number) return false;
  const double limit = *parse_number(comparison.operand);
  switch (comparison.sign) {
    case Sign::above:
      return *number > limit;
    case Sign::below:
      return *number < limit;
    case Sign::at_least:
      return *number >= limit;
    default:
      return *number <= limit;
  }
}

std::optional<std::string> mistake_in(const std::vector<Comparison>& comparisons,
                                      const std::string& body) {
  const Result<Json> json = parse_json(body);
  if (!json) return "the body is not JSON: \"" + net::excerpt(body) + "\"";
  for (const Comparison& comparison : comparisons) {
    const Json* value = find(*json, comparison.steps);
    if (value == nullptr) return "the body has no " + comparison.path;
    if (holds(comparison, *value)) continue;
    return fmt::format("{} is {}, expected {}", comparison.path,
                       net::excerpt(to_text(*value), kShown), comparison.written);
  }
  return std::nullopt;
}

Result<std::shared_ptr<const re2::RE2>> make_pattern(const std::string& text) {
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(kPatternMemory);
  auto pattern = std::make_shared<const re2::RE2>(text, options);
  if (!pattern->ok()) {
    return fail(ErrorCode::invalid, "expect.matches: \"{}\" is no regular expression: {}", text,
                pattern->error());
  }
  if (pattern->ProgramSize() > kPatternStepsMax) {
    return fail(ErrorCode::invalid,
                "expect.matches: the regular expression is too large ({} steps, at most {})",
                pattern->ProgramSize(), kPatternStepsMax);
  }
  return pattern;
}

}  // namespace

std::vector<Field> BodyExpectation::fields() {
  Field json{.name = "json",
             .type = FieldType::map,
             .summary =
                 "Values of a JSON body by their path (`checks[0].state`): the value itself, "
                 "or `!=`, `>`, `>=`, `<`, `<=` and a value.",
             .default_value = Json::object()};
  json.items = {Field{.name = "value"}};
  return {Field{.name = "body", .summary = "Text that the body must contain.", .default_value = ""},
          Field{.name = "matches",
                .summary = "Regular expression (RE2) that some part of the body must match.",
                .default_value = ""},
          json};
}

Result<BodyExpectation> BodyExpectation::make(const Json& expect, const Secrets& secrets) {
  BodyExpectation made;
  if (const auto part = expect.find("body"); part != expect.end() && !part->is_null()) {
    Result<std::string> text = secrets.reveal(*part);
    if (!text) return fail(in_context("expect.body", text.error()));
    made.text_ = *std::move(text);
  }
  const auto pattern = expect.find("matches");
  if (pattern != expect.end() && is_secret_reference(*pattern)) {
    return fail(ErrorCode::invalid, "expect.matches: it is printed, so it cannot be a secret");
  }
  if (const std::string text = text_or(expect, "matches"); !text.empty()) {
    auto compiled = make_pattern(text);
    if (!compiled) return error_of(compiled);
    made.pattern_ = *std::move(compiled);
  }
  const auto json = expect.find("json");
  if (json == expect.end() || !json->is_object()) return made;
  for (const auto& [path, value] : json->items()) {
    Result<Comparison> comparison = make_comparison(path, value);
    if (!comparison) return error_of(comparison);
    made.comparisons_.push_back(*std::move(comparison));
  }
  return made;
}

bool BodyExpectation::is_empty() const {
  return text_.empty() && !pattern_ && comparisons_.empty();
}

std::optional<std::string> BodyExpectation::mistake(const net::Response& response) const {
  if (is_empty()) return std::nullopt;
  const auto encoding = response.headers.find("Content-Encoding");
  if (encoding && !net::equal_without_case(*encoding, "identity")) {
    return fmt::format("the body is encoded ({}), which was not asked for",
                       net::excerpt(*encoding));
  }
  const bool cut = response.body_truncated;
  const std::string beginning =
      fmt::format("the first {} KiB of the body", response.body.size() / 1024);
  if (!response.body.contains(text_)) {
    return cut ? beginning + " lack the expected text" : "the body lacks the expected text";
  }
  if (pattern_ && !re2::RE2::PartialMatch(response.body, *pattern_)) {
    return cut ? beginning + " do not match the expected pattern"
               : "the body does not match the expected pattern";
  }
  if (comparisons_.empty()) return std::nullopt;
  if (cut) return beginning + " are not all of it, so its JSON cannot be read";
  return mistake_in(comparisons_, response.body);
}

}  // namespace bascule::http
