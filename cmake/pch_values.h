// Headers that nearly every file of model/, engine/ and config/ reads. Nothing may rely on it: each
// file includes what it uses.
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <expected>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>
