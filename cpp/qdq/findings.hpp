// Findings about a result.
#ifndef QDQ_FINDINGS_HPP
#define QDQ_FINDINGS_HPP

#include <cstddef>
#include <string_view>

#include <qdq/detail/handle.hpp>
#include <qdq/detail/items.hpp>
#include <qdq/detail/text.hpp>
#include <qdq/numbers.hpp>

namespace qdq {

/// One fact about a result that the user should know, and the remedy.
struct Finding {
  Severity severity;
  std::string_view message;
  /// Empty if no action is necessary.
  std::string_view remedy;
  /// The tensors or files that the finding is about; none if it is about the whole result.
  detail::Items<std::string_view, qdq_findings> tensors;
};

/// The findings about a result, which are not errors: omitted data, nodes that stay in float, or other
/// deviations from the expected result.
///
/// Each finding was logged when the result was made. Immutable. Returned texts are valid until the findings
/// are freed.
class Findings : public detail::Handle<qdq_findings, qdq_findings_free> {
 public:
  using Handle::Handle;
  /// The range type behind begin() and end().
  using Items = detail::Items<Finding, qdq_findings>;

  /// Returns the number of findings.
  [[nodiscard]] std::size_t size() const noexcept { return qdq_findings_count(c()); }
  /// Returns the finding at `index`, which must be below size().
  [[nodiscard]] Finding at(std::size_t index) const& { return items().at(index); }
  void at(std::size_t index) const&& = delete;
  /// Starts a loop over all findings.
  [[nodiscard]] Items::iterator begin() const& { return items().begin(); }
  void begin() const&& = delete;
  /// Returns the end of that loop.
  [[nodiscard]] Items::iterator end() const& { return items().end(); }
  void end() const&& = delete;

 private:
  static std::string_view tensor(const qdq_findings* findings, std::size_t finding, std::size_t index) {
    return detail::view(qdq_findings_tensor_at(findings, finding, index));
  }
  static Finding finding(const qdq_findings* findings, std::size_t, std::size_t index) {
    return {static_cast<Severity>(qdq_findings_severity(findings, index)),
            detail::view(qdq_findings_message(findings, index)),
            detail::view(qdq_findings_remedy(findings, index)),
            {findings, qdq_findings_tensor_count(findings, index), tensor, index}};
  }
  Items items() const { return {c(), size(), finding}; }
};

}  // namespace qdq

#endif
