//! Operations that read data, and that write data to read it again.

use std::ffi::{CStr, CString};
use std::mem::MaybeUninit;
use std::path::Path;

use ndarray::{ArrayD, IxDyn};
use qdq::ffi::*;
use qdq::quant::QuantDescriptor;
use qdq::range::Method;

use super::objects::axis_of;
use super::{Capi, Owned, array, buffer, call, descriptor, floats, make, method_of, text};
use crate::api::{Elements, Maxima, Outcome, Readings};

pub(super) fn c_path(path: &Path) -> CString {
    CString::new(path.to_str().unwrap()).unwrap()
}

pub(super) fn model(path: &Path) -> Outcome<Owned<qdq_model>> {
    let path = c_path(path);
    // SAFETY: the text ends with a NUL.
    make(qdq_model_free, |out, error| unsafe { qdq_model_open(path.as_ptr(), out, error) })
}

pub(super) fn texts(texts: &Owned<qdq_texts>) -> Vec<String> {
    let texts = texts.get();
    (0..qdq_texts_count(texts)).map(|index| text(qdq_texts_at(texts, index)).unwrap()).collect()
}

fn shape_of(tensor: &qdq_tensor) -> Vec<usize> {
    // SAFETY: tensors of qdq have a live shape.
    let shape = unsafe { std::slice::from_raw_parts(tensor.shape, tensor.ndim as usize) };
    shape.iter().map(|&size| size as usize).collect()
}

/// Copies a tensor that qdq owns, which is f32 and dense.
pub(super) fn array_of(tensor: &qdq_tensor) -> ArrayD<f32> {
    assert!(tensor.dtype == QDQ_DTYPE_F32 && tensor.strides.is_null() && tensor.byte_offset == 0);
    let shape = shape_of(tensor);
    // SAFETY: the tensor is live and has so many elements.
    let values = unsafe { std::slice::from_raw_parts(tensor.data.cast::<f32>(), shape.iter().product()) };
    ArrayD::from_shape_vec(IxDyn(&shape), values.to_vec()).unwrap()
}

fn parts(value: &Owned<qdq_array>) -> Elements {
    let mut view = MaybeUninit::uninit();
    call(|error| qdq_array_view(value.get(), Some(&mut view), error)).unwrap();
    // SAFETY: it succeeded.
    let view = unsafe { view.assume_init() };
    let shape = shape_of(&view);
    let size = shape.iter().product::<usize>() * (view.dtype >> 8 & 0xff) as usize / 8;
    // SAFETY: the value is live and has so many bytes.
    let bytes = unsafe { std::slice::from_raw_parts(view.data.cast::<u8>(), size) }.to_vec();
    (dtype_name(view.dtype), shape, bytes)
}

/// Returns the name of the type in Rust.
fn dtype_name(dtype: qdq_dtype) -> String {
    let name = match dtype {
        QDQ_DTYPE_F32 => "F32",
        QDQ_DTYPE_F16 => "F16",
        QDQ_DTYPE_BF16 => "Bf16",
        QDQ_DTYPE_F64 => "F64",
        QDQ_DTYPE_I8 => "I8",
        QDQ_DTYPE_U8 => "U8",
        QDQ_DTYPE_I32 => "I32",
        QDQ_DTYPE_I64 => "I64",
        QDQ_DTYPE_BOOL => "Bool",
        QDQ_DTYPE_UNKNOWN => "?",
        other => panic!("{other:#x}"),
    };
    name.to_owned()
}

fn dims(rank: i32, size: impl Fn(usize) -> i64, name: impl Fn(usize) -> Option<String>) -> String {
    let dim = |axis| match (size(axis), name(axis)) {
        (QDQ_DYNAMIC, name) => name.unwrap_or("?".to_owned()),
        (size, name) => {
            assert_eq!(name, None);
            size.to_string()
        }
    };
    match usize::try_from(rank) {
        Ok(rank) => format!("[{}]", (0..rank).map(dim).collect::<Vec<_>>().join(", ")),
        Err(_) => "?".to_owned(),
    }
}

fn spec_lines(specs: &Owned<qdq_specs>) -> Vec<String> {
    let specs = specs.get();
    let line = |index| {
        let name = text(qdq_specs_name(specs, index)).unwrap();
        let dtype = dtype_name(qdq_specs_dtype(specs, index));
        let size = |axis| qdq_specs_size(specs, index, axis);
        let dim = |axis| text(qdq_specs_dim_name(specs, index, axis));
        format!("input {name} {dtype} {}", dims(qdq_specs_ndim(specs, index), size, dim))
    };
    (0..qdq_specs_count(specs)).map(line).collect()
}

fn tensor_line(graph: Option<&qdq_graph>, tensor: usize) -> String {
    let name = text(qdq_graph_tensor_name(graph, tensor)).unwrap();
    let size = |axis| qdq_graph_tensor_size(graph, tensor, axis);
    let dim = |axis| text(qdq_graph_tensor_dim_name(graph, tensor, axis));
    let reader = |at| {
        (
            qdq_graph_tensor_consumer_node(graph, tensor, at),
            qdq_graph_tensor_consumer_input(graph, tensor, at),
        )
    };
    let readers: Vec<_> = (0..qdq_graph_tensor_consumer_count(graph, tensor)).map(reader).collect();
    format!("tensor {name} {} read by {readers:?}", dims(qdq_graph_tensor_ndim(graph, tensor), size, dim))
}

fn node_line(graph: Option<&qdq_graph>, node: usize) -> String {
    let attribute = |at| {
        let name = text(qdq_graph_node_attribute_name(graph, node, at)).unwrap();
        let c_name = CString::new(name.clone()).unwrap();
        // SAFETY: the text ends with a NUL.
        assert_eq!(unsafe { qdq_graph_node_find_attribute(graph, node, c_name.as_ptr()) }, at);
        match qdq_graph_node_attribute_type(graph, node, at) {
            QDQ_ATTRIBUTE_INT => format!("{name} = {}", qdq_graph_node_attribute_int(graph, node, at)),
            QDQ_ATTRIBUTE_INTS => {
                let count = qdq_graph_node_attribute_ints_count(graph, node, at);
                let values = qdq_graph_node_attribute_ints(graph, node, at);
                // SAFETY: the graph is live and the list has so many integers.
                format!("{name} = {:?}", unsafe { std::slice::from_raw_parts(values, count) })
            }
            QDQ_ATTRIBUTE_FLOAT => format!("{name} = {}", qdq_graph_node_attribute_float(graph, node, at)),
            QDQ_ATTRIBUTE_TEXT => {
                format!("{name} = '{}'", text(qdq_graph_node_attribute_text(graph, node, at)).unwrap())
            }
            other => panic!("attribute {other}"),
        }
    };
    let attributes: Vec<String> = (0..qdq_graph_node_attribute_count(graph, node)).map(attribute).collect();
    let captures: Vec<usize> = (0..qdq_graph_node_capture_count(graph, node))
        .map(|at| qdq_graph_node_capture_at(graph, node, at))
        .collect();
    let [name, op, domain] = [qdq_graph_node_name, qdq_graph_node_op, qdq_graph_node_domain]
        .map(|read| text(read(graph, node)).unwrap());
    format!("node {name} {op} of '{domain}' with {} captures {captures:?}", attributes.join(", "))
}

fn lines(graph: &Owned<qdq_graph>) -> Vec<String> {
    let graph = graph.get();
    let tensors = (0..qdq_graph_tensor_count(graph)).map(|tensor| tensor_line(graph, tensor));
    tensors.chain((0..qdq_graph_node_count(graph)).map(|node| node_line(graph, node))).collect()
}

fn quantizer(how: &QuantDescriptor) -> Outcome<Owned<qdq_quantizer>> {
    let how = descriptor(how)?;
    make(qdq_quantizer_free, |out, error| qdq_quantizer_new(how.get(), out, error))
}

impl Readings for Capi {
    fn maxima(batches: &[ArrayD<f32>], axes: &[i32]) -> Outcome<Maxima> {
        // SAFETY: here and below arrays have the lengths given, texts end with a NUL, views are of live
        // memory.
        let mut max = make(qdq_axis_max_free, |out, error| unsafe {
            qdq_axis_max_new(axes.as_ptr(), axes.len(), out, error)
        })?;
        call(|error| qdq_axis_max_track(max.get_mut(), error))?;
        let folder = tempfile::tempdir().unwrap();
        let path = c_path(&folder.path().join("maxima"));
        for batch in batches {
            call(|error| unsafe { qdq_axis_max_save(max.get(), path.as_ptr(), error) })?;
            max = make(qdq_axis_max_free, |out, error| unsafe {
                qdq_axis_max_load(path.as_ptr(), out, error)
            })?;
            let x = floats(batch);
            call(|error| unsafe { qdq_axis_max_observe(max.get_mut(), Some(&x.tensor), error) })?;
        }
        let batch = |index| {
            make(qdq_array_free, |out, error| qdq_axis_max_history_at(max.get(), index, out, error))
                .map(|found| array(&found))
        };
        Ok(Maxima {
            file: buffer(|out, error| qdq_axis_max_to_bytes(max.get(), out, error))?,
            history: (0..qdq_axis_max_history_count(max.get())).map(batch).collect::<Outcome<_>>()?,
        })
    }

    fn load_maxima(file: &[u8]) -> Outcome<Vec<u8>> {
        let max = make(qdq_axis_max_free, |out, error| unsafe {
            qdq_axis_max_from_bytes(file.as_ptr().cast(), file.len(), out, error)
        })?;
        buffer(|out, error| qdq_axis_max_to_bytes(max.get(), out, error))
    }

    fn calibration(batches: &[ArrayD<f32>], how: &QuantDescriptor) -> Outcome<(Vec<u8>, ArrayD<f32>)> {
        let mut all = quantizer(how)?;
        let folder = tempfile::tempdir().unwrap();
        let path = c_path(&folder.path().join("calibration"));
        for batch in batches {
            let (mut one, mut loaded, x) = (quantizer(how)?, quantizer(how)?, floats(batch));
            call(|error| unsafe { qdq_quantizer_observe(one.get_mut(), Some(&x.tensor), error) })?;
            call(|error| unsafe { qdq_quantizer_save_calibration(one.get(), path.as_ptr(), error) })?;
            call(|error| unsafe { qdq_quantizer_load_calibration(loaded.get_mut(), path.as_ptr(), error) })?;
            call(|error| unsafe { qdq_quantizer_merge(all.pointer, loaded.pointer, error) })?;
        }
        let file = buffer(|out, error| qdq_quantizer_calibration_to_bytes(all.get(), out, error))?;
        if !batches.iter().flatten().all(|x| x.is_finite()) {
            return Ok((file, ArrayD::default(IxDyn(&[]))));
        }
        let (method, percentile) = method_of(Method::Max);
        call(|error| qdq_quantizer_load_calib_amax(all.get_mut(), method, percentile, true, None, error))?;
        let amax = make(qdq_array_free, |out, error| qdq_quantizer_amax(all.get(), out, error))?;
        Ok((file, array(&amax)))
    }

    fn load_calibration(file: &[u8], how: &QuantDescriptor) -> Outcome<()> {
        let mut quantizer = quantizer(how)?;
        call(|error| unsafe {
            let (bytes, size) = (file.as_ptr().cast(), file.len());
            qdq_quantizer_calibration_from_bytes(quantizer.get_mut(), bytes, size, error)
        })
    }

    fn compat_weights(
        weights: &ArrayD<f32>,
        axis: Option<usize>,
        method: Method,
        num_bins: usize,
    ) -> Outcome<Vec<f32>> {
        let ((method, percentile), axis, w) = (method_of(method), axis_of(axis), floats(weights));
        let amax = make(qdq_array_free, |out, error| unsafe {
            let weights = Some(&w.tensor);
            qdq_weights_compat_amax(weights, axis, method, percentile, 8, false, num_bins, out, error)
        })?;
        Ok(array(&amax).into_iter().collect())
    }

    fn histogram_ends(values: &ArrayD<f32>) -> (u64, u64, Option<f32>) {
        let mut stats = Owned { pointer: qdq_tensor_stats_new(), free: qdq_tensor_stats_free };
        let x = floats(values);
        call(|error| unsafe { qdq_tensor_stats_observe(stats.get_mut(), Some(&x.tensor), error) }).unwrap();
        let stats = stats.get();
        let abs_max = Some(qdq_tensor_stats_abs_max(stats)).filter(|max| !max.is_nan());
        (qdq_tensor_stats_below(stats), qdq_tensor_stats_between(stats), abs_max)
    }

    fn graph(path: &Path) -> Outcome<Vec<String>> {
        let model = model(path)?;
        let inputs = make(qdq_specs_free, |out, error| qdq_model_inputs(model.get(), out, error))?;
        let graph = make(qdq_graph_free, |out, error| qdq_model_graph(model.get(), out, error))?;
        Ok(spec_lines(&inputs).into_iter().chain(lines(&graph)).collect())
    }

    fn described() -> Outcome<Vec<String>> {
        let shape = [QDQ_DYNAMIC, 3];
        let mut graph = Owned { pointer: qdq_graph_new(), free: qdq_graph_free };
        let mut x = MaybeUninit::new(QDQ_NONE);
        let (name, dim) = (c"x".as_ptr(), c"N".as_ptr());
        call(|error| unsafe {
            let (graph, sizes, out) = (graph.get_mut(), shape.as_ptr(), Some(&mut x));
            qdq_graph_add_tensor(graph, name, QDQ_TENSOR_KIND_INPUT, QDQ_DTYPE_UNKNOWN, 2, sizes, out, error)
        })?;
        // SAFETY: it was initialised above.
        let x = unsafe { x.assume_init() };
        call(|error| unsafe { qdq_graph_name_dim(graph.get_mut(), x, 0, dim, error) })?;
        let mut node = make(qdq_node_free, |out, error| unsafe {
            qdq_node_new(c"If".as_ptr(), c"branch".as_ptr(), c"my.domain".as_ptr(), out, error)
        })?;
        call(|error| qdq_node_add_input(node.get_mut(), x, error))?;
        call(|error| unsafe { qdq_node_add_output(node.get_mut(), c"y".as_ptr(), error) })?;
        call(|error| qdq_node_add_capture(node.get_mut(), x, error))?;
        call(|error| unsafe { qdq_node_set_int(node.get_mut(), c"i".as_ptr(), -3, error) })?;
        call(|error| unsafe { qdq_node_set_float(node.get_mut(), c"f".as_ptr(), 0.5, error) })?;
        let none = std::ptr::null();
        call(|error| unsafe { qdq_node_set_ints(node.get_mut(), c"ints".as_ptr(), none, 0, error) })?;
        let (mode, linear) = (c"mode".as_ptr(), c"linear".as_ptr());
        call(|error| unsafe { qdq_node_set_text(node.get_mut(), mode, linear, error) })?;
        call(|error| qdq_graph_add_node(graph.get_mut(), node.get(), None, error))?;
        let find = |name: &CStr| match unsafe { qdq_graph_find_node(graph.get(), name.as_ptr()) } {
            QDQ_NONE => "none".to_owned(),
            node => node.to_string(),
        };
        let mut specs = Owned { pointer: qdq_specs_new(), free: qdq_specs_free };
        call(|error| unsafe {
            qdq_specs_add(specs.get_mut(), name, QDQ_DTYPE_UNKNOWN, 2, shape.as_ptr(), error)
        })?;
        call(|error| unsafe { qdq_specs_name_dim(specs.get_mut(), 0, 0, dim, error) })?;
        let mut lines = lines(&graph);
        lines.push(format!("found {} and {}", find(c"branch"), find(c"x")));
        lines.extend(spec_lines(&specs));
        Ok(lines)
    }

    fn save(path: &Path, to: &Path, max_file: u32, min_external: usize) -> Outcome<Vec<String>> {
        let (model, to) = (model(path)?, c_path(to));
        let files = make(qdq_texts_free, |out, error| unsafe {
            qdq_model_save_external(model.get(), to.as_ptr(), max_file, min_external, out, error)
        })?;
        Ok(texts(&files))
    }

    fn read_npy(path: &Path) -> Outcome<Elements> {
        let path = c_path(path);
        let value =
            make(qdq_array_free, |out, error| unsafe { qdq_array_read_npy(path.as_ptr(), out, error) })?;
        Ok(parts(&value))
    }

    fn constant(path: &Path, name: &str) -> Outcome<Option<Elements>> {
        let (model, name) = (model(path)?, CString::new(name).unwrap());
        let value = make(qdq_array_free, |out, error| unsafe {
            qdq_model_get_constant(model.get(), name.as_ptr(), out, error)
        })?;
        Ok(value.get().is_some().then(|| parts(&value)))
    }

    fn metadata(path: &Path, key: &str, value: &str) -> Outcome<(Option<String>, Option<String>)> {
        let mut model = model(path)?;
        let (key, value) = (CString::new(key).unwrap(), CString::new(value).unwrap());
        let read = |model: Option<&qdq_model>| {
            let found = make(qdq_buffer_free, |out, error| unsafe {
                qdq_model_get_metadata(model, key.as_ptr(), out, error)
            })?;
            Outcome::Ok(text(qdq_buffer_text(found.get())))
        };
        let before = read(model.get())?;
        call(|error| unsafe {
            qdq_model_set_metadata(model.get_mut(), key.as_ptr(), value.as_ptr(), error)
        })?;
        Ok((before, read(model.get())?))
    }
}
