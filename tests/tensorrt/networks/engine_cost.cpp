// The layers of engines by IEngineInspector.
#include "network.hpp"

namespace engine_cost_test {

using namespace net;

struct Built : Made {
  explicit Built(bool detailed) {
    ITensor& x = input("x", {1, 4, 8, 8});
    network.markOutput(out(conv("conv", x, 4, kernel)));
    options.detailed = detailed;
  }
  Result<trt::Engine> build() { return trt::build_engine(*builder, network, options); }

  const std::vector<float> kernel = numbers(4 * 4 * 9);
  trt::EngineOptions options;
};

#if QDQ_TRT_HAS_INSPECTOR

Bytes bytes(const trt::Engine& engine) { return {engine.data(), engine.size()}; }

TEST(an_inspector_describes_the_layers_of_a_detailed_engine) {
  Built built(true);
  const auto engine = built.build();
  if (!CHECK_GOOD(engine)) return;
  const auto runtime = trt::Library::linked().runtime(built.logger);
  if (!CHECK_GOOD(runtime)) return;
  const trt::Owner<nvinfer1::ICudaEngine> read((*runtime)->deserializeCudaEngine(engine->data(), engine->size()));
  const auto cost = trt::engine_cost(*read);
  if (!CHECK_GOOD(cost)) return;
  CHECK_EQ(cost->builder(), trt::compiled.text());
  CHECK(cost->is_known());
  // The stand-in's layers read and write 400 integers each.
  const auto kernels = cost->kernels();
  CHECK_EQ(cost->bytes(), 800 * kernels.size());
  if (CHECK(!kernels.empty())) CHECK(kernels.at(0).read == 400 && kernels.at(0).kind == "standin");
  const auto layers = trt::engine_layers(bytes(*engine), built.logger);
  if (CHECK_GOOD(layers)) CHECK_EQ(*layers, trt::engine_layers(*read).value());
}

TEST(an_engine_without_details_says_how_to_get_them) {
  Built built(false);
  const auto engine = built.build();
  if (!CHECK_GOOD(engine)) return;
  const auto layers = trt::engine_layers(bytes(*engine), built.logger);
  if (!CHECK_GOOD(layers)) return;
  CHECK_FAILS(EngineCost::from_layers("TensorRT", *layers), Status::InvalidArgument, "built without details");
  CHECK_FAILS(EngineCost::from_layers("TensorRT", *layers), Status::InvalidArgument, "kDETAILED");
}

TEST(a_library_without_a_runtime_reads_no_engines) {
  Made made;
  const auto opened = trt::Library::open("./same.so");
  if (!CHECK_GOOD(opened)) return;
  CHECK_FAILS(opened->runtime(made.logger), Status::TensorRt, trt::compiled.text() + " gives no runtime");
  const unsigned char nothing[1] = {0};
  CHECK_FAILS(trt::engine_layers(Bytes(nothing, 1), made.logger, *opened), Status::TensorRt, "gives no runtime");
}

#else

TEST(engines_keep_no_details_before_8_2) {
  CHECK_FAILS(Built(true).build(), Status::Unsupported, "keeps no details of layers");
  Made made;
  const unsigned char nothing[1] = {0};
  CHECK_FAILS(trt::engine_layers(Bytes(nothing, 1), made.logger), Status::Unsupported, "has no IEngineInspector");
}

#endif

}  // namespace engine_cost_test
