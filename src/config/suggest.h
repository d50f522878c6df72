// "Did you mean": the closest known word to what was written, if it is close enough to be a slip of
// the fingers.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bascule::config {

std::optional<std::string> closest(std::string_view written, const std::vector<std::string>& known);

// The whole hint: "did you mean `cooldown`?", else the known words, if they are few. A word of
// `also` is suggested when it is close, and not listed.
std::string suggestion(std::string_view written, const std::vector<std::string>& known,
                       const std::vector<std::string>& also = {});

}  // namespace bascule::config
