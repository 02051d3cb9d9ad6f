//! How one tensor is to be quantized.

use ndarray::{Array, ArrayD, ArrayView, Dimension, IxDyn};
use serde::de::{Deserializer, Error as _};
use serde::ser::{SerializeSeq, Serializer};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{Context, Error, ErrorKind, Result};

use super::amax::abs_max;
use super::element::Element;
use super::group::PerGroup;
use super::params::{QuantParams, bad_amax};

/// Integers of some width, or the 8-bit float e4m3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum NumBits {
    /// Integers of 2 to 16 bits; a number in JSON.
    Integer(u32),
    /// Exponent and mantissa bits, of which only (4, 3) exists; a pair in JSON.
    Float(u32, u32),
}

impl NumBits {
    /// The 8-bit float with 4 exponent and 3 mantissa bits.
    pub const E4M3: Self = Self::Float(4, 3);
}

impl From<u32> for NumBits {
    fn from(bits: u32) -> Self {
        Self::Integer(bits)
    }
}

/// What calibration collects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CalibMethod {
    /// The largest magnitude, per tensor or axis.
    #[default]
    Max,
    /// A histogram of magnitudes, per tensor.
    Histogram,
}

/// How one tensor is quantized: the fields and defaults of pytorch-quantization's descriptor.
///
/// Any field may be set; [`validate`](Self::validate) tells whether they go together, and so does everything that
/// uses a descriptor. In JSON a missing field has its default and an unknown one is an error; reading back what was
/// written gives an equal descriptor.
///
/// ```
/// use qdq::quant::QuantDescriptor;
///
/// let weight = QuantDescriptor::from_json(r#"{"num_bits": 4, "axis": 0, "narrow_range": true}"#)?;
/// assert_eq!(weight.axis, Some(vec![0]));
/// assert_eq!(QuantDescriptor::from_json(&weight.to_json()?)?, weight);
/// assert!(QuantDescriptor::from_json(r#"{"bits": 4}"#).unwrap_err().to_string().contains("descriptor"));
/// # Ok::<(), qdq::error::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct QuantDescriptor {
    /// The format. Default: integers of 8 bits.
    pub num_bits: NumBits,
    /// A name for messages. Default: none.
    pub name: Option<String>,
    /// Whether results are floats again rather than integers. Default: true.
    pub fake_quant: bool,
    /// The axes that keep their own amax, all others sharing; negative ones count from the last. Default: none, one
    /// amax for the tensor. In JSON null, a number or a list.
    #[serde(deserialize_with = "axes")]
    pub axis: Option<Vec<isize>>,
    /// A fixed amax instead of a calibrated or dynamic one, of a shape that groups the data. Default: none. In JSON
    /// null, a number or nested lists.
    #[serde(serialize_with = "write_nested", deserialize_with = "read_nested")]
    pub amax: Option<ArrayD<f32>>,
    /// Whether training learns amax; only per tensor. Default: false.
    pub learn_amax: bool,
    /// A factor on amax. Default: none.
    pub scale_amax: Option<f32>,
    /// What calibration collects. Default: the maximum.
    pub calib_method: CalibMethod,
    /// Whether integers start at 0. Default: false.
    pub unsigned: bool,
    /// Whether the lowest integer is the negative of the highest. Default: false.
    pub narrow_range: bool,
}

impl Default for QuantDescriptor {
    fn default() -> Self {
        Self {
            num_bits: NumBits::Integer(8),
            name: None,
            fake_quant: true,
            axis: None,
            amax: None,
            learn_amax: false,
            scale_amax: None,
            calib_method: CalibMethod::Max,
            unsigned: false,
            narrow_range: false,
        }
    }
}

/// The predefined descriptors.
impl QuantDescriptor {
    /// 8 bits, one amax: activations.
    pub fn per_tensor_8bit() -> Self {
        Self::default()
    }

    /// 8 bits, unsigned, one amax: activations that are never negative.
    pub fn unsigned_per_tensor_8bit() -> Self {
        Self { unsigned: true, ..Self::default() }
    }

    /// 8 bits, one amax per output channel: weights of Conv1d, Conv2d and Conv3d, axis 0.
    pub fn conv_weight_per_channel() -> Self {
        Self::per_axis(0)
    }

    /// 8 bits, one amax per row: weights of Linear, axis 0.
    pub fn linear_weight_per_row() -> Self {
        Self::per_axis(0)
    }

    /// 8 bits, one amax per output channel: weights of ConvTranspose1d, 2d and 3d, axis 1.
    ///
    /// pytorch-quantization said axis 0 in the releases with TensorRT 8.4 to 9.1 and 10.0, so checkpoints with
    /// either exist.
    pub fn conv_transpose_weight_per_channel() -> Self {
        Self::per_axis(1)
    }

    fn per_axis(axis: isize) -> Self {
        Self { axis: Some(vec![axis]), ..Self::default() }
    }
}

impl QuantDescriptor {
    /// Tells whether the fields go together.
    ///
    /// # Errors
    ///
    /// Integers outside 2 to 16 bits, a float format other than (4, 3), an unsigned float format, an axis given
    /// twice, learn_amax or the histogram with an axis, an amax or scale_amax that is no usable number.
    pub fn validate(&self) -> Result<()> {
        let wrong = |what: String, remedy: &str| {
            let name = self.name.as_ref().map(|name| format!(" '{name}'")).unwrap_or_default();
            Err(Error::new(ErrorKind::InvalidArgument, format!("descriptor{name}: {what}"))
                .with_remedy(remedy))
        };
        match self.num_bits {
            NumBits::Integer(bits) => drop(QuantParams::new(bits)?),
            NumBits::E4M3 if self.unsigned => {
                return wrong("e4m3 has a sign, but unsigned is set".into(), "leave out unsigned");
            }
            NumBits::E4M3 => {}
            NumBits::Float(exponent, mantissa) => {
                let what = format!("num_bits ({exponent}, {mantissa}) is no known float format");
                return wrong(what, "use (4, 3)");
            }
        }
        let axes = self.axis.as_deref().unwrap_or_default();
        if let Some(axis) = axes.iter().enumerate().find(|(at, axis)| axes[..*at].contains(axis)) {
            return wrong(format!("axis {} is given twice", axis.1), "name every axis once");
        }
        if self.learn_amax && self.axis.is_some() {
            return wrong("learn_amax works per tensor, but an axis is set".into(), "leave out axis");
        }
        if self.calib_method == CalibMethod::Histogram && self.axis.is_some() {
            return wrong(
                "a histogram is per tensor, but an axis is set".into(),
                "use the max method per axis",
            );
        }
        if let Some(factor) = self.scale_amax.filter(|factor| !(factor.is_finite() && *factor > 0.0)) {
            return wrong(format!("scale_amax is {factor}"), "use a positive finite number");
        }
        match self.amax.iter().flatten().find(|amax| !amax.is_finite() || **amax < 0.0) {
            Some(&amax) => Err(bad_amax(amax)),
            None => Ok(()),
        }
    }

    /// The integer grid.
    ///
    /// # Errors
    ///
    /// Those of [`validate`](Self::validate), and a float format, which has no integers.
    pub fn params(&self) -> Result<QuantParams> {
        self.validate()?;
        match self.num_bits {
            NumBits::Integer(bits) => {
                Ok(QuantParams::new(bits)?.unsigned(self.unsigned).narrow_range(self.narrow_range))
            }
            NumBits::Float(..) => Err(Error::new(ErrorKind::InvalidArgument, "e4m3 has no integers")
                .with_remedy("use quantize_e4m3 or scaled_e4m3")),
        }
    }

    /// The amax to quantize x with when nothing was calibrated: the fixed one, else max |x| over all axes but the
    /// kept ones; times scale_amax.
    ///
    /// # Errors
    ///
    /// Those of [`validate`](Self::validate) and [`abs_max`], and a fixed amax that does not fit x.
    pub fn amax_of<T: Element, D: Dimension>(&self, x: ArrayView<'_, T, D>) -> Result<ArrayD<f32>> {
        self.validate()?;
        let amax = match &self.amax {
            Some(amax) => {
                PerGroup::from(amax).groups(x.shape(), "amax")?;
                amax.clone()
            }
            None => abs_max(x, self.axis.as_deref())?,
        };
        Ok(amax * self.scale_amax.unwrap_or(1.0))
    }

    /// The descriptor as JSON with every field.
    ///
    /// # Errors
    ///
    /// Those of [`validate`](Self::validate).
    pub fn to_json(&self) -> Result<String> {
        self.validate()?;
        serde_json::to_string(self).context(ErrorKind::Internal, || "the descriptor is no JSON".into())
    }

    /// Reads and validates a descriptor.
    ///
    /// # Errors
    ///
    /// Text that is not JSON, unknown fields, values of a wrong type, and those of [`validate`](Self::validate).
    pub fn from_json(text: &str) -> Result<Self> {
        let descriptor: Self = serde_json::from_str(text).map_err(|error| {
            Error::new(ErrorKind::Format, format!("this is no descriptor: {error}"))
                .with_remedy("see the fields of QuantDescriptor")
        })?;
        descriptor.validate()?;
        Ok(descriptor)
    }
}

fn axes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<isize>>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "axis is neither null, an integer nor a list of integers")]
    enum Axes {
        One(isize),
        Several(Vec<isize>),
    }
    Ok(Option::<Axes>::deserialize(deserializer)?.map(|axes| match axes {
        Axes::One(axis) => vec![axis],
        Axes::Several(axes) => axes,
    }))
}

/// Nested lists, one level per axis.
struct Nested<'a> {
    shape: &'a [usize],
    values: &'a [f32],
}

impl Serialize for Nested<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Some((&count, shape)) = self.shape.split_first() else {
            // As f64 the digits are many, and reading them back is exact.
            return serializer.serialize_f64(self.values.first().copied().unwrap_or_default().into());
        };
        let mut list = serializer.serialize_seq(Some(count))?;
        let each = self.values.len() / count.max(1);
        for index in 0..count {
            let values = &self.values[index * each..(index + 1) * each];
            list.serialize_element(&Nested { shape, values })?;
        }
        list.end()
    }
}

fn write_nested<S: Serializer>(amax: &Option<ArrayD<f32>>, serializer: S) -> Result<S::Ok, S::Error> {
    match amax {
        None => serializer.serialize_none(),
        Some(amax) => {
            let values: Vec<f32> = amax.iter().copied().collect();
            Nested { shape: amax.shape(), values: &values }.serialize(serializer)
        }
    }
}

fn read_nested<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<ArrayD<f32>>, D::Error> {
    let value = Value::deserialize(deserializer)?;
    if value.is_null() {
        return Ok(None);
    }
    let mut shape = Vec::new();
    let mut first = &value;
    while let Value::Array(list) = first {
        shape.push(list.len());
        match list.first() {
            Some(inner) => first = inner,
            None => break,
        }
    }
    let mut values = Vec::new();
    flatten(&value, &shape, &mut values)
        .and_then(|()| Array::from_shape_vec(IxDyn(&shape), values).ok())
        .map(Some)
        .ok_or_else(|| D::Error::custom("amax is neither null, a number nor nested lists of equal length"))
}

fn flatten(value: &Value, shape: &[usize], values: &mut Vec<f32>) -> Option<()> {
    match (value, shape.split_first()) {
        (Value::Array(list), Some((&count, shape))) if list.len() == count => {
            list.iter().try_for_each(|inner| flatten(inner, shape, values))
        }
        (Value::Number(number), None) => {
            values.push(number.as_f64()? as f32);
            Some(())
        }
        _ => None,
    }
}
