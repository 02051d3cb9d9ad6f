//! The quantization of one tensor.

use ndarray::{ArrayD, ArrayView, Dimension};
use serde::{Deserialize, Deserializer, Serialize};

use crate::error::{Context, Error, ErrorKind, Result};

use super::amax::{abs_max, abs_max_per_block, from_first};
use super::element::Element;
use super::group::PerGroup;
use super::nested;
use super::params::{Mode, QuantParams, bad_amax};

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

/// The statistics that calibration collects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CalibMethod {
    /// The largest magnitude, per tensor or axis.
    #[default]
    Max,
    /// A histogram of magnitudes, per tensor.
    Histogram,
    /// pytorch-quantization's own histogram of magnitudes and its rules for a range, per tensor. For users
    /// who need its numbers.
    Compat,
}

/// Blocks of neighbours along one axis that share an amax, as in ONNX's blocked quantization.
///
/// Data with n elements along the axis has ceil(n / size) blocks there. The last block may be shorter. Every
/// index of the other axes has its own blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Block {
    /// The axis; a negative one counts from the last.
    pub axis: isize,
    /// The number of neighbours that share an amax; at least 1.
    pub size: usize,
}

/// The quantization of one tensor: the fields and defaults of pytorch-quantization's descriptor, and two
/// more, `mode` and `block`.
///
/// Any field may be set. [`validate`](Self::validate) checks whether the fields go together, and so does
/// every function that uses a descriptor. In JSON a missing field has its default, and an unknown field is an
/// error. Writing and reading a descriptor gives an equal one.
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
    /// Whether results are floats instead of integers. Default: true.
    pub fake_quant: bool,
    /// The kept axes: each of their indices has its own amax, and the other axes share it. Negative axes
    /// count from the last. Default: none, one amax for the tensor. In JSON null, a number or a list.
    #[serde(deserialize_with = "axes")]
    pub axis: Option<Vec<isize>>,
    /// A fixed amax instead of a calibrated or dynamic one. Its shape groups the data. Default: none. In JSON
    /// null, a number or nested lists.
    #[serde(with = "nested")]
    pub amax: Option<ArrayD<f32>>,
    /// Whether training learns amax; only per tensor. Default: false.
    pub learn_amax: bool,
    /// A factor on amax. Default: none.
    pub scale_amax: Option<f32>,
    /// The statistics that calibration collects. Default: the maximum.
    pub calib_method: CalibMethod,
    /// Whether integers start at 0. Default: false.
    pub unsigned: bool,
    /// Whether the lowest integer is the negative of the highest. Default: false.
    pub narrow_range: bool,
    /// The arithmetic of integers. No effect on e4m3. Default: the reference's. In JSON `reference`,
    /// `gpu_compat` or `corrected`.
    pub mode: Mode,
    /// Blocks that have their own amax; instead of `axis`. Default: none. In JSON null or
    /// `{"axis": -1, "size": 32}`.
    pub block: Option<Block>,
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
            mode: Mode::Reference,
            block: None,
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
    /// pytorch-quantization used axis 0 in the releases with TensorRT 8.4 to 9.1 and 10.0, so checkpoints
    /// with either axis exist.
    pub fn conv_transpose_weight_per_channel() -> Self {
        Self::per_axis(1)
    }

    fn per_axis(axis: isize) -> Self {
        Self { axis: Some(vec![axis]), ..Self::default() }
    }
}

impl QuantDescriptor {
    /// Checks whether the fields go together.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` for integers outside 2 to 16 bits, a float format other than (4, 3), an unsigned
    /// float format, an axis given twice, blocks of size 0, blocks together with an axis, learn_amax or the
    /// histogram together with blocks or an axis, and an amax or scale_amax that is no usable number.
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
        if self.block.is_some_and(|block| block.size == 0) {
            return wrong("the block size is 0".into(), "use a size from 1");
        }
        let kept = match (&self.axis, &self.block) {
            (Some(_), Some(_)) => {
                let what = "an axis and a block are both set".into();
                return wrong(what, "leave out axis: blocks keep every other axis");
            }
            (Some(_), None) => Some("an axis"),
            (None, Some(_)) => Some("a block"),
            (None, None) => None,
        };
        if let Some(kept) = kept.filter(|_| self.learn_amax) {
            let what = format!("learn_amax works per tensor, but {kept} is set");
            return wrong(what, "leave out axis and block");
        }
        if let Some(kept) = kept.filter(|_| self.calib_method != CalibMethod::Max) {
            let what = format!("a histogram is per tensor, but {kept} is set");
            return wrong(what, "use the max method per axis or block");
        }
        if let Some(factor) = self.scale_amax.filter(|factor| !(factor.is_finite() && *factor > 0.0)) {
            return wrong(format!("scale_amax is {factor}"), "use a positive finite number");
        }
        match self.amax.iter().flatten().find(|amax| !amax.is_finite() || **amax < 0.0) {
            Some(&amax) => Err(bad_amax(amax)),
            None => Ok(()),
        }
    }

    /// Returns the integer grid, with the mode.
    ///
    /// # Errors
    ///
    /// Those of [`validate`](Self::validate); `InvalidArgument` for a float format, which has no integers.
    pub fn params(&self) -> Result<QuantParams> {
        self.validate()?;
        match self.num_bits {
            NumBits::Integer(bits) => {
                let params = QuantParams::new(bits)?.unsigned(self.unsigned);
                Ok(params.narrow_range(self.narrow_range).mode(self.mode))
            }
            NumBits::Float(..) => Err(Error::new(ErrorKind::InvalidArgument, "e4m3 has no integers")
                .with_remedy("use quantize_e4m3 or scaled_e4m3")),
        }
    }

    /// Returns the amax of x without calibration.
    ///
    /// This is the fixed amax. Without one, it is max |x| over all axes but the kept axes, or of every block.
    /// It is multiplied by scale_amax. If the descriptor has a block, pass the result through
    /// [`per_group`](Self::per_group).
    ///
    /// # Errors
    ///
    /// Those of [`validate`](Self::validate) and [`dynamic_amax`](Self::dynamic_amax); `Shape` if a fixed
    /// amax does not fit x.
    ///
    /// ```
    /// use ndarray::array;
    /// use qdq::quant::{Block, QuantDescriptor};
    ///
    /// let blocks = QuantDescriptor {
    ///     num_bits: 4.into(),
    ///     block: Some(Block { axis: -1, size: 2 }),
    ///     ..QuantDescriptor::default()
    /// };
    /// let x = array![[0.7f32, -0.12, 70.0], [1.4, 0.5, 0.0]];
    /// let amax = blocks.amax_of(x.view())?;
    /// assert_eq!(amax, array![[0.7, 70.0], [1.4, 0.0]].into_dyn());
    /// let y = blocks.fake_quantize(x.view(), Some((&amax).into()))?;
    /// assert_eq!(y[[0, 1]], -0.1);
    /// assert_eq!(y[[1, 1]], 0.4);
    /// # Ok::<(), qdq::error::Error>(())
    /// ```
    pub fn amax_of<T: Element, D: Dimension>(&self, x: ArrayView<'_, T, D>) -> Result<ArrayD<f32>> {
        self.validate()?;
        let amax = match &self.amax {
            Some(amax) => {
                self.per_group(amax, x.ndim())?.groups(x.shape(), "amax")?;
                amax.clone()
            }
            None => self.dynamic_amax(x)?,
        };
        Ok(amax * self.scale_amax.unwrap_or(1.0))
    }

    /// Returns max |x| over all axes but the kept axes, or of every block. Ignores amax and scale_amax.
    ///
    /// # Errors
    ///
    /// Those of [`abs_max`] and [`abs_max_per_block`].
    pub fn dynamic_amax<T: Element, D: Dimension>(&self, x: ArrayView<'_, T, D>) -> Result<ArrayD<f32>> {
        match self.block {
            Some(block) => abs_max_per_block(x.view(), from_first(block.axis, x.ndim())?, block.size),
            None => abs_max(x, self.axis.as_deref()),
        }
    }

    /// Groups an amax or scale for data of `rank` axes.
    ///
    /// If the descriptor has blocks, each number covers a block. Otherwise its own shape groups the data.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` if the block size is 0; `Shape` if such data does not have the axis of the block.
    pub fn per_group<'a>(&self, amax: impl Into<PerGroup<'a>>, rank: usize) -> Result<PerGroup<'a>> {
        match self.block {
            Some(block) => PerGroup::per_block(amax, from_first(block.axis, rank)?, block.size),
            None => Ok(amax.into()),
        }
    }

    /// Returns the descriptor as JSON with every field.
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
    /// `Format` if the text is not JSON, has unknown fields or has values of a wrong type; those of
    /// [`validate`](Self::validate).
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
