#include "providers/kubernetes/yaml.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <sstream>
#include <utility>
#include <vector>

namespace bascule::kubernetes {
namespace {

constexpr std::size_t kDepthMax = 32;
constexpr std::size_t kValuesMax = 100'000;

// Built from the events of the parser: its nodes would follow aliases.
class Builder final : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t) override { add(nullptr, mark); }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    refuse(mark, "an alias (*name) is not followed here");
  }
  void OnScalar(const YAML::Mark& mark, const std::string&, YAML::anchor_t,
                const std::string& value) override {
    const bool is_key = !open_.empty() && open_.back().value.is_object() && !open_.back().has_key;
    if (is_key) {
      open_.back().key = value;
      open_.back().has_key = true;
    } else {
      // "null" and "~" without quotes are the parser's OnNull.
      add(value, mark);
    }
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {
    begin(Json::array(), mark);
  }
  void OnSequenceEnd() override { end(); }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {
    begin(Json::object(), mark);
  }
  void OnMapEnd() override { end(); }

  [[nodiscard]] const std::string& refusal() const { return refusal_; }
  Json take() { return std::move(root_); }

 private:
  struct Open {
    Json value;
    std::string key;
    bool has_key = false;
  };

  void refuse(const YAML::Mark& mark, const char* what) {
    if (refusal_.empty()) refusal_ = fmt::format("line {}: {}", mark.line + 1, what);
    open_.clear();
  }
  void begin(Json empty, const YAML::Mark& mark) {
    if (!refusal_.empty()) return;
    const bool as_key = !open_.empty() && open_.back().value.is_object() && !open_.back().has_key;
    if (as_key) return refuse(mark, "a key is not a text");
    if (open_.size() == kDepthMax) return refuse(mark, "it is nested too deeply");
    last_ = mark;
    open_.push_back(Open{std::move(empty), "", false});
  }
  void end() {
    if (open_.empty()) return;
    Json value = std::move(open_.back().value);
    open_.pop_back();
    add(std::move(value), last_);
  }
  void add(Json value, const YAML::Mark& mark) {
    if (!refusal_.empty()) return;
    if (++values_ > kValuesMax) return refuse(mark, "it has too many values");
    if (open_.empty()) {
      root_ = std::move(value);
      return;
    }
    Open& into = open_.back();
    if (into.value.is_array()) {
      into.value.push_back(std::move(value));
    } else if (!into.has_key) {
      refuse(mark, "a key is not a text");
    } else {
      into.value[into.key] = std::move(value);
      into.has_key = false;
    }
  }

  Json root_ = nullptr;
  std::vector<Open> open_;
  std::size_t values_ = 0;
  YAML::Mark last_;
  std::string refusal_;
};

}  // namespace

Result<Json> parse_yaml(const std::string& text) {
  Builder builder;
  try {
    std::istringstream stream(text);
    YAML::Parser parser(stream);
    parser.HandleNextDocument(builder);
  } catch (const YAML::Exception& problem) {
    // What came before it counts: the first complaint is the one that helps.
    if (builder.refusal().empty()) {
      return fail(ErrorCode::invalid, "line {}: {}", problem.mark.line + 1, problem.msg);
    }
  }
  if (!builder.refusal().empty()) return fail(ErrorCode::invalid, "{}", builder.refusal());
  return builder.take();
}

}  // namespace bascule::kubernetes
