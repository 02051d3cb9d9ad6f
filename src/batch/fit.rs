//! Whether an array is what an input of the model takes.

use crate::error::{Error, ErrorKind, Result};
use crate::tensor::{Dim, TensorSpec};

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
    let wanted = spec.shape.as_deref().map_or(&[][..], |dims| &dims[1..]);
    let differs = |(dim, &size): (&Dim, &usize)| matches!(dim, Dim::Fixed(fixed) if *fixed != size);
    if wanted.iter().zip(sample).any(differs) {
        return Err(misfit(label, shape, spec));
    }
    if shape.contains(&0) {
        return Err(Error::new(ErrorKind::Data, format!("{label}: shape {shape:?} holds no samples")));
    }
    Ok((count, sample.to_vec()))
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
