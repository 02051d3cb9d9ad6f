// Reads a name of freed ranges: the memory checks must report it.

#include <cstdio>
#include <string_view>

#include <qdq/qdq.hpp>

int main() {
  std::string_view name;
  {
    auto ranges = qdq::Ranges::make().value();
    ranges.set("a name that is kept for too long", 1.0f).value();
    name = ranges.at(0).name;
  }
  std::printf("%c\n", name[0]);
  return 0;
}
