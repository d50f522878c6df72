// A channel to people. A notifier follows the journal and is never in the way of a run.
#pragma once

#include <boost/asio/awaitable.hpp>

#include <memory>
#include <string>

#include "async/deadline.h"
#include "base/result.h"
#include "model/json.h"
#include "model/record.h"

namespace bascule {

enum class Severity : std::uint8_t { info, warning, critical };

// One message to people, made from one record by the table of messages.
struct Message {
  Severity severity = Severity::info;
  GroupName group;
  RunId run;
  Sequence seq = 0;
  Instant at;
  std::string title;  // one line
  std::string text;   // with source, target, run and the command that shows more
  Json data = Json::object();
};

class Notifier {
 public:
  virtual ~Notifier() = default;
  // Delivers once, or says why not; the follower retries.
  virtual boost::asio::awaitable<Result<void>> send(Message message, Deadline deadline) = 0;
  // Whether a message could be delivered now, as far as that can be told without delivering one.
  virtual boost::asio::awaitable<Result<void>> reach(Deadline deadline) = 0;
};

// A notifier under the name that the configuration has for it.
struct Channel {
  std::string name;
  std::shared_ptr<Notifier> notifier;
};

}  // namespace bascule
