// The two configurations that this room's tests start from. Only tests include this.
#pragma once

#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>

namespace bascule::config::test {

inline std::string read_testdata(const std::string& name) {
  const std::string here = __FILE__;
  const std::string path = here.substr(0, here.rfind('/')) + "/testdata/" + name;
  const std::ifstream file(path);
  if (!file) throw std::runtime_error("cannot read " + path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// The two-site example with its comments, its folder moved.
inline std::string twosite() {
  return read_testdata("twosite.yaml");
}

// A small group that may move by itself, without a front door; valid, without a warning.
inline std::string shop() {
  return read_testdata("shop.yaml");
}

}  // namespace bascule::config::test
