// The metrics of this process, as a follower of the journal and of the looks: the loop's thread
// only ever sets numbers, and whoever scrapes gathers and writes them on a thread of its own, so
// that no check is late because of it.
#pragma once

#include <memory>
#include <string>

#include "base/name.h"
#include "runtime/follower.h"
#include "runtime/loop.h"

namespace bascule::api {

class Metrics final : public runtime::Follower {
 public:
  Metrics(std::string version, ObserverName observer);
  ~Metrics() override;

  // On the loop's thread.
  void recorded(const Record& record, const engine::State& state) override;
  void observed(const Observation& judged, const CheckSpec& check) override;
  void looked_at_itself(const engine::ControllerReading& reading) override;
  // What is read when somebody asks: the term, the controller, positions. `loop`: nothing while no
  // term is open.
  void look_at(const runtime::Loop* loop, const ObserverName& observer);
  void answered(int status);
  void certificate_ends(Instant when);
  void event_reader_came();
  void event_reader_went();
  void event_reader_dropped();
  void notified(const std::string& channel, const std::string& result);
  // A configuration was read, and taken or refused.
  void configuration_read(bool is_taken);

  // Prometheus' text format 0.0.4. From any thread, also beside the above, but not beside itself.
  [[nodiscard]] std::string text();

 private:
  struct Series;
  std::unique_ptr<Series> series_;
};

}  // namespace bascule::api
