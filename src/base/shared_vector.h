// A vector whose copies share their elements until one of them is changed: copying costs nothing,
// the first change of a copy costs all of it. For what is large, read often and changed seldom.
//
// Reading through a const object never copies; through one that is not const, begin(), front() and
// the like count as changes. Copies belong to one thread.
#pragma once

#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <boost/smart_ptr/intrusive_ref_counter.hpp>

#include <cstddef>
#include <initializer_list>
#include <utility>
#include <vector>

namespace bascule {

template <typename T>
class SharedVector {
 public:
  using value_type = T;                                            // NOLINT
  using const_iterator = typename std::vector<T>::const_iterator;  // NOLINT
  using iterator = typename std::vector<T>::iterator;              // NOLINT

  SharedVector() = default;
  SharedVector(std::initializer_list<T> values) : SharedVector(std::vector<T>(values)) {}
  SharedVector(std::vector<T> values) : shared_(new Shared(std::move(values))) {}

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
  void clear() { shared_.reset(); }

 private:
  // Counted by itself: of std::make_shared in a header that a consteval function reads, clang 19
  // leaves out the functions that its control block needs.
  struct Shared : boost::intrusive_ref_counter<Shared> {
    explicit Shared(std::vector<T> all) : values(std::move(all)) {}
    std::vector<T> values;
  };

  [[nodiscard]] const std::vector<T>& all() const {
    static const std::vector<T> kNone;
    return shared_ ? shared_->values : kNone;
  }
  std::vector<T>& own() {
    if (!shared_) shared_ = new Shared({});
    if (shared_->use_count() > 1) shared_ = new Shared(shared_->values);
    return shared_->values;
  }

  boost::intrusive_ptr<Shared> shared_;
};

}  // namespace bascule
