//! The functions of `qdq.h`.
#![allow(unsafe_code, reason = "these are C's functions")]

use std::ffi::{CStr, CString, c_char};
use std::mem::MaybeUninit;

use ndarray::{ArrayD, IxDyn};
use qdq::error::ErrorKind;
use qdq::ffi::*;
use qdq::quant::QuantDescriptor;
use qdq::range::Method;

use super::{Failure, Outcome};
use crate::numbers::golden::Golden;

mod numbers;
mod objects;
mod readings;
mod runs;
mod switches;

pub struct Capi;

type ErrorOut<'a> = Option<&'a mut MaybeUninit<*mut qdq_error>>;
type Out<'a, T> = Option<&'a mut MaybeUninit<*mut T>>;

/// A handle, which its own function frees.
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
        QDQ_ERROR_RUNTIME => ErrorKind::Runtime,
        QDQ_ERROR_CANCELLED => ErrorKind::Cancelled,
        QDQ_ERROR_CALLBACK => ErrorKind::Callback,
        other => panic!("status {other}"),
    }
}

/// Calls a function and converts its status and error.
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

/// Calls a function that returns a handle.
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

/// A view of memory. It owns the shape.
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
    // JSON is known to both interfaces, and it refuses fields that do not go together.
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
