// How far the followers of the journal have come, kept in a small file beside the store, so that a
// message that was not delivered when the process ended is delivered by the next.
//
// The file is replaced as a whole and may be removed at any time: then only what happens from then
// on is told. Not flushed to the disk at once, so that after a crash of the machine a message may
// come twice; receivers know them by their number.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "async/awaitable.h"
#include "async/pool.h"
#include "model/record.h"

namespace bascule::runtime {

class Cursors {
 public:
  // Blocks for a moment. An empty path keeps nothing.
  explicit Cursors(std::string path);

  // The newest record that was dealt with; nothing for one that never was here.
  [[nodiscard]] std::optional<Sequence> of(const std::string& name) const;
  void move(const std::string& name, Sequence seq);
  // Writes what has moved since; a file that cannot be written is tried again with the next move.
  awaitable<void> keep();

 private:
  std::string path_;
  std::map<std::string, Sequence> newest_;
  bool moved_ = false;
  bool writing_ = false;
  BlockingPool pool_{1, 4};
};

}  // namespace bascule::runtime
