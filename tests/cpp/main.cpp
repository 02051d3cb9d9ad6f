// Runs all tests: tests DATA [PART-OF-A-NAME], in a folder that it may write to.

#include <chrono>
#include <cstring>
#include <filesystem>

#include "check.hpp"

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  check::data() = argv[1];
  // Tests empty the folders that they write to. These must not be in the source tree.
  if (*std::filesystem::proximate(argv[1]).begin() != "..") {
    std::fprintf(stderr, "The current folder holds %s; run the tests in an empty one.\n", argv[1]);
    return 2;
  }
  int ran = 0;
  for (const check::Test& test : check::tests()) {
    if (argc > 2 && std::strstr(test.name, argv[2]) == nullptr) continue;
    const int before = check::failures();
    const auto start = std::chrono::steady_clock::now();
    test.body();
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    if (seconds.count() > 1) std::printf("%s took %.1f s\n", test.name, seconds.count());
    ++ran;
    if (check::failures() != before) std::fprintf(stderr, "FAILED %s\n", test.name);
  }
  std::printf("%d tests, %d failures\n", ran, check::failures());
  return check::failures() == 0 && ran > 0 ? 0 : 1;
}
