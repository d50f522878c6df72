// How far the followers of the journal have come, kept in a small file beside the store, so that a
// message that was not delivered when the process ended is delivered by the next.
//
// The file is replaced as a whole and may be removed at any time: then only what happens from then
// on is told. It names the journal that it belongs to, and means nothing to any other. Not flushed
// to the disk at once, so that after a crash of the machine a message may come twice; receivers
// know them by their number.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "async/awaitable.h"
#include "async/pool.h"
#include "base/result.h"
#include "model/record.h"

namespace bascule::runtime {

class Cursors {
 public:
  // Blocks for a moment. An empty path keeps nothing.
  explicit Cursors(std::string path);

  // What the file says is compared with the journal that is followed (as of Follower::opened). What
  // it says of another one, or of records that this one does not have, is replaced by `head`, and
  // what could not be read is missing. The answer is what was wrong, as a clause; empty: nothing.
  [[nodiscard]] std::string follow(const std::string& journal, Sequence head);
  // The journal has its first record now, or was named in its file already.
  void belong_to(const std::string& journal);

  // The newest record that was dealt with; nothing for one that never was here.
  [[nodiscard]] std::optional<Sequence> of(const std::string& name) const;
  void move(const std::string& name, Sequence seq);
  // Writes what has moved since; a file that cannot be written is tried again with the next move.
  awaitable<Result<void>> keep();

 private:
  Result<void> load();
  [[nodiscard]] std::string text() const;

  std::string path_;
  std::string journal_;  // empty: not known yet
  std::map<std::string, Sequence> newest_;
  std::string trouble_;  // why the file says nothing
  bool moved_ = false;
  bool writing_ = false;
  BlockingPool pool_{1, 4};
};

}  // namespace bascule::runtime
