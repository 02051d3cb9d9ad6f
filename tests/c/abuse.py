"""Writes a C program that calls every function of the header with every argument spoiled once.

Every pointer is NULL once, every value of a number set is 0x7fffffff and -1, every size is 0 and a huge value, and
every handle is freed twice. The calls come from the header, so no new function can be forgotten: a type that this
script does not know is an error. `values.h` has good values for every type.

usage: abuse.py OUT.c
"""

import sys
from pathlib import Path

import header as headers

ARRAYS = {"const float *": "floats", "const int32_t *": "ints", "const int64_t *": "longs", "const size_t *": "sizes",
          "const void *": "bytes"}
RESULTS = {"float *": "float", "double *": "double", "size_t *": "size_t", "bool *": "bool"}
FILLED = {"lower": "float_memory", "upper": "float_memory", "counts": "count_memory"}
NUMBERS = {"bool": "true", "float": "1.0f", "double": "99.0", "min": "-1.0f", "uint8_t": "3", "int64_t": "13"}
CALLBACKS = {"qdq_free_fn": "free_user", "qdq_log_fn": "log_message", "qdq_next_batch_fn": "next_batch", "qdq_open_batches_fn": "open_batches",
             "qdq_progress_fn": "progress", "qdq_tap_fn": "tapped_value"}
SIZES = {"size_t": "SIZE_MAX", "uint32_t": "UINT32_MAX", "int32_t": "INT32_MAX", "uint64_t": "UINT64_MAX"}
# The number of ways in which values.h spoils a tensor.
WAYS = 12
# Good sizes that are not 1, by function and parameter.
GOOD = {("qdq_stats_from_bytes", "size"): "stats_size",
        ("qdq_cache_from_bytes", "size"): "cache_size", ("qdq_model_from_bytes", "size"): "model_size",
        ("qdq_histogram_calibrator_new", "num_bins"): "2048",
        ("qdq_tensor_stats_bins", "count"): "127",
        ("qdq_axis_max_from_bytes", "size"): "maxima_size",
        ("qdq_quantizer_calibration_from_bytes", "size"): "calibration_size",
        ("qdq_engine_cost_from_bytes", "size"): "engine_size",
        ("qdq_weights_compat_amax", "num_bins"): "2048",
        # The default format has no blocks.
        ("qdq_weights_store", "block"): "0",
        # The dynamic size is that of axis 0.
        ("qdq_specs_name_dim", "axis"): "0", ("qdq_graph_name_dim", "tensor"): "0", ("qdq_graph_name_dim", "axis"): "0",
        ("qdq_model_set_input_shape", "ndim"): "4",
        ("qdq_model_compare", "label_count"): "8", ("qdq_model_compare_outputs", "label_count"): "8",
        ("qdq_model_save_external", "max_file"): "INT32_MAX"}
BYTES = {"qdq_stats_from_bytes": "stats_bytes", "qdq_cache_from_bytes": "cache_bytes", "qdq_model_from_bytes": "model_bytes",
         "qdq_axis_max_from_bytes": "maxima_bytes", "qdq_quantizer_calibration_from_bytes": "calibration_bytes",
         "qdq_engine_cost_from_bytes": "engine_bytes"}
JSON = {"qdq_descriptor_from_json": "descriptor_json", "qdq_quantizer_from_json": "quantizer_json",
        "qdq_ranges_from_json": "ranges_json", "qdq_engine_cost_from_layers": "layers_json"}
TEXTS = {"path": "path", "op": '"Conv"', "pattern": '"*"', "method": '"max"'}
PATHS = {"qdq_stats_load": "stats_path", "qdq_ranges_load": "json_path", "qdq_cache_load": "cache_path",
         "qdq_model_open": "model_path", "qdq_run_options_set_onnxruntime": "model_path",
         "qdq_axis_max_load": "maxima_path", "qdq_quantizer_load_calibration": "calibration_path",
         "qdq_array_read_npy": "npy_path", "qdq_engine_cost_load": "engine_path", "qdq_onnxruntime_find": "model_path", "qdq_onnxruntime_version": "model_path"}
# Special objects, by the function that needs them.
MADE = {"qdq_quantizer_load_calib_amax_searching": "quantizer_that_observes(QDQ_CALIB_COMPAT)"}
# Functions whose good arguments need something that not every machine has: ONNX Runtime.
MAY_FAIL = {"qdq_onnxruntime_version"}


class Unknown(Exception):
    pass


class Call:
    """One call of a function, with good values except for one parameter."""

    def __init__(self, header, function):
        self.header, self.function = header, function
        self.before, self.check, self.after = [], [], []

    def owned(self, type_):
        return type_.rstrip("* ").removeprefix("const ")

    def good(self, parameter):
        type_, name = parameter.type, parameter.name
        if type_ == "qdq_error **" and not self.function.name.endswith("_free"):
            return "&failure"
        if type_.endswith("**"):
            variable = f"{name}_result"
            handle = self.owned(type_)
            if self.function.name.endswith("_free"):
                self.before.append(f"{handle} *{variable} = make_{handle}();")
            else:
                # UNSET reveals an output that was not written.
                self.before.append(f"{handle} *{variable} = ({handle} *)UNSET;")
                self.check.append(f"check_handle(status, {variable});")
            self.after.append(f"{handle}_free(&{variable});")
            return f"&{variable}"
        if type_ == "const qdq_model *":
            return "shared_model"  # plans are made of it
        if self.owned(type_) in self.header.objects and type_.endswith("*"):
            variable = f"{name}"
            handle = self.owned(type_)
            self.before.append(f"{handle} *{variable} = {MADE.get(self.function.name, f'make_{handle}()')};")
            self.after.append(f"{handle}_free(&{variable});")
            return variable
        if type_ == "const qdq_tensor *":
            return f"good_tensor(\"{self.function.name}\", \"{name}\")"
        if type_ == "qdq_tensor *":
            self.before.append(f"qdq_tensor {name}_result;")
            return f"&{name}_result"
        if type_ in ARRAYS:
            return BYTES.get(self.function.name, ARRAYS[type_]) if type_ == "const void *" else ARRAYS[type_]
        if name in FILLED:
            return FILLED[name]
        if type_ in RESULTS:
            self.before.append(f"{RESULTS[type_]} {name}_result;")
            return f"&{name}_result"
        if self.function.name in JSON and name == "json":
            return JSON[self.function.name]
        if (self.function.name, name) == ("qdq_model_set_initializer", "name"):
            return '"fc.bias"'
        if name == "name" and self.function.name in ("qdq_batch_get", "qdq_model_fix_input", "qdq_model_set_input_shape"):
            return '"input"'
        if (self.function.name, name) == ("qdq_model_clip_input", "node"):
            return '"/fc/Gemm"'
        if type_ == "const char *":
            return PATHS.get(self.function.name, TEXTS.get(name, '"x"')) if name == "path" else TEXTS.get(name, '"x"')
        if type_ == "const char *const *":
            return {"paths": "data_paths", "taps": "taps", "outputs": "outputs"}.get(name, "names")
        if type_ == "void *":
            return "NULL"
        if type_ in CALLBACKS:
            return CALLBACKS[type_]
        if type_ == "qdq_dtype":
            return "QDQ_DTYPE_F32"
        if type_ in self.header.enums:
            return "0"
        if type_ in NUMBERS:
            return NUMBERS.get(name, NUMBERS[type_])
        if type_ in SIZES:
            default = {"num_bits": "8", "tensorrt_version": "8501", "index": "0"}.get(name, "1")
            return GOOD.get((self.function.name, name), default)
        raise Unknown(f"{self.function.name}: parameter '{name}' of type '{type_}'")

    def text(self, spoiled=None, value=None, must_fail=False):
        self.before, self.check, self.after = [], [], []
        arguments = [
            value if parameter is spoiled else self.good(parameter) for parameter in self.function.parameters
        ]
        name, result = self.function.name, self.function.result
        label = name if spoiled is None else f"{name}: {spoiled.name} = {value}".replace('"', "'")
        has_error = result == "qdq_status" and bool(arguments)
        has_error = has_error and self.function.parameters[-1].type == "qdq_error **"
        wants_error = has_error and not (spoiled and spoiled.type == "qdq_error **")
        call = f"{name}({', '.join(arguments)})"
        lines = [f"  begin(\"{label}\");", *self.before]
        if has_error:
            is_good = spoiled is None and name not in MAY_FAIL
            expectation = "GOOD" if is_good else "FAILS" if must_fail else "ANY"
            lines.append("qdq_error *failure = UNSET;" if wants_error else "qdq_error *failure = NULL;")
            lines.append(f"qdq_status status = {call};")
            lines.append(f"check(status, failure, {expectation}, {str(wants_error).lower()});")
            lines.append("qdq_error_free(&failure);")
            lines += self.check
        elif result == "void":
            lines += [f"{call};"] * (2 if name.endswith("_free") else 1)
        elif result.endswith("*") and not result.startswith("const"):
            handle = self.owned(result)
            lines += [f"{handle} *made = {call};", f"{handle}_free(&made);", f"{handle}_free(&made);"]
        else:
            lines.append(f"(void){call};")
        return "\n    ".join(["  {", *lines, *self.after]) + "\n  }\n"


def spoilings(header, function):
    for parameter in function.parameters:
        if parameter.type == "const qdq_tensor *":
            good = f'good_tensor("{function.name}", "{parameter.name}")'
            yield from ((parameter, f"spoiled_tensor({good}, {way})", True) for way in range(WAYS))
        if parameter.type.endswith("*") or parameter.type in CALLBACKS:
            is_optional = parameter.type in ("qdq_error **", "void *", "qdq_free_fn") or function.may_be_null(parameter.name)
            yield parameter, "NULL", not is_optional
        elif parameter.type in header.enums:
            # Every status makes an error, and -1 is QDQ_ALGORITHM_UNKNOWN.
            accepts = {"qdq_status": ("0x7fffffff", "-1"), "qdq_algorithm": ("-1",)}.get(parameter.type, ())
            yield from ((parameter, value, value not in accepts) for value in ("0x7fffffff", "-1"))
        elif parameter.type in SIZES:
            yield from ((parameter, value, False) for value in ("0", SIZES[parameter.type]))
        elif parameter.type in ("float", "double"):
            yield from ((parameter, value, False) for value in ("NAN", "INFINITY", "-1", "0"))


def main():
    header = headers.parse()
    calls = []
    for function in header.functions:
        call = Call(header, function)
        calls.append(call.text())
        calls += [call.text(*spoiling) for spoiling in spoilings(header, function)]
    functions = "\n".join(
        f"static void part_{index}(void) {{\n{''.join(part)}}}\n"
        for index, part in enumerate(calls[start:start + 100] for start in range(0, len(calls), 100))
    )
    parts = range((len(calls) + 99) // 100)
    runs = "\n".join(f"  part_{index}();" for index in parts)
    Path(sys.argv[1]).write_text(
        '#include "values.h"\n\n' + functions
        + f"\nint main(int count, char **arguments) {{\n  set_up(count, arguments);\n{runs}\n  return finish();\n}}\n"
    )
    print(f"{len(calls)} calls of {len(header.functions)} functions")


try:
    main()
except Unknown as unknown:
    sys.exit(f"abuse.py: {unknown}: teach it and values.h a good value")
