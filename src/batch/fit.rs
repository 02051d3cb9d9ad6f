//! Checks whether an array fits an input of the model.

use super::axes::First;
use super::samples::Items;
use crate::error::{Error, ErrorKind, Result};
use crate::tensor::{Dim, TensorSpec, TensorView};

/// The remedy for arrays that are no feeds.
pub(super) const REMEDY: &str = "give a folder of .npz files, one for each run of the model, with an array for every input by its \
     name and in the shape that the input declares; or stack all runs along one more axis in front";

/// Splits an array into samples, which have no batch axis.
///
/// An array of the input's rank has its samples along the first axis. An array with one axis fewer is one
/// sample without the batch axis. Fixed dimensions after the first must match. An axis of a sample may have
/// length 0.
pub(super) fn split_samples(label: &str, shape: &[usize], spec: &TensorSpec) -> Result<Items> {
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
    if count == 0 || has_endless_nothing(count, sample) {
        return Err(empty(label, shape));
    }
    Ok(Items { count, shape: sample.to_vec() })
}

/// The largest number of samples without elements. No data limits their number, so a header of a few bytes
/// could declare any.
const MOST_EMPTY: usize = 1 << 20;

/// Whether an array declares more empty samples than is plausible.
fn has_endless_nothing(count: usize, sample: &[usize]) -> bool {
    count > MOST_EMPTY && sample.contains(&0)
}

/// Returns the whole feeds in an array: the array itself, or its parts along one more axis in front. Returns
/// `None` if it holds none.
pub(super) fn whole_feeds(shape: &[usize], spec: &TensorSpec, first: First) -> Option<Items> {
    let has_samples = |shape: &[usize]| !first.may_be_samples() || shape.first() != Some(&0);
    let fits = |dims: &[Dim], shape: &[usize]| {
        dims.len() == shape.len() && !dims.iter().zip(shape).any(differs) && has_samples(shape)
    };
    match (spec.shape.as_deref(), shape) {
        (None, _) => Some(Items { count: 1, shape: shape.to_vec() }),
        (Some(dims), _) if fits(dims, shape) => Some(Items { count: 1, shape: shape.to_vec() }),
        (Some(dims), [count, feed @ ..])
            if *count > 0 && fits(dims, feed) && !has_endless_nothing(*count, feed) =>
        {
            Some(Items { count: *count, shape: feed.to_vec() })
        }
        _ => None,
    }
}

/// Fails unless the tensor, batch axis included, exactly fits the input. If its first axis counts samples, it
/// must have at least one.
pub(super) fn check_whole(tensor: &TensorView<'_>, spec: &TensorSpec, first: First) -> Result<()> {
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
    if first.may_be_samples() && tensor.shape().first() == Some(&0) {
        return Err(empty(&label, tensor.shape()));
    }
    Ok(())
}

/// Whether the size of the first axis is decided at run time.
pub(super) fn starts_dynamic(spec: &TensorSpec) -> bool {
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
        Some(dims) if dims.is_empty() => REMEDY,
        _ => "save the samples along the first axis, each in the input's shape",
    };
    Error::new(ErrorKind::Shape, message).with_remedy(remedy)
}

/// Formats the input's shape as `[N, 3, ?, ?]`, with the names of dimensions that have one.
pub(super) fn shape_text(spec: &TensorSpec) -> String {
    let Some(dims) = &spec.shape else { return "of any shape".to_owned() };
    let text = |dim: &Dim| match dim {
        Dim::Fixed(size) => size.to_string(),
        Dim::Named(name) => name.clone(),
        Dim::Unknown => "?".to_owned(),
    };
    format!("[{}]", dims.iter().map(text).collect::<Vec<_>>().join(", "))
}
