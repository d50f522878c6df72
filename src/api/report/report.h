// The report of a run: what a person reads the morning after, and keeps. One value, made from the
// state alone; the page is made from that value, so that both say the same.
#pragma once

#include <string>

#include "engine/state.h"
#include "model/json.h"
#include "model/record_codec.h"

namespace bascule::api {

// The part of the journal that tells the run, with the hashes of its ends: whoever has the report
// can prove later that the journal still says the same.
struct JournalRange {
  Sequence first = 0;
  Sequence last = 0;
  Hash first_hash{};
  Hash last_hash{};
};

// The first bar is the detection, where there was one.
//
// {version, cluster, made_at, run (as `show`), timeline: [{at, offset_ms, what, text}], bars:
// [{step, phase, state, begins_ms, lasts_ms, critical}], critical_path: [step], journal:
// {first_seq, first_hash, last_seq, last_hash}}. Offsets count from the beginning of the outage, or
// of the run where there was none.
Json report_view(const engine::State& state, const engine::Run& run, const JournalRange& range,
                 Instant now);

// A page that needs nothing else: no scripts, no fonts, nothing to load. Takes what report_view
// made, also when it was read from a file; whatever is not there is left out.
std::string report_page(const Json& report);

}  // namespace bascule::api
