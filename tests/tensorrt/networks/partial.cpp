// Ranges for a part of a network: every missing range is reported.
#include "network.hpp"

namespace partial_test {

using namespace net;
using trt::EngineOptions;

// Three convolutions. The ranges contain only the input of the first one.
struct Partial : Made {
  Partial() {
    ITensor* x = &input("x", {1, 4, 8, 8});
    for (const char* name : {"first", "second", "third"}) x = &out(conv(name, *x, 4, kernel));
    network.markOutput(*x);
    options.logger = &logger;
  }
  bool says(std::string_view text) const { return logger.said.find(text) != std::string::npos; }

  const std::vector<float> kernel = numbers(4 * 4 * 9);
  const Ranges given = ranges({{"x", 2.0f}, {"elsewhere", 1.0f}});
  EngineOptions options;
};

Policy least(float share) { return Policy::make().min_quantized(share).build().value(); }

// Checks a plan of one quantized convolution, and a warning that names the tensors without a range.
template <typename Done>
void check_report(const Plan& plan, const Done& done) {
  std::size_t quantized = 0;
  for (const auto& decision : plan.decisions()) {
    quantized += decision.verdict == Verdict::Quantized;
    if (decision.verdict != Verdict::Quantized) CHECK(!decision.reason.empty());
  }
  CHECK_EQ(quantized, std::size_t{1});
  bool named = false;
  for (const auto& findings : done.findings()) {
    for (const auto finding : findings) {
      for (const auto tensor : finding.tensors)
        named = named || (finding.severity == Severity::Warning && tensor == "second");
    }
  }
  CHECK(named);
}

TEST(an_engine_says_what_stays_in_float) {
  Partial made;
  const auto engine = trt::build_engine(*made.builder, made.network, made.given, made.options);
  if (!CHECK_GOOD(engine)) return;
  if (!CHECK(engine->plan() != nullptr)) return;
  check_report(*engine->plan(), *engine);
  CHECK(made.says("qdq: no range for") && made.says("'first', 'second'"));
}

TEST(a_float_engine_has_no_plan) {
  Partial made;
  const auto engine = trt::build_engine(*made.builder, made.network, made.options);
  CHECK_GOOD(engine);
  CHECK(engine->plan() == nullptr && engine->findings().empty());
  CHECK_EQ(made.logger.said, "");
}

TEST(too_small_a_share_is_an_error) {
  Partial made;
  made.options.policy = least(0.5f);
  const int layers = made.network.getNbLayers();
  CHECK_FAILS(trt::build_engine(*made.builder, made.network, made.given, made.options), Status::Data,
              "1 of 3 convolutions and products");
  CHECK_EQ(made.network.getNbLayers(), layers);
  made.options.policy = least(0.3f);
  CHECK_GOOD(trt::build_engine(*made.builder, made.network, made.given, made.options));
}

#if QDQ_TRT_HAS_CALIBRATOR
TEST(dynamic_ranges_say_what_has_none) {
  {
    Partial made;
    CHECK_FAILS(trt::set_dynamic_ranges(made.network, made.given, least(0.5f), &made.logger), Status::Data, "1 of 3");
    CHECK(std::isnan(made.network.getInput(0)->getDynamicRangeMax()));
  }
  Partial made;
  const auto set = trt::set_dynamic_ranges(made.network, made.given, Policy(), &made.logger);
  if (!CHECK_GOOD(set)) return;
  CHECK(set->missing == std::vector<std::string>({"first", "second", "third"}));
  CHECK(made.says("qdq: no range for 3 tensors, so that TensorRT runs") && made.says("'first', 'second', 'third'"));

  Partial other;
  other.options.way = trt::Way::DynamicRange;
  const auto engine = trt::build_engine(*other.builder, other.network, other.given, other.options);
  if (!CHECK_GOOD(engine)) return;
  check_report(*engine->plan(), *engine);
  CHECK(other.says("no range for 3 tensors"));
  Partial third;
  third.options.way = trt::Way::DynamicRange;
  third.options.policy = least(0.5f);
  CHECK_FAILS(trt::build_engine(*third.builder, third.network, third.given, third.options), Status::Data, "1 of 3");
}
#endif

#if QDQ_TRT_HAS_QDQ
TEST(inserting_says_what_the_plan_leaves_in_float) {
  Partial made;
  const Plan plan = planned(made.network, made.given);
  const auto memory = trt::insert_qdq(made.network, plan, made.given, Method::Mse, &made.logger);
  CHECK_GOOD(memory);
  CHECK(made.says("qdq: no range for"));
}
#endif

}  // namespace partial_test
