//! The user's choices for weights.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use crate::dtype::DataType;
use crate::emit::scale;
use crate::error::{Error, ErrorKind, Result};
use crate::graph::{Edge, Graph};
use crate::place::{Format, Plan, PlannedWeight};
use crate::precision::Half;
use crate::quantizer::TrainedWeight;
use crate::range::Method;
use crate::tensor::{Data, Tensor};

/// The form in which a quantized weight is stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WeightForm {
    /// int8 with DequantizeLinear: a quarter of the size.
    #[default]
    Int8,
    /// The original numbers with QuantizeLinear and DequantizeLinear behind them.
    ///
    /// This form is for tools that continue training or compute weight ranges themselves.
    Float,
}

/// The way in which weights are quantized.
#[derive(Clone, Debug)]
pub struct Weights {
    /// The stored form.
    pub form: WeightForm,
    /// The bits of the integers, 2 to 8; 8 by default.
    ///
    /// Integers of fewer bits are also stored as int8, on a coarser grid, because TensorRT runs convolutions
    /// and products on int8 only and every opset from 13 has int8. The layer computes in INT8. Only a packer
    /// or another target makes the model smaller. Formats of 4 bits have at most 4, and 8-bit floats have no
    /// other number of bits.
    pub bits: u32,
    /// The method that computes the ranges from the values.
    ///
    /// The default, [`Method::Mse`], gains 0.5 to 3 dB of output SQNR over [`Method::Max`]: see
    /// [`crate::range::weights`].
    pub method: Method,
    /// The 16-bit type that will hold the steps, if the model is to be in half precision: the steps are
    /// rounded to it before the integers are computed.
    pub held_in: Option<Half>,
    /// Ranges that are already known, because training has found them.
    ///
    /// The key is the name of the tensor that the nodes read, or of the constant from which it comes. The
    /// value is amax of the whole weight, or of each index of the planned axis.
    pub amax: HashMap<String, Vec<f32>>,
    /// Weights that were trained with a quantizer. The key is the name of the tensor that the nodes read.
    ///
    /// Their ranges and numbers are those of the quantizer, and `bits` and `method` do not matter.
    pub trained: BTreeMap<String, TrainedWeight>,
}

impl Weights {
    /// Refuses options that do not fit weights stored as float.
    ///
    /// These are fewer than 8 bits, and integers other than the nearest.
    ///
    /// # Errors
    /// `InvalidArgument` for these options.
    pub fn check(&self, are_rounded: bool) -> Result<()> {
        if self.form == WeightForm::Float && (self.bits != 8 || are_rounded) {
            let message =
                "weights that are stored as float are rounded by QuantizeLinear, to the nearest of 8 bits";
            return Err(Error::new(ErrorKind::InvalidArgument, message)
                .with_remedy("store them as int8, or leave out learned rounding and other bits"));
        }
        Ok(())
    }

    /// Returns the bits of the integers of a format.
    pub(crate) fn bits_of(&self, format: Format) -> u32 {
        if format.rules().element.is_packed() { self.bits.min(4) } else { self.bits }
    }

    /// Returns the bits of the integers of a weight. Those of a trained weight are all that the format has.
    pub(super) fn bits_for(&self, graph: &Graph, planned: &PlannedWeight) -> u32 {
        match self.trained(graph, planned) {
            Some(_) => most_bits(planned.grid.format),
            None => self.bits_of(planned.grid.format),
        }
    }

    /// Returns the numbers of a weight that are rounded to the stored ones: those of its quantizer, if it was
    /// trained with one.
    ///
    /// They lie within a few units in the last place of what is stored, so that rounding finds the same
    /// integers and e4m3 numbers as the quantizer.
    pub(super) fn numbers<'a>(
        &self,
        graph: &Graph,
        planned: &PlannedWeight,
        values: Cow<'a, [f32]>,
        shape: &[usize],
    ) -> Result<Cow<'a, [f32]>> {
        match self.trained(graph, planned) {
            Some(trained) => trained.quantized(&values, shape).map(Cow::from),
            None => Ok(values),
        }
    }

    /// Returns the numbers of a weight that stays float, if its quantizer makes others than QuantizeLinear.
    pub(super) fn float(
        &self,
        graph: &Graph,
        planned: &PlannedWeight,
        value: &Tensor,
    ) -> Result<Option<Data>> {
        let is_float = self.form == WeightForm::Float;
        match self.trained(graph, planned).filter(|trained| is_float && !trained.has_every_integer()) {
            Some(trained) => {
                let view = value.view().data();
                let numbers = trained.quantized(&view.to_f32().unwrap_or_default(), value.shape())?;
                Ok(Some(Data::from_f32(numbers, value.dtype())))
            }
            None => Ok(None),
        }
    }

    fn trained(&self, graph: &Graph, planned: &PlannedWeight) -> Option<&TrainedWeight> {
        self.trained.get(&graph.tensor(planned.tensor).name)
    }

    /// Returns the type that will hold the steps of a weight of type `dtype` in a model of this opset.
    pub(super) fn steps_type(&self, dtype: DataType, opset: i64) -> DataType {
        self.held_in.map_or_else(|| scale::type_for(Some(dtype), opset), Half::dtype)
    }

    /// Returns the known range of a weight of `shape`, one value for each of its `channels`.
    pub(super) fn known(
        &self,
        graph: &Graph,
        planned: &PlannedWeight,
        shape: &[usize],
        channels: usize,
    ) -> Result<Option<Vec<f32>>> {
        if let Some(trained) = self.trained(graph, planned) {
            return trained.ranges(planned.grid, shape).map(Some);
        }
        let mut names = [planned.tensor, planned.constant].into_iter().map(|id| &graph.tensor(id).name);
        match names.find_map(|name| self.amax.get(name)) {
            None => Ok(None),
            Some(amax) if amax.len() == channels => Ok(Some(amax.clone())),
            Some(amax) if amax.len() == 1 => Ok(Some(amax.repeat(channels))),
            Some(amax) => Err(Error::new(
                ErrorKind::Shape,
                format!("{} ranges are given for {channels} scales", amax.len()),
            )
            .with_remedy("give one amax for the weight, or one for each of its scales: per output channel, or per block")),
        }
    }
}

/// Returns the most bits of the integers of a format.
fn most_bits(format: Format) -> u32 {
    if format.rules().element.is_packed() { 4 } else { 8 }
}

/// Refuses weights that were trained with a quantizer, but are not quantized by the plan.
///
/// # Errors
/// `InvalidArgument` if no tensor has the name of a trained weight; `Unsupported` if the plan leaves one in
/// float or quantizes it in another way, with the reason.
pub fn check_trained(graph: &Graph, plan: &Plan, weights: &Weights) -> Result<()> {
    for (name, trained) in &weights.trained {
        let Some(tensor) = graph.find(name) else {
            let message = format!("weight '{name}' was trained, but no node reads a tensor of this name");
            return Err(Error::new(ErrorKind::InvalidArgument, message)
                .with_remedy("name the tensor that the node reads, as the graph of the model has it"));
        };
        let own = plan.weights.iter().filter(|weight| weight.tensor == tensor);
        for (weight, shape) in own.filter_map(|weight| Some((weight, graph.tensor(tensor).fixed_shape()?))) {
            trained.ranges(weight.grid, &shape).map_err(|error| error.within(format!("weight '{name}'")))?;
        }
        let is_planned = |edge: &Edge| {
            plan.weights.iter().any(|weight| weight.tensor == tensor && weight.edges.contains(edge))
        };
        let uses = &graph.tensor(tensor).consumers;
        if !uses.is_empty() && uses.iter().all(is_planned) {
            continue;
        }
        let left = uses.iter().find(|edge| !is_planned(edge)).map(|edge| edge.node);
        let reason = left.map_or_else(
            || "no node of the main graph reads it".to_owned(),
            |node| {
                let decision = plan.decisions.iter().find(|decision| decision.node == node);
                let reason = decision.map_or("it is not in the plan", |decision| decision.reason.as_str());
                format!("node '{}' reads it in float: {reason}", graph.node(node).name)
            },
        );
        let message = format!("weight '{name}' was trained with a quantizer, but {reason}");
        return Err(Error::new(ErrorKind::Unsupported, message)
            .with_remedy("train it in a form that the format takes, or build the layer in float"));
    }
    Ok(())
}

/// Refuses a plan whose formats a model of this opset or these options do not have.
///
/// # Errors
/// `Unsupported` if a format needs a higher opset; `InvalidArgument` if a format has other weights than the
/// options say.
pub fn check_formats(plan: &Plan, weights: &Weights, opset: i64) -> Result<()> {
    let of_weights = plan.weights.iter().map(|weight| weight.grid.format);
    for format in plan.activations.iter().map(|activation| activation.format).chain(of_weights) {
        let (rules, invalid) = (format.rules(), ErrorKind::InvalidArgument);
        if opset < rules.opset {
            let message = format!("{format} needs opset {}, and the model has {opset}", rules.opset);
            return Err(Error::new(ErrorKind::Unsupported, message)
                .with_remedy(format!("raise the opset to {} before planning, or choose int8", rules.opset)));
        }
        if format != Format::Int8 && weights.form == WeightForm::Float {
            return Err(Error::new(invalid, format!("weights of {format} are not stored as float"))
                .with_remedy("store quantized weights"));
        }
        if rules.element == DataType::F8E4M3 && weights.bits != 8 {
            return Err(Error::new(invalid, format!("{format} has no weights of {} bits", weights.bits))
                .with_remedy("leave out the number of bits"));
        }
    }
    Ok(())
}

impl Default for Weights {
    fn default() -> Self {
        Self {
            form: WeightForm::default(),
            bits: 8,
            method: Method::default(),
            held_in: None,
            amax: HashMap::new(),
            trained: BTreeMap::new(),
        }
    }
}
