//! `qdq_tensor`: a borrowed view of memory that C owns.

use std::borrow::Cow;
use std::ffi::c_void;
use std::ops::Range;

use ndarray::{ArrayD, ArrayViewD, ArrayViewMutD, CowArray, IxDyn, ShapeBuilder};

use crate::dtype::DataType;
use crate::error::{Error, ErrorKind, Result};
use crate::quant::{
    self,
    pack::{unpack_int4, unpack_uint4},
};
use crate::tensor::{Data, Tensor, TensorView, element_count};

use super::dtype::{self, number_of, qdq_dtype};
use super::handle::{axes, null};

/// Host memory: DLPack's kDLCPU. 0 means the same.
pub const QDQ_DEVICE_CPU: i32 = 1;
/// Host memory that is pinned for CUDA: DLPack's kDLCUDAHost.
pub const QDQ_DEVICE_CUDA_HOST: i32 = 3;

/// A tensor whose memory belongs to the caller: a view with the layout of DLPack's DLTensor. A pointer to a
/// DLTensor can therefore be used as a pointer to this struct. Functions keep neither the view nor its
/// memory.
///
/// For a dense tensor in host memory, zero-initialise the struct and set data, dtype, ndim and shape. An
/// empty tensor may have any data pointer.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct qdq_tensor {
    /// The address of the first element, minus byte_offset. data + byte_offset must be aligned to the size of
    /// one element.
    pub data: *mut c_void,
    /// QDQ_DEVICE_CPU, QDQ_DEVICE_CUDA_HOST or 0. Copy device memory to the host before.
    pub device_type: i32,
    /// Not used for host memory.
    pub device_id: i32,
    /// The rank; 0 for a single number.
    pub ndim: i32,
    /// One of the QDQ_DTYPE_ numbers.
    pub dtype: qdq_dtype,
    /// `ndim` sizes that are not negative. May be NULL if ndim is 0.
    pub shape: *const i64,
    /// `ndim` distances between neighbours along every axis, in elements and not negative. NULL means
    /// row-major (C) order. The strides of axes of size 1 are ignored.
    pub strides: *const i64,
    /// The number of bytes to add to data.
    pub byte_offset: u64,
}

/// Returns the sizes for C.
pub(super) fn sizes(shape: &[usize]) -> Vec<i64> {
    shape.iter().map(|&size| size as i64).collect()
}

/// Returns a view of one of qdq's own tensors, with its `sizes`. C may read it as long as both live.
///
/// 4-bit integers lie in bytes of their own here, so C sees them as 8-bit integers.
pub(super) fn borrowed(tensor: TensorView<'_>, sizes: &[i64]) -> qdq_tensor {
    qdq_tensor {
        data: tensor.data().as_bytes().as_ptr().cast_mut().cast(),
        device_type: QDQ_DEVICE_CPU,
        device_id: 0,
        ndim: sizes.len() as i32,
        dtype: number_of(Some(match tensor.dtype() {
            DataType::I4 => DataType::I8,
            DataType::U4 => DataType::U8,
            plain => plain,
        })),
        shape: sizes.as_ptr(),
        strides: std::ptr::null(),
        byte_offset: 0,
    }
}

/// A tensor whose fields have been checked. Its elements are read and written through this type.
pub(super) struct Checked<'a> {
    name: &'a str,
    data: *mut u8,
    dtype: DataType,
    shape: Vec<usize>,
    /// The strides in elements; `None` for row-major order.
    strides: Option<Vec<usize>>,
}

/// Checks the fields of `tensor`. Messages call it `name`.
///
/// # Safety
/// `tensor` is NULL or follows the rules of [`qdq_tensor`]: its memory holds initialised elements,
/// and nothing else changes them while the result is used. If the result is written to, nothing else reads
/// them either.
pub(super) unsafe fn checked<'a>(tensor: Option<&'a qdq_tensor>, name: &'a str) -> Result<Checked<'a>> {
    let tensor = tensor.ok_or_else(|| null(name))?;
    let wrong = |kind, what: String| Error::new(kind, format!("tensor '{name}' {what}"));
    let dtype = dtype::of(tensor.dtype, &format!("tensor '{name}'"))?;
    if !matches!(tensor.device_type, 0 | QDQ_DEVICE_CPU | QDQ_DEVICE_CUDA_HOST) {
        let what = format!("is in the memory of device type {}", tensor.device_type);
        return Err(wrong(ErrorKind::Unsupported, what).with_remedy("copy it to the host's memory"));
    }
    let rank = usize::try_from(tensor.ndim).map_err(|_| {
        wrong(ErrorKind::InvalidArgument, format!("has ndim {}", tensor.ndim))
            .with_remedy("use 0 or more axes")
    })?;
    let sizes = |pointer: *const i64, field: &str| -> Result<Vec<usize>> {
        // SAFETY: the caller's promise: the array has `ndim` numbers.
        let numbers = unsafe { axes(pointer, rank, &format!("{name}.{field}")) }?;
        numbers
            .iter()
            .map(|&number| {
                usize::try_from(number).map_err(|_| {
                    let what = format!("has {number} in its {field}, which must not be negative");
                    wrong(ErrorKind::InvalidArgument, what)
                })
            })
            .collect()
    };
    let shape = sizes(tensor.shape, "shape")?;
    let strides = if tensor.strides.is_null() { None } else { Some(sizes(tensor.strides, "strides")?) };
    let strides = strides.filter(|strides| !is_row_major(&shape, strides));
    let count = element_count(&shape).map_err(|error| error.within(format!("tensor '{name}'")))?;
    if strides.is_some() && dtype.is_packed() {
        return Err(wrong(ErrorKind::Unsupported, "is packed and has strides".into())
            .with_remedy("store it row-major"));
    }
    // The number of elements up to the last one that the strides reach.
    let reach = match &strides {
        _ if count == 0 => Some(0),
        None => Some(count),
        Some(strides) => shape
            .iter()
            .zip(strides)
            .try_fold(1usize, |reach, (&size, &stride)| reach.checked_add((size - 1).checked_mul(stride)?)),
    };
    // The sizes beside a 0, and the elements that a stride of 0 repeats, must stay small enough for a copy.
    let product =
        shape.iter().filter(|&&size| size != 0).try_fold(1usize, |product, &size| product.checked_mul(size));
    let fits = |count: Option<usize>| {
        let bytes = count.and_then(|count| dtype::bytes(dtype, count)?.checked_mul(size_of::<f64>()));
        bytes.is_some_and(|bytes| bytes <= isize::MAX as usize)
    };
    if !fits(reach) || !fits(product) {
        let what = format!("of shape {shape:?} reaches beyond the memory that a machine can have");
        return Err(wrong(ErrorKind::Shape, what));
    }
    if count == 0 {
        return Ok(Checked { name, data: std::ptr::null_mut(), dtype, shape, strides: None });
    }
    if tensor.data.is_null() {
        return Err(wrong(ErrorKind::InvalidArgument, "has elements but its data is NULL".into()));
    }
    let bytes = reach.and_then(|reach| dtype::bytes(dtype, reach)).unwrap_or_default();
    let offset = usize::try_from(tensor.byte_offset).ok().filter(|&offset| {
        tensor.data.addr().checked_add(offset).and_then(|start| start.checked_add(bytes)).is_some()
    });
    let Some(offset) = offset else {
        let what = format!("has the byte_offset {}, beyond the memory", tensor.byte_offset);
        return Err(wrong(ErrorKind::InvalidArgument, what));
    };
    let data = tensor.data.cast::<u8>().wrapping_add(offset);
    if !data.addr().is_multiple_of(dtype.size()) {
        let what = format!("is not aligned to the {} bytes of one element", dtype.size());
        return Err(wrong(ErrorKind::InvalidArgument, what).with_remedy("align data + byte_offset"));
    }
    Ok(Checked { name, data, dtype, shape, strides })
}

/// Returns a copy of f32 numbers of C, which later writes cannot change; `None` for NULL.
///
/// # Safety
/// As for [`checked`].
pub(super) unsafe fn numbers(tensor: Option<&qdq_tensor>, name: &str) -> Result<Option<ArrayD<f32>>> {
    let Some(_) = tensor else { return Ok(None) };
    // SAFETY: the caller's promise.
    Ok(Some(unsafe { checked(tensor, name) }?.f32()?.to_owned()))
}

/// Returns whether the strides are those of row-major order. The strides of axes of size 1 are ignored.
fn is_row_major(shape: &[usize], strides: &[usize]) -> bool {
    let mut expected = 1usize;
    shape.iter().zip(strides).rev().all(|(&size, &stride)| {
        let fits = size == 1 || stride == expected;
        expected = expected.saturating_mul(size);
        fits
    })
}

impl<'a> Checked<'a> {
    pub(super) fn shape(&self) -> &[usize] {
        &self.shape
    }

    pub(super) fn count(&self) -> usize {
        self.shape.iter().product()
    }

    pub(super) fn dtype(&self) -> DataType {
        self.dtype
    }

    /// Returns the error for an element type that a function cannot use.
    pub(super) fn wrong_type(&self, found: &str) -> Error {
        Error::new(ErrorKind::Type, format!("tensor '{}' has elements of type {found}", self.name))
            .with_remedy("see the function's documentation for the types that it takes")
    }

    /// Returns an error if the shape is not the expected one.
    pub(super) fn check_shape(&self, expected: &[usize]) -> Result<()> {
        if self.shape == expected {
            return Ok(());
        }
        let message =
            format!("tensor '{}' has the shape {:?} instead of {expected:?}", self.name, self.shape);
        Err(Error::new(ErrorKind::Shape, message))
    }

    /// Returns the address range that holds the elements.
    fn addresses(&self) -> Range<usize> {
        let reach = match &self.strides {
            _ if self.count() == 0 => 0,
            None => self.count(),
            Some(strides) => {
                1 + self.shape.iter().zip(strides).map(|(size, stride)| (size - 1) * stride).sum::<usize>()
            }
        };
        let start = self.data.addr();
        start..start + dtype::bytes(self.dtype, reach).unwrap_or(0)
    }

    fn overlaps(&self, other: &Checked<'_>) -> bool {
        let (a, b) = (self.addresses(), other.addresses());
        a.start < b.end && b.start < a.end
    }

    /// Panics if the elements do not have the size of `T`. All functions below rely on it.
    fn assert_holds<T: bytemuck::Pod>(&self) {
        assert!(
            !self.dtype.is_packed() && dtype::bytes(self.dtype, 1) == Some(size_of::<T>()),
            "element type"
        );
    }

    fn layout(&self) -> ndarray::StrideShape<IxDyn> {
        let shape = IxDyn(&self.shape);
        match &self.strides {
            Some(strides) => shape.strides(IxDyn(strides)),
            None => shape.into(),
        }
    }

    /// Returns the elements as an array.
    pub(super) fn view<T: bytemuck::Pod>(&self) -> ArrayViewD<'a, T> {
        self.assert_holds::<T>();
        let data = if self.count() == 0 { std::ptr::dangling() } else { self.data.cast::<T>().cast_const() };
        // SAFETY: `checked` has verified that shape and strides stay within the address space and are not
        // negative, and that the pointer is aligned. The rest is the promise of its caller. `Pod` accepts any
        // bits.
        unsafe { ArrayViewD::from_shape_ptr(self.layout(), data) }
    }

    /// Returns the elements as an array that does not change while `out` is written. They are copied if the
    /// two overlap.
    pub(super) fn apart<T: bytemuck::Pod>(&self, out: &Checked<'_>) -> CowArray<'a, T, IxDyn> {
        let view = self.view::<T>();
        if self.overlaps(out) { view.to_owned().into() } else { view.into() }
    }

    /// Returns the elements in row-major order. They are copied if their order is another one.
    pub(super) fn dense<T: bytemuck::Pod>(&self) -> Cow<'a, [T]> {
        let view = self.view::<T>();
        match view.to_slice() {
            Some(slice) => Cow::Borrowed(slice),
            None => view.iter().copied().collect(),
        }
    }

    /// Passes quantized values to `read`, in the type that stores them.
    pub(super) fn read_stored<R>(&self, read: impl FnOnce(quant::Stored<'_>) -> Result<R>) -> Result<R> {
        match self.dtype {
            DataType::I8 => read(quant::Stored::I8(&self.dense())),
            DataType::U8 => read(quant::Stored::U8(&self.dense())),
            DataType::I16 => read(quant::Stored::I16(&self.dense())),
            DataType::U16 => read(quant::Stored::U16(&self.dense())),
            DataType::I4 => read(quant::Stored::I4(self.bytes())),
            DataType::U4 => read(quant::Stored::U4(self.bytes())),
            DataType::F8E4M3 => read(quant::Stored::E4m3(&self.dense())),
            other => Err(self.wrong_type(other.name())),
        }
    }

    /// Returns the elements as f32 numbers, for an amax or a scale.
    pub(super) fn f32(&self) -> Result<ArrayViewD<'a, f32>> {
        match self.dtype {
            DataType::F32 => Ok(self.view()),
            other => Err(self.wrong_type(other.name())),
        }
    }

    /// Returns the bytes of a packed tensor.
    fn bytes(&self) -> &'a [u8] {
        let Range { start, end } = self.addresses();
        if start == end {
            return &[];
        }
        // SAFETY: as in `view`.
        unsafe { std::slice::from_raw_parts(self.data, end - start) }
    }

    /// Lets `write` fill the elements, in row-major order. After an error the elements may hold anything.
    pub(super) fn fill<T: bytemuck::Pod, R>(&self, write: impl FnOnce(&mut [T]) -> Result<R>) -> Result<R> {
        self.assert_holds::<T>();
        if self.count() == 0 {
            return write(&mut []);
        }
        if self.strides.is_none() {
            // SAFETY: as in `view`. Nobody else reads or writes this memory during the call: the
            // callers read inputs through `apart`, which copies those that overlap.
            return write(unsafe { std::slice::from_raw_parts_mut(self.data.cast::<T>(), self.count()) });
        }
        self.check_apart()?;
        let mut values = vec![T::zeroed(); self.count()];
        let result = write(&mut values)?;
        // SAFETY: as above, and no two elements share an address.
        let mut view = unsafe { ArrayViewMutD::from_shape_ptr(self.layout(), self.data.cast::<T>()) };
        for (place, value) in view.iter_mut().zip(values) {
            *place = value;
        }
        Ok(result)
    }

    /// Lets `write` fill the bytes of a packed tensor.
    fn fill_bytes<R>(&self, write: impl FnOnce(&mut [u8]) -> Result<R>) -> Result<R> {
        match self.addresses().len() {
            0 => write(&mut []),
            // SAFETY: as in `fill`.
            bytes => write(unsafe { std::slice::from_raw_parts_mut(self.data, bytes) }),
        }
    }

    /// Lets `write` fill quantized values, in the type that stores them.
    pub(super) fn fill_stored<R>(&self, write: impl FnOnce(quant::StoredMut<'_>) -> Result<R>) -> Result<R> {
        match self.dtype {
            DataType::I8 => self.fill(|out| write(quant::StoredMut::I8(out))),
            DataType::U8 => self.fill(|out| write(quant::StoredMut::U8(out))),
            DataType::I16 => self.fill(|out| write(quant::StoredMut::I16(out))),
            DataType::U16 => self.fill(|out| write(quant::StoredMut::U16(out))),
            DataType::I4 => self.fill_bytes(|out| write(quant::StoredMut::I4(out))),
            DataType::U4 => self.fill_bytes(|out| write(quant::StoredMut::U4(out))),
            DataType::F8E4M3 => self.fill(|out| write(quant::StoredMut::E4m3(out))),
            other => Err(self.wrong_type(other.name())),
        }
    }

    /// Refuses strides that let two elements share an address.
    fn check_apart(&self) -> Result<()> {
        let strides = self.strides.iter().flatten().copied();
        let mut axes: Vec<(usize, usize)> =
            strides.zip(self.shape.iter().copied()).filter(|(_, size)| *size > 1).collect();
        axes.sort_unstable();
        let mut reach = 0;
        for (stride, size) in axes {
            if stride <= reach {
                let message = format!("tensor '{}' has elements that share memory", self.name);
                return Err(Error::new(ErrorKind::InvalidArgument, message)
                    .with_remedy("write to a tensor whose strides keep its elements apart"));
            }
            reach += stride * (size - 1);
        }
        Ok(())
    }

    /// Returns a copy that owns its elements.
    pub(super) fn to_owned(&self) -> Result<Tensor> {
        let data = match self.dtype {
            DataType::F32 => Data::F32(self.values()),
            DataType::F16 => Data::F16(self.values()),
            DataType::Bf16 => Data::Bf16(self.values()),
            DataType::F64 => Data::F64(self.values()),
            DataType::I8 => Data::I8(self.values()),
            DataType::U8 => Data::U8(self.values()),
            DataType::I16 => Data::I16(self.values()),
            DataType::U16 => Data::U16(self.values()),
            DataType::I32 => Data::I32(self.values()),
            DataType::U32 => Data::U32(self.values()),
            DataType::I64 => Data::I64(self.values()),
            DataType::U64 => Data::U64(self.values()),
            // Any byte other than 0 is true. Runtimes expect 1.
            DataType::Bool => {
                Data::Bool(self.values().into_iter().map(|value: u8| u8::from(value != 0)).collect())
            }
            DataType::F8E4M3 => Data::F8E4M3(self.values()),
            DataType::I4 => Data::I4(unpack_int4(self.bytes(), self.count())?),
            DataType::U4 => Data::U4(unpack_uint4(self.bytes(), self.count())?),
        };
        Tensor::new(self.shape.clone(), data)
    }

    fn values<T: bytemuck::Pod>(&self) -> Vec<T> {
        self.view::<T>().iter().copied().collect()
    }
}
