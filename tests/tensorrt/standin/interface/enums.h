// The kinds of layers and their operations. Numbers differ between versions: LayerType lost and gained
// members in its middle.
#ifndef STANDIN_ENUMS_H
#define STANDIN_ENUMS_H

namespace nvinfer1 {

#if STANDIN_AT_LEAST(10, 0)

enum class LayerType : int32_t {
    kCONVOLUTION = 0,
    kCAST = 1,
    kACTIVATION = 2,
    kPOOLING = 3,
    kLRN = 4,
    kSCALE = 5,
    kSOFTMAX = 6,
    kDECONVOLUTION = 7,
    kCONCATENATION = 8,
    kELEMENTWISE = 9,
    kPLUGIN = 10,
    kUNARY = 11,
    kPADDING = 12,
    kSHUFFLE = 13,
    kREDUCE = 14,
    kTOPK = 15,
    kGATHER = 16,
    kMATRIX_MULTIPLY = 17,
    kRAGGED_SOFTMAX = 18,
    kCONSTANT = 19,
    kIDENTITY = 20,
    kPLUGIN_V2 = 21,
    kSLICE = 22,
    kSHAPE = 23,
    kPARAMETRIC_RELU = 24,
    kRESIZE = 25,
    kTRIP_LIMIT = 26,
    kRECURRENCE = 27,
    kITERATOR = 28,
    kLOOP_OUTPUT = 29,
    kSELECT = 30,
    kFILL = 31,
    kQUANTIZE = 32,
    kDEQUANTIZE = 33,
    kCONDITION = 34,
    kCONDITIONAL_INPUT = 35,
    kCONDITIONAL_OUTPUT = 36,
    kSCATTER = 37,
    kEINSUM = 38,
    kASSERTION = 39,
    kONE_HOT = 40,
    kNON_ZERO = 41,
    kGRID_SAMPLE = 42,
    kNMS = 43,
    kREVERSE_SEQUENCE = 44,
    kNORMALIZATION = 45,
    kPLUGIN_V3 = 46,
};

#elif STANDIN_AT_LEAST(8, 0)

enum class LayerType : int32_t {
    kCONVOLUTION = 0,
    kFULLY_CONNECTED = 1,
    kACTIVATION = 2,
    kPOOLING = 3,
    kLRN = 4,
    kSCALE = 5,
    kSOFTMAX = 6,
    kDECONVOLUTION = 7,
    kCONCATENATION = 8,
    kELEMENTWISE = 9,
    kPLUGIN = 10,
    kUNARY = 11,
    kPADDING = 12,
    kSHUFFLE = 13,
    kREDUCE = 14,
    kTOPK = 15,
    kGATHER = 16,
    kMATRIX_MULTIPLY = 17,
    kRAGGED_SOFTMAX = 18,
    kCONSTANT = 19,
    kRNN_V2 = 20,
    kIDENTITY = 21,
    kPLUGIN_V2 = 22,
    kSLICE = 23,
    kSHAPE = 24,
    kPARAMETRIC_RELU = 25,
    kRESIZE = 26,
    kTRIP_LIMIT = 27,
    kRECURRENCE = 28,
    kITERATOR = 29,
    kLOOP_OUTPUT = 30,
    kSELECT = 31,
    kFILL = 32,
    kQUANTIZE = 33,
    kDEQUANTIZE = 34,
    kCONDITION = 35,
    kCONDITIONAL_INPUT = 36,
    kCONDITIONAL_OUTPUT = 37,
    kSCATTER = 38,
    kEINSUM = 39,
    kASSERTION = 40,
#if STANDIN_AT_LEAST(8, 5)
    kONE_HOT = 41,
    kNON_ZERO = 42,
    kGRID_SAMPLE = 43,
    kNMS = 44,
#endif
#if STANDIN_AT_LEAST(8, 6)
    kREVERSE_SEQUENCE = 45,
    kNORMALIZATION = 46,
    kCAST = 47,
#endif
};

#else

enum class LayerType : int32_t {
    kCONVOLUTION = 0,
    kFULLY_CONNECTED = 1,
    kACTIVATION = 2,
    kPOOLING = 3,
    kLRN = 4,
    kSCALE = 5,
    kSOFTMAX = 6,
    kDECONVOLUTION = 7,
    kCONCATENATION = 8,
    kELEMENTWISE = 9,
    kPLUGIN = 10,
    kRNN = 11,
    kUNARY = 12,
    kPADDING = 13,
    kSHUFFLE = 14,
    kREDUCE = 15,
    kTOPK = 16,
    kGATHER = 17,
    kMATRIX_MULTIPLY = 18,
    kRAGGED_SOFTMAX = 19,
    kCONSTANT = 20,
    kRNN_V2 = 21,
    kIDENTITY = 22,
    kPLUGIN_V2 = 23,
    kSLICE = 24,
    kSHAPE = 25,
    kPARAMETRIC_RELU = 26,
    kRESIZE = 27,
    kTRIP_LIMIT = 28,
    kRECURRENCE = 29,
    kITERATOR = 30,
    kLOOP_OUTPUT = 31,
    kSELECT = 32,
    kFILL = 33,
};

#endif

enum class ActivationType : int32_t {
    kRELU = 0,
    kSIGMOID = 1,
    kTANH = 2,
    kLEAKY_RELU = 3,
    kELU = 4,
    kSELU = 5,
    kSOFTSIGN = 6,
    kSOFTPLUS = 7,
    kCLIP = 8,
    kHARD_SIGMOID = 9,
    kSCALED_TANH = 10,
    kTHRESHOLDED_RELU = 11,
#if STANDIN_AT_LEAST(10, 0)
    kGELU_ERF = 12,
    kGELU_TANH = 13,
#endif
};

enum class ElementWiseOperation : int32_t {
    kSUM = 0,
    kPROD = 1,
    kMAX = 2,
    kMIN = 3,
    kSUB = 4,
    kDIV = 5,
    kPOW = 6,
    kFLOOR_DIV = 7,
    kAND = 8,
    kOR = 9,
    kXOR = 10,
    kEQUAL = 11,
    kGREATER = 12,
    kLESS = 13,
};

enum class UnaryOperation : int32_t {
    kEXP = 0,
    kLOG = 1,
    kSQRT = 2,
    kRECIP = 3,
    kABS = 4,
    kNEG = 5,
    kSIN = 6,
    kCOS = 7,
    kTAN = 8,
    kSINH = 9,
    kCOSH = 10,
    kASIN = 11,
    kACOS = 12,
    kATAN = 13,
    kASINH = 14,
    kACOSH = 15,
    kATANH = 16,
    kCEIL = 17,
    kFLOOR = 18,
    kERF = 19,
    kNOT = 20,
#if STANDIN_AT_LEAST(8, 2)
    kSIGN = 21,
    kROUND = 22,
#endif
#if STANDIN_AT_LEAST(8, 6)
    kISINF = 23,
#endif
};

enum class PoolingType : int32_t { kMAX = 0, kAVERAGE = 1, kMAX_AVERAGE_BLEND = 2 };
enum class ReduceOperation : int32_t { kSUM = 0, kPROD = 1, kMAX = 2, kMIN = 3, kAVG = 4 };
enum class MatrixOperation : int32_t { kNONE = 0, kTRANSPOSE = 1, kVECTOR = 2 };
enum class ScaleMode : int32_t { kUNIFORM = 0, kCHANNEL = 1, kELEMENTWISE = 2 };
enum class TopKOperation : int32_t { kMAX = 0, kMIN = 1 };
enum class FillOperation : int32_t { kLINSPACE = 0, kRANDOM_UNIFORM = 1 };

enum class PaddingMode : int32_t {
    kEXPLICIT_ROUND_DOWN = 0,
    kEXPLICIT_ROUND_UP = 1,
    kSAME_UPPER = 2,
    kSAME_LOWER = 3,
#if !STANDIN_AT_LEAST(10, 0)
    kCAFFE_ROUND_DOWN = 4,
    kCAFFE_ROUND_UP = 5,
#endif
};

#if STANDIN_AT_LEAST(8, 2)
enum class GatherMode : int32_t { kDEFAULT = 0, kELEMENT = 1, kND = 2 };
#endif

// One enumeration with its name in each version: SliceMode became SampleMode, ResizeMode became
// InterpolationMode.
#if STANDIN_AT_LEAST(10, 0)
enum class SampleMode : int32_t { kSTRICT_BOUNDS = 0, kWRAP = 1, kCLAMP = 2, kFILL = 3, kREFLECT = 4 };
using StandinSliceMode = SampleMode;
enum class InterpolationMode : int32_t { kNEAREST = 0, kLINEAR = 1, kCUBIC = 2 };
using StandinResizeMode = InterpolationMode;
#elif STANDIN_AT_LEAST(8, 5)
enum class SampleMode : int32_t {
    kSTRICT_BOUNDS = 0,
    kDEFAULT TRT_DEPRECATED_ENUM = 0,
    kWRAP = 1,
    kCLAMP = 2,
    kFILL = 3,
    kREFLECT = 4,
};
using SliceMode = SampleMode;
using StandinSliceMode = SampleMode;
enum class InterpolationMode : int32_t { kNEAREST = 0, kLINEAR = 1, kCUBIC = 2 };
using ResizeMode = InterpolationMode;
using StandinResizeMode = InterpolationMode;
#else
enum class SliceMode : int32_t { kDEFAULT = 0, kWRAP = 1 };
using StandinSliceMode = SliceMode;
enum class ResizeMode : int32_t { kNEAREST = 0, kLINEAR = 1 };
using StandinResizeMode = ResizeMode;
#endif

}  // namespace nvinfer1

#endif
