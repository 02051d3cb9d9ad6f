// Versions, and libraries that are opened at run time. run.py copies parts of TensorRT's libraries into the
// current folder.
#include "network.hpp"

namespace open_test {

using namespace net;
using trt::Library;
using trt::Version;

TEST(versions_are_read_and_written) {
  const struct {
    std::int32_t number;
    const char* text;
  } known[] = {{7203, "TensorRT 7.2.3"},    {8501, "TensorRT 8.5.1"},      {8603, "TensorRT 8.6.3"},
               {9300, "TensorRT 9.3.0"},    {100300, "TensorRT 10.3.0"},   {101502, "TensorRT 10.15.2"},
               {110400, "TensorRT 11.4.0"}, {10701, "TensorRT-RTX 1.7.1"}, {10300, "TensorRT-RTX 1.3.0"}};
  for (const auto& one : known) CHECK_EQ(Version::from_number(one.number).text(), one.text);
  CHECK(Version::from_number(10701).is_rtx() && !Version::from_number(110400).is_rtx());
  CHECK_EQ(Library::linked().version().text(), trt::compiled.text());
  CHECK_EQ(Library::linked().version_number(), static_cast<std::int32_t>(NV_TENSORRT_VERSION));
  CHECK_GOOD(Library::linked().check());
}

TEST(a_library_of_another_major_version_is_refused_before_it_is_used) {
  // These have only the function that returns the version.
  for (const std::int32_t number : {7203, 8501, 100300, 110400, 10701}) {
    const Version version = Version::from_number(number);
    const auto opened = Library::open("./version-" + std::to_string(number) + ".so");
    if (version.major == trt::compiled.major) {
      CHECK_FAILS(opened, Status::Unsupported, "has no function 'createInferBuilder_INTERNAL'");
      continue;
    }
    CHECK_FAILS(opened, Status::Unsupported,
                "the library is " + version.text() + ", but the program is compiled for " + trt::compiled.text());
    CHECK_FAILS(opened, Status::Unsupported, "use the library of version " + std::to_string(trt::compiled.major));
  }
}

TEST(what_is_no_library_of_TensorRT_is_refused) {
  CHECK_FAILS(Library::open("./none.so"), Status::Io, "cannot open the library './none.so'");
  CHECK_FAILS(Library::open("./none.so"), Status::Io, "give the path of the library file");
  CHECK_FAILS(Library::open("./empty.so"), Status::Unsupported, "has no function 'getInferLibVersion'");
  CHECK_FAILS(Library::open("./same.so", "./none.so"), Status::Io, "cannot open the library './none.so'");
  CHECK_FAILS(Library::open("./same.so", "./empty.so"), Status::Unsupported,
              "has no function 'createNvOnnxParser_INTERNAL'");
}

TEST(a_library_may_give_nothing) {
  Made made;
  const auto opened = Library::open("./same.so", "./parser.so");
  if (!CHECK_GOOD(opened)) return;
  CHECK_EQ(opened->version_number(), static_cast<std::int32_t>(NV_TENSORRT_VERSION));
  CHECK_FAILS(opened->builder(made.logger), Status::TensorRt, trt::compiled.text() + " gives no builder");
  CHECK_FAILS(opened->builder(made.logger), Status::TensorRt, "TensorRT needs a GPU and its driver");
  CHECK_FAILS(opened->parser(made.network, made.logger), Status::TensorRt, "gives no ONNX parser");
  CHECK_FAILS(Library::linked().parser(made.network, made.logger), Status::InvalidArgument,
              "the library was given without an ONNX parser");
}

TEST(an_opened_library_makes_builders) {
  Made made;
  const auto opened = Library::open("./whole.so");
  if (!CHECK_GOOD(opened)) return;
  const auto builder = opened->builder(made.logger);
  if (CHECK_GOOD(builder)) CHECK((*builder)->platformHasFastInt8());
}

}  // namespace open_test
