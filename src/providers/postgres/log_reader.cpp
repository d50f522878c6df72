#include "providers/postgres/log_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace bascule::postgres {
namespace {

constexpr std::uint64_t kPageBytes = 8192;
constexpr std::uint64_t kShortHeader = 24;
constexpr std::uint64_t kLongHeader = 40;
constexpr std::uint16_t kContinuesRecord = 0x0001;  // XLP_FIRST_IS_CONTRECORD
constexpr std::uint64_t kRecordHeader = 24;
constexpr std::uint64_t kAlignment = 8;
constexpr std::uint32_t kRecordMax = 1020U << 20U;  // XLogRecordMaxSize
constexpr std::uint8_t kManagerLog = 0;             // RM_XLOG_ID
constexpr std::uint8_t kManagerTransaction = 1;     // RM_XACT_ID
constexpr std::uint8_t kSwitch = 0x40;              // XLOG_SWITCH
constexpr std::uint8_t kOperationBits = 0x70;       // XLOG_XACT_OPMASK
constexpr std::uint8_t kCommit = 0x00;              // XLOG_XACT_COMMIT
constexpr std::uint8_t kCommitPrepared = 0x30;      // XLOG_XACT_COMMIT_PREPARED

struct Header {
  std::uint32_t length = 0;
  std::uint32_t transaction = 0;
  LogPosition previous = 0;
  std::uint8_t info = 0;
  std::uint8_t manager = 0;
};

template <typename Number>
Number number_at(std::span<const std::uint8_t> bytes, std::size_t offset) {
  Number number = 0;
  std::memcpy(&number, bytes.data() + offset, sizeof(number));
  return number;
}

class Reader {
 public:
  explicit Reader(const LogStretch& stretch) : stretch_(stretch) {}

  // Where a record can begin at or after `position`: aligned, and behind a page's header.
  [[nodiscard]] LogPosition record_start(LogPosition position) const {
    position = (position + kAlignment - 1) / kAlignment * kAlignment;
    return position % kPageBytes == 0 ? position + header_bytes(position) : position;
  }

  // The header of the record at `position`, which may go on in the next page; nothing when the
  // bytes end before, or the record was never finished.
  std::optional<Header> header(LogPosition position) {
    std::array<std::uint8_t, kRecordHeader> bytes{};
    if (!walk(position, kRecordHeader, bytes.data())) return std::nullopt;
    Header found;
    found.length = number_at<std::uint32_t>(bytes, 0);
    found.transaction = number_at<std::uint32_t>(bytes, 4);
    found.previous = number_at<std::uint64_t>(bytes, 8);
    found.info = bytes[16];
    found.manager = bytes[17];
    return found;
  }

  // Goes over `length` bytes of a record from `position` on, across pages, copying them when
  // wanted; the position behind them. Nothing: see out_of_bytes() and torn_at().
  std::optional<LogPosition> walk(LogPosition position, std::uint64_t length, std::uint8_t* copy) {
    while (length > 0) {
      if (position % kPageBytes == 0) {
        if (!has(position, kShortHeader)) return std::nullopt;
        // A crash can leave a record without its rest; the server goes on at the next page.
        if ((number_at<std::uint16_t>(stretch_.bytes, offset(position) + 2) & kContinuesRecord) ==
            0) {
          torn_at_ = position;
          return std::nullopt;
        }
        position += header_bytes(position);
      }
      const std::uint64_t part = std::min(length, kPageBytes - position % kPageBytes);
      if (copy != nullptr) {
        if (!has(position, part)) return std::nullopt;
        std::memcpy(copy, stretch_.bytes.data() + offset(position), part);
        copy += part;
      }
      position += part;
      length -= part;
    }
    return position;
  }

  [[nodiscard]] std::optional<LogPosition> torn_at() const { return torn_at_; }

 private:
  [[nodiscard]] std::uint64_t header_bytes(LogPosition page) const {
    return page % stretch_.segment_bytes == 0 ? kLongHeader : kShortHeader;
  }
  [[nodiscard]] std::size_t offset(LogPosition position) const {
    return static_cast<std::size_t>(position - stretch_.begin);
  }
  [[nodiscard]] bool has(LogPosition position, std::uint64_t length) const {
    return position >= stretch_.begin &&
           position - stretch_.begin + length <= stretch_.bytes.size();
  }

  LogStretch stretch_;
  std::optional<LogPosition> torn_at_;
};

bool is_commit(const Header& header) {
  const auto operation = static_cast<std::uint8_t>(header.info & kOperationBits);
  return header.manager == kManagerTransaction && header.transaction != 0 &&
         (operation == kCommit || operation == kCommitPrepared);
}

LogPosition next_segment(LogPosition position, std::uint64_t segment_bytes) {
  return (position / segment_bytes + 1) * segment_bytes;
}

}  // namespace

Result<Committed> count_commits(const LogStretch& stretch, LogPosition from, LogPosition to,
                                const std::set<std::uint32_t>& except) {
  if (stretch.segment_bytes == 0 || stretch.begin % kPageBytes != 0) {
    return fail(ErrorCode::invalid, "a stretch of the log begins with a page");
  }
  Committed committed;
  std::optional<LogPosition> previous;
  LogPosition position = from;
  while (true) {
    Reader reader(stretch);
    position = reader.record_start(position);
    if (position >= to) return committed;
    const auto header = reader.header(position);
    const auto end = header && header->length >= kRecordHeader && header->length <= kRecordMax
                         ? reader.walk(position, header->length, nullptr)
                         : std::nullopt;
    if (!end && reader.torn_at()) {
      position = *reader.torn_at();
      continue;
    }
    if (!header) {
      return fail(ErrorCode::invalid, "the log is not read as far as {}", log_position_text(to));
    }
    if (!end || (previous && header->previous != *previous)) {
      return fail(ErrorCode::corrupt, "there is no record at {}", log_position_text(position));
    }
    if (is_commit(*header) && !except.contains(header->transaction)) {
      ++committed.transactions;
      committed.end = *end;
    }
    previous = position;
    const bool switches = header->manager == kManagerLog && (header->info & 0xF0U) == kSwitch;
    position = switches ? next_segment(position, stretch.segment_bytes) : *end;
  }
}

std::string log_file_path(std::int64_t timeline, LogPosition position,
                          std::uint64_t segment_bytes) {
  const std::uint64_t segment = position / segment_bytes;
  const std::uint64_t per_number = (std::uint64_t{1} << 32U) / segment_bytes;
  return fmt::format("pg_wal/{:08X}{:08X}{:08X}", timeline, segment / per_number,
                     segment % per_number);
}

}  // namespace bascule::postgres
