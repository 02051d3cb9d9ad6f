// Dimensions: 32 bits each up to 9, 64 bits from 10 on.
#ifndef STANDIN_DIMS_H
#define STANDIN_DIMS_H

namespace nvinfer1 {

#if STANDIN_AT_LEAST(10, 0)

class Dims64 {
public:
    static constexpr int32_t MAX_DIMS{8};
    int32_t nbDims;
    int64_t d[MAX_DIMS];
};
using Dims = Dims64;

#elif STANDIN_AT_LEAST(8, 0)

class Dims32 {
public:
    static constexpr int32_t MAX_DIMS{8};
    int32_t nbDims;
    int32_t d[MAX_DIMS];
};
using Dims = Dims32;

#else

enum class DimensionType : int32_t { kSPATIAL = 0, kCHANNEL = 1, kINDEX = 2, kSEQUENCE = 3 };

// TensorRT marks `type` as deprecated. The stand-in does not: with some compilers every use of Dims would be
// a use of `type`.
class Dims {
public:
    static constexpr int32_t MAX_DIMS = 8;
    int32_t nbDims;
    int32_t d[MAX_DIMS];
    DimensionType type[MAX_DIMS];
};

#endif

#if STANDIN_AT_LEAST(10, 0)
using DimsArgument = Dims const&;
using Extent = int64_t;
using Count = int64_t;
#else
using DimsArgument = Dims;
using Extent = int32_t;
using Count = int32_t;
#endif

class Dims2 : public Dims {
public:
    Dims2() : Dims2(0, 0) {}
    Dims2(Extent d0, Extent d1) : Dims{} {
        nbDims = 2;
        d[0] = d0;
        d[1] = d1;
    }
};

class DimsHW : public Dims2 {
public:
    DimsHW() : Dims2() {}
    DimsHW(Extent height, Extent width) : Dims2(height, width) {}
    Extent& h() { return d[0]; }
    Extent h() const { return d[0]; }
    Extent& w() { return d[1]; }
    Extent w() const { return d[1]; }
};

class Dims3 : public Dims2 {
public:
    Dims3() : Dims3(0, 0, 0) {}
    Dims3(Extent d0, Extent d1, Extent d2) : Dims2(d0, d1) {
        nbDims = 3;
        d[2] = d2;
    }
};

class Dims4 : public Dims3 {
public:
    Dims4() : Dims4(0, 0, 0, 0) {}
    Dims4(Extent d0, Extent d1, Extent d2, Extent d3) : Dims3(d0, d1, d2) {
        nbDims = 4;
        d[3] = d3;
    }
};

struct Permutation {
    int32_t order[Dims::MAX_DIMS];
};

}  // namespace nvinfer1

#endif
