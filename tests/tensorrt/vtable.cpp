// The order of the virtual functions of TensorRT's calibrators. TensorRT finds them by their slot in the
// table.
//
// The test calls an object of a derived class through the slots of its table, one by one, in the layout of
// the Itanium C++ ABI, and checks which function each slot holds.

#include <NvInfer.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string>
#include <vector>

// The calibrators are deprecated from 10.1 on, and this file tests them.
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

namespace {

using nvinfer1::CalibrationAlgoType;

std::string called;
int failed = 0;

#if NV_TENSORRT_MAJOR >= 8
#define NOEXCEPT noexcept
#else
#define NOEXCEPT
#endif

// A base with every function of a calibrator. Each function records its call.
template <class Base>
class Probe : public Base {
 public:
  ~Probe() override { called = "destructor"; }
  int32_t getBatchSize() const NOEXCEPT override {
    called = "getBatchSize";
    return 0;
  }
  bool getBatch(void**, char const**, int32_t) NOEXCEPT override {
    called = "getBatch";
    return false;
  }
  void const* readCalibrationCache(std::size_t&) NOEXCEPT override {
    called = "readCalibrationCache";
    return nullptr;
  }
  void writeCalibrationCache(void const*, std::size_t) NOEXCEPT override { called = "writeCalibrationCache"; }
  CalibrationAlgoType getAlgorithm() NOEXCEPT override {
    called = "getAlgorithm";
    return CalibrationAlgoType::kENTROPY_CALIBRATION_2;
  }
#if NV_TENSORRT_MAJOR >= 10
  nvinfer1::APILanguage getAPILanguage() const noexcept override {
    called = "getAPILanguage";
    return nvinfer1::APILanguage::kCPP;
  }
  nvinfer1::InterfaceInfo getInterfaceInfo() const noexcept override {
    called = "getInterfaceInfo";
    return {"probe", 1, 0};
  }
#endif
};

class LegacyProbe : public Probe<nvinfer1::IInt8LegacyCalibrator> {
 public:
  double getQuantile() const NOEXCEPT override {
    called = "getQuantile";
    return 0;
  }
  double getRegressionCutoff() const NOEXCEPT override {
    called = "getRegressionCutoff";
    return 0;
  }
  void const* readHistogramCache(std::size_t&) NOEXCEPT override {
    called = "readHistogramCache";
    return nullptr;
  }
  void writeHistogramCache(void const*, std::size_t) NOEXCEPT override { called = "writeHistogramCache"; }
};

template <class Function>
Function slot(void* object, std::size_t index) {
  void** table = nullptr;
  std::memcpy(&table, object, sizeof table);
  Function function = nullptr;
  std::memcpy(&function, &table[index], sizeof function);
  return function;
}

// Calls the slot as the expected function.
void call(void* object, std::size_t index, std::string const& expected) {
  std::size_t length = 0;
  if (expected == "getBatch") {
    slot<bool (*)(void*, void**, char const**, int32_t)>(object, index)(object, nullptr, nullptr, 0);
  } else if (expected == "readCalibrationCache" || expected == "readHistogramCache") {
    slot<void const* (*)(void*, std::size_t&)>(object, index)(object, length);
  } else if (expected == "writeCalibrationCache" || expected == "writeHistogramCache") {
    slot<void (*)(void*, void const*, std::size_t)>(object, index)(object, nullptr, 0);
  } else if (expected == "getQuantile" || expected == "getRegressionCutoff") {
    slot<double (*)(void*)>(object, index)(object);
#if NV_TENSORRT_MAJOR >= 10
  } else if (expected == "getInterfaceInfo") {
    slot<nvinfer1::InterfaceInfo (*)(void*)>(object, index)(object);
#endif
  } else {
    slot<int32_t (*)(void*)>(object, index)(object);
  }
}

template <class Calibrator, class Base>
void check(char const* name, std::vector<std::string> const& order) {
  for (std::size_t i = 0; i < order.size(); ++i) {
    // The second slot of a destructor also frees the object, so each call has its own object.
    bool const frees = order[i] == "destructor" && order[i - 1] == "destructor";
    void* memory = ::operator new(sizeof(Calibrator));
    Base* object = new (memory) Calibrator;
    called.clear();
    call(object, i, order[i]);
    if (called != order[i]) {
      std::printf("%s: slot %zu is %s, not %s\n", name, i, called.c_str(), order[i].c_str());
      ++failed;
    }
    if (!frees) {
      ::operator delete(memory);
    }
  }
}

std::vector<std::string> operator+(std::vector<std::string> a, std::vector<std::string> const& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

// A calibrator that overrides only the required functions, to check the defaults of the others.
template <class Base>
class Plain : public Base {
 public:
  int32_t getBatchSize() const NOEXCEPT override { return 0; }
  bool getBatch(void**, char const**, int32_t) NOEXCEPT override { return false; }
  void const* readCalibrationCache(std::size_t&) NOEXCEPT override { return nullptr; }
  void writeCalibrationCache(void const*, std::size_t) NOEXCEPT override {}
};

class PlainLegacy : public Plain<nvinfer1::IInt8LegacyCalibrator> {
  double getQuantile() const NOEXCEPT override { return 0; }
  double getRegressionCutoff() const NOEXCEPT override { return 0; }
  void const* readHistogramCache(std::size_t&) NOEXCEPT override { return nullptr; }
  void writeHistogramCache(void const*, std::size_t) NOEXCEPT override {}
};

template <class Calibrator>
void says(char const* kind, CalibrationAlgoType algorithm) {
  Calibrator calibrator;
  nvinfer1::IInt8Calibrator& base = calibrator;
  bool same = base.getAlgorithm() == algorithm;
#if NV_TENSORRT_MAJOR >= 10
  auto const info = base.getInterfaceInfo();
  same = same && std::string(info.kind) == kind && info.major == 1 && info.minor == 0;
#endif
  if (!same) {
    std::printf("%s has another algorithm or name\n", kind);
    ++failed;
  }
}

}  // namespace

int main() {
  using namespace nvinfer1;
  std::vector<std::string> const destructor{"destructor", "destructor"};
  std::vector<std::string> const five{"getBatchSize", "getBatch", "readCalibrationCache", "writeCalibrationCache",
                                      "getAlgorithm"};
#if NV_TENSORRT_MAJOR >= 10
  auto const order = std::vector<std::string>{"getAPILanguage", "getInterfaceInfo"} + destructor + five;
#else
  auto const order = five + destructor;
#endif
  check<Probe<IInt8Calibrator>, IInt8Calibrator>("IInt8Calibrator", order);
  check<Probe<IInt8EntropyCalibrator>, IInt8Calibrator>("IInt8EntropyCalibrator", order);
  check<Probe<IInt8EntropyCalibrator2>, IInt8Calibrator>("IInt8EntropyCalibrator2", order);
  check<Probe<IInt8MinMaxCalibrator>, IInt8Calibrator>("IInt8MinMaxCalibrator", order);
  check<LegacyProbe, IInt8LegacyCalibrator>("IInt8LegacyCalibrator",
                                            order + std::vector<std::string>{"getQuantile", "getRegressionCutoff",
                                                                             "readHistogramCache", "writeHistogramCache"});

  says<Plain<IInt8EntropyCalibrator>>("IInt8EntropyCalibrator", CalibrationAlgoType::kENTROPY_CALIBRATION);
  says<Plain<IInt8EntropyCalibrator2>>("IInt8EntropyCalibrator2", CalibrationAlgoType::kENTROPY_CALIBRATION_2);
  says<Plain<IInt8MinMaxCalibrator>>("IInt8MinMaxCalibrator", CalibrationAlgoType::kMINMAX_CALIBRATION);
  says<PlainLegacy>("IInt8Calibrator", CalibrationAlgoType::kLEGACY_CALIBRATION);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
