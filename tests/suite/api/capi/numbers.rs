//! Tensors, ranges and models.

use std::ffi::CString;
use std::mem::MaybeUninit;
use std::path::Path;

use ndarray::{ArrayD, IxDyn};
use qdq::ffi::*;
use qdq::quant::QuantDescriptor;
use qdq::range::{Method, Target};

use super::{Capi, Owned, array, buffer, call, descriptor, floats, make, method_of, string, view, view_of};
use crate::api::{Api, Histogram, Integers, Outcome, Question, Run, Storage};
use crate::numbers::golden::Golden;

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

/// Returns the integers in memory. Two bytes per integer are enough for every type.
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
        // The operation is in place.
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
                qdq_histogram_calibrator_observe(calibrator.get_mut(), Some(&x.tensor), error)
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
            // Every batch has its own collector. The collectors are merged afterwards.
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
            classes: [
                qdq_comparison_classified,
                qdq_comparison_same_class,
                qdq_comparison_labelled,
                qdq_comparison_float_right,
                qdq_comparison_quantized_right,
            ]
            .map(|count| count(comparison.get())),
            figures: (
                qdq_comparison_mean_error(comparison.get(), 0),
                qdq_comparison_values(comparison.get(), 0),
                qdq_comparison_non_finite(comparison.get(), 0),
            ),
            accuracy: (
                qdq_comparison_float_accuracy(comparison.get()),
                qdq_comparison_quantized_accuracy(comparison.get()),
            ),
        })
    }
}
