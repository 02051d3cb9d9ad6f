//! Floating-point numbers in another type.

use std::mem::MaybeUninit;

use crate::error::{Error, ErrorKind};
use crate::tensor::{Data, Tensor};

use super::array::qdq_array;
use super::dtype::{known, qdq_dtype};
use super::error::qdq_error;
use super::guard::guard;
use super::handle::give;
use super::status::qdq_status;
use super::tensor::{checked, qdq_tensor};
use super::tensor_stats::floats;

/// Returns the numbers of `x` (f32, f16, bf16, f64) in another floating-point type, rounded to nearest, ties
/// to even: `dtype` is QDQ_DTYPE_F32, QDQ_DTYPE_F16, QDQ_DTYPE_BF16 or QDQ_DTYPE_F64. Numbers pass through
/// f32. Free `*out` with qdq_array_free().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_tensor_convert(
    x: Option<&qdq_tensor>,
    dtype: qdq_dtype,
    out: Option<&mut MaybeUninit<*mut qdq_array>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        give(out, || {
            // SAFETY: the header's rules for tensors.
            let x = unsafe { checked(x, "x") }?;
            let Some(dtype) = known(dtype, "dtype")?.filter(|dtype| dtype.is_float()) else {
                return Err(Error::new(ErrorKind::InvalidArgument, "dtype is no floating-point type")
                    .with_remedy("use QDQ_DTYPE_F32, QDQ_DTYPE_F16, QDQ_DTYPE_BF16 or QDQ_DTYPE_F64"));
            };
            let values = Data::from_f32(floats(&x)?.into_owned(), dtype);
            Tensor::new(x.shape().to_vec(), values).map(qdq_array::new)
        })
    })
}
