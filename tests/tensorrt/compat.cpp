// A user's calibrator, written for TensorRT 8 and 10, in the versions that no longer have such a class.
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <qdq/tensorrt/calibrator_compat.hpp>

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

// The style of such programs: every function is written out, most are `override`, and some classes add
// functions.
class UsersCalibrator : public nvinfer1::IInt8EntropyCalibrator2 {
 public:
  UsersCalibrator(int32_t batch_size, std::string input) : batch_size_(batch_size), input_(std::move(input)) {}
  UsersCalibrator(const UsersCalibrator&) = delete;
  UsersCalibrator& operator=(const UsersCalibrator&) = delete;
  virtual ~UsersCalibrator() = default;

  int32_t getBatchSize() const noexcept override { return batch_size_; }
  bool getBatch(void* bindings[], const char* names[], int32_t nbBindings) noexcept override {
    if (nbBindings != 1 || input_ != names[0] || given_) return false;
    given_ = true;
    bindings[0] = data_.data();
    return true;
  }
  const void* readCalibrationCache(size_t& length) noexcept override {
    length = cache_.size();
    return length > 0 ? cache_.data() : nullptr;
  }
  void writeCalibrationCache(const void* cache, size_t length) noexcept override {
    const auto* bytes = static_cast<const char*>(cache);
    cache_.assign(bytes, bytes + length);
  }

 private:
  int32_t batch_size_;
  std::string input_;
  std::vector<float> data_ = std::vector<float>(4, 1.0f);
  std::vector<char> cache_;
  bool given_ = false;
};

class UsersMinMax : public nvinfer1::IInt8MinMaxCalibrator {
 public:
  int32_t getBatchSize() const noexcept override { return 1; }
  bool getBatch(void**, char const**, int32_t) noexcept override { return false; }
  void const* readCalibrationCache(std::size_t&) noexcept override { return nullptr; }
  void writeCalibrationCache(void const*, std::size_t) noexcept override {}
  nvinfer1::CalibrationAlgoType getAlgorithm() noexcept override {
    return nvinfer1::CalibrationAlgoType::kMINMAX_CALIBRATION;
  }
};

class UsersEntropy : public nvinfer1::IInt8EntropyCalibrator {
 public:
  int32_t getBatchSize() const noexcept override { return 1; }
  bool getBatch(void**, char const**, int32_t) noexcept override { return false; }
  void const* readCalibrationCache(std::size_t&) noexcept override { return nullptr; }
  void writeCalibrationCache(void const*, std::size_t) noexcept override {}
};

class UsersLegacy : public nvinfer1::IInt8LegacyCalibrator {
 public:
  int32_t getBatchSize() const noexcept override { return 1; }
  bool getBatch(void**, char const**, int32_t) noexcept override { return false; }
  void const* readCalibrationCache(std::size_t&) noexcept override { return nullptr; }
  void writeCalibrationCache(void const*, std::size_t) noexcept override {}
  double getQuantile() const noexcept override { return 0.5; }
  double getRegressionCutoff() const noexcept override { return 0.25; }
  void const* readHistogramCache(std::size_t&) noexcept override { return nullptr; }
  void writeHistogramCache(void const*, std::size_t) noexcept override {}
};

int main() {
  using Type = nvinfer1::CalibrationAlgoType;
  UsersCalibrator users(2, "x");
  nvinfer1::IInt8Calibrator* calibrator = &users;
  const char* names[] = {"x"};
  void* pointers[] = {nullptr};
  std::size_t length = 1;
  bool good = calibrator->getBatchSize() == 2 && calibrator->getAlgorithm() == Type::kENTROPY_CALIBRATION_2;
  good = good && calibrator->readCalibrationCache(length) == nullptr && length == 0;
  good = good && calibrator->getBatch(pointers, names, 1) && pointers[0] != nullptr;
  good = good && !calibrator->getBatch(pointers, names, 1);
  calibrator->writeCalibrationCache("ab", 2);
  good = good && calibrator->readCalibrationCache(length) != nullptr && length == 2;
  UsersMinMax minmax;
  UsersEntropy entropy;
  UsersLegacy legacy;
  nvinfer1::IInt8Calibrator* all[] = {&legacy, &entropy, calibrator, &minmax};
  for (int32_t type = 0; type < 4; ++type) good = good && all[type]->getAlgorithm() == static_cast<Type>(type);
#if NV_TENSORRT_MAJOR >= 10 || NV_TENSORRT_MAJOR < 7
  good = good && std::string(calibrator->getInterfaceInfo().kind) == "IInt8EntropyCalibrator2";
  good = good && std::string(all[0]->getInterfaceInfo().kind) == "IInt8Calibrator";
#endif
  return good ? 0 : 1;
}

#pragma GCC diagnostic pop
