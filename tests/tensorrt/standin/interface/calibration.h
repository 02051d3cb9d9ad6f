// TensorRT's use of a calibrator: it asks for a cache. Without one it reads batch after batch and passes a
// cache to the calibrator.
//
// `read_device` reads a batch. By default it reads host memory. A test with a device, or with the protected
// memory of fake_cuda.c, sets a function that copies from there. Then the sanitizers or the fake report a
// batch that is shorter than its input, as an access outside of an allocation.
#ifndef STANDIN_CALIBRATION_H
#define STANDIN_CALIBRATION_H

#include "config.h"

#include <cstdio>
#include <cstring>

namespace nvinfer1 {
namespace standin {

inline void say(ILogger* logger, ILogger::Severity severity, std::string const& text) {
    if (logger != nullptr) {
        logger->log(severity, text.c_str());
    }
}

// Copies bytes of a batch to the host and returns whether it succeeded.
inline bool (*read_device)(void* to, void const* from, std::size_t size) = [](void* to, void const* from, std::size_t size) {
    std::memcpy(to, from, size);
    return true;
};

inline char const* algorithm_name(CalibrationAlgoType algorithm) {
    switch (algorithm) {
    case CalibrationAlgoType::kLEGACY_CALIBRATION: return "LegacyCalibration";
    case CalibrationAlgoType::kENTROPY_CALIBRATION: return "EntropyCalibration";
    case CalibrationAlgoType::kENTROPY_CALIBRATION_2: return "EntropyCalibration2";
    case CalibrationAlgoType::kMINMAX_CALIBRATION: return "MinMaxCalibration";
    }
    return "";
}

inline std::string cache_header(CalibrationAlgoType algorithm) {
    return "TRT-" + std::to_string(NV_TENSORRT_VERSION) + "-" + algorithm_name(algorithm) + "\n";
}

// Returns the number of elements of one batch of an input. Unknown dimensions are those of the profile.
inline int64_t batch_elements(ITensor const& input, IBuilderConfig const& config, int64_t implicit_batch) {
    auto dims = input.getDimensions();
    auto const* profile = config.standin.calibration_profile;
    if (profile == nullptr && !config.standin.profiles.empty()) {
        profile = config.standin.profiles[0];
    }
    if (profile != nullptr && profile->standin.count(input.getName()) != 0) {
        dims = profile->getDimensions(input.getName(), OptProfileSelector::kOPT);
    }
    auto elements = implicit_batch;
    for (int32_t i = 0; i < dims.nbDims; ++i) {
        elements *= dims.d[i];
    }
    return elements;
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

inline bool calibrate(INetworkDefinition const& network, IBuilderConfig& config, ILogger* logger) {
    auto* calibrator = config.standin.calibrator;
    auto const header = cache_header(calibrator->getAlgorithm());
    std::size_t length = 0;
    auto const* cache = static_cast<char const*>(calibrator->readCalibrationCache(length));
    if (cache != nullptr && length >= header.size() && std::memcmp(cache, header.data(), header.size()) == 0) {
        return true;
    }
    if (cache != nullptr) {
        say(logger, ILogger::Severity::kERROR, "Calibration table does not match calibrator algorithm type.");
    }

    auto const& inputs = network.standin.inputs;
    std::vector<char const*> names;
    std::vector<float> maxima(inputs.size(), 0.0F);
    for (auto const* input : inputs) {
        names.push_back(input->getName());
    }
    auto const implicit_batch = network.hasImplicitBatchDimension() ? calibrator->getBatchSize() : 1;
    for (;;) {
        std::vector<void*> bindings(inputs.size(), nullptr);
        if (!calibrator->getBatch(bindings.data(), names.data(), static_cast<int32_t>(names.size()))) {
            break;
        }
        auto& batch = config.standin.batches.emplace_back();
        for (std::size_t i = 0; i < inputs.size(); ++i) {
            if (bindings[i] == nullptr) {
                say(logger, ILogger::Severity::kERROR, "null binding for " + std::string(names[i]));
                return false;
            }
            auto& kept = batch[names[i]];
            kept.resize(static_cast<std::size_t>(batch_elements(*inputs[i], config, implicit_batch)));
            if (!read_device(kept.data(), bindings[i], kept.size() * sizeof(float))) {
                say(logger, ILogger::Severity::kERROR, "cannot read the batch of " + std::string(names[i]));
                return false;
            }
            for (auto const value : kept) {
                maxima[i] = std::max(maxima[i], std::fabs(value));
            }
        }
    }
    if (config.standin.batches.empty()) {
        say(logger, ILogger::Severity::kERROR, "Calibration failure occurred with no scaling factors detected.");
        return false;
    }
    std::string text = header;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
        float const scale = maxima[i] / 127.0F;
        uint32_t bits = 0;
        std::memcpy(&bits, &scale, sizeof bits);
        char digits[9];
        std::snprintf(digits, sizeof digits, "%x", bits);
        text += std::string(names[i]) + ": " + digits + "\n";
    }
    calibrator->writeCalibrationCache(text.data(), text.size());
    return true;
}

#pragma GCC diagnostic pop

}  // namespace standin
}  // namespace nvinfer1

#endif
