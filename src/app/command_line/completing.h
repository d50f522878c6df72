// Completion of a command line in a shell: what may stand where the cursor is. The shells' own
// scripts (`bascule completion SHELL`) ask `bascule complete`, so that they all know the same.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace bascule::app {

// What the names of the installation are asked for; empty when it cannot be told in time.
struct NamesKnown {
  std::function<std::vector<std::string>()> groups;
  std::function<std::vector<std::string>(const std::string& group)> sites;  // "": of every group
  std::function<std::vector<std::string>()> runs;
};

struct Candidate {
  std::string word;
  std::string meaning;  // may be empty
};

struct Candidates {
  std::vector<Candidate> words;
  bool files = false;  // the shell completes the name of a file
};

// `words`: after the program's own name; the last one is being written, and may be empty.
Candidates candidates_for(std::vector<std::string> words, const NamesKnown& names);

}  // namespace bascule::app
