// Plays one scenario file and compares what was decided with what the file says below its line.
// BASCULE_REWRITE=1 writes what happens now into the file instead: read the diff afterwards.
//
//   bascule_scenarios [--stop-after-every-record | --disturb-after-every-record] FILE
#include <fmt/format.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

#include "player.h"
#include "restarts.h"
#include "script.h"

namespace bascule::scenario {

// What is found by playing a script in many ways.
using Variations = std::string (*)(const Script& script);

namespace {

std::string read(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// The first lines that differ, with a little of what stands before them.
void print_difference(const std::string& path, const std::string& expected,
                      const std::string& actual) {
  std::istringstream left(expected);
  std::istringstream right(actual);
  std::string wanted;
  std::string happened;
  int line = 0;
  int shown = 0;
  while (shown < 8) {
    const bool more_left = static_cast<bool>(std::getline(left, wanted));
    const bool more_right = static_cast<bool>(std::getline(right, happened));
    if (!more_left && !more_right) break;
    ++line;
    if (!more_left) wanted = "(nothing)";
    if (!more_right) happened = "(nothing)";
    if (wanted == happened) continue;
    fmt::print(stderr, "line {} below ----\n  expected: {}\n  happened: {}\n", line, wanted,
               happened);
    ++shown;
  }
  fmt::print(stderr,
             "{}: other decisions than expected. If they are right: make scenario REWRITE=1\n",
             path);
}

int run(const std::string& path, Variations variations) {
  const Result<Script> script = read_script(read(path));
  if (!script) {
    fmt::print(stderr, "{}: {}\n", path, script.error().message);
    return 2;
  }
  if (variations != nullptr) {
    const std::string complaints = variations(*script);
    fmt::print(stderr, "{}", complaints);
    return complaints.empty() ? 0 : 1;
  }
  Player player(*script);
  player.play();
  for (const std::string& promise : player.broken_promises()) {
    fmt::print(stderr, "{}: broken promise: {}\n", path, promise);
  }
  const std::string difference = replay_differs(*script);
  fmt::print(stderr, "{}", difference);
  if (std::getenv("BASCULE_REWRITE") != nullptr) {
    std::ofstream(path) << script->head << player.transcript();
  } else if (player.transcript() != script->expected) {
    print_difference(path, script->expected, player.transcript());
    return 1;
  }
  return player.broken_promises().empty() && difference.empty() ? 0 : 1;
}

}  // namespace
}  // namespace bascule::scenario

int main(int count, char** arguments) {
  using namespace bascule::scenario;
  const std::string option = count == 3 ? arguments[1] : "";
  const Variations variations = option == "--stop-after-every-record" ? stop_after_every_record
                                : option == "--disturb-after-every-record"
                                    ? disturb_after_every_record
                                    : nullptr;
  if (count < 2 || count > 3 || (count == 3 && variations == nullptr)) {
    fmt::print(stderr,
               "usage: bascule_scenarios [--stop-after-every-record | "
               "--disturb-after-every-record] FILE\n");
    return 2;
  }
  return run(arguments[count - 1], variations);
}
