//! `qdq_model`: an ONNX model, and the whole way from it to its quantized form.

use std::ffi::{CString, c_char, c_void};
use std::mem::MaybeUninit;
use std::sync::OnceLock;

use bytes::Bytes;

use crate::error::{Error, ErrorKind, Result};
use crate::onnx::{Model, SaveOptions};
use crate::pipeline::{self, CalibrateOptions, Prepared};
use crate::place::ops::all_nested_weighted;

use super::array::qdq_array;
use super::batches::qdq_batches;
use super::buffer::qdq_buffer;
use super::error::qdq_error;
use super::graph::qdq_graph;
use super::guard::guard;
use super::handle::{self, array, c_text, get, get_mut, give, give_or_null, give_wanted, path_bytes, text};
use super::plan::{check_same, qdq_plan};
use super::policy::{policy_or_default, qdq_policy};
use super::quantize_options::qdq_quantize_options;
use super::ranges::qdq_ranges;
use super::run_options::{Run, qdq_run_options};
use super::specs::qdq_specs;
use super::stats::qdq_stats;
use super::status::qdq_status;
use super::tensor::{checked, qdq_tensor};
use super::texts::qdq_texts;

/// An ONNX model. Nothing of the file is lost: unknown fields, metadata, functions and subgraphs are kept.
/// Weights stay in the mapped file, which must not be changed in place while the model lives; replacing it by
/// renaming is fine.
pub struct qdq_model {
    pub(super) model: Model,
    prepared: OnceLock<Prepared>,
}

impl qdq_model {
    pub(super) fn new(model: Model) -> Self {
        Self { model, prepared: OnceLock::new() }
    }

    /// Changes the model. After an error it is as it was; what was prepared of it is prepared again.
    pub(super) fn edit<T>(&mut self, change: impl FnOnce(&mut Model) -> Result<T>) -> Result<()> {
        let mut model = self.model.clone();
        change(&mut model)?;
        *self = Self::new(model);
        Ok(())
    }

    /// The model as it is planned and quantized: at an opset that has Quantize and Dequantize per channel.
    pub(super) fn prepared(&self) -> Result<&Prepared> {
        if let Some(prepared) = self.prepared.get() {
            return Ok(prepared);
        }
        let prepared = pipeline::prepare(&self.model)?;
        Ok(self.prepared.get_or_init(|| prepared))
    }
}

/// Opens an ONNX file. External data is looked for in the file's own folder. Free `*out` with
/// qdq_model_free().
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

/// A model from the content of such a file: `size` bytes, which are copied. It has no folder and so no
/// external data. Free `*out` with qdq_model_free().
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

/// Frees `*model` and sets it to NULL. NULL in either place is allowed and does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_model_free(model: Option<&mut *mut qdq_model>) {
    handle::free(model);
}

/// Writes the model to a file. Above 2 GiB weights go into `<name>.data` beside it; external data is copied
/// there too unless the model is saved into its own folder. Each file is whole or as it was before.
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

/// Writes the model with weights of `min_external` bytes or more in `<name>.data` where the model file would
/// have more than `max_file` bytes; qdq_model_save() does so with UINT32_MAX, which stands for 2 GiB, and
/// 1024. `files`, which may be NULL, receives the paths of the files written, the model first; free it with
/// qdq_texts_free().
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
            // A path of C's holds no NUL, and neither does what is made from it.
            let files = files.iter().map(|file| CString::new(path_bytes(file)).unwrap_or_default());
            Ok(Some(qdq_texts::new(files.collect())))
        })
    })
}

/// The content of the model's file, up to 2 GiB, with external data inside. Free `*out` with
/// qdq_buffer_free().
#[unsafe(no_mangle)]
pub extern "C" fn qdq_model_to_bytes(
    model: Option<&qdq_model>,
    out: Option<&mut MaybeUninit<*mut qdq_buffer>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || give(out, || get(model, "model")?.model.inlined()?.encode().map(qdq_buffer::new)))
}

/// The version of ONNX's own operators that the model uses; 0 where it imports none.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_model_opset(model: Option<&qdq_model>) -> i64 {
    model.map_or(0, |model| model.model.opset())
}

/// The version of the file format.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_model_ir_version(model: Option<&qdq_model>) -> i64 {
    model.map_or(0, |model| model.model.ir_version())
}

/// Rewrites the model for a higher version of ONNX's operators. Planning does so by itself where it is
/// needed. Plans that were made before do not fit the model any more. Nothing happens where it uses that
/// version or a higher one already: compare qdq_model_opset() before and after. `converted`, which may be
/// NULL, receives the nodes that took another form, as messages name them; free it with qdq_texts_free().
///
/// QDQ_ERROR_INVALID_ARGUMENT for a version above 21, QDQ_ERROR_UNSUPPORTED for a node that has no equal
/// there. The model is as it was then.
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

/// The value of a stored tensor or of a Constant node of the main graph; `*out` is NULL where `name` is
/// neither. Free it with qdq_array_free().
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

/// The text that the model's metadata has for `key`; `*out` is NULL where there is none. Free it with
/// qdq_buffer_free().
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

/// Sets the text that the model's metadata has for `key`, in place of one that was there. Plans that were
/// made before do not fit the model any more.
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

/// Replaces the values of the stored tensor `name` of the main graph, of which type and shape stay: the
/// weights that training has found. The value is copied. Plans that were made before do not fit the model any
/// more; after an error the model is as it was.
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

/// Lets input `input` of the first node called `node` read what it reads clipped to `min` to `max`: what
/// training with a learned range computed. Below opset 11 that is an error. Plans that were made before do
/// not fit the model any more; after an error the model is as it was.
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

/// The inputs that the caller must feed, without those that are fixed (qdq_model_fix_input()). Free `*out`
/// with qdq_specs_free().
#[unsafe(no_mangle)]
pub extern "C" fn qdq_model_inputs(
    model: Option<&qdq_model>,
    out: Option<&mut MaybeUninit<*mut qdq_specs>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || give(out, || Ok(qdq_specs::new(get(model, "model")?.model.inputs()))))
}

/// The outputs. Free `*out` with qdq_specs_free().
#[unsafe(no_mangle)]
pub extern "C" fn qdq_model_outputs(
    model: Option<&qdq_model>,
    out: Option<&mut MaybeUninit<*mut qdq_specs>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || give(out, || Ok(qdq_specs::new(get(model, "model")?.model.outputs()))))
}

/// The model as a neutral graph, at the opset at which it is planned: the numbers of a plan of the model are
/// its numbers. What lies inside If, Loop and Scan is part of it where convolutions and products are among
/// it; a node of domain `qdq.flat` stands for what a body takes in then. Free `*out` with qdq_graph_free().
#[unsafe(no_mangle)]
pub extern "C" fn qdq_model_graph(
    model: Option<&qdq_model>,
    out: Option<&mut MaybeUninit<*mut qdq_graph>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || give(out, || Ok(qdq_graph::new(get(model, "model")?.prepared()?.graph().clone()))))
}

/// Decides what of the model is quantized; see qdq_graph_plan(). QDQ_ERROR_DATA where a weight among it holds
/// NaN or an infinity. `policy` and `ranges` may be NULL. Free `*out` with qdq_plan_free().
#[unsafe(no_mangle)]
pub extern "C" fn qdq_model_plan(
    model: Option<&qdq_model>,
    policy: Option<&qdq_policy>,
    ranges: Option<&qdq_ranges>,
    out: Option<&mut MaybeUninit<*mut qdq_plan>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        give(out, || {
            let (prepared, policy) = (get(model, "model")?.prepared()?, policy_or_default(policy));
            let plan = match ranges {
                Some(ranges) => prepared.plan_for_ranges(&policy, &ranges.ranges)?,
                None => prepared.plan(&policy)?,
            };
            Ok(qdq_plan::new(prepared.graph().clone(), plan))
        })
    })
}

/// Runs the model over all batches and gathers statistics of the tensors that the plan, which was made of
/// this very handle, quantizes and, with `every_activation`, of all others too, which a calibration cache
/// needs; those of them that lie behind an operator that no runtime knows, such as a plugin of TensorRT, are
/// left out with a warning. Only what these tensors need is run. Memory is that of one inference and 80 KiB
/// per tensor, whatever the number of batches. `options` may be NULL. Free `*out` with qdq_stats_free().
#[unsafe(no_mangle)]
pub extern "C" fn qdq_model_calibrate(
    model: Option<&qdq_model>,
    plan: Option<&qdq_plan>,
    batches: Option<&mut qdq_batches>,
    every_activation: bool,
    options: Option<&qdq_run_options>,
    out: Option<&mut MaybeUninit<*mut qdq_stats>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        give(out, || {
            let (prepared, plan) = (get(model, "model")?.prepared()?, get(plan, "plan")?);
            check_same(plan, prepared.graph())?;
            if plan.plan.is_empty() && prepared.taps(&plan.plan, every_activation).is_empty() {
                let message = match all_nested_weighted(prepared.graph()) {
                    Some(inside) => format!(
                        "the plan quantizes nothing: {inside} lie in subgraphs inside the body of a Scan, \
                         where qdq quantizes nothing"
                    ),
                    None => "the plan quantizes nothing".to_owned(),
                };
                return Err(
                    Error::new(ErrorKind::Unsupported, message).with_remedy("read the plan's reasons")
                );
            }
            let mut run = Run::new(options);
            let mut source = run.stoppable(get_mut(batches, "batches")?.source.as_mut());
            let options = CalibrateOptions { runtime: run.runtime.clone(), every_activation };
            let result =
                prepared.calibrate(&plan.plan, &mut source, &options, &mut |progress| run.report(progress));
            run.end(result).map(qdq_stats::new)
        })
    })
}

/// The model with Quantize and Dequantize where the plan, which was made of this very handle, says, by the
/// ranges: for TensorRT 8 to 11, TensorRT-RTX and ONNX Runtime. `options` may be NULL. The result is a model
/// of its own; free `*out` with qdq_model_free().
#[unsafe(no_mangle)]
pub extern "C" fn qdq_model_quantize(
    model: Option<&qdq_model>,
    plan: Option<&qdq_plan>,
    ranges: Option<&qdq_ranges>,
    options: Option<&qdq_quantize_options>,
    out: Option<&mut MaybeUninit<*mut qdq_model>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        give(out, || {
            let (prepared, plan) = (get(model, "model")?.prepared()?, get(plan, "plan")?);
            check_same(plan, prepared.graph())?;
            let ranges = &get(ranges, "ranges")?.ranges;
            let weights = options.map(|options| options.weights.clone()).unwrap_or_default();
            prepared.quantize(&plan.plan, ranges, &weights).map(qdq_model::new)
        })
    })
}
