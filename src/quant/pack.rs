//! 4-bit integers, two per byte, as ONNX stores INT4 and UINT4: the first of each pair is in the low half.

use crate::error::{Error, ErrorKind, Result};
use crate::kernel;

/// Packs integers of -8 to 7. If their number is odd, the last high half is 0.
///
/// # Errors
///
/// `Data` if an integer does not fit into 4 bits.
///
/// ```
/// use qdq::quant::pack::{pack_int4, unpack_int4};
///
/// let bytes = pack_int4(&[1, -2, 7])?;
/// assert_eq!(bytes, [0xe1, 0x07]);
/// assert_eq!(unpack_int4(&bytes, 3)?, [1, -2, 7]);
/// # Ok::<(), qdq::error::Error>(())
/// ```
pub fn pack_int4(values: &[i8]) -> Result<Vec<u8>> {
    match values.iter().position(|value| !(-8..=7).contains(value)) {
        Some(at) => Err(too_wide(at, values[at].into(), "-8 to 7")),
        None => Ok(pack(bytemuck::cast_slice(values))),
    }
}

/// Packs integers of 0 to 15. If their number is odd, the last high half is 0.
///
/// # Errors
///
/// `Data` if an integer does not fit into 4 bits.
pub fn pack_uint4(values: &[u8]) -> Result<Vec<u8>> {
    match values.iter().position(|&value| value > 15) {
        Some(at) => Err(too_wide(at, values[at].into(), "0 to 15")),
        None => Ok(pack(values)),
    }
}

/// Returns the first `count` signed integers of packed bytes.
///
/// # Errors
///
/// `Shape` if there are not ceil(count / 2) bytes.
pub fn unpack_int4(bytes: &[u8], count: usize) -> Result<Vec<i8>> {
    // Shifting up and down again as a signed number copies the sign bit.
    Ok(unpack_uint4(bytes, count)?.into_iter().map(|half| (half << 4) as i8 >> 4).collect())
}

/// Returns the first `count` unsigned integers of packed bytes.
///
/// # Errors
///
/// `Shape` if there are not ceil(count / 2) bytes.
pub fn unpack_uint4(bytes: &[u8], count: usize) -> Result<Vec<u8>> {
    if bytes.len() != count.div_ceil(2) {
        return Err(Error::new(
            ErrorKind::Shape,
            format!("{count} integers of 4 bits need {} bytes, found {}", count.div_ceil(2), bytes.len()),
        ));
    }
    let mut values = vec![0; count];
    kernel::active().unpack_4_bits(bytes, &mut values);
    Ok(values)
}

fn pack(values: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; values.len().div_ceil(2)];
    kernel::active().pack_4_bits(values, &mut bytes);
    bytes
}

fn too_wide(at: usize, value: i32, range: &str) -> Error {
    Error::new(ErrorKind::Data, format!("element {at} = {value} does not fit into 4 bits"))
        .with_remedy(format!("quantize to 4 bits, which gives {range}"))
}
