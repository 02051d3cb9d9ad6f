//! `qdq_engine_cost`: the kernels of a TensorRT engine and the bytes that they move.

use std::ffi::{CString, c_char, c_void};
use std::mem::MaybeUninit;

use crate::report::engine_cost::{self, EngineCost, Kernel, Moved};

use super::buffer::qdq_buffer;
use super::error::qdq_error;
use super::findings::qdq_findings;
use super::guard::guard;
use super::handle::{self, array, c_text, get, give, text, text_at};
use super::status::qdq_status;

/// The kernels of a TensorRT engine, and the bytes of activations that they read and write. Bytes are not
/// time: the figures compare two engines of one network, such as FP16 beside INT8, on a machine without a
/// GPU.
///
/// Constants and tensors of fewer than 256 elements are left out. A size that is decided at run time counts
/// as 1. A kernel in a loop or a branch counts once. Kernels are numbered from 0 in the order of the engine,
/// and element types too. Immutable; any number of threads may read one.
pub struct qdq_engine_cost {
    cost: EngineCost,
    moved: Vec<Moved>,
    builder: CString,
    types: Vec<CString>,
    kernels: Vec<Texts>,
}

struct Texts {
    name: CString,
    kind: CString,
    layers: Vec<CString>,
}

impl qdq_engine_cost {
    fn new(cost: EngineCost) -> Self {
        let moved = cost.moved();
        let kernels = cost.kernels.iter().map(|kernel| Texts {
            name: c_text(&kernel.name),
            kind: c_text(&kernel.kind),
            layers: kernel.layers.iter().map(|layer| c_text(layer)).collect(),
        });
        Self {
            builder: c_text(&cost.builder),
            types: moved.iter().map(|moved| c_text(moved.element.name)).collect(),
            kernels: kernels.collect(),
            moved,
            cost,
        }
    }
}

fn kernel(cost: Option<&qdq_engine_cost>, index: usize) -> Option<&Kernel> {
    cost?.cost.kernels.get(index)
}

fn texts(cost: Option<&qdq_engine_cost>, index: usize) -> Option<&Texts> {
    cost?.kernels.get(index)
}

/// Reads the kernels of an engine from its file. qdq reads the engines of TensorRT-RTX 1.4 to 1.7; an engine
/// of any other version gives no kernels and a finding. Free `*out` with qdq_engine_cost_free().
///
/// Returns QDQ_ERROR_FORMAT if the file is no engine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_engine_cost_load(
    path: *const c_char,
    out: Option<&mut MaybeUninit<*mut qdq_engine_cost>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        // SAFETY: the header's rules for texts.
        give(out, || engine_cost::load(&unsafe { handle::path(path, "path") }?).map(qdq_engine_cost::new))
    })
}

/// Reads the kernels of an engine as qdq_engine_cost_load() does, from the `size` bytes of its file. Free
/// `*out` with qdq_engine_cost_free().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_engine_cost_from_bytes(
    bytes: *const c_void,
    size: usize,
    out: Option<&mut MaybeUninit<*mut qdq_engine_cost>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        give(out, || {
            // SAFETY: the header's rules for arrays.
            let bytes = unsafe { array(bytes.cast::<u8>(), size, "bytes") }?;
            engine_cost::read(bytes).map(qdq_engine_cost::new)
        })
    })
}

/// Reads the kernels of an engine from the text of TensorRT's `IEngineInspector::getEngineInformation()` in
/// the format kJSON. `builder` names the program that built the engine, such as "TensorRT 10.3.0". Free
/// `*out` with qdq_engine_cost_free().
///
/// Returns QDQ_ERROR_INVALID_ARGUMENT if the engine was built without the profiling verbosity kDETAILED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_engine_cost_from_layers(
    builder: *const c_char,
    json: *const c_char,
    out: Option<&mut MaybeUninit<*mut qdq_engine_cost>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        give(out, || {
            // SAFETY: the header's rules for texts.
            let (builder, json) = unsafe { (text(builder, "builder")?, text(json, "json")?) };
            engine_cost::from_layers(&builder, &json).map(qdq_engine_cost::new)
        })
    })
}

/// Frees `*cost` and sets it to NULL. Does nothing if `cost` or `*cost` is NULL.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_engine_cost_free(cost: Option<&mut *mut qdq_engine_cost>) {
    handle::free(cost);
}

/// Returns the findings about the figures: an unknown plan, sizes that are decided at run time, loops. Free
/// `*out` with qdq_findings_free().
#[unsafe(no_mangle)]
pub extern "C" fn qdq_engine_cost_findings(
    cost: Option<&qdq_engine_cost>,
    out: Option<&mut MaybeUninit<*mut qdq_findings>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || give(out, || Ok(qdq_findings::new(&get(cost, "cost")?.cost.findings))))
}

/// Compares an engine with another engine of the same network. The findings have a warning if the engine
/// computes in INT8 and moves more bytes than the other. Free `*out` with qdq_findings_free().
#[unsafe(no_mangle)]
pub extern "C" fn qdq_engine_cost_compare(
    cost: Option<&qdq_engine_cost>,
    other: Option<&qdq_engine_cost>,
    out: Option<&mut MaybeUninit<*mut qdq_findings>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        give(out, || {
            let (cost, other) = (get(cost, "cost")?, get(other, "other")?);
            Ok(qdq_findings::new(&cost.cost.beside(&other.cost).findings))
        })
    })
}

/// Returns the kernels as JSON. Free `*out` with qdq_buffer_free().
#[unsafe(no_mangle)]
pub extern "C" fn qdq_engine_cost_to_json(
    cost: Option<&qdq_engine_cost>,
    out: Option<&mut MaybeUninit<*mut qdq_buffer>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || give(out, || Ok(qdq_buffer::new(get(cost, "cost")?.cost.to_json().to_string()))))
}

/// Returns the kernels as a table for people, with one line for all kernels of the same types. Free `*out`
/// with qdq_buffer_free().
#[unsafe(no_mangle)]
pub extern "C" fn qdq_engine_cost_to_text(
    cost: Option<&qdq_engine_cost>,
    out: Option<&mut MaybeUninit<*mut qdq_buffer>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || give(out, || Ok(qdq_buffer::new(get(cost, "cost")?.cost.summary()))))
}

/// Returns the program that built the engine, such as "TensorRT-RTX 1.7.1"; NULL for NULL. The text is valid
/// until the object is freed.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_engine_cost_builder(cost: Option<&qdq_engine_cost>) -> *const c_char {
    cost.map_or(std::ptr::null(), |cost| cost.builder.as_ptr())
}

/// Returns whether qdq can read the plan of the engine. If not, there are no kernels.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_engine_cost_is_known(cost: Option<&qdq_engine_cost>) -> bool {
    cost.is_some_and(|cost| cost.cost.is_known)
}

/// Returns the bytes of activations that all kernels read and write.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_engine_cost_bytes(cost: Option<&qdq_engine_cost>) -> u64 {
    cost.map_or(0, |cost| cost.cost.total())
}

/// Returns the number of element types of the activations.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_engine_cost_type_count(cost: Option<&qdq_engine_cost>) -> usize {
    cost.map_or(0, |cost| cost.moved.len())
}

/// Returns the name of element type `index`, such as "i8" or "f16"; NULL past the last. The text is valid
/// until the object is freed.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_engine_cost_type_at(cost: Option<&qdq_engine_cost>, index: usize) -> *const c_char {
    cost.map_or(std::ptr::null(), |cost| text_at(&cost.types, index))
}

/// Returns the bytes of element type `index` that all kernels read; 0 past the last.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_engine_cost_type_read(cost: Option<&qdq_engine_cost>, index: usize) -> u64 {
    cost.and_then(|cost| cost.moved.get(index)).map_or(0, |moved| moved.read)
}

/// Returns the bytes of element type `index` that all kernels write; 0 past the last.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_engine_cost_type_written(cost: Option<&qdq_engine_cost>, index: usize) -> u64 {
    cost.and_then(|cost| cost.moved.get(index)).map_or(0, |moved| moved.written)
}

/// Returns the number of kernels.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_engine_cost_count(cost: Option<&qdq_engine_cost>) -> usize {
    cost.map_or(0, |cost| cost.kernels.len())
}

/// Returns the name of kernel `index`; NULL past the last. The text is valid until the object is freed.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_engine_cost_name(cost: Option<&qdq_engine_cost>, index: usize) -> *const c_char {
    texts(cost, index).map_or(std::ptr::null(), |texts| texts.name.as_ptr())
}

/// Returns the kind of kernel `index`, as TensorRT calls it; NULL past the last. The text is valid until the
/// object is freed.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_engine_cost_kind(cost: Option<&qdq_engine_cost>, index: usize) -> *const c_char {
    texts(cost, index).map_or(std::ptr::null(), |texts| texts.kind.as_ptr())
}

/// Returns the bytes of activations that kernel `index` reads; 0 past the last.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_engine_cost_read(cost: Option<&qdq_engine_cost>, index: usize) -> u64 {
    kernel(cost, index).map_or(0, Kernel::bytes_read)
}

/// Returns the bytes of activations that kernel `index` writes; 0 past the last.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_engine_cost_written(cost: Option<&qdq_engine_cost>, index: usize) -> u64 {
    kernel(cost, index).map_or(0, Kernel::bytes_written)
}

/// Returns the number of ONNX nodes that kernel `index` computes; 0 if the engine does not name them.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_engine_cost_layer_count(cost: Option<&qdq_engine_cost>, index: usize) -> usize {
    texts(cost, index).map_or(0, |texts| texts.layers.len())
}

/// Returns the name of ONNX node `layer` of kernel `index`; NULL past the last. The text is valid until the
/// object is freed.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_engine_cost_layer_at(
    cost: Option<&qdq_engine_cost>,
    index: usize,
    layer: usize,
) -> *const c_char {
    texts(cost, index).map_or(std::ptr::null(), |texts| text_at(&texts.layers, layer))
}
