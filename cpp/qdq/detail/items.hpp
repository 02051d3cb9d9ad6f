// Ranges over the indexed items of a C object.
#ifndef QDQ_DETAIL_ITEMS_HPP
#define QDQ_DETAIL_ITEMS_HPP

#include <cstddef>
#include <iterator>

namespace qdq::detail {

/// The items 0 to size() - 1 of a C object, or of its part `part`. Each item is made when it is read. Valid
/// as long as the object is not changed, moved or freed.
template <typename Item, typename Object>
class Items {
 public:
  using Read = Item (*)(const Object*, std::size_t part, std::size_t index);

  class iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using difference_type = std::ptrdiff_t;
    using value_type = Item;
    using reference = Item;
    using pointer = void;

    iterator() = default;
    iterator(const Items& items, std::size_t index) : items_(items), index_(index) {}

    Item operator*() const { return items_.at(index_); }
    iterator& operator++() {
      ++index_;
      return *this;
    }
    iterator operator++(int) {
      iterator before = *this;
      ++index_;
      return before;
    }
    friend bool operator==(const iterator& a, const iterator& b) { return a.index_ == b.index_; }
    friend bool operator!=(const iterator& a, const iterator& b) { return a.index_ != b.index_; }

   private:
    Items items_;
    std::size_t index_ = 0;
  };

  Items() = default;
  Items(const Object* object, std::size_t size, Read read, std::size_t part = 0)
      : object_(object), part_(part), size_(size), read_(read) {}

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  /// Returns the item at `index`, which must be below size().
  [[nodiscard]] Item at(std::size_t index) const { return read_(object_, part_, index); }
  [[nodiscard]] iterator begin() const { return {*this, 0}; }
  [[nodiscard]] iterator end() const { return {*this, size_}; }

 private:
  const Object* object_ = nullptr;
  std::size_t part_ = 0;
  std::size_t size_ = 0;
  Read read_ = nullptr;
};

}  // namespace qdq::detail

#endif
