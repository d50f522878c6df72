// The status as text, for those who ask often: what is said of a group is kept until something of
// it has changed. With a thousand groups, writing all of them anew takes longer than a loop should
// stand still.
//
// What changes a group: a record (of any group: the state is what the records made it), or newer
// readings of its own. A group of which something is said that depends on the time itself, such as
// how long a drill has been open, is always written anew. One thread, the loop's.
#pragma once

#include <map>
#include <string>

#include "api/views.h"

namespace bascule::api {

class StatusText {
 public:
  // The same, to the byte, as to_text(status_view(…)).
  std::string write(const engine::State& state, const engine::Readings& readings,
                    const Speaker& speaker, Instant now);

 private:
  struct Kept {
    Sequence seq = 0;
    std::vector<Instant> read_at;  // of each of its readings
    std::string text;
  };
  const std::string& text_of(const engine::State& state, const engine::Readings& readings,
                             const GroupSpec& group, Instant now);

  std::map<GroupName, Kept> kept_;
};

}  // namespace bascule::api
