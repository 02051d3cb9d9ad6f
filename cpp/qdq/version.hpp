// The version of the running library.
#ifndef QDQ_VERSION_HPP
#define QDQ_VERSION_HPP

#include <cstddef>
#include <cstdint>
#include <string_view>

#include <qdq/qdq.h>

namespace qdq {

/// The version of the headers that the program was compiled with: major * 10000 + minor * 100 + patch.
inline constexpr std::uint32_t header_version = QDQ_VERSION;

/// Returns the version of the running library, as the same number.
[[nodiscard]] inline std::uint32_t version() noexcept { return qdq_version(); }

/// Returns the version of the running library, such as "0.1.0". Always valid.
[[nodiscard]] inline std::string_view version_text() noexcept { return qdq_version_text(); }

/// Returns the instruction set of the kernels in use, such as "scalar". Always valid.
[[nodiscard]] inline std::string_view kernel_name() noexcept { return qdq_kernel_name(); }

/// Limits the number of threads that share the work on one large tensor or on weights.
///
/// 1 uses the caller's thread only; 0, the default, uses as many threads as the machine has cores. The limit
/// is for the whole process. Results do not depend on it.
inline void set_threads(std::size_t limit) noexcept { qdq_set_threads(limit); }

/// Returns whether a library of version `library` can serve a program that was compiled with `header`: it is
/// not older, and has the same major version and, before 1.0, the same minor version.
[[nodiscard]] constexpr bool version_fits(std::uint32_t library, std::uint32_t header = header_version) noexcept {
  const std::uint32_t part = header < 10000 ? 100 : 10000;
  return library >= header && library / part == header / part;
}

}  // namespace qdq

#endif
