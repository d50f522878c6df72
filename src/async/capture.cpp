#include "async/capture.h"

#include <fmt/format.h>

namespace bascule {

namespace {

bool is_continuation(unsigned char byte) {
  return (byte & 0xC0) == 0x80;
}

// The length of the well-formed sequence at `at`, 0 if there is none (Unicode 15, table 3-7).
std::size_t sequence_length(std::string_view bytes, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(bytes[at + i]); };
  const std::size_t left = bytes.size() - at;
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  if (first < 0xC2 || first > 0xF4) return 0;
  const std::size_t length = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  if (left < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if (!is_continuation(byte(i))) return 0;
  }
  const unsigned char second = byte(1);
  if (first == 0xE0 && second < 0xA0) return 0;  // overlong
  if (first == 0xED && second > 0x9F) return 0;  // a surrogate
  if (first == 0xF0 && second < 0x90) return 0;  // overlong
  if (first == 0xF4 && second > 0x8F) return 0;  // above U+10FFFF
  return length;
}

// Cutting in the middle of a character leaves its bytes on both sides; they are left out rather
// than shown as noise.
std::string_view without_partial_end(std::string_view bytes) {
  for (std::size_t back = 1; back <= 3 && back <= bytes.size(); ++back) {
    const auto byte = static_cast<unsigned char>(bytes[bytes.size() - back]);
    if (is_continuation(byte)) continue;
    if (byte >= 0xC2 && sequence_length(bytes, bytes.size() - back) == 0) {
      bytes.remove_suffix(back);
    }
    break;
  }
  return bytes;
}

std::string_view without_partial_begin(std::string_view bytes) {
  for (int i = 0; i < 3 && !bytes.empty(); ++i) {
    if (!is_continuation(static_cast<unsigned char>(bytes.front()))) break;
    bytes.remove_prefix(1);
  }
  return bytes;
}

}  // namespace

std::string to_utf8(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size());
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t length = sequence_length(bytes, at);
    if (length == 0) {
      text += "\xEF\xBF\xBD";
      ++at;
    } else {
      text += bytes.substr(at, length);
      at += length;
    }
  }
  return text;
}

void Capture::add(std::string_view bytes) {
  bytes_ += bytes.size();
  const std::size_t to_head = std::min(bytes.size(), head_limit_ - head_.size());
  head_ += bytes.substr(0, to_head);
  bytes.remove_prefix(to_head);
  if (bytes.size() > tail_limit_) bytes.remove_prefix(bytes.size() - tail_limit_);
  tail_ += bytes;
  if (tail_.size() > 2 * tail_limit_) tail_.erase(0, tail_.size() - tail_limit_);
}

Output Capture::output() const {
  Output output;
  output.bytes = bytes_;
  std::string_view tail = tail_;
  if (tail.size() > tail_limit_) tail.remove_prefix(tail.size() - tail_limit_);
  output.left_out = bytes_ - head_.size() - tail.size();
  if (output.left_out == 0) {
    output.head = to_utf8(head_ + std::string(tail));
    return output;
  }
  output.head = to_utf8(without_partial_end(head_));
  output.tail = to_utf8(without_partial_begin(tail));
  return output;
}

std::string Output::text() const {
  if (!truncated()) return head;
  return fmt::format("{}\n[… {} bytes left out …]\n{}", head, left_out, tail);
}

}  // namespace bascule
