//! Weights, quantizers, caches and graphs.

use std::ffi::{CString, c_char};
use std::mem::MaybeUninit;

use ndarray::ArrayD;
use qdq::ffi::*;
use qdq::quant::QuantDescriptor;
use qdq::range::Method;

use super::{Capi, Owned, array, call, descriptor, floats, make, method_of, string, text, view, view_of};
use crate::api::{Calibrated, Clipped, Finding, Objects, Outcome, Setting, Stepped, Switched};
use crate::numbers::golden::Golden;

/// Returns the number of an axis in C.
pub(super) fn axis_of(axis: Option<usize>) -> i32 {
    axis.map_or(QDQ_NO_AXIS, |axis| axis as i32)
}

impl Objects for Capi {
    fn weights(
        weights: &ArrayD<f32>,
        axis: Option<usize>,
        method: Method,
    ) -> Outcome<(ArrayD<f32>, Vec<i8>, ArrayD<f32>)> {
        let ((method, percentile), axis) = (method_of(method), axis_of(axis));
        let (w, integers) = (floats(weights), vec![0i8; weights.len()]);
        // SAFETY: here and below views are of live memory, texts end with a NUL, and arrays have the lengths
        // given.
        let amax = make(qdq_array_free, |out, error| unsafe {
            qdq_weights_amax(Some(&w.tensor), axis, method, percentile, 8, false, out, error)
        })?;
        let amax = array(&amax);
        let (range, out) = (floats(&amax), view(integers.as_ptr(), weights.shape(), QDQ_DTYPE_I8));
        let scale = make(qdq_array_free, |scale, error| unsafe {
            let (w, range, out) = (Some(&w.tensor), Some(&range.tensor), Some(&out.tensor));
            qdq_weights_quantize(w, axis, range, out, scale, error)
        })?;
        Ok((amax, integers, array(&scale)))
    }

    fn clip(x: &ArrayD<f32>, gradient: &ArrayD<f32>, min: f32, max: f32) -> Outcome<Clipped> {
        let (clipped, passed) = (x.clone(), x.clone());
        let (x, gradient) = (floats(x), floats(gradient));
        let (y, gin) = (floats(&clipped), floats(&passed));
        let mut ends = (f64::NAN, f64::NAN);
        call(|error| unsafe { qdq_tensor_clip(Some(&x.tensor), min, max, Some(&y.tensor), error) })?;
        call(|error| unsafe {
            let (gradient, x, out) = (Some(&gradient.tensor), Some(&x.tensor), Some(&gin.tensor));
            qdq_tensor_clip_backward(gradient, x, min, max, out, &raw mut ends.0, &raw mut ends.1, error)
        })?;
        Ok(Clipped { values: clipped, gradient: passed, ends })
    }

    fn learned_step<T: Golden>(
        x: &ArrayD<T>,
        gradient: &ArrayD<T>,
        step: &ArrayD<f32>,
        how: &QuantDescriptor,
    ) -> Outcome<Stepped<T>> {
        let how = descriptor(how)?;
        let mut scale = MaybeUninit::new(f32::NAN);
        call(|error| qdq_tensor_learned_step_gradient_scale(x.len(), how.get(), Some(&mut scale), error))?;
        // SAFETY: it was initialised above.
        let scale = unsafe { scale.assume_init() };
        // The gradient of x replaces the gradient.
        let (values, to_x, to_step) = (x.clone(), gradient.clone(), step.clone());
        let (x, y, gradient) = (view_of(x), view_of(&values), view_of(&to_x));
        let (step, step_gradient) = (floats(step), floats(&to_step));
        call(|error| unsafe {
            let (x, step, out) = (Some(&x.tensor), Some(&step.tensor), Some(&y.tensor));
            qdq_tensor_learned_step_quant(x, step, how.get(), out, error)
        })?;
        call(|error| unsafe {
            let (gradient, x, step) = (Some(&gradient.tensor), Some(&x.tensor), Some(&step.tensor));
            let (out, step_gradient) = (gradient, Some(&step_gradient.tensor));
            qdq_tensor_learned_step_quant_backward(
                gradient,
                x,
                step,
                how.get(),
                scale,
                out,
                step_gradient,
                error,
            )
        })?;
        Ok(Stepped { values, gradient: to_x, step_gradient: to_step })
    }

    fn schedule(original_steps: u64, rate: f64) -> Outcome<[Vec<f64>; 2]> {
        let rates = |schedule: &Owned<qdq_qat_schedule>| {
            let steps = qdq_qat_schedule_steps(schedule.get());
            (0..=steps).map(|step| qdq_qat_schedule_learning_rate(schedule.get(), step)).collect::<Vec<_>>()
        };
        let recommended = make(qdq_qat_schedule_free, |out, error| {
            qdq_qat_schedule_from_original(original_steps, rate, out, error)
        })?;
        let recommended = rates(&recommended);
        let (start, end) = (recommended[0], recommended[recommended.len() - 1]);
        let own = make(qdq_qat_schedule_free, |out, error| {
            qdq_qat_schedule_new(recommended.len() as u64 - 1, start, end, out, error)
        })?;
        Ok([recommended, rates(&own)])
    }

    fn multiply(x: &ArrayD<f32>, factors: &ArrayD<f32>) -> Outcome<ArrayD<f32>> {
        // The operation is in place.
        let product = x.clone();
        let (x, factors) = (floats(&product), floats(factors));
        call(|error| unsafe {
            qdq_tensor_multiply(Some(&x.tensor), Some(&factors.tensor), Some(&x.tensor), error)
        })?;
        Ok(product)
    }

    fn quantizer(
        batches: &[ArrayD<f32>],
        how: &QuantDescriptor,
        method: Method,
        is_strict: bool,
    ) -> Outcome<Calibrated> {
        let (is_learned, how) = (how.learn_amax, descriptor(how)?);
        let mut quantizer = make(qdq_quantizer_free, |out, error| qdq_quantizer_new(how.get(), out, error))?;
        call(|error| qdq_quantizer_set_quantizing(quantizer.get_mut(), false, error))?;
        call(|error| qdq_quantizer_set_calibrating(quantizer.get_mut(), true, error))?;
        for batch in batches {
            let y = batch.clone();
            let (x, out) = (floats(batch), floats(&y));
            call(|error| unsafe {
                qdq_quantizer_forward(quantizer.get_mut(), Some(&x.tensor), Some(&out.tensor), error)
            })?;
            assert_eq!(y, batch);
        }
        call(|error| qdq_quantizer_set_calibrating(quantizer.get_mut(), false, error))?;
        call(|error| qdq_quantizer_set_quantizing(quantizer.get_mut(), true, error))?;
        let (method, percentile) = method_of(method);
        call(|error| {
            qdq_quantizer_load_calib_amax(quantizer.get_mut(), method, percentile, is_strict, None, error)
        })?;
        if is_learned {
            call(|error| qdq_quantizer_init_learn_amax(quantizer.get_mut(), error))?;
        }
        let (values, gradient) = (batches[0].clone(), batches[0].clone());
        let (x, y, gin) = (floats(&batches[0]), floats(&values), floats(&gradient));
        let mut ends = (f64::NAN, f64::NAN);
        call(|error| unsafe {
            let (x, out) = (Some(&x.tensor), Some(&gin.tensor));
            qdq_quantizer_backward(quantizer.get(), x, x, out, &raw mut ends.0, &raw mut ends.1, error)
        })?;
        call(|error| unsafe {
            qdq_quantizer_forward(quantizer.get_mut(), Some(&x.tensor), Some(&y.tensor), error)
        })?;
        Ok(Calibrated {
            state: string(|out, error| qdq_quantizer_to_json(quantizer.get(), out, error))?,
            shown: string(|out, error| qdq_quantizer_to_text(quantizer.get(), out, error))?,
            values,
            gradient,
            ends,
        })
    }

    fn switched(x: &ArrayD<f32>, descriptor: &QuantDescriptor, setting: &Setting) -> Outcome<Switched> {
        super::switches::switched(x, descriptor, setting)
    }

    fn cache(content: &str, version: u32, activations: &[&str]) -> Outcome<(String, Vec<Finding>)> {
        let cache = make(qdq_cache_free, |out, error| unsafe {
            qdq_cache_from_bytes(content.as_ptr().cast(), content.len(), out, error)
        })?;
        let names: Vec<CString> = activations.iter().map(|name| CString::new(*name).unwrap()).collect();
        let names: Vec<*const c_char> = names.iter().map(|name| name.as_ptr()).collect();
        let found = make(qdq_findings_free, |out, error| unsafe {
            let (names, count) = (names.as_ptr(), names.len());
            qdq_cache_check(cache.get(), version, QDQ_ALGORITHM_UNKNOWN, names, count, out, error)
        })?;
        let found = found.get();
        let tensors = |finding| {
            let count = qdq_findings_tensor_count(found, finding);
            (0..count).map(|tensor| text(qdq_findings_tensor_at(found, finding, tensor)).unwrap()).collect()
        };
        let findings = (0..qdq_findings_count(found)).map(|finding| {
            let (message, remedy) =
                (qdq_findings_message(found, finding), qdq_findings_remedy(found, finding));
            let severity = qdq_findings_severity(found, finding);
            (severity, text(message).unwrap(), text(remedy).unwrap(), tensors(finding))
        });
        let findings = findings.collect();
        let ranges = make(qdq_ranges_free, |out, error| qdq_cache_to_ranges(cache.get(), out, error))?;
        Ok((string(|out, error| qdq_ranges_to_json(ranges.get(), out, error))?, findings))
    }

    fn plan(excluded: Option<&str>) -> Outcome<String> {
        let mut graph = Owned { pointer: qdq_graph_new(), free: qdq_graph_free };
        let mut tensor = |name: &str, kind, shape: &[i64]| {
            let name = CString::new(name).unwrap();
            let mut number = MaybeUninit::new(QDQ_NONE);
            call(|error| unsafe {
                let (name, shape, out) = (name.as_ptr(), shape, Some(&mut number));
                let (ndim, sizes) = (shape.len() as i32, shape.as_ptr());
                qdq_graph_add_tensor(graph.get_mut(), name, kind, QDQ_DTYPE_F32, ndim, sizes, out, error)
            })?;
            // SAFETY: it was initialised above.
            Outcome::Ok(unsafe { number.assume_init() })
        };
        let x = tensor("x", QDQ_TENSOR_KIND_INPUT, &[QDQ_DYNAMIC, 16, 8, 8])?;
        let w = tensor("w", QDQ_TENSOR_KIND_CONSTANT, &[16, 16, 3, 3])?;
        let mut add = |op: &str, inputs: &[usize], output: &str, pads: &[i64]| {
            let (op, output) = (CString::new(op).unwrap(), CString::new(output).unwrap());
            let none = std::ptr::null();
            let mut node = make(qdq_node_free, |out, error| unsafe {
                qdq_node_new(op.as_ptr(), none, none, out, error)
            })?;
            for &input in inputs {
                call(|error| qdq_node_add_input(node.get_mut(), input, error))?;
            }
            call(|error| unsafe { qdq_node_add_output(node.get_mut(), output.as_ptr(), error) })?;
            if !pads.is_empty() {
                call(|error| unsafe {
                    let (name, count) = (c"pads".as_ptr(), pads.len());
                    qdq_node_set_ints(node.get_mut(), name, pads.as_ptr(), count, error)
                })?;
            }
            call(|error| qdq_graph_add_node(graph.get_mut(), node.get(), None, error))?;
            Outcome::Ok(unsafe { qdq_graph_find_tensor(graph.get(), output.as_ptr()) })
        };
        let y = add("Conv", &[x, w], "y", &[1; 4])?;
        let z = add("Add", &[y, x], "z", &[])?;
        let out = add("Relu", &[z], "out", &[])?;
        call(|error| qdq_graph_mark_output(graph.get_mut(), out, error))?;
        let mut policy = Owned { pointer: qdq_policy_new(), free: qdq_policy_free };
        if let Some(excluded) = excluded {
            let excluded = CString::new(excluded).unwrap();
            call(|error| unsafe { qdq_policy_exclude_op(policy.get_mut(), excluded.as_ptr(), error) })?;
        }
        let plan =
            make(qdq_plan_free, |out, error| qdq_graph_plan(graph.get(), policy.get(), None, out, error))?;
        string(|out, error| qdq_plan_to_json(plan.get(), out, error))
    }
}
