// A vector whose copies share their elements until one of them is changed: copying costs nothing,
// the first change of a copy costs all of it. For what is large, read often and changed seldom.
//
// Reading through a const object never copies; through one that is not const, begin(), front() and
// the like count as changes. Copies belong to one thread.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <memory>
#include <utility>
#include <vector>

namespace bascule {

template <typename T>
class SharedVector {
 public:
  using value_type = T;
  using const_iterator = typename std::vector<T>::const_iterator;
  using iterator = typename std::vector<T>::iterator;

  SharedVector() = default;
  SharedVector(std::initializer_list<T> values) : SharedVector(std::vector<T>(values)) {}
  SharedVector(std::vector<T> values)
      : values_(std::make_shared<std::vector<T>>(std::move(values))) {}

  [[nodiscard]] std::size_t size() const { return all().size(); }
  [[nodiscard]] bool empty() const { return all().empty(); }
  [[nodiscard]] const_iterator begin() const { return all().begin(); }
  [[nodiscard]] const_iterator end() const { return all().end(); }
  [[nodiscard]] const T& front() const { return all().front(); }
  [[nodiscard]] const T& back() const { return all().back(); }
  [[nodiscard]] const T& operator[](std::size_t i) const { return all()[i]; }
  [[nodiscard]] const T& at(std::size_t i) const { return all().at(i); }

  [[nodiscard]] iterator begin() { return own().begin(); }
  [[nodiscard]] iterator end() { return own().end(); }
  [[nodiscard]] T& front() { return own().front(); }
  [[nodiscard]] T& back() { return own().back(); }
  [[nodiscard]] T& operator[](std::size_t i) { return own()[i]; }
  [[nodiscard]] T& at(std::size_t i) { return own().at(i); }
  T& emplace_back() { return own().emplace_back(); }
  void push_back(T value) { own().push_back(std::move(value)); }
  iterator erase(const_iterator at) {
    // Where it points to may be another copy's.
    const std::ptrdiff_t place = at - all().begin();
    return own().erase(own().begin() + place);
  }
  void clear() { values_.reset(); }

 private:
  [[nodiscard]] const std::vector<T>& all() const {
    static const std::vector<T> kNone;
    return values_ ? *values_ : kNone;
  }
  std::vector<T>& own() {
    if (!values_) values_ = std::make_shared<std::vector<T>>();
    if (values_.use_count() > 1) values_ = std::make_shared<std::vector<T>>(*values_);
    return *values_;
  }

  std::shared_ptr<std::vector<T>> values_;
};

}  // namespace bascule
