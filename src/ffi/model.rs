//! `qdq_model`: an ONNX model, and all steps from the float model to its quantized form.

use std::ffi::{CString, c_char, c_void};
use std::mem::MaybeUninit;
use std::sync::OnceLock;

use bytes::Bytes;

use crate::error::Result;
use crate::onnx::{Model, SaveOptions};
use crate::pipeline::{self, PrepareOptions, Prepared};

use super::array::qdq_array;
use super::buffer::qdq_buffer;
use super::error::qdq_error;
use super::findings::qdq_findings;
use super::graph::qdq_graph;
use super::guard::guard;
use super::handle::{self, array, c_text, get, get_mut, give, give_or_null, give_wanted, path_bytes, text};
use super::specs::qdq_specs;
use super::status::qdq_status;
use super::tensor::{checked, qdq_tensor};
use super::texts::qdq_texts;

/// An ONNX model. The object keeps everything that the file holds: unknown fields, metadata, functions and
/// subgraphs.
///
/// Weights stay in the memory-mapped file. Do not change this file in place as long as the model exists. You
/// may replace it by renaming another file.
pub struct qdq_model {
    pub(super) model: Model,
    prepared: OnceLock<Prepared>,
}

impl qdq_model {
    pub(super) fn new(model: Model) -> Self {
        Self { model, prepared: OnceLock::new() }
    }

    /// Changes the model. After an error the model is unchanged. The prepared form is computed again when it
    /// is needed.
    pub(super) fn edit<T>(&mut self, change: impl FnOnce(&mut Model) -> Result<T>) -> Result<()> {
        let mut model = self.model.clone();
        change(&mut model)?;
        *self = Self::new(model);
        Ok(())
    }

    /// Returns the form of the model that is planned and quantized. Its opset has per-channel Quantize and
    /// Dequantize.
    pub(super) fn prepared(&self) -> Result<&Prepared> {
        self.prepared_at(PrepareOptions::default().opset)
    }

    /// Returns the prepared form. If this is the first request, its opset is raised to `opset` if it can be.
    pub(super) fn prepared_at(&self, opset: i64) -> Result<&Prepared> {
        if let Some(prepared) = self.prepared.get() {
            return Ok(prepared);
        }
        let usual = PrepareOptions::default();
        let options = PrepareOptions { opset: usual.opset.max(opset), ..usual };
        let prepared = pipeline::prepare_with(&self.model, &options)?;
        Ok(self.prepared.get_or_init(|| prepared))
    }
}

/// Opens an ONNX file. Looks for external data in the folder of the file. Free `*out` with qdq_model_free().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_model_open(
    path: *const c_char,
    out: Option<&mut MaybeUninit<*mut qdq_model>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        // SAFETY: the header's rules for texts.
        give(out, || Model::open(&unsafe { handle::path(path, "path") }?).map(qdq_model::new))
    })
}

/// Makes a model from the content of an ONNX file: `size` bytes, which are copied. Such a model has no folder
/// and therefore no external data. Free `*out` with qdq_model_free().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_model_from_bytes(
    bytes: *const c_void,
    size: usize,
    out: Option<&mut MaybeUninit<*mut qdq_model>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        give(out, || {
            // SAFETY: the header's rules for arrays.
            let bytes = unsafe { array(bytes.cast::<u8>(), size, "bytes") }?;
            Model::from_bytes(Bytes::copy_from_slice(bytes)).map(qdq_model::new)
        })
    })
}

/// Frees `*model` and sets it to NULL. Does nothing if `model` or `*model` is NULL.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_model_free(model: Option<&mut *mut qdq_model>) {
    handle::free(model);
}

/// Writes the model to a file. If the model file would be larger than 2 GiB, weights go into `<name>.data` in
/// the same folder. External data is copied into it too, unless the model is saved into its own folder. After
/// an error each file is either complete or unchanged.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_model_save(
    model: Option<&qdq_model>,
    path: *const c_char,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        // SAFETY: the header's rules for texts.
        let path = unsafe { handle::path(path, "path") }?;
        get(model, "model")?.model.save(&path, &SaveOptions::default()).map(drop)
    })
}

/// Writes the model to a file, with chosen limits for external data. If the model file would be larger than
/// `max_file` bytes, weights of `min_external` bytes or more go into `<name>.data`. qdq_model_save() uses
/// UINT32_MAX, which stands for 2 GiB, and 1024.
///
/// `files` may be NULL. Otherwise `*files` receives the paths of the written files, the model first; free it
/// with qdq_texts_free().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_model_save_external(
    model: Option<&qdq_model>,
    path: *const c_char,
    max_file: u32,
    min_external: usize,
    files: Option<&mut MaybeUninit<*mut qdq_texts>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        give_wanted(files, || {
            // SAFETY: the header's rules for texts.
            let path = unsafe { handle::path(path, "path") }?;
            let files = get(model, "model")?.model.save(&path, &SaveOptions { max_file, min_external })?;
            // A path from C holds no NUL, and neither does a path that is made from it.
            let files = files.iter().map(|file| CString::new(path_bytes(file)).unwrap_or_default());
            Ok(Some(qdq_texts::new(files.collect())))
        })
    })
}

/// Returns the content of the model's file, up to 2 GiB, with external data inside. Free `*out` with
/// qdq_buffer_free().
#[unsafe(no_mangle)]
pub extern "C" fn qdq_model_to_bytes(
    model: Option<&qdq_model>,
    out: Option<&mut MaybeUninit<*mut qdq_buffer>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || give(out, || get(model, "model")?.model.inlined()?.encode().map(qdq_buffer::new)))
}

/// Returns the findings of qdq_model_quantize() or qdq_model_recover() about the model that it made, such as
/// weights that keep one scale per channel although the target is TensorRT-RTX. qdq_model_cast() keeps them;
/// files do not hold them. Free `*out` with qdq_findings_free().
#[unsafe(no_mangle)]
pub extern "C" fn qdq_model_findings(
    model: Option<&qdq_model>,
    out: Option<&mut MaybeUninit<*mut qdq_findings>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || give(out, || Ok(qdq_findings::new(get(model, "model")?.model.findings()))))
}

/// Returns the opset: the version of ONNX's own operators that the model uses. Returns 0 if the model imports
/// none.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_model_opset(model: Option<&qdq_model>) -> i64 {
    model.map_or(0, |model| model.model.opset())
}

/// Returns the IR version of the model: the version of the file format.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_model_ir_version(model: Option<&qdq_model>) -> i64 {
    model.map_or(0, |model| model.model.ir_version())
}

/// Rewrites the model for a higher opset. Planning does this by itself if it is needed. If the model has this
/// opset or a higher one already, nothing happens: compare qdq_model_opset() before and after the call.
///
/// `converted` may be NULL. Otherwise `*converted` receives the nodes that got another form, by the names
/// that messages use; free it with qdq_texts_free(). Plans that were made before do not fit the model any
/// more.
///
/// Returns QDQ_ERROR_INVALID_ARGUMENT if the opset is above 22; QDQ_ERROR_UNSUPPORTED if a node has no
/// equivalent in that opset. After an error the model is unchanged.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_model_raise_opset(
    model: Option<&mut qdq_model>,
    opset: i64,
    converted: Option<&mut MaybeUninit<*mut qdq_texts>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        give_wanted(converted, || {
            let handle = get_mut(model, "model")?;
            let mut model = handle.model.clone();
            let change = model.raise_opset(opset)?;
            *handle = qdq_model::new(model);
            Ok(Some(qdq_texts::new(change.converted.iter().map(|node| c_text(node)).collect())))
        })
    })
}

/// Returns the value of an initializer or of a Constant node of the main graph. `*out` is NULL if `name` is
/// neither. Free `*out` with qdq_array_free().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_model_get_constant(
    model: Option<&qdq_model>,
    name: *const c_char,
    out: Option<&mut MaybeUninit<*mut qdq_array>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        give_or_null(out, || {
            // SAFETY: the header's rules for texts.
            let name = unsafe { text(name, "name") }?;
            Ok(get(model, "model")?.model.constant(&name)?.map(qdq_array::new))
        })
    })
}

/// Returns the text that the model's metadata has for `key`. `*out` is NULL if there is none. Free `*out`
/// with qdq_buffer_free().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_model_get_metadata(
    model: Option<&qdq_model>,
    key: *const c_char,
    out: Option<&mut MaybeUninit<*mut qdq_buffer>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        give_or_null(out, || {
            // SAFETY: the header's rules for texts.
            let key = unsafe { text(key, "key") }?;
            Ok(get(model, "model")?.model.metadata(&key).map(qdq_buffer::new))
        })
    })
}

/// Sets the text that the model's metadata has for `key`, and replaces an earlier one. Plans that were made
/// before do not fit the model any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_model_set_metadata(
    model: Option<&mut qdq_model>,
    key: *const c_char,
    value: *const c_char,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        let handle = get_mut(model, "model")?;
        // SAFETY: the header's rules for texts.
        let (key, value) = unsafe { (text(key, "key")?, text(value, "value")?) };
        let mut model = handle.model.clone();
        model.set_metadata(&key, &value);
        *handle = qdq_model::new(model);
        Ok(())
    })
}

/// Replaces the values of the initializer `name` of the main graph, for example by trained weights. Type and
/// shape must stay the same. The value is copied. Plans that were made before do not fit the model any more.
/// After an error the model is unchanged.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_model_set_initializer(
    model: Option<&mut qdq_model>,
    name: *const c_char,
    value: Option<&qdq_tensor>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        let handle = get_mut(model, "model")?;
        // SAFETY: the header's rules for texts and tensors.
        let (name, value) = unsafe { (text(name, "name")?, checked(value, "value")?) };
        let value = value.to_owned()?;
        handle.edit(|model| model.set_initializer(&name, value))
    })
}

/// Inserts a Clip to the range from `min` to `max` before input `input` of the first node called `node`. This
/// is the computation of training with a learned range. Plans that were made before do not fit the model any
/// more.
///
/// Returns QDQ_ERROR_INVALID_ARGUMENT if the node or its input does not exist, if the ends are not finite, or
/// if `min` is above `max`; QDQ_ERROR_TYPE if the tensor is not known to hold f32, f64 or f16;
/// QDQ_ERROR_UNSUPPORTED if the opset is below 11. After an error the model is unchanged.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_model_clip_input(
    model: Option<&mut qdq_model>,
    node: *const c_char,
    input: usize,
    min: f32,
    max: f32,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        let handle = get_mut(model, "model")?;
        // SAFETY: the header's rules for texts.
        let node = unsafe { text(node, "node") }?;
        handle.edit(|model| model.clip_input(&node, input, min, max))
    })
}

/// Returns the inputs that the caller must feed, without the fixed ones (see qdq_model_fix_input()). Free
/// `*out` with qdq_specs_free().
#[unsafe(no_mangle)]
pub extern "C" fn qdq_model_inputs(
    model: Option<&qdq_model>,
    out: Option<&mut MaybeUninit<*mut qdq_specs>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || give(out, || Ok(qdq_specs::new(get(model, "model")?.model.inputs()))))
}

/// Returns the outputs of the model. Free `*out` with qdq_specs_free().
#[unsafe(no_mangle)]
pub extern "C" fn qdq_model_outputs(
    model: Option<&qdq_model>,
    out: Option<&mut MaybeUninit<*mut qdq_specs>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || give(out, || Ok(qdq_specs::new(get(model, "model")?.model.outputs()))))
}

/// Returns the model as a neutral graph, at the opset at which the model is planned. A plan of the model uses
/// the tensor and node numbers of this graph. Free `*out` with qdq_graph_free().
///
/// The bodies of If, Loop and Scan are flattened into the graph if they contain convolutions or matrix
/// products. A node of domain `qdq.flat` then stands for the values that a body receives.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_model_graph(
    model: Option<&qdq_model>,
    out: Option<&mut MaybeUninit<*mut qdq_graph>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || give(out, || Ok(qdq_graph::new(get(model, "model")?.prepared()?.graph().clone()))))
}
