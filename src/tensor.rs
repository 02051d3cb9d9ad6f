//! Tensors with an element type known at run time, for batches and for the results of runtimes.
//!
//! The data is dense and row-major. The statically typed part of the API uses `ndarray`.

use std::borrow::Cow;

use half::slice::HalfFloatSliceExt;
use half::{bf16, f16};

use crate::dtype::DataType;
use crate::e4m3;
use crate::error::{Error, ErrorKind, Result};

macro_rules! element_types {
    ($($variant:ident($element:ty)),* $(,)?) => {
        /// Owned elements. `Bool` is one byte per element, 0 or 1. `F8E4M3` has the codes, and `I4` and `U4`
        /// one number per byte.
        #[derive(Clone, Debug, PartialEq)]
        #[allow(missing_docs, reason = "each variant is the data type of the same name")]
        pub enum Data { $($variant(Vec<$element>)),* }

        /// Borrowed elements.
        #[derive(Clone, Copy, Debug, PartialEq)]
        #[allow(missing_docs, reason = "each variant is the data type of the same name")]
        pub enum DataView<'a> { $($variant(&'a [$element])),* }

        impl Data {
            /// Returns a borrowed view of the elements.
            pub fn view(&self) -> DataView<'_> {
                match self { $(Self::$variant(values) => DataView::$variant(values)),* }
            }

            /// Parses elements from the text of numbers. Truth values are `1` and `0`, or `true` and `false`.
            ///
            /// Returns `None` if a text is no number of the type.
            pub fn parse(dtype: DataType, numbers: &[&str]) -> Option<Self> {
                let truths;
                let numbers = match dtype {
                    DataType::Bool => {
                        truths = numbers.iter().map(|number| truth(number)).collect::<Option<Vec<_>>>()?;
                        &truths
                    }
                    _ => numbers,
                };
                if dtype == DataType::F8E4M3 {
                    return numbers.iter().map(|number| code(number)).collect::<Option<_>>().map(Self::F8E4M3);
                }
                let parsed = match dtype {
                    $(DataType::$variant => numbers.iter().map(|number| number.parse().ok()).collect::<Option<_>>().map(Self::$variant)),*
                }?;
                parsed.view().misfit().is_none().then_some(parsed)
            }

            /// Reads elements from little-endian bytes. Their count must be a multiple of the element size.
            fn from_bytes(dtype: DataType, bytes: &[u8]) -> Self {
                match dtype { $(DataType::$variant => Self::$variant(bytemuck::pod_collect_to_vec(bytes))),* }
            }
        }

        impl<'a> DataView<'a> {
            /// Returns the element type.
            pub fn dtype(self) -> DataType {
                match self { $(Self::$variant(_) => DataType::$variant),* }
            }

            /// Returns the number of elements.
            pub fn len(self) -> usize {
                match self { $(Self::$variant(values) => values.len()),* }
            }

            /// Whether the view is empty.
            pub fn is_empty(self) -> bool {
                self.len() == 0
            }

            /// Returns the elements as bytes in native byte order.
            pub fn as_bytes(self) -> &'a [u8] {
                match self { $(Self::$variant(values) => bytemuck::cast_slice(values)),* }
            }

            /// Returns the elements `start..end`.
            pub fn slice(self, start: usize, end: usize) -> DataView<'a> {
                match self { $(Self::$variant(values) => DataView::$variant(&values[start..end])),* }
            }

            /// Formats each element as text. [`Data::parse`] makes the same element from it.
            pub fn texts(self) -> Vec<String> {
                if let Self::F8E4M3(codes) = self {
                    return codes.iter().map(|&code| e4m3::decode(code).to_string()).collect();
                }
                match self {
                    $(Self::$variant(values) => values.iter().map(ToString::to_string).collect()),*
                }
            }

            /// Copies the elements.
            pub fn to_owned(self) -> Data {
                match self { $(Self::$variant(values) => Data::$variant(values.to_vec())),* }
            }
        }

    };
}

/// Parses the nearest e4m3 number. Returns `None` for infinities and for numbers beyond the largest one.
fn code(text: &str) -> Option<u8> {
    let number: f32 = text.parse().ok()?;
    (number.is_nan() || number.abs() <= e4m3::MAX).then(|| e4m3::encode(number))
}

/// Normalizes the text of a truth value to a number.
fn truth(text: &str) -> Option<&'static str> {
    match text {
        "true" | "1" => Some("1"),
        "false" | "0" => Some("0"),
        _ => None,
    }
}

element_types! {
    F32(f32), F16(f16), Bf16(bf16), F64(f64), I8(i8), U8(u8), I16(i16), U16(u16),
    I32(i32), U32(u32), I64(i64), U64(u64), Bool(u8), F8E4M3(u8), I4(i8), U4(u8),
}

macro_rules! data_from_vectors {
    ($($variant:ident($element:ty)),*) => {
        $(impl From<Vec<$element>> for Data {
            fn from(values: Vec<$element>) -> Self { Self::$variant(values) }
        })*
    };
}

// `Data::Bool` and others hold bytes too, so they are always constructed by name.
data_from_vectors!(F32(f32), F16(f16), Bf16(bf16), F64(f64), I8(i8), U8(u8), I16(i16), I32(i32), I64(i64));

impl Data {
    /// Rounds numbers to a floating-point type. For other types, they stay f32.
    pub fn from_f32(values: Vec<f32>, dtype: DataType) -> Self {
        match dtype {
            DataType::F16 => {
                let mut rounded = vec![f16::ZERO; values.len()];
                rounded.convert_from_f32_slice(&values);
                Self::F16(rounded)
            }
            DataType::Bf16 => {
                let mut rounded = vec![bf16::ZERO; values.len()];
                rounded.convert_from_f32_slice(&values);
                Self::Bf16(rounded)
            }
            DataType::F64 => Self::F64(values.into_iter().map(f64::from).collect()),
            _ => Self::F32(values),
        }
    }
}

impl DataView<'_> {
    /// Returns the position of the first number that its type does not hold: 4-bit integers lie in bytes.
    fn misfit(&self) -> Option<usize> {
        match self {
            Self::I4(values) => values.iter().position(|value| !(-8..=7).contains(value)),
            Self::U4(values) => values.iter().position(|&value| value > 15),
            _ => None,
        }
    }

    /// Whether all elements are zero.
    pub fn is_zero(&self) -> bool {
        match self {
            Self::F64(values) => values.iter().all(|&x| x == 0.0),
            // Like every floating-point number, it has two zeros.
            Self::F8E4M3(codes) => codes.iter().all(|code| code & 0x7f == 0),
            _ => match self.to_f32() {
                Some(values) => values.iter().all(|&x| x == 0.0),
                None => self.as_bytes().iter().all(|&byte| byte == 0),
            },
        }
    }

    /// Returns floating-point elements as f32, without a copy if they are f32 already. Returns `None` for
    /// integers.
    pub fn to_f32(&self) -> Option<Cow<'_, [f32]>> {
        Some(match *self {
            Self::F32(values) => Cow::Borrowed(values),
            Self::F16(values) => values.iter().map(|x| x.to_f32()).collect(),
            Self::Bf16(values) => values.iter().map(|x| x.to_f32()).collect(),
            Self::F64(values) => values.iter().map(|&x| x as f32).collect(),
            _ => return None,
        })
    }
}

/// A dense, row-major tensor that owns its elements.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    shape: Vec<usize>,
    data: Data,
}

/// A dense, row-major tensor that borrows its elements.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TensorView<'a> {
    shape: &'a [usize],
    data: DataView<'a>,
}

/// Returns the number of elements of `shape`, or an error if it does not fit in memory.
pub fn element_count(shape: &[usize]) -> Result<usize> {
    shape
        .iter()
        .try_fold(1usize, |count, &dim| count.checked_mul(dim))
        .ok_or_else(|| Error::new(ErrorKind::Shape, format!("shape {shape:?} has too many elements")))
}

fn check(shape: &[usize], data: DataView<'_>) -> Result<()> {
    let (expected, found) = (element_count(shape)?, data.len());
    if expected != found {
        let message = format!("shape {shape:?} needs {expected} elements, found {found}");
        return Err(Error::new(ErrorKind::Shape, message));
    }
    match data.misfit() {
        Some(at) => Err(Error::new(ErrorKind::Data, format!("element {at} does not fit {}", data.dtype()))
            .with_remedy("quantize to 4 bits, which gives -8 to 7 for i4 and 0 to 15 for u4")),
        None => Ok(()),
    }
}

impl Tensor {
    /// Creates a tensor of `shape`. `data` must have as many elements as `shape`, and 4-bit integers must
    /// fit.
    pub fn new(shape: Vec<usize>, data: impl Into<Data>) -> Result<Self> {
        let data = data.into();
        check(&shape, data.view())?;
        Ok(Self { shape, data })
    }

    /// Creates a tensor from little-endian bytes, with 4-bit integers in bytes of their own.
    pub fn from_bytes(dtype: DataType, shape: Vec<usize>, bytes: &[u8]) -> Result<Self> {
        let expected = element_count(&shape)?.checked_mul(dtype.size());
        if expected != Some(bytes.len()) {
            return Err(Error::new(
                ErrorKind::Shape,
                format!("{dtype} tensor of shape {shape:?} does not fit {} bytes", bytes.len()),
            ));
        }
        Self::new(shape, Data::from_bytes(dtype, bytes))
    }

    /// Returns the shape.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Returns the element type.
    pub fn dtype(&self) -> DataType {
        self.data.view().dtype()
    }

    /// Returns the elements.
    pub fn data(&self) -> &Data {
        &self.data
    }

    /// Returns the elements without the shape.
    pub fn into_data(self) -> Data {
        self.data
    }

    /// Returns a borrowed view of the tensor.
    pub fn view(&self) -> TensorView<'_> {
        TensorView { shape: &self.shape, data: self.data.view() }
    }

    /// Returns the same elements with another shape. It must have as many elements.
    pub fn reshaped(self, shape: Vec<usize>) -> Result<Self> {
        Self::new(shape, self.data)
    }

    /// Rounds f32 elements to a floating-point type; others stay. Values beyond its range become infinite.
    #[must_use]
    pub fn rounded_to(self, dtype: DataType) -> Self {
        let data = match self.data {
            Data::F32(values) => Data::from_f32(values, dtype),
            other => other,
        };
        Self { shape: self.shape, data }
    }
}

impl Tensor {
    /// Copies samples by their index along the first axis, in the given order. An index may occur several
    /// times.
    ///
    /// # Errors
    /// `Shape` for a scalar, or if an index is out of range.
    pub fn gathered(&self, order: &[usize]) -> Result<Self> {
        let (&count, rest) = self
            .shape
            .split_first()
            .ok_or_else(|| Error::new(ErrorKind::Shape, "a scalar has no samples along a first axis"))?;
        if let Some(place) = order.iter().find(|&&place| place >= count) {
            return Err(Error::new(ErrorKind::Shape, format!("sample {place} of {count}")));
        }
        let (bytes, length) = (self.view().data().as_bytes(), element_count(rest)? * self.dtype().size());
        let mut gathered = Vec::with_capacity(order.len() * length);
        order.iter().for_each(|place| gathered.extend_from_slice(&bytes[place * length..][..length]));
        Self::from_bytes(self.dtype(), [&[order.len()], rest].concat(), &gathered)
    }
}

impl<'a> TensorView<'a> {
    /// Creates a view of `shape`. `data` must have as many elements as `shape`, and 4-bit integers must fit.
    pub fn new(shape: &'a [usize], data: DataView<'a>) -> Result<Self> {
        check(shape, data)?;
        Ok(Self { shape, data })
    }

    /// Returns the shape.
    pub fn shape(&self) -> &'a [usize] {
        self.shape
    }

    /// Returns the element type.
    pub fn dtype(&self) -> DataType {
        self.data.dtype()
    }

    /// Returns the elements.
    pub fn data(&self) -> DataView<'a> {
        self.data
    }

    /// Copies the samples `start..end` along the first axis.
    pub fn samples(&self, start: usize, end: usize) -> Result<Tensor> {
        let (&count, rest) = self
            .shape
            .split_first()
            .ok_or_else(|| Error::new(ErrorKind::Shape, "a scalar has no samples along a first axis"))?;
        if start > end || end > count {
            return Err(Error::new(ErrorKind::Shape, format!("samples {start}..{end} of {count}")));
        }
        let stride = element_count(rest)?;
        let shape = [&[end - start], rest].concat();
        Tensor::new(shape, self.data.slice(start * stride, end * stride).to_owned())
    }

    /// Copies the tensor.
    pub fn to_owned(&self) -> Tensor {
        Tensor { shape: self.shape.to_vec(), data: self.data.to_owned() }
    }
}

/// One dimension of a model's input or output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dim {
    /// A fixed size.
    Fixed(usize),
    /// Decided at run time. Dimensions with the same name have the same size.
    Named(String),
    /// Decided at run time.
    Unknown,
}

/// Formats a shape for messages, such as `[N, 3, ?]`.
pub fn show_dims(dims: &[Dim]) -> String {
    let sizes: Vec<String> = dims
        .iter()
        .map(|dim| match dim {
            Dim::Fixed(size) => size.to_string(),
            Dim::Named(name) => name.clone(),
            Dim::Unknown => "?".to_owned(),
        })
        .collect();
    format!("[{}]", sizes.join(", "))
}

/// Name, type and shape of a model's input or output, as far as the model declares them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorSpec {
    /// The tensor's name.
    pub name: String,
    /// The element type; `None` if the model does not declare it or qdq does not know it.
    pub dtype: Option<DataType>,
    /// The shape; `None` if even the rank is unknown.
    pub shape: Option<Vec<Dim>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_the_stored_formats_are_texts_and_texts_are_numbers() {
        for (dtype, texts, data) in [
            (DataType::F8E4M3, ["-448", "0.001953125"], Data::F8E4M3(vec![0xfe, 0x01])),
            (DataType::I4, ["-8", "7"], Data::I4(vec![-8, 7])),
            (DataType::U4, ["0", "15"], Data::U4(vec![0, 15])),
        ] {
            assert_eq!(Data::parse(dtype, &texts), Some(data.clone()));
            assert_eq!(data.view().texts(), texts);
        }
        for (dtype, text) in
            [(DataType::F8E4M3, "449"), (DataType::F8E4M3, "inf"), (DataType::I4, "8"), (DataType::U4, "16")]
        {
            assert_eq!(Data::parse(dtype, &[text]), None, "{dtype} {text}");
        }
    }

    #[test]
    fn integers_beyond_4_bits_are_refused() {
        for data in [Data::I4(vec![7, 8]), Data::U4(vec![15, 16])] {
            let error = Tensor::new(vec![2], data.clone()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Data);
            assert!(error.to_string().contains("element 1"), "{error}");
            let (dtype, bytes) = (data.view().dtype(), data.view().as_bytes());
            assert!(Tensor::from_bytes(dtype, vec![2], bytes).is_err());
        }
    }
}
