// Who goes in first at a server that comes back. The seal of a site that was given up waits for its
// server; until it has been in, nothing else of this process goes in: its attempt is everybody's
// look, so that nothing of ours ever sees a site that still takes writes.
//
// One thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "async/awaitable.h"
#include "async/clock.h"
#include "async/deadline.h"
#include "providers/postgres/failure.h"

namespace bascule::postgres {

class Vigils {
 private:
  struct Post;

 public:
  // Held by the seal from its first attempt until it is in; its end lets everybody go in.
  class Vigil {
   public:
    explicit Vigil(std::shared_ptr<Post> post) : post_(std::move(post)) {}
    ~Vigil();
    Vigil(const Vigil&) = delete;
    Vigil& operator=(const Vigil&) = delete;

    // Around each attempt to get in that fails.
    void begin_turn();
    void end_turn(Failure met);
    // Between two attempts: until the pause is over or somebody wants to know.
    awaitable<void> rest(Clock& clock, Duration pause);

   private:
    std::shared_ptr<Post> post_;
  };

  // `server`: host and port as the check names them.
  [[nodiscard]] Vigil keep(const std::string& server);

  // For everybody else who wants to go in. Nothing: nobody keeps a vigil there (any more), go in.
  // Else what whoever does has met there since the question, or that it met nothing by the
  // deadline.
  awaitable<std::optional<Failure>> met_at(Clock& clock, std::string server, Deadline deadline);

 private:
  std::multimap<std::string, std::weak_ptr<Post>> posts_;
};

}  // namespace bascule::postgres
