// For test programs that end at the first failure.
#ifndef GOOD_HPP
#define GOOD_HPP

#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>

#include <qdq/result.hpp>

/// Returns the value, or prints the error on stderr and exits with status 1.
template <typename T>
T good(qdq::Result<T> result) {
  if (result) return *std::move(result);
  std::fprintf(stderr, "%s\n", std::string(result.error().text()).c_str());
  std::exit(1);
}

inline void good(const qdq::Result<void>& result) {
  if (result) return;
  std::fprintf(stderr, "%s\n", std::string(result.error().text()).c_str());
  std::exit(1);
}

#endif
