// Shared parts of the tests of the LibTorch layer: cases by name, and checks that print their place if they
// fail.
#ifndef QDQ_TESTS_TORCH_CHECK_HPP
#define QDQ_TESTS_TORCH_CHECK_HPP

#include <functional>
#include <iostream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <qdq/torch.hpp>

namespace nn = qdq::nn;
namespace F = qdq::nn::functional;

using torch::Tensor;

struct Case {
  const char* name;
  std::function<void()> run;
};

inline std::vector<Case>& cases() {
  static std::vector<Case> all;
  return all;
}

struct Add {
  Add(const char* name, std::function<void()> run) { cases().push_back({name, std::move(run)}); }
};

#define TEST(name)                     \
  static void name();                  \
  static const Add add_##name(#name, name); \
  static void name()

[[noreturn]] inline void failed(const char* file, int line, const std::string& what) {
  throw std::runtime_error(std::string(file) + ":" + std::to_string(line) + ": " + what);
}

#define HOLDS(condition) \
  do {                   \
    if (!(condition)) failed(__FILE__, __LINE__, #condition); \
  } while (false)

/// Whether the numbers are equal, in one type and shape. NaN equals NaN.
inline bool same(const Tensor& a, const Tensor& b) {
  if (a.scalar_type() != b.scalar_type() || a.sizes() != b.sizes()) return false;
  return (a == b).logical_or(a.isnan().logical_and(b.isnan())).all().item<bool>();
}

inline bool near(const Tensor& a, const Tensor& b, double tolerance) {
  return a.sizes() == b.sizes() && torch::allclose(a.to(torch::kDouble), b.to(torch::kDouble), tolerance, tolerance);
}

template <typename... Texts>
std::string text(const Texts&... texts) {
  std::ostringstream out;
  (out << ... << texts);
  return out.str();
}

#define SAME(a, b)                                                                                       \
  do {                                                                                                   \
    const Tensor left = (a), right = (b);                                                                \
    if (!same(left, right)) failed(__FILE__, __LINE__, text(#a " and " #b " differ:\n", left, "\n", right)); \
  } while (false)

#define NEAR(a, b, tolerance)                                                                            \
  do {                                                                                                   \
    const Tensor left = (a), right = (b);                                                                \
    if (!near(left, right, tolerance)) failed(__FILE__, __LINE__, text(#a " and " #b " differ:\n", left, "\n", right)); \
  } while (false)

/// Checks that the statement throws qdq::Exception with this text.
#define FAILS(expected, ...)                                                                             \
  do {                                                                                                   \
    const std::string part = (expected);                                                                 \
    std::string said;                                                                                    \
    try {                                                                                                \
      __VA_ARGS__;                                                                                       \
    } catch (const qdq::Exception& thrown) {                                                             \
      said = thrown.what();                                                                              \
    }                                                                                                    \
    if (part.empty() || said.find(part) == std::string::npos) failed(__FILE__, __LINE__, #__VA_ARGS__ " said " + said); \
  } while (false)

/// Runs the cases. The exit status is not 0 if one failed.
inline int run_all() {
  int failures = 0;
  for (const auto& [name, run] : cases()) {
    try {
      torch::manual_seed(1);
      run();
      std::cout << "ok      " << name << std::endl;
    } catch (const std::exception& error) {
      ++failures;
      std::cout << "FAILED  " << name << "\n" << error.what() << std::endl;
    }
  }
  return failures == 0 ? 0 : 1;
}

#endif
