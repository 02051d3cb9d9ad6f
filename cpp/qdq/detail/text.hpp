// Conversion between C++ and C texts.
#ifndef QDQ_DETAIL_TEXT_HPP
#define QDQ_DETAIL_TEXT_HPP

#include <string>
#include <string_view>
#include <vector>

namespace qdq::detail {

/// Returns a view of a text of the C interface; an empty one for NULL.
inline std::string_view view(const char* text) noexcept { return text == nullptr ? std::string_view() : text; }

/// A copy of a text that ends with a NUL.
class Text {
 public:
  explicit Text(std::string_view text) : text_(text) {}
  [[nodiscard]] const char* c() const noexcept { return text_.c_str(); }
  /// Returns the text, or NULL for an empty text.
  [[nodiscard]] const char* or_null() const noexcept { return text_.empty() ? nullptr : text_.c_str(); }

 private:
  std::string text_;
};

/// Copies of the texts in any range.
class Texts {
 public:
  template <typename Range>
  explicit Texts(const Range& texts) {
    for (const auto& text : texts) texts_.emplace_back(std::string_view(text));
    for (const std::string& text : texts_) pointers_.push_back(text.c_str());
    // An empty list differs from NULL, so the array is never empty.
    pointers_.push_back(nullptr);
  }
  Texts(const Texts&) = delete;
  Texts& operator=(const Texts&) = delete;

  [[nodiscard]] const char* const* c() const noexcept { return pointers_.data(); }
  [[nodiscard]] std::size_t size() const noexcept { return texts_.size(); }

 private:
  std::vector<std::string> texts_;
  std::vector<const char*> pointers_;
};

}  // namespace qdq::detail

#endif
