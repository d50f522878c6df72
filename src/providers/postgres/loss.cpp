#include "providers/postgres/loss.h"

#include <algorithm>
#include <cstdint>
#include <set>
#include <vector>

#include "providers/postgres/log_reader.h"

namespace bascule::postgres {
namespace {

constexpr std::uint64_t kPageBytes = 8192;
constexpr std::uint64_t kChunkBytes = std::uint64_t{1} << 20U;
constexpr std::uint64_t kReadMax = std::uint64_t{64} << 20U;

std::optional<std::uint8_t> digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<std::uint8_t>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<std::uint8_t>(c - 'a' + 10);
  return std::nullopt;
}

Result<void> append_hex(std::vector<std::uint8_t>& bytes, std::string_view hex) {
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    const auto high = digit(hex[i]);
    const auto low = digit(hex[i + 1]);
    if (!high || !low) return fail(ErrorCode::corrupt, "the log came back in another notation");
    bytes.push_back(static_cast<std::uint8_t>((*high << 4U) | *low));
  }
  return Result<void>();
}

// The bytes of the log from `begin` on, at least up to `end`; both are multiples of the page size.
awaitable<Result<std::vector<std::uint8_t>>> read_log(Connection& connection, std::int64_t timeline,
                                                      LogPosition begin, LogPosition end,
                                                      std::uint64_t segment_bytes,
                                                      Deadline deadline) {
  std::vector<std::uint8_t> bytes;
  while (begin < end) {
    const std::uint64_t in_segment = begin % segment_bytes;
    const std::uint64_t length = std::min({kChunkBytes, end - begin, segment_bytes - in_segment});
    const auto rows = co_await connection.query(
        "SELECT encode(pg_read_binary_file($1, $2::bigint, $3::bigint), 'hex') AS bytes",
        {log_file_path(timeline, begin, segment_bytes), std::to_string(in_segment),
         std::to_string(length)},
        deadline);
    if (!rows) co_return error_of(rows);
    const std::size_t before = bytes.size();
    const auto appended = append_hex(bytes, rows->text(0, "bytes").value_or(""));
    if (!appended) co_return error_of(appended);
    if (bytes.size() - before != length) {
      co_return fail(ErrorCode::invalid, "a file of the log is shorter than its segment");
    }
    begin += length;
  }
  co_return bytes;
}

// The log holds transaction ids without their epoch.
std::set<std::uint32_t> without_epoch(const std::vector<std::int64_t>& transactions) {
  std::set<std::uint32_t> ids;
  for (const std::int64_t id : transactions) ids.insert(static_cast<std::uint32_t>(id));
  return ids;
}

awaitable<Result<Committed>> committed_since(Connection& connection, DatabaseFacts facts,
                                             SealMark mark, LogPosition fork, LogPosition end,
                                             Deadline deadline) {
  const auto rows = co_await connection.query(
      "SELECT bytes_per_wal_segment AS segment_bytes, wal_block_size AS page_bytes, "
      "current_setting('server_version_num')::int / 10000 AS version FROM pg_control_init()",
      {}, deadline);
  if (!rows) co_return error_of(rows);
  const auto segment_bytes =
      static_cast<std::uint64_t>(rows->integer(0, "segment_bytes").value_or(0));
  if (rows->integer(0, "page_bytes") != static_cast<std::int64_t>(kPageBytes) ||
      rows->integer(0, "version") != 15 || segment_bytes == 0) {
    co_return fail(ErrorCode::invalid, "only the log of PostgreSQL 15 is read record by record");
  }
  if (end - fork > kReadMax) co_return fail(ErrorCode::invalid, "the log is too long to be read");
  const LogPosition begin = fork / kPageBytes * kPageBytes;
  // One page more: the header of the last record may go on there.
  const LogPosition until = (end / kPageBytes + 2) * kPageBytes;
  const auto bytes = co_await read_log(connection, facts.timeline, begin,
                                       std::min(until, (end / segment_bytes + 1) * segment_bytes),
                                       segment_bytes, deadline);
  if (!bytes) co_return error_of(bytes);
  co_return count_commits({begin, *bytes, segment_bytes}, fork, end,
                          without_epoch(mark.transactions));
}

}  // namespace

awaitable<Result<Loss>> measure_loss(Connection& connection, DatabaseFacts facts, SealState seal,
                                     LogPosition fork, Deadline deadline) {
  const SealMark mark = seal.mark.value_or(SealMark());
  const LogPosition end = mark.end.value_or(seal.end);
  if (end <= fork) co_return Loss{0, 0, ""};
  const auto committed = co_await committed_since(connection, facts, mark, fork, end, deadline);
  if (!committed) {
    // The server itself did not answer; nothing can be said then.
    if (!connection.is_open()) co_return error_of(committed);
    co_return Loss{end - fork, std::nullopt, committed.error().message};
  }
  co_return Loss{committed->transactions == 0 ? 0 : committed->end - fork, committed->transactions,
                 ""};
}

}  // namespace bascule::postgres
