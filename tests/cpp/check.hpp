// A minimal test framework: TEST(name) { CHECK(...); CHECK_EQ(a, b); }
#ifndef CHECK_HPP
#define CHECK_HPP

#include <cstdio>
#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

#include <qdq/qdq.hpp>

namespace check {

struct Test {
  const char* name;
  void (*body)();
};

inline std::vector<Test>& tests() {
  static std::vector<Test> all;
  return all;
}

inline int& failures() {
  static int count = 0;
  return count;
}

struct Register {
  Register(const char* name, void (*body)()) { tests().push_back({name, body}); }
};

inline bool that(bool good, const std::string& what, const char* file, int line) {
  if (!good) {
    ++failures();
    std::fprintf(stderr, "%s:%d: %s\n", file, line, what.c_str());
  }
  return good;
}

template <typename A, typename B>
bool equal(const A& a, const B& b, const char* what, const char* file, int line) {
  if (a == b) return true;
  std::ostringstream text;
  text << what << ": " << a << " != " << b;
  return that(false, text.str(), file, line);
}

// For failures of the library that the test did not expect.
template <typename T>
bool good(const qdq::Result<T>& result, const char* what, const char* file, int line) {
  return result ? true : that(false, std::string(what) + ": " + std::string(result.error().text()), file, line);
}

// A failure that the test expects.
template <typename T>
bool fails(const qdq::Result<T>& result, qdq::Status status, std::string_view message, const char* what, const char* file,
           int line) {
  if (result) return that(false, std::string(what) + ": no error", file, line);
  const bool fits = result.error().status() == status && result.error().text().find(message) != std::string_view::npos;
  return that(fits,
              std::string(what) + ": status " + std::to_string(static_cast<int>(result.error().status())) + ", " +
                  std::string(result.error().text()),
              file, line);
}

/// Makes a temporary usable as a variable within its expression, for functions that return views.
template <typename T>
const T& kept(const T& temporary) {
  return temporary;
}

/// The folder of the shipped models and data.
inline std::string& data() {
  static std::string path;
  return path;
}

/// Makes an empty folder for this test, below the current one.
inline std::string folder(const std::string& name) {
  std::filesystem::remove_all(name);
  std::filesystem::create_directories(name);
  return name;
}

inline bool is_empty(const std::string& name) { return std::filesystem::is_empty(name); }

}  // namespace check

using check::kept;

#define TEST(name)                                            \
  static void test_##name();                                  \
  static const check::Register register_##name(#name, test_##name); \
  static void test_##name()
#define CHECK(condition) check::that((condition), #condition, __FILE__, __LINE__)
#define CHECK_EQ(a, b) check::equal((a), (b), #a " == " #b, __FILE__, __LINE__)
#define CHECK_GOOD(result) check::good((result), #result, __FILE__, __LINE__)
#define CHECK_FAILS(result, status, message) check::fails((result), (status), (message), #result, __FILE__, __LINE__)

#endif
