// What every probe and action may use; owned by the supervisor, outlives all of them.
#pragma once

#include <boost/asio/io_context.hpp>

#include <vector>

#include "async/clock.h"
#include "ports/notifier.h"
#include "ports/secrets.h"

namespace bascule {

struct Services {
  boost::asio::io_context& io;
  Clock& clock;
  const Secrets& secrets;
  // Every configured way to people; filled before the first action is made.
  std::vector<Channel> channels = {};
};

}  // namespace bascule
