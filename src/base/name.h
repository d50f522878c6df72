// Strong names: a GroupName is not a SiteName, and the compiler knows it. A Name is an
// immutable-looking value with the order of its text, so that it can be a key of a std::map.
#pragma once

#include <fmt/format.h>

#include <compare>
#include <string>
#include <string_view>
#include <utility>

namespace bascule {

template <typename Tag>
class Name {
 public:
  Name() = default;
  explicit Name(std::string text) : text_(std::move(text)) {}

  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] bool empty() const { return text_.empty(); }

  friend auto operator<=>(const Name&, const Name&) = default;

 private:
  std::string text_;
};

using GroupName = Name<struct GroupTag>;
using SiteName = Name<struct SiteTag>;
using CheckName = Name<struct CheckTag>;
using ObserverName = Name<struct ObserverTag>;
using RunId = Name<struct RunTag>;    // r-0042
using StepId = Name<struct StepTag>;  // PHASE/NAME, unique within a run
using ObligationId = Name<struct ObligationTag>;

}  // namespace bascule

template <typename Tag>
struct fmt::formatter<bascule::Name<Tag>> : fmt::formatter<std::string_view> {
  auto format(const bascule::Name<Tag>& name, fmt::format_context& context) const {
    return fmt::formatter<std::string_view>::format(name.text(), context);
  }
};
