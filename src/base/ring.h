// A bounded history: keeps the newest `capacity` values and forgets the oldest.
#pragma once

#include <cstddef>
#include <deque>
#include <utility>

#include "base/assert.h"

namespace bascule {

template <typename T>
class Ring {
 public:
  explicit Ring(std::size_t capacity) : capacity_(capacity) {
    BASCULE_ASSERT(capacity > 0, "a history needs room for one value");
  }

  void push(T value) {
    if (values_.size() == capacity_) values_.pop_front();
    values_.push_back(std::move(value));
  }
  void clear() { values_.clear(); }

  [[nodiscard]] bool empty() const { return values_.empty(); }
  [[nodiscard]] std::size_t size() const { return values_.size(); }
  [[nodiscard]] std::size_t capacity() const { return capacity_; }
  [[nodiscard]] const T& newest() const { return values_.back(); }
  [[nodiscard]] const T& oldest() const { return values_.front(); }
  [[nodiscard]] auto begin() const { return values_.begin(); }
  [[nodiscard]] auto end() const { return values_.end(); }

 private:
  std::size_t capacity_;
  std::deque<T> values_;
};

}  // namespace bascule
