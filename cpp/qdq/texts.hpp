// Texts that functions return.
#ifndef QDQ_TEXTS_HPP
#define QDQ_TEXTS_HPP

#include <cstddef>
#include <string_view>

#include <qdq/detail/handle.hpp>
#include <qdq/detail/items.hpp>
#include <qdq/detail/text.hpp>

namespace qdq {

/// Texts that a function returned, in order: paths or names. Immutable. Returned texts are valid until the
/// object is freed.
class Texts : public detail::Handle<qdq_texts, qdq_texts_free> {
 public:
  using Handle::Handle;
  /// The range type behind begin() and end().
  using Items = detail::Items<std::string_view, qdq_texts>;

  /// Returns the number of texts.
  [[nodiscard]] std::size_t size() const noexcept { return qdq_texts_count(c()); }
  /// Returns the text at `index`, which must be below size().
  [[nodiscard]] std::string_view at(std::size_t index) const& { return items().at(index); }
  void at(std::size_t index) const&& = delete;
  /// Starts a loop over all texts.
  [[nodiscard]] Items::iterator begin() const& { return items().begin(); }
  void begin() const&& = delete;
  /// Returns the end of that loop.
  [[nodiscard]] Items::iterator end() const& { return items().end(); }
  void end() const&& = delete;

 private:
  Items items() const {
    return {c(), size(),
            [](const qdq_texts* texts, std::size_t, std::size_t index) { return detail::view(qdq_texts_at(texts, index)); }};
  }
};

}  // namespace qdq

#endif
