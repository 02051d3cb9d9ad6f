//! Whether an array is what an input of the model takes.

use crate::error::{Error, ErrorKind, Result};
use crate::tensor::{Dim, TensorSpec, TensorView};

/// Splits an array's shape into the number of samples and the shape of one.
///
/// An array of the input's rank has its samples along the first axis. An array of one axis fewer is one
/// sample without the batch axis. Fixed dimensions after the first must be equal.
pub(super) fn split_samples(label: &str, shape: &[usize], spec: &TensorSpec) -> Result<(usize, Vec<usize>)> {
    let (count, sample) = match (&spec.shape, shape) {
        (None, [count, sample @ ..]) => (*count, sample),
        (Some(dims), [count, sample @ ..]) if dims.len() == shape.len() => (*count, sample),
        (Some(dims), sample) if dims.len() == shape.len() + 1 => (1, sample),
        _ => return Err(misfit(label, shape, spec)),
    };
    let wanted = spec.shape.as_deref().and_then(|dims| dims.get(1..)).unwrap_or_default();
    if wanted.iter().zip(sample).any(differs) {
        return Err(misfit(label, shape, spec));
    }
    if shape.contains(&0) {
        return Err(empty(label, shape));
    }
    Ok((count, sample.to_vec()))
}

/// Fails unless the tensor, batch axis included, is exactly what the input takes.
pub(super) fn check_whole(tensor: &TensorView<'_>, spec: &TensorSpec) -> Result<()> {
    let label = format!("tensor for '{}'", spec.name);
    if let Some(dtype) = spec.dtype.filter(|dtype| *dtype != tensor.dtype()) {
        let message = format!("{label}: is {}, but the input takes {dtype}", tensor.dtype());
        return Err(Error::new(ErrorKind::Type, message).with_remedy(format!("convert it to {dtype}")));
    }
    let fits =
        |dims: &Vec<Dim>| dims.len() == tensor.shape().len() && !dims.iter().zip(tensor.shape()).any(differs);
    if !spec.shape.as_ref().is_none_or(fits) {
        return Err(misfit(&label, tensor.shape(), spec));
    }
    if tensor.data().is_empty() {
        return Err(empty(&label, tensor.shape()));
    }
    Ok(())
}

/// Whether the number of samples in a batch is decided at run time.
pub(super) fn has_dynamic_batch(spec: &TensorSpec) -> bool {
    match &spec.shape {
        Some(dims) => matches!(dims.first(), Some(Dim::Named(_) | Dim::Unknown)),
        None => true,
    }
}

fn differs((dim, &size): (&Dim, &usize)) -> bool {
    matches!(dim, Dim::Fixed(fixed) if *fixed != size)
}

fn empty(label: &str, shape: &[usize]) -> Error {
    Error::new(ErrorKind::Data, format!("{label}: shape {shape:?} holds no samples"))
        .with_remedy("save at least one sample")
}

fn misfit(label: &str, shape: &[usize], spec: &TensorSpec) -> Error {
    let message = format!("{label}: shape {shape:?}, but input '{}' is {}", spec.name, shape_text(spec));
    let remedy = match &spec.shape {
        Some(dims) if dims.is_empty() => "feed a model with a scalar input from code, with batch::from_fn",
        _ => "save the samples along the first axis, each in the input's shape",
    };
    Error::new(ErrorKind::Shape, message).with_remedy(remedy)
}

/// The input's shape as `[N, 3, ?, ?]`, dimensions by their name where they have one.
pub(super) fn shape_text(spec: &TensorSpec) -> String {
    let Some(dims) = &spec.shape else { return "of any shape".to_owned() };
    let text = |dim: &Dim| match dim {
        Dim::Fixed(size) => size.to_string(),
        Dim::Named(name) => name.clone(),
        Dim::Unknown => "?".to_owned(),
    };
    format!("[{}]", dims.iter().map(text).collect::<Vec<_>>().join(", "))
}
