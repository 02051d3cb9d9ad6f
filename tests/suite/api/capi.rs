//! The functions of `qdq.h`.
#![allow(unsafe_code, reason = "these are C's functions")]

use std::ffi::{CStr, CString, c_char};
use std::mem::MaybeUninit;
use std::path::Path;

use ndarray::{ArrayD, IxDyn};
use qdq::error::ErrorKind;
use qdq::ffi::*;
use qdq::quant::QuantDescriptor;
use qdq::range::{Method, Target};

use super::{Api, Failure, Histogram, Integers, Outcome, Question, Run, Storage};
use crate::numbers::golden::Golden;

pub struct Capi;

type ErrorOut<'a> = Option<&'a mut MaybeUninit<*mut qdq_error>>;
type Out<'a, T> = Option<&'a mut MaybeUninit<*mut T>>;

/// A handle, freed by its own function.
struct Owned<T> {
    pointer: *mut T,
    free: extern "C" fn(Option<&mut *mut T>),
}

impl<T> Owned<T> {
    fn get(&self) -> Option<&T> {
        // SAFETY: the handle is NULL or live until it is dropped.
        unsafe { self.pointer.as_ref() }
    }

    fn get_mut(&mut self) -> Option<&mut T> {
        // SAFETY: as above.
        unsafe { self.pointer.as_mut() }
    }
}

impl<T> Drop for Owned<T> {
    fn drop(&mut self) {
        (self.free)(Some(&mut self.pointer));
        assert!(self.pointer.is_null());
    }
}

fn text(pointer: *const c_char) -> Option<String> {
    // SAFETY: texts of qdq end with a NUL.
    (!pointer.is_null()).then(|| unsafe { CStr::from_ptr(pointer) }.to_str().unwrap().to_owned())
}

fn kind(status: qdq_status) -> ErrorKind {
    match status {
        QDQ_ERROR_INVALID_ARGUMENT => ErrorKind::InvalidArgument,
        QDQ_ERROR_IO => ErrorKind::Io,
        QDQ_ERROR_FORMAT => ErrorKind::Format,
        QDQ_ERROR_UNSUPPORTED => ErrorKind::Unsupported,
        QDQ_ERROR_SHAPE => ErrorKind::Shape,
        QDQ_ERROR_TYPE => ErrorKind::Type,
        QDQ_ERROR_DATA => ErrorKind::Data,
        QDQ_ERROR_ENGINE => ErrorKind::Engine,
        QDQ_ERROR_CANCELLED => ErrorKind::Cancelled,
        QDQ_ERROR_CALLBACK => ErrorKind::Callback,
        other => panic!("status {other}"),
    }
}

/// Calls a function, and turns its status and error into ours.
fn call(function: impl FnOnce(ErrorOut<'_>) -> qdq_status) -> Outcome<()> {
    let mut error = MaybeUninit::uninit();
    let status = function(Some(&mut error));
    // SAFETY: every function writes its error.
    let error = Owned { pointer: unsafe { error.assume_init() }, free: qdq_error_free };
    assert_eq!(qdq_error_status(error.get()), status);
    if status == QDQ_OK {
        return Ok(());
    }
    Err(Failure {
        kind: kind(status),
        message: text(qdq_error_message(error.get())).unwrap(),
        remedy: text(qdq_error_remedy(error.get())),
    })
}

/// Calls a function that hands out a handle.
fn make<T>(
    free: extern "C" fn(Option<&mut *mut T>),
    function: impl FnOnce(Out<'_, T>, ErrorOut<'_>) -> qdq_status,
) -> Outcome<Owned<T>> {
    let mut out = MaybeUninit::new(std::ptr::null_mut());
    let called = call(|error| function(Some(&mut out), error));
    // SAFETY: it was initialised above.
    let handle = Owned { pointer: unsafe { out.assume_init() }, free };
    called.map(|()| handle)
}

fn buffer(function: impl FnOnce(Out<'_, qdq_buffer>, ErrorOut<'_>) -> qdq_status) -> Outcome<Vec<u8>> {
    let buffer = make(qdq_buffer_free, function)?;
    let (data, size) = (qdq_buffer_data(buffer.get()), qdq_buffer_size(buffer.get()));
    // SAFETY: the buffer is live, and a NUL follows its bytes.
    let bytes = unsafe { std::slice::from_raw_parts(data.cast::<u8>(), size + 1) };
    assert_eq!(bytes[size], 0);
    Ok(bytes[..size].to_vec())
}

fn string(function: impl FnOnce(Out<'_, qdq_buffer>, ErrorOut<'_>) -> qdq_status) -> Outcome<String> {
    Ok(String::from_utf8(buffer(function)?).unwrap())
}

/// A view of memory, which keeps the shape.
struct View {
    _shape: Vec<i64>,
    tensor: qdq_tensor,
}

fn view<T>(data: *const T, shape: &[usize], dtype: qdq_dtype) -> View {
    let shape: Vec<i64> = shape.iter().map(|&size| size as i64).collect();
    let tensor = qdq_tensor {
        data: data.cast_mut().cast(),
        device_type: QDQ_DEVICE_CPU,
        device_id: 0,
        ndim: shape.len() as i32,
        dtype,
        shape: shape.as_ptr(),
        strides: std::ptr::null(),
        byte_offset: 0,
    };
    View { _shape: shape, tensor }
}

fn dtype_of<T: Golden>() -> qdq_dtype {
    match (size_of::<T>(), std::any::type_name::<T>()) {
        (4, _) => QDQ_DTYPE_F32,
        (8, _) => QDQ_DTYPE_F64,
        (2, name) if name.ends_with("bf16") => QDQ_DTYPE_BF16,
        _ => QDQ_DTYPE_F16,
    }
}

fn view_of<T: Golden>(x: &ArrayD<T>) -> View {
    view(x.as_ptr(), x.shape(), dtype_of::<T>())
}

fn floats(x: &ArrayD<f32>) -> View {
    view_of(x)
}

fn array(array: &Owned<qdq_array>) -> ArrayD<f32> {
    let array = array.get();
    let (ndim, count) = (qdq_array_ndim(array) as usize, qdq_array_count(array));
    // SAFETY: the array is live and has so many sizes and numbers.
    let (shape, values) = unsafe {
        (
            std::slice::from_raw_parts(qdq_array_shape(array), ndim),
            std::slice::from_raw_parts(qdq_array_values(array), count),
        )
    };
    let shape: Vec<usize> = shape.iter().map(|&size| size as usize).collect();
    ArrayD::from_shape_vec(IxDyn(&shape), values.to_vec()).unwrap()
}

fn descriptor(descriptor: &QuantDescriptor) -> Outcome<Owned<qdq_descriptor>> {
    // Through JSON, which both sides know: what does not go together is refused here.
    let json = CString::new(descriptor.to_json()?).unwrap();
    // SAFETY: the text ends with a NUL.
    make(qdq_descriptor_free, |out, error| unsafe { qdq_descriptor_from_json(json.as_ptr(), out, error) })
}

fn method_of(method: Method) -> (qdq_method, f64) {
    match method {
        Method::Mse => (QDQ_METHOD_MSE, 0.0),
        Method::Max => (QDQ_METHOD_MAX, 0.0),
        Method::Entropy => (QDQ_METHOD_ENTROPY, 0.0),
        Method::Percentile(percentile) => (QDQ_METHOD_PERCENTILE, percentile),
    }
}

fn storage_of(storage: Storage) -> qdq_dtype {
    match storage {
        Storage::I8 => QDQ_DTYPE_I8,
        Storage::U8 => QDQ_DTYPE_U8,
        Storage::I16 => QDQ_DTYPE_I16,
        Storage::U16 => QDQ_DTYPE_U16,
        Storage::I4 => QDQ_DTYPE_I4,
        Storage::U4 => QDQ_DTYPE_U4,
        Storage::E4m3 => QDQ_DTYPE_E4M3,
    }
}

/// The integers in memory, two bytes for each, which is enough for every type.
fn unpacked(memory: &[u16], count: usize, storage: Storage) -> Vec<i32> {
    let bytes: &[u8] = bytemuck::cast_slice(memory);
    (0..count)
        .map(|at| match storage {
            Storage::I8 => (bytes[at] as i8).into(),
            Storage::U8 | Storage::E4m3 => bytes[at].into(),
            Storage::I16 => (memory[at] as i16).into(),
            Storage::U16 => memory[at].into(),
            Storage::U4 => (bytes[at / 2] >> (4 * (at % 2)) & 15).into(),
            Storage::I4 => i32::from((bytes[at / 2] >> (4 * (at % 2))) as i8) << 28 >> 28,
        })
        .collect()
}

fn packed(values: &[i32], storage: Storage) -> Vec<u16> {
    let mut memory = vec![0u16; values.len()];
    for (at, &value) in values.iter().enumerate() {
        let bytes: &mut [u8] = bytemuck::cast_slice_mut(&mut memory);
        match storage {
            Storage::I8 | Storage::U8 | Storage::E4m3 => bytes[at] = value as u8,
            Storage::I4 | Storage::U4 => bytes[at / 2] |= (value as u8 & 15) << (4 * (at % 2)),
            Storage::I16 | Storage::U16 => memory[at] = value as u16,
        }
    }
    memory
}

impl Api for Capi {
    fn amax<T: Golden>(x: &ArrayD<T>, how: &QuantDescriptor) -> Outcome<ArrayD<f32>> {
        let (x, how) = (view_of(x), descriptor(how)?);
        // SAFETY: the views are of live memory.
        let found = make(qdq_array_free, |out, error| unsafe {
            qdq_tensor_amax(Some(&x.tensor), how.get(), out, error)
        })?;
        Ok(array(&found))
    }

    fn tensor_quant<T: Golden>(
        x: &ArrayD<T>,
        amax: Option<&ArrayD<f32>>,
        how: &QuantDescriptor,
    ) -> Outcome<(ArrayD<T>, ArrayD<f32>)> {
        let (found, amax, how) = (x.clone(), amax.map(floats), descriptor(how)?);
        let (x, out) = (view_of(x), view_of(&found));
        let amax = amax.as_ref().map(|amax| &amax.tensor);
        // SAFETY: the views are of live memory.
        let scale = make(qdq_array_free, |scale, error| unsafe {
            qdq_tensor_quant(Some(&x.tensor), amax, how.get(), Some(&out.tensor), scale, error)
        })?;
        Ok((found, array(&scale)))
    }

    fn fake_quant<T: Golden>(
        x: &ArrayD<T>,
        amax: Option<&ArrayD<f32>>,
        how: &QuantDescriptor,
    ) -> Outcome<ArrayD<T>> {
        // In place.
        let (found, amax, how) = (x.clone(), amax.map(floats), descriptor(how)?);
        let x = view_of(&found);
        let amax = amax.as_ref().map(|amax| &amax.tensor);
        // SAFETY: the views are of live memory.
        call(|error| unsafe {
            qdq_tensor_fake_quant(Some(&x.tensor), amax, how.get(), Some(&x.tensor), error)
        })?;
        Ok(found)
    }

    fn backward<T: Golden>(
        gradient: &ArrayD<T>,
        x: &ArrayD<T>,
        amax: &ArrayD<f32>,
        how: &QuantDescriptor,
    ) -> Outcome<ArrayD<T>> {
        let (found, amax, how) = (x.clone(), floats(amax), descriptor(how)?);
        let (gradient, x, out) = (view_of(gradient), view_of(x), view_of(&found));
        // SAFETY: the views are of live memory.
        call(|error| unsafe {
            let (gradient, x, out) = (Some(&gradient.tensor), Some(&x.tensor), Some(&out.tensor));
            qdq_tensor_fake_quant_backward(gradient, x, Some(&amax.tensor), how.get(), out, error)
        })?;
        Ok(found)
    }

    fn quantize<T: Golden>(
        x: &ArrayD<T>,
        amax: Option<&ArrayD<f32>>,
        how: &QuantDescriptor,
        storage: Storage,
    ) -> Outcome<Integers> {
        let (amax, how) = (amax.map(floats), descriptor(how)?);
        let memory = vec![0u16; x.len()];
        let (view_of_x, out) = (view_of(x), view(memory.as_ptr(), x.shape(), storage_of(storage)));
        let amax = amax.as_ref().map(|amax| &amax.tensor);
        // SAFETY: the views are of live memory.
        let scale = make(qdq_array_free, |scale, error| unsafe {
            qdq_tensor_quantize(Some(&view_of_x.tensor), amax, how.get(), Some(&out.tensor), scale, error)
        })?;
        Ok(Integers { values: unpacked(&memory, x.len(), storage), scale: array(&scale) })
    }

    fn dequantize<T: Golden>(
        integers: &Integers,
        shape: &[usize],
        how: &QuantDescriptor,
        storage: Storage,
    ) -> Outcome<ArrayD<T>> {
        let memory = packed(&integers.values, storage);
        let found = ArrayD::<T>::default(IxDyn(shape));
        let (scale, how) = (floats(&integers.scale), descriptor(how)?);
        let (q, out) = (view(memory.as_ptr(), shape, storage_of(storage)), view_of(&found));
        // SAFETY: the views are of live memory.
        call(|error| unsafe {
            let (q, scale, out) = (Some(&q.tensor), Some(&scale.tensor), Some(&out.tensor));
            qdq_tensor_dequantize(q, scale, how.get(), out, error)
        })?;
        Ok(found)
    }

    fn affine(x: &ArrayD<f32>, min: f32, max: f32, num_bits: u32) -> Outcome<ArrayD<f32>> {
        let found = x.clone();
        let (x, out) = (view_of(x), view_of(&found));
        // SAFETY: the views are of live memory.
        call(|error| unsafe {
            qdq_tensor_fake_affine_quant(Some(&x.tensor), min, max, num_bits, Some(&out.tensor), error)
        })?;
        Ok(found)
    }

    fn affine_backward(gradient: &ArrayD<f32>, x: &ArrayD<f32>, min: f32, max: f32) -> Outcome<ArrayD<f32>> {
        let found = x.clone();
        let (gradient, x, out) = (view_of(gradient), view_of(x), view_of(&found));
        // SAFETY: the views are of live memory.
        call(|error| unsafe {
            let (gradient, x, out) = (Some(&gradient.tensor), Some(&x.tensor), Some(&out.tensor));
            qdq_tensor_fake_affine_quant_backward(gradient, x, min, max, out, error)
        })?;
        Ok(found)
    }

    fn axis_max(batches: &[ArrayD<f32>], axes: &[i32]) -> Outcome<ArrayD<f32>> {
        // SAFETY: the array is live.
        let mut collector = make(qdq_axis_max_free, |out, error| unsafe {
            qdq_axis_max_new(axes.as_ptr(), axes.len(), out, error)
        })?;
        for batch in batches {
            let x = view_of(batch);
            // SAFETY: the view is of live memory.
            call(|error| unsafe { qdq_axis_max_observe(collector.get_mut(), Some(&x.tensor), error) })?;
        }
        let amax = make(qdq_array_free, |out, error| qdq_axis_max_amax(collector.get(), out, error))?;
        Ok(array(&amax))
    }

    fn histogram(
        batches: &[ArrayD<f32>],
        num_bins: usize,
        skip_zeros: bool,
        is_torch: bool,
        questions: &[Question],
    ) -> Outcome<(Histogram, Vec<Outcome<f32>>)> {
        let library = if is_torch { QDQ_LIBRARY_TORCH } else { QDQ_LIBRARY_NUMPY };
        let mut calibrator = make(qdq_histogram_calibrator_free, |out, error| {
            qdq_histogram_calibrator_new(num_bins, skip_zeros, library, out, error)
        })?;
        for batch in batches {
            let x = view_of(batch);
            // SAFETY: the view is of live memory.
            call(|error| unsafe {
                qdq_histogram_calibrator_collect(calibrator.get_mut(), Some(&x.tensor), error)
            })?;
        }
        let mut answers = Vec::new();
        for question in questions {
            let Question { method, target: Target { num_bits, unsigned }, start_bin, stride } = *question;
            call(|error| {
                qdq_histogram_calibrator_set_search(calibrator.get_mut(), start_bin, stride, error)
            })?;
            let (method, percentile) = method_of(method);
            let mut amax = MaybeUninit::new(f32::NAN);
            let asked = call(|error| {
                let (calibrator, out) = (calibrator.get(), Some(&mut amax));
                qdq_histogram_calibrator_amax(calibrator, method, percentile, num_bits, unsigned, out, error)
            });
            // SAFETY: it was initialised above.
            answers.push(asked.map(|()| unsafe { amax.assume_init() }));
        }
        let calibrator = calibrator.get();
        let (bins, edges) =
            (qdq_histogram_calibrator_bin_count(calibrator), qdq_histogram_calibrator_edge_count(calibrator));
        // SAFETY: the calibrator is live and has so many bins and edges.
        let histogram = unsafe {
            Histogram {
                counts: std::slice::from_raw_parts(qdq_histogram_calibrator_counts(calibrator), bins)
                    .to_vec(),
                edges: std::slice::from_raw_parts(qdq_histogram_calibrator_edges(calibrator), edges).to_vec(),
            }
        };
        Ok((histogram, answers))
    }

    fn stats_amax(batches: &[ArrayD<f32>], method: Method, target: Target) -> Outcome<f32> {
        let mut all = Owned { pointer: qdq_tensor_stats_new(), free: qdq_tensor_stats_free };
        for batch in batches {
            // Every batch has a collector of its own, merged afterwards.
            let mut own = Owned { pointer: qdq_tensor_stats_new(), free: qdq_tensor_stats_free };
            let x = view_of(batch);
            // SAFETY: the view is of live memory, the handles are different ones.
            call(|error| unsafe { qdq_tensor_stats_observe(own.get_mut(), Some(&x.tensor), error) })?;
            call(|error| unsafe { qdq_tensor_stats_merge(all.pointer, own.pointer, error) })?;
        }
        let (method, percentile) = method_of(method);
        let Target { num_bits, unsigned } = target;
        let mut amax = MaybeUninit::new(f32::NAN);
        call(|error| {
            let out = Some(&mut amax);
            qdq_tensor_stats_amax(
                all.get_mut().map(|all| &*all),
                method,
                percentile,
                num_bits,
                unsigned,
                out,
                error,
            )
        })?;
        // SAFETY: it was initialised above.
        Ok(unsafe { amax.assume_init() })
    }

    fn digits(method: Method) -> Outcome<Run> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/digits");
        let path = |name: &str| CString::new(folder.join(name).to_str().unwrap()).unwrap();
        let model_path = path("model.onnx");
        // SAFETY: here and below texts end with a NUL and arrays have the lengths given.
        let model =
            make(qdq_model_free, |out, error| unsafe { qdq_model_open(model_path.as_ptr(), out, error) })?;
        let inputs = make(qdq_specs_free, |out, error| qdq_model_inputs(model.get(), out, error))?;
        let plan = make(qdq_plan_free, |out, error| qdq_model_plan(model.get(), None, None, out, error))?;
        let mut options = Owned { pointer: qdq_data_options_new(), free: qdq_data_options_free };
        call(|error| qdq_data_options_set_batch_size(options.get_mut(), 64, error))?;
        let open = |name: &str| {
            let path = path(name);
            let paths = [path.as_ptr()];
            make(qdq_batches_free, |out, error| unsafe {
                qdq_batches_open(inputs.get(), paths.as_ptr(), 1, options.get(), out, error)
            })
        };
        let mut source = open("calib.npz")?;
        let stats = make(qdq_stats_free, |out, error| {
            qdq_model_calibrate(model.get(), plan.get(), source.get_mut(), true, None, out, error)
        })?;
        let (number, percentile) = method_of(method);
        let ranges = make(qdq_ranges_free, |out, error| {
            qdq_plan_ranges(plan.get(), stats.get(), number, percentile, out, error)
        })?;
        let quantized = make(qdq_model_free, |out, error| {
            qdq_model_quantize(model.get(), plan.get(), ranges.get(), None, out, error)
        })?;
        let cache = make(qdq_cache_free, |out, error| {
            qdq_cache_from_ranges(ranges.get(), 100_300, QDQ_ALGORITHM_ENTROPY_2, out, error)
        })?;
        let labels = qdq::batch::read_npy(&folder.join("test_labels.npy"))?;
        let qdq::tensor::Data::I64(labels) = labels.into_data() else { panic!("labels are i64") };
        let mut source = open("test.npz")?;
        let comparison = make(qdq_comparison_free, |out, error| unsafe {
            let (model, quantized, source) = (model.get(), quantized.get(), source.get_mut());
            qdq_model_compare(
                model,
                quantized,
                source,
                false,
                labels.as_ptr(),
                labels.len(),
                None,
                out,
                error,
            )
        })?;
        Ok(Run {
            plan: string(|out, error| qdq_plan_to_text(plan.get(), out, error))?,
            stats: buffer(|out, error| qdq_stats_to_bytes(stats.get(), out, error))?,
            ranges: string(|out, error| qdq_ranges_to_json(ranges.get(), out, error))?,
            cache: string(|out, error| qdq_cache_to_bytes(cache.get(), out, error))?,
            model: buffer(|out, error| qdq_model_to_bytes(quantized.get(), out, error))?,
            sqnr_db: qdq_comparison_sqnr_db(comparison.get(), 0),
            accuracy: (
                qdq_comparison_float_accuracy(comparison.get()),
                qdq_comparison_quantized_accuracy(comparison.get()),
            ),
        })
    }
}
