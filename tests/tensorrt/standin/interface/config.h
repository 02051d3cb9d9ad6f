// The settings of a build: optimization profiles, flags, limits, the timing cache, the calibrator.
#ifndef STANDIN_CONFIG_H
#define STANDIN_CONFIG_H

#include "calibrators.h"
#include "network.h"

#include <functional>

namespace nvinfer1 {

class IHostMemory : public INoCopy {
    STANDIN_OWNED(IHostMemory)

    std::string standin;

    STANDIN_METHOD void* data() const STANDIN_NOEXCEPT { return const_cast<char*>(standin.data()); }
    STANDIN_METHOD std::size_t size() const STANDIN_NOEXCEPT { return standin.size(); }
    STANDIN_METHOD DataType type() const STANDIN_NOEXCEPT { return DataType::kINT8; }
};

enum class OptProfileSelector : int32_t { kMIN = 0, kOPT = 1, kMAX = 2 };

class IOptimizationProfile : public INoCopy {
public:
    std::map<std::string, std::array<Dims, 3>> standin;

    STANDIN_METHOD bool setDimensions(char const* inputName, OptProfileSelector select, DimsArgument dims) STANDIN_NOEXCEPT {
        auto& all = standin[inputName];
        all[static_cast<std::size_t>(select)] = dims;
        for (std::size_t i = 0; i < all.size(); ++i) {
            for (std::size_t j = i + 1; j < all.size(); ++j) {
                if (!in_order(all[i], all[j])) {
                    return false;
                }
            }
        }
        return true;
    }
    STANDIN_METHOD Dims getDimensions(char const* inputName, OptProfileSelector select) const STANDIN_NOEXCEPT {
        auto const found = standin.find(inputName);
        Dims unknown{};
        unknown.nbDims = -1;
        return found == standin.end() ? unknown : found->second[static_cast<std::size_t>(select)];
    }
    STANDIN_METHOD bool isValid() const STANDIN_NOEXCEPT { return true; }

protected:
    virtual ~IOptimizationProfile() = default;

private:
    // Unset dimensions fit all others.
    static bool in_order(Dims const& low, Dims const& high) {
        if (low.nbDims == 0 || high.nbDims == 0) {
            return true;
        }
        return low.nbDims > 0 && low.nbDims == high.nbDims
               && std::equal(low.d, low.d + low.nbDims, high.d, std::less_equal<>());
    }
};

#if STANDIN_AT_LEAST(8, 0)
class ITimingCache : public INoCopy {
public:
    std::string standin;

    virtual ~ITimingCache() noexcept = default;
    IHostMemory* serialize() const noexcept {
        auto* memory = new standin::Owned<IHostMemory>;
        memory->standin = standin;
        return memory;
    }
    bool combine(ITimingCache const& inputCache, bool) noexcept {
        standin += inputCache.standin;
        return true;
    }
    bool reset() noexcept {
        standin.clear();
        return true;
    }
};
#endif

using BuilderFlags = uint32_t;

enum class BuilderFlag : int32_t {
    kFP16 = 0,
    kINT8 = 1,
    kDEBUG = 2,
    kGPU_FALLBACK = 3,
#if STANDIN_AT_LEAST(10, 0)
    kREFIT = 4,
    kDISABLE_TIMING_CACHE = 5,
    kTF32 = 6,
    kSPARSE_WEIGHTS = 7,
    kSAFETY_SCOPE = 8,
    kOBEY_PRECISION_CONSTRAINTS = 9,
    kPREFER_PRECISION_CONSTRAINTS = 10,
    kDIRECT_IO = 11,
    kREJECT_EMPTY_ALGORITHMS = 12,
    kVERSION_COMPATIBLE = 13,
    kEXCLUDE_LEAN_RUNTIME = 14,
    kFP8 = 15,
    kERROR_ON_TIMING_CACHE_MISS = 16,
    kBF16 = 17,
    kDISABLE_COMPILATION_CACHE = 18,
    kSTRIP_PLAN = 19,
    kREFIT_IDENTICAL = 20,
    kWEIGHT_STREAMING = 21,
    kINT4 = 22,
#else
    kSTRICT_TYPES STANDIN_DEPRECATED_8 = 4,
    kREFIT = 5,
    kDISABLE_TIMING_CACHE = 6,
    kTF32 = 7,
#if STANDIN_AT_LEAST(8, 0)
    kSPARSE_WEIGHTS = 8,
    kSAFETY_SCOPE = 9,
#endif
#if STANDIN_AT_LEAST(8, 2)
    kOBEY_PRECISION_CONSTRAINTS = 10,
    kPREFER_PRECISION_CONSTRAINTS = 11,
    kDIRECT_IO = 12,
    kREJECT_EMPTY_ALGORITHMS = 13,
#endif
#if STANDIN_AT_LEAST(8, 5)
    kENABLE_TACTIC_HEURISTIC = 14,
#endif
#if STANDIN_AT_LEAST(8, 6)
    kVERSION_COMPATIBLE = 15,
    kEXCLUDE_LEAN_RUNTIME = 16,
    kFP8 = 17,
#endif
#if STANDIN_AT_LEAST(9, 0)
    kERROR_ON_TIMING_CACHE_MISS = 18,
    kBF16 = 19,
    kDISABLE_COMPILATION_CACHE = 20,
#endif
#endif
};

using QuantizationFlags = uint32_t;
enum class QuantizationFlag : int32_t { kCALIBRATE_BEFORE_FUSION STANDIN_DEPRECATED_10_1 = 0 };

#if STANDIN_AT_LEAST(8, 0)
enum class ProfilingVerbosity : int32_t { kLAYER_NAMES_ONLY = 0, kNONE = 1, kDETAILED = 2 };
#else
enum class ProfilingVerbosity : int32_t { kDEFAULT = 0, kNONE = 1, kVERBOSE = 2 };
#endif

enum class TacticSource : int32_t { kCUBLAS = 0, kCUBLAS_LT = 1, kCUDNN = 2 };
using TacticSources = uint32_t;
enum class DeviceType : int32_t { kGPU = 0, kDLA = 1 };

#if STANDIN_AT_LEAST(8, 4)
enum class MemoryPoolType : int32_t {
    kWORKSPACE = 0,
    kDLA_MANAGED_SRAM = 1,
    kDLA_LOCAL_DRAM = 2,
    kDLA_GLOBAL_DRAM = 3,
#if STANDIN_AT_LEAST(8, 6)
    kTACTIC_DRAM = 4,
#endif
#if STANDIN_AT_LEAST(10, 0)
    kTACTIC_SHARED_MEMORY = 5,
#endif
};
#endif

STANDIN_NAMES_DEPRECATED

class IBuilderConfig : public INoCopy {
    STANDIN_OWNED(IBuilderConfig)

    struct {
        BuilderFlags flags = 0;
        QuantizationFlags quantization_flags = 0;
        IInt8Calibrator* calibrator = nullptr;
        IOptimizationProfile const* calibration_profile = nullptr;
        std::vector<IOptimizationProfile const*> profiles;
        std::map<int32_t, std::size_t> pools;
        // The data of calibration: the values of every input for every batch.
        std::vector<std::map<std::string, std::vector<float>>> batches;
    } standin;

    STANDIN_METHOD void setFlags(BuilderFlags builderFlags) STANDIN_NOEXCEPT { standin.flags = builderFlags; }
    STANDIN_METHOD BuilderFlags getFlags() const STANDIN_NOEXCEPT { return standin.flags; }
    STANDIN_METHOD void setFlag(BuilderFlag flag) STANDIN_NOEXCEPT { standin.flags |= bit(flag); }
    STANDIN_METHOD void clearFlag(BuilderFlag flag) STANDIN_NOEXCEPT { standin.flags &= ~bit(flag); }
    STANDIN_METHOD bool getFlag(BuilderFlag flag) const STANDIN_NOEXCEPT { return (standin.flags & bit(flag)) != 0; }

    STANDIN_METHOD STANDIN_DEPRECATED_10_1 void setInt8Calibrator(IInt8Calibrator* calibrator) STANDIN_NOEXCEPT {
        standin.calibrator = calibrator;
    }
    STANDIN_METHOD STANDIN_DEPRECATED_10_1 IInt8Calibrator* getInt8Calibrator() const STANDIN_NOEXCEPT {
        return standin.calibrator;
    }
    STANDIN_METHOD STANDIN_DEPRECATED_10_1 bool setCalibrationProfile(IOptimizationProfile const* profile) STANDIN_NOEXCEPT {
        standin.calibration_profile = profile;
        return true;
    }
    STANDIN_METHOD STANDIN_DEPRECATED_10_1 IOptimizationProfile const* getCalibrationProfile() STANDIN_NOEXCEPT {
        return standin.calibration_profile;
    }
    STANDIN_METHOD STANDIN_DEPRECATED_10_1 void setQuantizationFlag(QuantizationFlag flag) STANDIN_NOEXCEPT {
        standin.quantization_flags |= bit(flag);
    }
    STANDIN_METHOD STANDIN_DEPRECATED_10_1 bool getQuantizationFlag(QuantizationFlag flag) const STANDIN_NOEXCEPT {
        return (standin.quantization_flags & bit(flag)) != 0;
    }

    STANDIN_METHOD int32_t addOptimizationProfile(IOptimizationProfile const* profile) STANDIN_NOEXCEPT {
        standin.profiles.push_back(profile);
        return static_cast<int32_t>(standin.profiles.size()) - 1;
    }
    STANDIN_METHOD int32_t getNbOptimizationProfiles() const STANDIN_NOEXCEPT {
        return static_cast<int32_t>(standin.profiles.size());
    }
    STANDIN_METHOD void reset() STANDIN_NOEXCEPT { standin = {}; }

#if !STANDIN_AT_LEAST(10, 0)
    STANDIN_METHOD STANDIN_DEPRECATED_8_4 void setMaxWorkspaceSize(std::size_t workspaceSize) STANDIN_NOEXCEPT {
        standin.pools[0] = workspaceSize;
    }
#endif
#if !STANDIN_AT_LEAST(10, 0)
    STANDIN_METHOD STANDIN_DEPRECATED_8_4 std::size_t getMaxWorkspaceSize() const STANDIN_NOEXCEPT { return pool(0); }
#endif
#if STANDIN_AT_LEAST(8, 4)
    void setMemoryPoolLimit(MemoryPoolType type, std::size_t poolSize) noexcept {
        standin.pools[static_cast<int32_t>(type)] = poolSize;
    }
    std::size_t getMemoryPoolLimit(MemoryPoolType type) const noexcept { return pool(static_cast<int32_t>(type)); }
#endif

#if STANDIN_AT_LEAST(8, 0)
    ITimingCache* createTimingCache(void const* blob, std::size_t size) const noexcept {
        // A cache that was not measured here is refused.
        std::string const text(static_cast<char const*>(blob), blob == nullptr ? 0 : size);
        if (!text.empty() && text.rfind("measured", 0) != 0) {
            return nullptr;
        }
        auto* cache = new ITimingCache;
        cache->standin = text;
        return cache;
    }
    bool setTimingCache(ITimingCache const& cache, bool) noexcept {
        mTimingCache = &cache;
        return true;
    }
    ITimingCache const* getTimingCache() const noexcept { return mTimingCache; }
#endif

    STANDIN_VALUE(::nvinfer1::ProfilingVerbosity, ProfilingVerbosity, ::nvinfer1::ProfilingVerbosity{})
    STANDIN_VALUE(DeviceType, DefaultDeviceType, DeviceType::kGPU)
    STANDIN_VALUE(int32_t, DLACore, -1)
    STANDIN_VALUE(cudaStream_t, ProfileStream, nullptr)
#if STANDIN_AT_LEAST(8, 6)
    STANDIN_VALUE(int32_t, BuilderOptimizationLevel, 3)
#endif

    STANDIN_METHOD bool setTacticSources(TacticSources tacticSources) STANDIN_NOEXCEPT {
        mTacticSources = tacticSources;
        return true;
    }
    STANDIN_METHOD TacticSources getTacticSources() const STANDIN_NOEXCEPT { return mTacticSources; }

private:
    template <class Flag>
    static uint32_t bit(Flag flag) {
        return 1U << static_cast<uint32_t>(flag);
    }
    std::size_t pool(int32_t type) const {
        auto const found = standin.pools.find(type);
        return found == standin.pools.end() ? 0 : found->second;
    }

    TacticSources mTacticSources = 0;
#if STANDIN_AT_LEAST(8, 0)
    ITimingCache const* mTimingCache = nullptr;
#endif
};

STANDIN_NAMES_DEPRECATED_END

}  // namespace nvinfer1

#endif
