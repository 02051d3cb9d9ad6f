"""Lines that must not compile, and the compiler's messages for them."""

import functools
import re

from native import ROOT, WARNINGS, Failure, compilers, run
from tensorrt_headers import STANDIN, headers

STRICT = ["-std=c++17", *WARNINGS, f"-I{ROOT / 'cpp'}", f"-I{ROOT / 'include'}"]
# TensorRT's header without that of the ONNX parser beside it.
NO_PARSER = "no parser"
PREFIX = """#include <qdq/tensorrt.hpp>
using namespace qdq;
void f(nvinfer1::IBuilder& builder, nvinfer1::INetworkDefinition& network, nvinfer1::ILogger& logger, const Ranges& ranges,
       const Cache& cache, Batches& batches, const Plan& plan, trt::EngineOptions& options, trt::CalibratorOptions& calibration);
void f([[maybe_unused]] nvinfer1::IBuilder& builder, [[maybe_unused]] nvinfer1::INetworkDefinition& network,
       [[maybe_unused]] nvinfer1::ILogger& logger, [[maybe_unused]] const Ranges& ranges, [[maybe_unused]] const Cache& cache,
       [[maybe_unused]] Batches& batches, [[maybe_unused]] const Plan& plan, [[maybe_unused]] trt::EngineOptions& options,
       [[maybe_unused]] trt::CalibratorOptions& calibration) {
"""
PARSER = "needs NvOnnxParser.h"
# Lines that compile: they prove that the prefix is correct.
RIGHT = [
    ("10.3", "auto memory = trt::insert_qdq(network, plan, ranges).value(); (void)memory;"),
    (NO_PARSER, "trt::build_engine(builder, network, ranges, options).value().write(\"x\").value();"),
    (NO_PARSER, "auto library = trt::Library::open(\"infer\", \"parser\").value(); (void)library.builder(logger);"),
    ("rtx-1.7", "auto memory = trt::insert_qdq(network, plan, ranges).value(); (void)memory;"),
    ("7.2", "trt::set_dynamic_ranges(network, ranges).value();"),
]
WRONG = [
    ("10.3", "trt::insert_qdq(network, plan, ranges).value();", "nodiscard|unused"),
    ("10.3", "*trt::insert_qdq(network, plan, ranges);", "nodiscard|unused"),
    ("10.3", "auto text = trt::build_engine(\"x\", ranges).value().data(); (void)text;", "delete"),
    ("10.3", "auto plan_of = trt::build_engine(\"x\", ranges).value().plan(); (void)plan_of;", "delete"),
    ("10.3", "for (auto& x : trt::build_engine(\"x\", ranges).value().findings()) (void)x;", "delete"),
    ("10.3", "const auto& file = trt::CalibratorOptions::make().build().value().cache_file(); (void)file;", "delete"),
    (NO_PARSER, "(void)trt::Library::linked_with_parser();", PARSER),
    (NO_PARSER, "(void)trt::Library::linked().parser(network, logger);", PARSER),
    (NO_PARSER, "(void)trt::build_engine(\"model.onnx\");", PARSER),
    (NO_PARSER, "(void)trt::build_engine(\"model.onnx\", ranges, options);", PARSER),
    (NO_PARSER, "(void)trt::build_engine(\"model.onnx\", batches, options);", PARSER),
    ("rtx-1.7", "(void)trt::EntropyCalibrator2::from_batches(network, std::move(batches), calibration);",
     r"have no calibrators.*qdq::trt::build_engine\(model, batches\)"),
    ("rtx-1.7", "(void)trt::MinMaxCalibrator::from_ranges(network, ranges);", r"have no calibrators.*insert_qdq\(\)"),
    ("rtx-1.7", "(void)trt::LegacyCalibrator::from_cache(network, cache);", r"have no calibrators.*Cache::to_ranges\(\)"),
    ("rtx-1.7", "(void)trt::EntropyCalibrator::from_device(network, [](auto&) { return false; });",
     r"have no calibrators.*qdq::trt::quantize"),
    ("rtx-1.7", "(void)trt::set_dynamic_ranges(network, ranges);", r"no dynamic ranges.*insert_qdq\(\)"),
    ("rtx-1.7", "(void)trt::build_engine(builder, network, std::move(batches), calibration, options);", "do not calibrate"),
    ("7.2", "(void)trt::insert_qdq(network, plan, ranges);", r"no Quantize and Dequantize layers.*set_dynamic_ranges\(\)"),
    ("7.2", "(void)trt::quantize(network, 1);", "no Quantize and Dequantize layers.*setInt8Calibrator"),
    ("7.2", "trt::WeightMemory memory; trt::QuantizedLayers layers(network, memory);", "no Quantize and Dequantize layers"),
]


def cases(suite):
    def parser_or_none(version):
        if version != NO_PARSER:
            return headers(version)
        folder = suite.work / "without_parser"
        folder.mkdir(exist_ok=True)
        (folder / "NvInfer.h").write_text(f'#include "{STANDIN / "10.3" / "NvInfer.h"}"\n')
        return [f"-I{folder}", f"-I{STANDIN / 'cuda'}"]

    @functools.cache
    def options(compiler, version):
        return precompiled(suite, compiler, [*STRICT, *parser_or_none(version)], f"before-{version.replace(' ', '-')}")

    def source(number, line):
        path = suite.work / f"must_not_compile-{number}.cpp"
        path.write_text(f"{PREFIX}{line}\n}}\n")
        return path

    def right(compiler):
        for number, (version, line) in enumerate(RIGHT):
            run(compiler, *options(compiler, version), "-fsyntax-only", source(f"right-{compiler}-{number}", line))

    def wrong(compiler):
        for number, (version, line, why) in enumerate(WRONG):
            command = (compiler, *options(compiler, version), "-fsyntax-only", source(f"{compiler}-{number}", line))
            said = run(*command, fails="error")
            if not re.search(why, said, re.S):
                raise Failure(f"{line}\n{version}: the compiler does not say '{why}':\n{said[:3000]}")

    # The faster compiler checks it.
    compiler = compilers("g++", "clang++")[-1]

    def both():
        right(compiler)
        wrong(compiler)

    yield f"what compiles without the parser, on RTX and on 7, and what must not compile, {compiler}", both


def precompiled(suite, compiler, options, name):
    """Returns the options for a source that begins with qdq's headers. clang compiles these once for all such sources."""
    if "clang" not in compiler:
        return options
    header = suite.work / f"{name}.hpp"
    header.write_text("#include <qdq/tensorrt.hpp>\n")
    run(compiler, *options, "-fpch-instantiate-templates", "-x", "c++-header", header, "-o", f"{header}.gch")
    return [*options, "-Winvalid-pch", "-include", header]
