// A channel to people. A notifier follows the journal and is never in the way of a run.
#pragma once

#include <boost/asio/awaitable.hpp>

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
};

}  // namespace bascule
