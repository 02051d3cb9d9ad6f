//! Tests of pointers between C and Rust, in every way in which a caller can lay out its memory. `make miri`
//! runs these tests too.

use std::ffi::{CStr, c_void};
use std::mem::MaybeUninit;

use super::*;

/// Calls a function that must succeed.
fn ok(call: impl FnOnce(Option<&mut MaybeUninit<*mut qdq_error>>) -> qdq_status) {
    assert_eq!(failed(call), None);
}

/// Returns the message of a failed call.
fn failed(call: impl FnOnce(Option<&mut MaybeUninit<*mut qdq_error>>) -> qdq_status) -> Option<String> {
    let mut error = MaybeUninit::uninit();
    let status = call(Some(&mut error));
    // SAFETY: every function writes its error.
    let mut error = unsafe { error.assume_init() };
    // SAFETY: an error that is not NULL is live.
    let message = unsafe { error.as_ref() }.map(|error| error.error().to_string());
    assert_eq!(message.is_some(), status != QDQ_OK);
    qdq_error_free(Some(&mut error));
    message
}

fn view<T>(data: *mut T, dtype: qdq_dtype, shape: &[i64], strides: Option<&[i64]>) -> qdq_tensor {
    qdq_tensor {
        data: data.cast(),
        device_type: 0,
        device_id: 0,
        ndim: shape.len() as i32,
        dtype,
        shape: shape.as_ptr(),
        strides: strides.map_or(std::ptr::null(), <[i64]>::as_ptr),
        byte_offset: 0,
    }
}

/// Fake quantization with 4 bits and amax 7, so that integers stay as they are.
fn round(x: &qdq_tensor, out: &qdq_tensor) -> Option<String> {
    let mut descriptor = qdq_descriptor_new();
    let amax = 7f32;
    let range = view((&raw const amax).cast_mut(), QDQ_DTYPE_F32, &[], None);
    // SAFETY: the handle is live.
    ok(|error| qdq_descriptor_set_num_bits(unsafe { descriptor.as_mut() }, 4, error));
    // SAFETY: the views are of live memory.
    let message = failed(|error| unsafe {
        qdq_tensor_fake_quant(Some(x), Some(&range), descriptor.as_ref(), Some(out), error)
    });
    qdq_descriptor_free(Some(&mut descriptor));
    message
}

#[test]
fn tensors_may_be_the_same_memory() {
    let mut x = [0.6f32, 1.4, -2.5, 3.5];
    let tensor = view(x.as_mut_ptr(), QDQ_DTYPE_F32, &[4], None);
    assert_eq!(round(&tensor, &tensor), None);
    assert_eq!(x, [1.0, 1.0, -2.0, 4.0]);
}

#[test]
fn tensors_may_overlap() {
    let mut x = [0.6f32, 1.4, -2.5, 3.5, 9.0];
    let pointer = x.as_mut_ptr();
    let from = view(pointer, QDQ_DTYPE_F32, &[4], None);
    let to = view(pointer.wrapping_add(1), QDQ_DTYPE_F32, &[4], None);
    assert_eq!(round(&from, &to), None);
    assert_eq!(x, [0.6, 1.0, 1.0, -2.0, 4.0]);
}

#[test]
fn strides_are_followed_on_both_sides() {
    let mut x = [0.6f32, 1.4, 2.6, 3.4, 4.6, 5.4];
    let mut y = [-1f32; 12];
    let shape = [3, 2];
    let from = view(x.as_mut_ptr(), QDQ_DTYPE_F32, &shape, Some(&[1, 3]));
    let to = view(y.as_mut_ptr(), QDQ_DTYPE_F32, &shape, Some(&[4, 2]));
    assert_eq!(round(&from, &to), None);
    assert_eq!(y, [1.0, -1.0, 3.0, -1.0, 1.0, -1.0, 5.0, -1.0, 3.0, -1.0, 5.0, -1.0]);
    // A stride of 0 repeats an element. Such a tensor may be read but not written.
    let repeated = view(x.as_mut_ptr(), QDQ_DTYPE_F32, &shape, Some(&[0, 1]));
    assert_eq!(round(&repeated, &to), None);
    assert!(round(&from, &repeated).is_some_and(|message| message.contains("share memory")));
}

#[test]
fn damaged_views_are_refused() {
    let mut x = [1f32; 4];
    let pointer = x.as_mut_ptr();
    let good = view(pointer, QDQ_DTYPE_F32, &[4], None);
    let byte = view(pointer.cast::<u8>().wrapping_add(1), QDQ_DTYPE_F32, &[3], None);
    for (damaged, says) in [
        (byte, "not aligned"),
        (qdq_tensor { data: std::ptr::null_mut(), ..good }, "data is NULL"),
        (qdq_tensor { shape: std::ptr::null(), ..good }, "'x.shape' is NULL"),
        (qdq_tensor { ndim: -1, ..good }, "ndim -1"),
        (qdq_tensor { ndim: i32::MAX, ..good }, "axes"),
        (qdq_tensor { dtype: 77, ..good }, "no element type"),
        (qdq_tensor { device_type: 2, ..good }, "device type 2"),
        (view(pointer, QDQ_DTYPE_F32, &[-4], None), "must not be negative"),
        (view(pointer, QDQ_DTYPE_F32, &[4], Some(&[-1])), "must not be negative"),
        (view(pointer, QDQ_DTYPE_F32, &[i64::MAX, i64::MAX], None), "too many elements"),
        (view(pointer, QDQ_DTYPE_F32, &[i64::MAX], None), "beyond the memory"),
        (view(pointer, QDQ_DTYPE_F32, &[2], Some(&[i64::MAX])), "beyond the memory"),
        (view(pointer, QDQ_DTYPE_I4, &[4], Some(&[2])), "packed and has strides"),
    ] {
        let message = round(&damaged, &good).unwrap_or_default();
        assert!(message.contains(says), "{message}: {says}");
    }
    for (damaged, says) in [
        (view(pointer, QDQ_DTYPE_F32, &[0, 1 << 40, 1 << 40], None), "beyond the memory"),
        (view(pointer, QDQ_DTYPE_F32, &[1 << 62], Some(&[0])), "beyond the memory"),
        (qdq_tensor { byte_offset: u64::MAX - 3, ..good }, "byte_offset"),
    ] {
        let message = round(&damaged, &good).unwrap_or_default();
        assert!(message.contains(says), "{message}: {says}");
    }
    // No element of an empty tensor is read.
    let empty = view(std::ptr::null_mut::<f32>(), QDQ_DTYPE_F32, &[0, 1 << 40], None);
    assert_eq!(round(&empty, &empty), None);
}

#[test]
fn texts_follow_what_they_are_made_of() {
    let mut ranges = MaybeUninit::uninit();
    // SAFETY: NULL is allowed for the method.
    ok(|error| unsafe { qdq_ranges_new(std::ptr::null(), Some(&mut ranges), error) });
    // SAFETY: it succeeded; here and below the handle is live.
    let mut ranges = unsafe { ranges.assume_init() };
    for (count, name) in [c"a", c"b c", c"\xc3\xa9"].into_iter().enumerate() {
        ok(|error| unsafe { qdq_ranges_set(ranges.as_mut(), name.as_ptr(), 1.0, error) });
        let found = qdq_ranges_name(unsafe { ranges.as_ref() }, count);
        assert_eq!(unsafe { CStr::from_ptr(found) }, name);
        assert!(qdq_ranges_name(unsafe { ranges.as_ref() }, count + 1).is_null());
    }
    qdq_ranges_free(Some(&mut ranges));
}

/// A setter gets the text that it is going to replace.
#[test]
fn an_object_may_be_changed_by_a_text_of_its_own() {
    let (mut ranges, mut cache) = (MaybeUninit::uninit(), MaybeUninit::uninit());
    // SAFETY: here and below handles and texts are live.
    ok(|error| unsafe { qdq_ranges_new(std::ptr::null(), Some(&mut ranges), error) });
    let mut ranges = unsafe { ranges.assume_init() };
    ok(|error| unsafe { qdq_ranges_set(ranges.as_mut(), c"x".as_ptr(), 1.0, error) });
    let name = qdq_ranges_name(unsafe { ranges.as_ref() }, 0);
    ok(|error| unsafe { qdq_ranges_set(ranges.as_mut(), name, 2.0, error) });
    assert_eq!(
        (qdq_ranges_count(unsafe { ranges.as_ref() }), qdq_ranges_at(unsafe { ranges.as_ref() }, 0)),
        (1, 2.0)
    );
    let header = (100_300, QDQ_ALGORITHM_ENTROPY_2);
    ok(|error| {
        qdq_cache_from_ranges(unsafe { ranges.as_ref() }, header.0, header.1, Some(&mut cache), error)
    });
    let mut cache = unsafe { cache.assume_init() };
    let name = qdq_cache_name(unsafe { cache.as_ref() }, 0);
    ok(|error| unsafe { qdq_cache_set(cache.as_mut(), name, 2.0, error) });
    assert_eq!(qdq_cache_count(unsafe { cache.as_ref() }), 1);
    let mut descriptor = qdq_descriptor_new();
    ok(|error| unsafe { qdq_descriptor_set_name(descriptor.as_mut(), c"weight".as_ptr(), error) });
    let name = qdq_descriptor_name(unsafe { descriptor.as_ref() });
    ok(|error| unsafe { qdq_descriptor_set_name(descriptor.as_mut(), name, error) });
    assert_eq!(unsafe { CStr::from_ptr(qdq_descriptor_name(descriptor.as_ref())) }, c"weight");
    let mut stats = qdq_stats_new();
    let mut x = [1f32];
    let tensor = view(x.as_mut_ptr(), QDQ_DTYPE_F32, &[1], None);
    ok(|error| unsafe { qdq_stats_observe(stats.as_mut(), c"x".as_ptr(), Some(&tensor), error) });
    let name = qdq_stats_name(unsafe { stats.as_ref() }, 0);
    ok(|error| unsafe { qdq_stats_observe(stats.as_mut(), name, Some(&tensor), error) });
    assert_eq!(qdq_stats_count(unsafe { stats.as_ref() }), 1);
    qdq_stats_free(Some(&mut stats));
    qdq_descriptor_free(Some(&mut descriptor));
    qdq_cache_free(Some(&mut cache));
    qdq_ranges_free(Some(&mut ranges));
}

/// A duplicate name leaves the graph unchanged, and planning terminates.
#[test]
fn a_refused_node_leaves_the_graph_as_it_was() {
    let mut graph = qdq_graph_new();
    let mut tensor = MaybeUninit::uninit();
    let mut add = |name: &CStr| {
        failed(|error| unsafe {
            let (name, out) = (name.as_ptr(), Some(&mut tensor));
            qdq_graph_add_tensor(
                graph.as_mut(),
                name,
                QDQ_TENSOR_KIND_INPUT,
                0,
                -1,
                std::ptr::null(),
                out,
                error,
            )
        })
    };
    assert_eq!(add(c"x"), None);
    assert!(add(c"x").is_some_and(|message| message.contains("'x' is defined twice")));
    // SAFETY: here and below handles and texts are live.
    assert_eq!(unsafe { qdq_graph_find_tensor(graph.as_ref(), c"x".as_ptr()) }, 0);
    let mut node = MaybeUninit::uninit();
    ok(|error| unsafe {
        qdq_node_new(c"Conv".as_ptr(), std::ptr::null(), std::ptr::null(), Some(&mut node), error)
    });
    let mut node = unsafe { node.assume_init() };
    ok(|error| qdq_node_add_input(unsafe { node.as_mut() }, 0, error));
    for output in [c"y", c"y"] {
        ok(|error| unsafe { qdq_node_add_output(node.as_mut(), output.as_ptr(), error) });
    }
    let message =
        failed(|error| unsafe { qdq_graph_add_node(graph.as_mut(), node.as_ref(), None, error) }).unwrap();
    assert!(message.contains("'y' is defined twice"), "{message}");
    let counts = |graph: Option<&qdq_graph>| (qdq_graph_tensor_count(graph), qdq_graph_node_count(graph));
    assert_eq!(counts(unsafe { graph.as_ref() }), (1, 0));
    qdq_node_free(Some(&mut node));
    qdq_graph_free(Some(&mut graph));
}

#[test]
fn statistics_may_be_merged_with_themselves() {
    let mut stats = qdq_tensor_stats_new();
    let mut x = [1f32, -2.0];
    let tensor = view(x.as_mut_ptr(), QDQ_DTYPE_F32, &[2], None);
    // SAFETY: here and below the handle and the view are live.
    ok(|error| unsafe { qdq_tensor_stats_observe(stats.as_mut(), Some(&tensor), error) });
    ok(|error| unsafe { qdq_tensor_stats_merge(stats, stats, error) });
    assert_eq!(qdq_tensor_stats_values(unsafe { stats.as_ref() }), 4);
    let mut all = qdq_stats_new();
    ok(|error| unsafe { qdq_stats_set(all.as_mut(), c"x".as_ptr(), stats.as_ref(), error) });
    ok(|error| unsafe { qdq_stats_merge(all, all, error) });
    qdq_tensor_stats_free(Some(&mut stats));
    qdq_stats_free(Some(&mut all));
}

unsafe extern "C" fn no_batch(
    user: *mut c_void,
    batch: *mut qdq_batch,
    error: *mut *mut qdq_error,
) -> qdq_status {
    // SAFETY: the test gives a counter, qdq a batch and a place for an error.
    unsafe {
        *user.cast::<i32>() += 1;
        assert_eq!(qdq_batch_count(batch.as_ref()), 0);
        *error = qdq_error_new(QDQ_ERROR_IO, c"no \xff film".as_ptr(), std::ptr::null());
    }
    QDQ_ERROR_IO
}

unsafe extern "C" fn count_free(user: *mut c_void) {
    // SAFETY: the test gives a counter.
    unsafe { *user.cast::<i32>() += 100 };
}

#[test]
fn a_callback_is_called_once_and_its_data_freed_once() {
    let mut inputs = qdq_specs_new();
    let mut calls = 0;
    let user = (&raw mut calls).cast();
    let mut batches = MaybeUninit::uninit();
    // SAFETY: here and below handles and counter are live.
    ok(|error| unsafe {
        qdq_specs_add(inputs.as_mut(), c"x".as_ptr(), QDQ_DTYPE_F32, -1, std::ptr::null(), error)
    });
    ok(|error| unsafe {
        let out = Some(&mut batches);
        qdq_batches_from_callback(inputs.as_ref(), Some(no_batch), user, Some(count_free), out, error)
    });
    let mut batches = unsafe { batches.assume_init() };
    let mut batch = MaybeUninit::uninit();
    let message =
        failed(|error| unsafe { qdq_batches_next(batches.as_mut(), Some(&mut batch), error) }).unwrap();
    assert_eq!(message, "no \u{fffd} film");
    assert!(unsafe { batch.assume_init() }.is_null());
    qdq_specs_free(Some(&mut inputs));
    qdq_batches_free(Some(&mut batches));
    qdq_batches_free(Some(&mut batches));
    assert_eq!(calls, 101);
}

#[test]
fn a_batch_is_filled_replaced_and_read() {
    let mut batch = qdq_batch_new();
    let (mut x, mut y) = ([1f32, 2.0], [3f32]);
    let (first, second) =
        (view(x.as_mut_ptr(), QDQ_DTYPE_F32, &[2], None), view(y.as_mut_ptr(), QDQ_DTYPE_F32, &[1, 1], None));
    // SAFETY: here and below handles, texts and views are live.
    for (name, tensor) in [(c"a", &first), (c"b", &second), (c"a", &second)] {
        ok(|error| unsafe { qdq_batch_set(batch.as_mut(), name.as_ptr(), Some(tensor), error) });
    }
    let handle = unsafe { batch.as_ref() };
    assert_eq!((qdq_batch_count(handle), qdq_batch_samples(handle)), (2, 0));
    for (index, name) in [c"b", c"a"].into_iter().enumerate() {
        assert_eq!(unsafe { CStr::from_ptr(qdq_batch_name(handle, index)) }, name);
        let mut found = MaybeUninit::uninit();
        ok(|error| qdq_batch_at(handle, index, Some(&mut found), error));
        let found = unsafe { found.assume_init() };
        assert_eq!((found.ndim, unsafe { *found.data.cast::<f32>() }), (2, 3.0));
    }
    assert!(failed(|error| qdq_batch_at(handle, 2, None, error)).is_some_and(|text| text.contains("only 2")));
    unsafe { qdq_batch_free(Some(&mut batch)) };
    assert!(batch.is_null());
}

#[test]
fn attributes_are_read_where_they_lie() {
    let (mut graph, mut node) = (qdq_graph_new(), MaybeUninit::uninit());
    let (none, values) = (std::ptr::null(), [1i64, -2]);
    // SAFETY: here and below handles, texts and arrays are live.
    ok(|error| unsafe { qdq_node_new(c"Pad".as_ptr(), none, none, Some(&mut node), error) });
    let mut node = unsafe { node.assume_init() };
    ok(|error| unsafe { qdq_node_set_ints(node.as_mut(), c"pads".as_ptr(), values.as_ptr(), 2, error) });
    ok(|error| unsafe { qdq_node_set_text(node.as_mut(), c"mode".as_ptr(), c"edge".as_ptr(), error) });
    ok(|error| qdq_graph_add_node(unsafe { graph.as_mut() }, unsafe { node.as_ref() }, None, error));
    qdq_node_free(Some(&mut node));
    let handle = unsafe { graph.as_ref() };
    let pads = unsafe { qdq_graph_node_find_attribute(handle, 0, c"pads".as_ptr()) };
    let found = qdq_graph_node_attribute_ints(handle, 0, pads);
    let count = qdq_graph_node_attribute_ints_count(handle, 0, pads);
    assert_eq!(unsafe { std::slice::from_raw_parts(found, count) }, values);
    assert_eq!(unsafe { CStr::from_ptr(qdq_graph_node_attribute_text(handle, 0, 0)) }, c"edge");
    assert!(qdq_graph_node_attribute_text(handle, 0, pads).is_null());
    assert!(qdq_graph_node_attribute_ints(handle, 0, 0).is_null());
    assert_eq!(qdq_graph_node_attribute_type(handle, 0, 2), -1);
    assert_eq!(qdq_graph_node_attribute_type(handle, 1, 0), -1);
    qdq_graph_free(Some(&mut graph));
}

#[test]
fn what_is_impossible_is_refused_where_it_is_set() {
    let mut options = qdq_run_options_new();
    // SAFETY: here and below the handles are live.
    let set =
        |threads| failed(|error| qdq_run_options_set_threads(unsafe { options.as_mut() }, threads, error));
    assert_eq!((set(0), set(4)), (None, None));
    assert!(set(5000).is_some_and(|message| message.contains("5000 threads")));
    qdq_run_options_free(Some(&mut options));
    let mut descriptor = qdq_descriptor_new();
    for factor in [0.0, -1.0, f32::NAN, f32::INFINITY] {
        let set =
            failed(|error| qdq_descriptor_set_scale_amax(unsafe { descriptor.as_mut() }, factor, error));
        assert!(set.is_some_and(|message| message.contains("scale_amax is")), "{factor}");
    }
    let mut bad = [1f32, -1.0];
    let amax = view(bad.as_mut_ptr(), QDQ_DTYPE_F32, &[2], None);
    let set = failed(|error| unsafe { qdq_descriptor_set_amax(descriptor.as_mut(), Some(&amax), error) });
    assert!(set.is_some_and(|message| message.contains("amax is -1")));
    qdq_descriptor_free(Some(&mut descriptor));
    let mut calibrator = MaybeUninit::uninit();
    ok(|error| qdq_histogram_calibrator_new(2048, false, QDQ_LIBRARY_TORCH, Some(&mut calibrator), error));
    let mut calibrator = unsafe { calibrator.assume_init() };
    let message =
        failed(|error| qdq_histogram_calibrator_set_search(unsafe { calibrator.as_mut() }, 128, 0, error));
    assert!(message.is_some_and(|message| message.contains("steps of 0")));
    qdq_histogram_calibrator_free(Some(&mut calibrator));
}

#[test]
fn a_cache_for_a_tensorrt_without_caches_is_refused() {
    let mut ranges = MaybeUninit::uninit();
    // SAFETY: NULL is allowed for the method; here and below the handles are live.
    ok(|error| unsafe { qdq_ranges_new(std::ptr::null(), Some(&mut ranges), error) });
    let mut ranges = unsafe { ranges.assume_init() };
    for version in [110_000, 120_305] {
        let mut cache = MaybeUninit::uninit();
        let message = failed(|error| {
            let algorithm = QDQ_ALGORITHM_ENTROPY_2;
            qdq_cache_from_ranges(unsafe { ranges.as_ref() }, version, algorithm, Some(&mut cache), error)
        });
        assert!(message.is_some_and(|message| message.contains("reads no calibration caches")));
        assert!(unsafe { cache.assume_init() }.is_null());
    }
    let (text, mut cache) = (c"TRT-110000-EntropyCalibration2\na: 3c010204\n", MaybeUninit::uninit());
    let bytes = (text.as_ptr().cast(), text.to_bytes().len());
    ok(|error| unsafe { qdq_cache_from_bytes(bytes.0, bytes.1, Some(&mut cache), error) });
    let mut cache = unsafe { cache.assume_init() };
    let mut written = MaybeUninit::uninit();
    let message = failed(|error| qdq_cache_to_bytes(unsafe { cache.as_ref() }, Some(&mut written), error));
    assert!(message.is_some_and(|message| message.contains("TensorRT 11.0.0")));
    let rehead = |version| {
        failed(|error| {
            qdq_cache_set_header(unsafe { cache.as_mut() }, version, QDQ_ALGORITHM_ENTROPY_2, error)
        })
    };
    assert!(rehead(110_100).is_some_and(|message| message.contains("TensorRT 11.1.0")));
    assert_eq!(rehead(101_601), None);
    qdq_cache_free(Some(&mut cache));
    qdq_ranges_free(Some(&mut ranges));
}

#[test]
fn ranges_of_a_cache_say_what_they_leave_out() {
    let text = c"TRT-8501-EntropyCalibration2\na: 3c010204\nb: 7f800000\nc: 7fc00000\nmask: 7c010204\n";
    let (mut cache, mut ranges, mut findings) =
        (MaybeUninit::uninit(), MaybeUninit::uninit(), MaybeUninit::uninit());
    let bytes = (text.as_ptr().cast(), text.to_bytes().len());
    // SAFETY: the text is a literal; here and below the handles are live.
    ok(|error| unsafe { qdq_cache_from_bytes(bytes.0, bytes.1, Some(&mut cache), error) });
    let mut cache = unsafe { cache.assume_init() };
    ok(|error| qdq_cache_to_ranges(unsafe { cache.as_ref() }, Some(&mut ranges), error));
    let mut ranges = unsafe { ranges.assume_init() };
    let handle = unsafe { ranges.as_ref() };
    assert_eq!((qdq_ranges_count(handle), qdq_ranges_at(handle, 1)), (2, f32::MAX));
    ok(|error| qdq_ranges_findings(handle, Some(&mut findings), error));
    let mut findings = unsafe { findings.assume_init() };
    let said = |index| {
        let tensor = qdq_findings_tensor_at(unsafe { findings.as_ref() }, index, 0);
        unsafe { CStr::from_ptr(tensor) }.to_str().unwrap()
    };
    assert_eq!((qdq_findings_count(unsafe { findings.as_ref() }), said(0), said(1)), (2, "c", "b"));
    qdq_findings_free(Some(&mut findings));
    qdq_ranges_free(Some(&mut ranges));
    qdq_cache_free(Some(&mut cache));
}

/// Packed integers are unpacked on the way in, and have the type of their bytes on the way out.
#[test]
fn tensors_of_the_stored_formats_are_copied_and_described() {
    let mut bytes = [0xe1u8, 0x07];
    let mut batch = qdq_batch_new();
    for (name, dtype, count, out, expected) in [
        (c"i4", QDQ_DTYPE_I4, 3, QDQ_DTYPE_I8, &[0x01, 0xfe, 0x07][..]),
        (c"u4", QDQ_DTYPE_U4, 3, QDQ_DTYPE_U8, &[0x01, 0x0e, 0x07]),
        (c"f8", QDQ_DTYPE_E4M3, 2, QDQ_DTYPE_E4M3, &[0xe1, 0x07]),
    ] {
        let shape = [count];
        let tensor = view(bytes.as_mut_ptr(), dtype, &shape, None);
        // SAFETY: here and below the handles and the views are live.
        ok(|error| unsafe { qdq_batch_set(batch.as_mut(), name.as_ptr(), Some(&tensor), error) });
        let mut found = MaybeUninit::uninit();
        ok(|error| unsafe { qdq_batch_get(batch.as_ref(), name.as_ptr(), Some(&mut found), error) });
        let found = unsafe { found.assume_init() };
        assert_eq!((found.dtype, unsafe { *found.shape }), (out, count));
        let read = unsafe { std::slice::from_raw_parts(found.data.cast::<u8>(), count as usize) };
        assert_eq!(read, expected);
    }
    unsafe { qdq_batch_free(Some(&mut batch)) };

    let mut graph = qdq_graph_new();
    for (name, dtype) in [(c"a", QDQ_DTYPE_I4), (c"b", QDQ_DTYPE_U4), (c"c", QDQ_DTYPE_E4M3)] {
        let (mut tensor, shape) = (MaybeUninit::uninit(), [4, 4]);
        ok(|error| unsafe {
            let kind = QDQ_TENSOR_KIND_CONSTANT;
            let (name, tensor) = (name.as_ptr(), Some(&mut tensor));
            qdq_graph_add_tensor(graph.as_mut(), name, kind, dtype, 2, shape.as_ptr(), tensor, error)
        });
        let tensor = unsafe { tensor.assume_init() };
        assert_eq!(qdq_graph_tensor_dtype(unsafe { graph.as_ref() }, tensor), dtype);
    }
    qdq_graph_free(Some(&mut graph));
}
