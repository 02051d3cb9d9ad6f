// Which library runs.
#ifndef QDQ_VERSION_HPP
#define QDQ_VERSION_HPP

#include <cstddef>
#include <cstdint>
#include <string_view>

#include <qdq/qdq.h>

namespace qdq {

/// The version that the program was compiled with: major * 10000 + minor * 100 + patch.
inline constexpr std::uint32_t header_version = QDQ_VERSION;

/// The version of the library that runs, counted in the same way.
[[nodiscard]] inline std::uint32_t version() noexcept { return qdq_version(); }

/// The version of the library that runs, such as "0.1.0". Valid for ever.
[[nodiscard]] inline std::string_view version_text() noexcept { return qdq_version_text(); }

/// The instruction set of the kernels in use, such as "scalar". Valid for ever.
[[nodiscard]] inline std::string_view kernel_name() noexcept { return qdq_kernel_name(); }

/// Limits how many threads share the work on one large tensor or on weights: 1 for the caller's own only, 0
/// for as many as the machine has cores, which is the default. Holds for the whole process; results do not
/// depend on it.
inline void set_threads(std::size_t limit) noexcept { qdq_set_threads(limit); }

/// Whether a library of version `library` serves a program that was compiled with `header`: it is not older,
/// and has the same major version and, before 1.0, the same minor one.
[[nodiscard]] constexpr bool version_fits(std::uint32_t library, std::uint32_t header = header_version) noexcept {
  const std::uint32_t part = header < 10000 ? 100 : 10000;
  return library >= header && library / part == header / part;
}

}  // namespace qdq

#endif
