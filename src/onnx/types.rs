//! Statements of models about the types and shapes of their tensors.

use super::element::ElementType;
use super::proto::oneof::tensor_shape_proto::dimension::Value as DimValue;
use super::proto::oneof::type_proto::Value as TypeValue;
use super::proto::{TensorShapeProto, TypeProto, ValueInfoProto};
use crate::tensor::{Dim, TensorSpec};

/// The largest accepted rank. A damaged file can declare any.
pub(super) const MAX_RANK: usize = 64;

/// Element type and shape of a tensor, as far as they are known.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Known {
    pub element: Option<ElementType>,
    pub shape: Option<Vec<Dim>>,
    /// Whether the value is known to be no dense tensor: a sequence, a map, an optional value. `element` is
    /// `None` then.
    pub is_other: bool,
}

impl Known {
    /// Converts a stated type. Sequences, maps and other types that are no dense tensors only set `is_other`.
    pub fn from_type(stated: &TypeProto) -> Self {
        match &stated.value {
            Some(TypeValue::TensorType(tensor)) => Self {
                element: tensor.elem_type.and_then(ElementType::from_code),
                shape: tensor.shape.as_option().filter(|shape| shape.dim.len() <= MAX_RANK).map(dims_of),
                is_other: false,
            },
            Some(_) => Self::other(),
            None => Self::default(),
        }
    }

    /// Returns the description of a value that is no dense tensor.
    pub fn other() -> Self {
        Self { is_other: true, ..Self::default() }
    }

    /// Whether qdq is known to be unable to compute with the content.
    pub fn is_opaque(&self) -> bool {
        self.is_other || self.element.is_some_and(|element| element.dtype().is_none())
    }

    /// Converts an input, output or `value_info` entry.
    pub fn from_info(info: &ValueInfoProto) -> Self {
        info.r#type.as_option().map(Self::from_type).unwrap_or_default()
    }

    /// Describes a tensor with this type and fixed shape.
    pub fn fixed(element: ElementType, shape: &[usize]) -> Self {
        let shape = shape.iter().map(|&dim| Dim::Fixed(dim)).collect();
        Self { element: Some(element), shape: Some(shape), is_other: false }
    }

    /// Fills in unknown parts from `other`.
    pub fn or(self, other: Self) -> Self {
        let is_other = self.is_other || (other.is_other && self.element.is_none());
        Self { element: self.element.or(other.element), shape: self.shape.or(other.shape), is_other }
    }

    /// Returns the rank, if known.
    pub fn rank(&self) -> Option<usize> {
        self.shape.as_ref().map(Vec::len)
    }
}

fn dims_of(shape: &TensorShapeProto) -> Vec<Dim> {
    let dims = shape.dim.iter().map(|dim| match &dim.value {
        Some(DimValue::DimValue(size)) => usize::try_from(*size).map_or(Dim::Unknown, Dim::Fixed),
        Some(DimValue::DimParam(name)) if is_name(name) => Dim::Named(name.clone()),
        _ => Dim::Unknown,
    });
    dims.collect()
}

/// Whether a dimension's name distinguishes it from others. Exporters write the names below for every unknown
/// size; two such dimensions are unrelated.
fn is_name(name: &str) -> bool {
    !matches!(name.trim(), "" | "?" | "-1" | "None" | "none")
}

/// Converts an input or output of the model.
pub(super) fn spec_of(info: &ValueInfoProto) -> TensorSpec {
    let Known { element, shape, .. } = Known::from_info(info);
    TensorSpec {
        name: info.name.clone().unwrap_or_default(),
        dtype: element.and_then(ElementType::dtype),
        shape,
    }
}

/// Removes the shape from a statement about a tensor.
pub(super) fn forget_shape(info: &mut ValueInfoProto) {
    let known = Known::from_info(info);
    if known.element.is_some() {
        *info = value_info(info.name.as_deref().unwrap_or_default(), &Known { shape: None, ..known });
    }
}

/// Makes a statement that tensor `name` has this element type, and this shape if it is known. Without an
/// element type it states no type, because a tensor type requires one.
pub(super) fn value_info(name: &str, known: &Known) -> ValueInfoProto {
    use super::proto::type_proto::Tensor;
    let dims = known.shape.as_ref().map(|shape| {
        let dims = shape.iter().map(|dim| super::proto::tensor_shape_proto::Dimension {
            value: match dim {
                Dim::Fixed(size) => i64::try_from(*size).ok().map(DimValue::DimValue),
                Dim::Named(name) => Some(DimValue::DimParam(name.clone())),
                Dim::Unknown => None,
            },
            ..Default::default()
        });
        TensorShapeProto { dim: dims.collect(), ..Default::default() }
    });
    let tensor =
        Tensor { elem_type: known.element.map(ElementType::code), shape: dims.into(), ..Default::default() };
    let stated = known.element.map(|_| TypeProto { value: tensor.into(), ..Default::default() });
    ValueInfoProto { name: Some(name.to_owned()), r#type: stated.into(), ..Default::default() }
}
