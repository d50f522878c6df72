// A channel to people. A notifier follows the journal and is never in the way of a run.
#pragma once

#include <boost/asio/awaitable.hpp>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "async/deadline.h"
#include "base/result.h"
#include "model/json.h"
#include "model/record.h"

namespace bascule {

enum class Severity : std::uint8_t { info, warning, critical };
constexpr std::string_view to_string(Severity severity) {
  switch (severity) {
    case Severity::info:
      return "info";
    case Severity::warning:
      return "warning";
    case Severity::critical:
      return "critical";
  }
  return "info";
}

// Where a message stands in the incident of its group: what people are called for, from its first
// record until nobody needs to be called any more.
enum class IncidentStage : std::uint8_t { none, triggered, ongoing, acknowledged, resolved };
constexpr std::string_view to_string(IncidentStage stage) {
  switch (stage) {
    case IncidentStage::none:
      return "none";
    case IncidentStage::triggered:
      return "triggered";
    case IncidentStage::ongoing:
      return "ongoing";
    case IncidentStage::acknowledged:
      return "acknowledged";
    case IncidentStage::resolved:
      return "resolved";
  }
  return "none";
}

// One message to people, made from one record by the table of messages.
struct Message {
  Severity severity = Severity::info;
  std::string cluster;
  GroupName group;
  RunId run;
  Sequence seq = 0;
  // Its name for receivers: the same each time it is sent, and no other message's.
  std::string delivery;
  Instant at;
  Instant began_at;   // of what has ended with it (a run); else `at`
  std::string title;  // one line
  std::string text;   // with source, target, run and the command that shows more
  IncidentStage stage = IncidentStage::none;
  std::string incident;  // its name outside, the same from first to last; empty without one
  bool planned = false;  // of a move that a person wanted: nobody needs to be woken
  Json data = Json::object();
};

// How things stand with one group now, for channels that keep something open outside or draw lines.
struct Standing {
  std::string cluster;
  GroupName group;
  Instant at;
  std::string state;  // "HEALTHY"
  std::string active;
  bool is_protected = false;
  std::optional<Duration> lag;  // of the best standby
  std::string incident;         // open now; empty: none
  Instant incident_since;
  std::string summary;  // why, in a sentence
};

class Notifier {
 public:
  virtual ~Notifier() = default;
  // Delivers once, or says why not; the follower retries.
  virtual boost::asio::awaitable<Result<void>> send(Message message, Deadline deadline) = 0;
  // Called every minute with every group. Most channels only speak when something happens.
  virtual boost::asio::awaitable<Result<void>> refresh(std::vector<Standing> /*groups*/,
                                                       Deadline /*deadline*/) {
    co_return Result<void>();
  }
  // Whether a message could be delivered now, as far as that can be told without delivering one.
  virtual boost::asio::awaitable<Result<void>> reach(Deadline deadline) = 0;
};

// A notifier under the name that the configuration has for it.
struct Channel {
  std::string name;
  std::shared_ptr<Notifier> notifier;
};

}  // namespace bascule
