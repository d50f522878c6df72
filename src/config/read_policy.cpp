#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "config/fields.h"
#include "config/keys.h"
#include "config/parts.h"

namespace bascule::config {
namespace {

constexpr Duration kShortestLossShown{1'000};  // positions are sampled once a second

Duration duration_of(const Json& values, std::string_view key, Duration otherwise = Duration{0}) {
  return Duration{integer_or(values, key, otherwise.count())};
}

std::optional<Duration> optional_duration(const Json& values, std::string_view key) {
  if (!values.is_object() || !values.contains(std::string(key))) return std::nullopt;
  return duration_of(values, key);
}

Json member(const Json& values, const char* key) {
  return values.contains(key) ? values.at(key) : Json::object();
}

class PolicyReader {
 public:
  PolicyReader(Reading& reading, const TreeNode& node, Span where, Subject subject)
      : reading_(reading), node_(node), subject_(std::move(subject)) {
    part_.where = where;
  }

  PolicyPart read() {
    const Json values = read_table(reading_, subject_, node_, policy_keys());
    read_mode(values);
    read_detect(values);
    read_limits(values);
    read_failover_when();
    read_quorum();
    read_failback();
    part_.policy.reassert_front_door = boolean_or(values, "reassert_front_door");
    return std::move(part_);
  }

 private:
  // The value under a path of keys, where it is written; else the nearest mapping around it.
  [[nodiscard]] Span place_of(std::initializer_list<std::string_view> path) const {
    const TreeNode* node = &node_;
    Span place = part_.where;
    for (const std::string_view key : path) {
      const Entry* entry = node->find(key);
      if (entry == nullptr) break;
      node = &entry->value;
      place = node->span;
    }
    return place;
  }

  void error(std::string_view code, std::initializer_list<std::string_view> path,
             std::string message, std::string hint = "") {
    reading_.problems.error(code, place_of(path), std::move(message), std::move(hint));
  }

  void read_mode(const Json& values) {
    Policy& policy = part_.policy;
    policy.mode = parse_word<Mode>(text_or(values, "mode")).value_or(Mode::manual);
    part_.where = place_of({"mode"});
    const Json approve = member(values, "approve");
    policy.approve_timeout = duration_of(approve, "timeout");
    policy.approve_proceeds_on_timeout = text_or(approve, "on_timeout") == "proceed";
  }

  void read_detect(const Json& values) {
    const Json written = member(values, "detect");
    DetectPolicy& detect = part_.policy.detect;
    detect.interval = duration_of(written, "interval", detect.interval);
    detect.timeout = duration_of(written, "timeout", detect.timeout);
    detect.failures = integer_or(written, "failures", detect.failures);
    detect.recoveries = integer_or(written, "recoveries", detect.recoveries);
    detect.confirm = optional_duration(written, "confirm");
    const Duration step = detect.confirm.value_or(detect.interval);
    detect.window = duration_of(written, "window", detect.failures * detect.interval);
    detect.min_duration = duration_of(written, "min_duration", (detect.failures - 1) * step);
    // What could not be read has been reported; what would follow from it would mislead.
    part_.detect_whole = is_whole("detect", written);
    if (part_.detect_whole) check_detect(detect, step);
  }

  // Every key that was written under `key` has been read.
  [[nodiscard]] bool is_whole(std::string_view key, const Json& values) const {
    const Entry* entry = node_.find(key);
    if (entry == nullptr) return true;
    return entry->value.kind == NodeKind::mapping &&
           std::ranges::all_of(entry->value.entries,
                               [&](const Entry& inner) { return values.contains(inner.key); });
  }

  void check_detect(const DetectPolicy& detect, Duration step) {
    if (detect.timeout > detect.interval) {
      const bool written = place_of({"detect", "timeout"}) != place_of({"detect"});
      reading_.problems.error(
          "timeout_above_interval",
          written ? place_of({"detect", "timeout"}) : place_of({"detect", "interval"}),
          fmt::format("timeout {} is longer than interval {}: looks would overlap",
                      to_string(detect.timeout), to_string(detect.interval)),
          fmt::format("write a timeout of at most {}", to_string(detect.interval)));
      return;
    }
    if (detect.confirm && *detect.confirm > detect.interval) {
      error("confirm_above_interval", {"detect", "confirm"},
            fmt::format("confirm {} is longer than interval {}", to_string(*detect.confirm),
                        to_string(detect.interval)));
      return;
    }
    // Looks do not overlap, so those that hang follow each other at least a timeout apart.
    const Duration needed = (detect.failures - 1) * std::max(step, detect.timeout) + detect.timeout;
    if (detect.window < needed) {
      error("window_too_small", {"detect", "window"},
            fmt::format("{} failed looks do not fit into a window of {}", detect.failures,
                        to_string(detect.window)),
            fmt::format("a window of at least {}, or fewer failures", to_string(needed)));
    } else if (detect.min_duration > detect.window) {
      error("window_too_small", {"detect", "min_duration"},
            fmt::format("min_duration {} is longer than the window of {}",
                        to_string(detect.min_duration), to_string(detect.window)));
    }
  }

  void read_limits(const Json& values) {
    Policy& policy = part_.policy;
    policy.cooldown = duration_of(values, "cooldown", policy.cooldown);
    const Json flap = member(values, "flap");
    policy.flap_grow = integer_or(flap, "grow", policy.flap_grow);
    policy.flap_within = duration_of(flap, "within", policy.flap_within);
    const Json loss = member(values, "max_data_loss");
    policy.max_data_loss_time = optional_duration(loss, "time");
    if (loss.contains("bytes")) policy.max_data_loss_bytes = integer_or(loss, "bytes");
    if (policy.max_data_loss_time && *policy.max_data_loss_time < kShortestLossShown) {
      error("loss_limit_too_small", {"max_data_loss", "time"},
            fmt::format("max_data_loss.time {} is below what can be shown: positions are read "
                        "every second",
                        to_string(*policy.max_data_loss_time)),
            "write at least 1s; a switchover loses nothing whatever stands here");
    }
    const Json unknown = member(values, "unknown_data_loss");
    policy.unknown_data_loss_after = duration_of(unknown, "after", policy.unknown_data_loss_after);
    policy.unknown_data_loss_forces = text_or(unknown, "then") == "force";
    const Json fence = member(values, "fence");
    policy.fence.at_least =
        parse_word<Rung>(text_or(fence, "at_least", "sealed")).value_or(Rung::sealed);
    policy.fence.proceed_otherwise = text_or(fence, "otherwise") == "proceed";
    policy.fence.timeout = duration_of(fence, "timeout", policy.fence.timeout);
    if (const Entry* entry = node_.find("fence"); entry != nullptr) {
      if (const Entry* at_least = entry->value.find("at_least")) {
        part_.at_least = at_least->value.span;
      }
    }
    policy.hold_alarm = duration_of(values, "hold_alarm", policy.hold_alarm);
  }

  std::optional<std::string> read_check_name(const TreeNode& node) {
    auto name = read_plain_text(reading_, node, "a check in `failover_when`");
    if (name) part_.failover_when.push_back({*name, node.span});
    return name;
  }

  void read_failover_when() {
    const Entry* entry = node_.find("failover_when");
    if (entry == nullptr) {
      if (part_.policy.mode != Mode::manual) missing_failover_when(part_.where);
      return;
    }
    if (!expect_list(reading_, entry->value, "`failover_when`")) return;
    for (const TreeNode& item : entry->value.items) {
      std::vector<std::string> all;
      if (item.kind == NodeKind::sequence) {
        for (const TreeNode& inner : item.items) {
          if (auto name = read_check_name(inner)) all.push_back(*std::move(name));
        }
        if (item.items.empty()) {
          reading_.problems.error("missing_value", item.span,
                                  "an empty list inside `failover_when` would always hold");
        }
      } else if (auto name = read_check_name(item)) {
        all.push_back(*std::move(name));
      }
      if (!all.empty()) part_.policy.failover_when.push_back(std::move(all));
    }
    if (entry->value.items.empty() && part_.policy.mode != Mode::manual) {
      missing_failover_when(entry->value.span);
    }
  }

  void missing_failover_when(Span where) {
    reading_.problems.error(
        "missing_failover_when", where,
        fmt::format("mode `{}` needs `failover_when`", to_string(part_.policy.mode)),
        "name the checks whose failure moves the group: failover_when: "
        "[database]");
  }

  void read_quorum() {
    const Entry* entry = node_.find("quorum");
    if (entry == nullptr) return;
    if (entry->value.kind == NodeKind::mapping) {
      report_unavailable(reading_, entry->value.span, "`quorum` from outside a site",
                         "one observer has no vote from elsewhere: write majority");
      return;
    }
    const auto text = read_plain_text(reading_, entry->value, "`quorum`");
    if (!text || *text == "majority") return;
    std::int64_t number = 0;
    const auto [end, failed] = std::from_chars(text->data(), text->data() + text->size(), number);
    if (failed != std::errc{} || end != text->data() + text->size() ||
        entry->value.kind == NodeKind::quoted) {
      error("unknown_word", {"quorum"}, fmt::format("`quorum` cannot be {}", quote(*text)),
            "write majority or a number");
    } else if (number != 1) {
      error("out_of_range", {"quorum"},
            fmt::format("a quorum of {} cannot be had from 1 observer", number), "write majority");
    } else {
      part_.policy.quorum = 1;
    }
  }

  void read_failback() {
    const Entry* entry = node_.find("failback");
    if (entry == nullptr) return;
    if (entry->value.kind != NodeKind::mapping) {
      const auto text = read_plain_text(reading_, entry->value, "`failback`");
      if (!text || *text == "manual") return;
      error("unknown_word", {"failback"}, fmt::format("`failback` cannot be {}", quote(*text)),
            "write manual or {automatic: {after: 2h}}");
      return;
    }
    const Json values = read_table(reading_, subject_, entry->value, failback_keys());
    const Json automatic = member(values, "automatic");
    part_.policy.automatic_failback_after = optional_duration(automatic, "after");
    if (part_.policy.automatic_failback_after && part_.policy.mode != Mode::automatic) {
      reading_.problems.warning(
          "failback_without_automation", entry->value.span,
          fmt::format("automatic `failback` does nothing in mode {}", to_string(part_.policy.mode)),
          "write mode: automatic, or failback: manual");
    }
  }

  Reading& reading_;
  const TreeNode& node_;
  Subject subject_;
  PolicyPart part_;
};

}  // namespace

PolicyPart read_policy(Reading& reading, const TreeNode* node, Span where,
                       const std::string& path) {
  TreeNode nothing;
  nothing.kind = NodeKind::mapping;
  nothing.span = where;
  const bool written = node != nullptr && expect_mapping(reading, *node, "`policy`");
  Subject subject;
  subject.path = path;
  return PolicyReader(reading, written ? *node : nothing, written ? node->span : where,
                      std::move(subject))
      .read();
}

}  // namespace bascule::config
